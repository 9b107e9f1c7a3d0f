//! How values are written as bytes: bincode 2, integers as varints, the most significant byte first.

pub(crate) mod grows;
pub(crate) mod known;

use serde::Deserialize;

/// Upper bound on what is decoded at once, in bytes.
pub(crate) const LEN_MAX: usize = 64 * 1_024;

type Format<Limit> =
    bincode::config::Configuration<bincode::config::BigEndian, bincode::config::Varint, Limit>;

pub(crate) const FORMAT: Format<bincode::config::NoLimit> =
    bincode::config::standard().with_big_endian();

/// The message at the front of `bytes`. What follows it is not known here.
pub(crate) fn decode_part<'de, T: Deserialize<'de>>(
    bytes: &'de [u8],
) -> Result<T, bincode::error::DecodeError> {
    let format = FORMAT.with_limit::<LEN_MAX>();
    let (message, _) = bincode::serde::borrow_decode_from_slice(bytes, format)?;
    Ok(message)
}
