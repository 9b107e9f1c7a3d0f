//! How stored values carry their version, and how the former version of each is read.

use bincode::config::{Configuration, Limit};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bounds::{
    CHAT_LINE_LEN_MAX, CHECKSUM_LEN, DecodeError, OTHER_LEN_MAX, RECORD_LEN_MAX, SNAPSHOT_LEN_MAX,
};

/// What is stored. The number is the high half of the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Format {
    Chunk = 0,
    Record = 1,
    Snapshot,
    Ticket,
    Assignment,
    Shard,
    Head,
    ChatLine,
    Beat,
    // Explicit, so that formats which are added beside them keep their numbers.
    Credential = 9,
    FeedEntry = 10,
    Rating = 11,
    RatedMatch = 12,
    Archived = 13,
    Account = 14,
    Transfer = 15,
}

impl Format {
    pub(super) const ALL: [Self; 16] = [
        Self::Chunk,
        Self::Record,
        Self::Snapshot,
        Self::Ticket,
        Self::Assignment,
        Self::Shard,
        Self::Head,
        Self::ChatLine,
        Self::Beat,
        Self::Rating,
        Self::RatedMatch,
        Self::Archived,
        Self::FeedEntry,
        Self::Account,
        Self::Credential,
        Self::Transfer,
    ];

    /// Its name in errors.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Chunk => "chunk of a log",
            Self::Record => "record",
            Self::Snapshot => "snapshot",
            Self::Ticket => "ticket",
            Self::Assignment => "assignment",
            Self::Shard => "shard record",
            Self::Head => "head",
            Self::ChatLine => "chat line",
            Self::Beat => "beat",
            Self::Rating => "rating",
            Self::RatedMatch => "rated match",
            Self::Archived => "archived match",
            Self::FeedEntry => "feed entry",
            Self::Account => "account",
            Self::Credential => "credential",
            Self::Transfer => "transfer",
        }
    }

    /// Longest value of the format, in bytes.
    pub(super) const fn len_max(self) -> usize {
        match self {
            Self::Record => RECORD_LEN_MAX,
            Self::Chunk | Self::Snapshot | Self::Archived | Self::FeedEntry => SNAPSHOT_LEN_MAX,
            Self::ChatLine => CHAT_LINE_LEN_MAX,
            Self::Ticket
            | Self::Assignment
            | Self::Shard
            | Self::Head
            | Self::Beat
            | Self::Rating
            | Self::RatedMatch
            | Self::Account
            | Self::Credential
            | Self::Transfer => OTHER_LEN_MAX,
        }
    }

    /// The format of a tag, if it is one.
    fn of_tag(tag: u8) -> Option<Self> {
        // Zeros are nothing: no format has a version 0.
        let mut formats = Self::ALL.into_iter().filter(|_| tag != 0);
        formats.find(|format| *format as u8 == tag >> 4)
    }

    /// The first byte of a value in a version of the format.
    pub(super) const fn tag(self, version: u8) -> u8 {
        (self as u8) << 4 | version
    }
}

/// One version of one format: the structure that a body has, which knows how a value of the version before
/// becomes one of its own.
///
/// A new version is a structure with the old one as its `Former`; then the programs of both versions can
/// share a store while they are replaced one by one, as long as those of the old version leave alone what
/// they cannot read.
pub(super) trait Layout: Serialize + DeserializeOwned {
    /// What is stored.
    const FORMAT: Format;
    /// From 1 to 15.
    const VERSION: u8;
    /// The version before this one; [`NoLayout`] if there is none that is still read.
    type Former: Layout;

    /// The same value as the version before told it.
    fn from_former(former: Self::Former) -> Self;
}

/// The version before the first one: no value has it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum NoLayout {}

impl Layout for NoLayout {
    const FORMAT: Format = Format::Record;
    const VERSION: u8 = 0;
    type Former = Self;

    fn from_former(former: Self) -> Self {
        former
    }
}

/// Room for a record, of which nearly all that is stored consists.
const USUAL_LEN: usize = 64;

/// The stored bytes of a value.
///
/// # Panics
///
/// If the value does not fit its format, which means that a bound elsewhere is broken: what is
/// written here could not be read back.
pub(super) fn seal<T: Layout>(value: &T) -> Bytes {
    let mut bytes = Vec::with_capacity(USUAL_LEN);
    bytes.push(T::FORMAT.tag(T::VERSION));
    bincode::serde::encode_into_std_write(value, &mut bytes, bincode::config::standard())
        .expect("plain data encodes into memory");
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    assert!(
        bytes.len() <= T::FORMAT.len_max(),
        "a stored {} of {} bytes",
        T::FORMAT.name(),
        bytes.len()
    );
    bytes.into()
}

/// The value of stored bytes, of this version or one before it.
pub(super) fn open<T: Layout>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (version, body) = unseal(bytes, T::FORMAT, T::VERSION, is_read::<T>)?;
    read(version, body)
}

/// The version and the body of stored bytes, if they are whole and of a version that is read.
pub(super) fn unseal(
    bytes: &[u8],
    expected: Format,
    newest: u8,
    is_read: impl FnOnce(u8) -> bool,
) -> Result<(u8, &[u8]), DecodeError> {
    let max = expected.len_max();
    let length = DecodeError::Length {
        len: bytes.len(),
        max,
    };
    if bytes.len() > max {
        return Err(length);
    }
    let (sealed, checksum) = bytes
        .split_last_chunk::<{ CHECKSUM_LEN }>()
        .ok_or(length.clone())?;
    let (&tag, body) = sealed.split_first().ok_or(length)?;
    let version = tag & 0xf;
    match Format::of_tag(tag) {
        Some(format) if format == expected => {}
        found => {
            return Err(DecodeError::Format {
                found: found.map_or("unknown data", Format::name),
                expected: expected.name(),
            });
        }
    }
    if !is_read(version) {
        return Err(DecodeError::Version {
            format: expected.name(),
            found: version,
            newest,
        });
    }
    if crc32fast::hash(sealed) != u32::from_le_bytes(*checksum) {
        return Err(DecodeError::Checksum);
    }
    Ok((version, body))
}

/// Whether a version is this one or one that leads to it.
fn is_read<T: Layout>(version: u8) -> bool {
    version != 0 && (version == T::VERSION || (T::VERSION != 0 && is_read::<T::Former>(version)))
}

/// A body in a version that is read.
fn read<T: Layout>(version: u8, body: &[u8]) -> Result<T, DecodeError> {
    if version != T::VERSION && T::VERSION != 0 {
        return read::<T::Former>(version, body).map(T::from_former);
    }
    // The largest bound of any format: that of `T` was checked before.
    let config: Configuration<_, _, Limit<{ SNAPSHOT_LEN_MAX }>> =
        bincode::config::standard().with_limit();
    let (value, read) = bincode::serde::decode_from_slice(body, config)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    if read == body.len() {
        Ok(value)
    } else {
        Err(DecodeError::Malformed(format!(
            "{} bytes too many",
            body.len() - read
        )))
    }
}
