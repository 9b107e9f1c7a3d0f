//! The bytes on a seat stream. No other module knows them.
//!
//! A frame is the length of its body as four bytes, most significant first, then the body: one message
//! in bincode 2, integers as varints. The length is checked before any of the body is buffered.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{ClientFrame, ServerFrame};

/// Longest body of a client's frame, bytes. A `Join` with its token takes about 450.
pub const CLIENT_FRAME_LEN_MAX: usize = 1_536;

/// Longest body of a shard's frame, bytes. A full state of 1,200 plies takes about 4 KB.
pub const SERVER_FRAME_LEN_MAX: usize = 16 * 1_024;

/// Upper bound on the events in one [`CatchUp::Events`](crate::CatchUp), so that they fit a frame of any
/// content. A peer that missed more receives the full state.
pub const CATCH_UP_EVENTS_MAX: usize = 512;

const HEADER_LEN: usize = 4;

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header announces a body above the limit.
    #[error("a frame of {len} bytes is above the limit of {max}")]
    TooLong {
        /// Announced length of the body, in bytes.
        len: usize,
        /// Allowed length, in bytes.
        max: usize,
    },
    /// The body is not a message of this protocol.
    #[error("a frame that is no message of this protocol: {0}")]
    Malformed(String),
}

type Format<Limit> =
    bincode::config::Configuration<bincode::config::BigEndian, bincode::config::Varint, Limit>;

const FORMAT: Format<bincode::config::NoLimit> = bincode::config::standard().with_big_endian();

/// The bytes of a client's frame.
///
/// The peer refuses a body above [`CLIENT_FRAME_LEN_MAX`], which only a token above
/// [`TOKEN_LEN_MAX`](crate::token::TOKEN_LEN_MAX) can bring about.
#[must_use]
pub fn encode_client(frame: &ClientFrame) -> Bytes {
    encode(frame)
}

/// The bytes of a shard's frame.
#[must_use]
pub fn encode_server(frame: &ServerFrame) -> Bytes {
    encode(frame)
}

/// Removes one client frame from the front of `buffer`; `None` if it is not complete yet.
///
/// # Errors
///
/// [`FrameError`], after which the stream cannot be read further.
pub fn decode_client(buffer: &mut BytesMut) -> Result<Option<ClientFrame>, FrameError> {
    decode::<_, CLIENT_FRAME_LEN_MAX>(buffer)
}

/// Removes one server frame from the front of `buffer`; `None` if it is not complete yet.
///
/// # Errors
///
/// [`FrameError`], after which the stream cannot be read further.
pub fn decode_server(buffer: &mut BytesMut) -> Result<Option<ServerFrame>, FrameError> {
    decode::<_, SERVER_FRAME_LEN_MAX>(buffer)
}

fn encode<T: Serialize>(message: &T) -> Bytes {
    let mut frame = BytesMut::with_capacity(64);
    frame.put_u32(0);
    let mut writer = frame.writer();
    // Every type in a message can be written by bincode, and the buffer grows as needed.
    let written = bincode::serde::encode_into_std_write(message, &mut writer, FORMAT)
        .expect("a message is always encodable");
    let mut frame = writer.into_inner();
    frame[..HEADER_LEN].copy_from_slice(&(written as u32).to_be_bytes());
    frame.freeze()
}

fn decode<T: DeserializeOwned, const MAX: usize>(
    buffer: &mut BytesMut,
) -> Result<Option<T>, FrameError> {
    let Some(header) = buffer.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let len = u32::from_be_bytes(*header) as usize;
    if len > MAX {
        return Err(FrameError::TooLong { len, max: MAX });
    }
    if buffer.len() < HEADER_LEN + len {
        return Ok(None);
    }
    buffer.advance(HEADER_LEN);
    let body = buffer.split_to(len);
    let (message, used) = bincode::serde::decode_from_slice(&body, FORMAT.with_limit::<MAX>())
        .map_err(|error| FrameError::Malformed(error.to_string()))?;
    if used < len {
        return Err(FrameError::Malformed(format!(
            "{} bytes too many",
            len - used
        )));
    }
    Ok(Some(message))
}

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
