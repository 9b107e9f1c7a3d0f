//! The stored bytes; no other module knows them.
//!
//! Every value is `tag · body · crc32`. The tag's high half names the format and its low half the format's
//! version, so that a value of the wrong kind or from another version is recognised and refused. The body is
//! bincode: little-endian, integers as varints. The checksum (CRC-32 of IEEE 802.3, little-endian) covers tag
//! and body.
//!
//! The layout of each body is a structure of its own in the modules below, named after its version
//! (`SnapshotV1`), with written-out conversions: a new field or variant of a domain type does not compile
//! until its stored form is written. To change a layout, add a structure for the new version, raise the tag,
//! and keep reading the old one. The golden bytes in the tests show any change.

mod head;
mod leaves;
mod record;
mod setup;
mod shard;
mod snapshot;
mod ticket;

use bincode::config::{Configuration, Limit};
use bytes::Bytes;
use game_core::{Event, Snapshot};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::head::{Head, MoveTime};
use self::head::{HeadV1, HeadV2};
use self::record::RecordV1;
use self::shard::{ShardV1, ShardV2};
use self::snapshot::SnapshotV1;
use self::ticket::{AssignmentV1, TicketV1};
use crate::shard::ShardRecord;
use crate::ticket::{Assignment, Ticket};

/// Longest stored record, bytes. A move takes 20 to 32, by the size of its command id.
pub const RECORD_LEN_MAX: usize = 128;
/// Longest stored snapshot, bytes. That of a match of 600 moves a side takes about half of it.
pub const SNAPSHOT_LEN_MAX: usize = 64 * 1024;
/// Longest stored ticket, shard record, assignment or head, bytes.
pub const OTHER_LEN_MAX: usize = 4 * 1024;

/// The crc32 at the end.
const CHECKSUM_LEN: usize = 4;

const RECORD: u8 = 0x11;
const SNAPSHOT: u8 = 0x21;
const TICKET: u8 = 0x31;
const ASSIGNMENT: u8 = 0x41;
const SHARD: u8 = 0x52;
/// Without an admin address; still read.
const SHARD_V1: u8 = 0x51;
const HEAD: u8 = 0x62;
/// Without the time of the move under way; still read.
const HEAD_V1: u8 = 0x61;

/// Why stored bytes are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are more bytes than this format ever has, or too few for any.
    #[error("{len} bytes, where there can be {min} to {max}", min = CHECKSUM_LEN + 1)]
    Length {
        /// How many there are.
        len: usize,
        /// The most there can be.
        max: usize,
    },
    /// The bytes are of another format, or of another version of it.
    #[error("tag {found:#04x}, where {expected:#04x} belongs: another format or version")]
    Tag {
        /// The tag that was found.
        found: u8,
        /// The tag that this program writes.
        expected: u8,
    },
    /// The bytes were changed after they were written.
    #[error("the checksum does not match")]
    Checksum,
    /// The checksum matches, but the body makes no sense.
    #[error("malformed: {0}")]
    Malformed(String),
}

/// Encodes one record of a log. Clocks are kept to the microsecond.
#[must_use]
pub fn encode_record(event: &Event) -> Bytes {
    seal(RECORD, &RecordV1::from(event), RECORD_LEN_MAX)
}

/// Decodes one record of a log.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a record of this version.
pub fn decode_record(bytes: &[u8]) -> Result<Event, DecodeError> {
    let record: RecordV1 = open::<_, RECORD_LEN_MAX>(RECORD, bytes)?;
    record.try_into().map_err(DecodeError::Malformed)
}

/// Encodes a snapshot.
#[must_use]
pub fn encode_snapshot(snapshot: &Snapshot) -> Bytes {
    seal(SNAPSHOT, &SnapshotV1::from(snapshot), SNAPSHOT_LEN_MAX)
}

/// Decodes a snapshot.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a snapshot of this version.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Snapshot, DecodeError> {
    let snapshot: SnapshotV1 = open::<_, SNAPSHOT_LEN_MAX>(SNAPSHOT, bytes)?;
    snapshot.try_into().map_err(DecodeError::Malformed)
}

/// Encodes a ticket.
#[must_use]
pub fn encode_ticket(ticket: &Ticket) -> Bytes {
    seal(TICKET, &TicketV1::from(ticket), OTHER_LEN_MAX)
}

/// Decodes a ticket.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a ticket of this version.
pub fn decode_ticket(bytes: &[u8]) -> Result<Ticket, DecodeError> {
    let ticket: TicketV1 = open::<_, OTHER_LEN_MAX>(TICKET, bytes)?;
    ticket.try_into().map_err(DecodeError::Malformed)
}

/// Encodes the match that a ticket was given.
#[must_use]
pub fn encode_assignment(assignment: &Assignment) -> Bytes {
    seal(ASSIGNMENT, &AssignmentV1::from(assignment), OTHER_LEN_MAX)
}

/// Decodes the match that a ticket was given.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not an assignment of this version.
pub fn decode_assignment(bytes: &[u8]) -> Result<Assignment, DecodeError> {
    let assignment: AssignmentV1 = open::<_, OTHER_LEN_MAX>(ASSIGNMENT, bytes)?;
    assignment.try_into().map_err(DecodeError::Malformed)
}

/// Encodes a shard's record.
#[must_use]
pub fn encode_shard(shard: &ShardRecord) -> Bytes {
    seal(SHARD, &ShardV2::from(shard), OTHER_LEN_MAX)
}

/// Decodes a shard's record.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a shard record of this version or the one before.
pub fn decode_shard(bytes: &[u8]) -> Result<ShardRecord, DecodeError> {
    let shard: ShardV2 = if bytes.first() == Some(&SHARD_V1) {
        open::<ShardV1, OTHER_LEN_MAX>(SHARD_V1, bytes)?.into()
    } else {
        open::<_, OTHER_LEN_MAX>(SHARD, bytes)?
    };
    shard.try_into().map_err(DecodeError::Malformed)
}

pub(crate) fn encode_head(head: &Head) -> Bytes {
    seal(HEAD, &HeadV2::from(head), OTHER_LEN_MAX)
}

pub(crate) fn decode_head(bytes: &[u8]) -> Result<Head, DecodeError> {
    let head: HeadV2 = if bytes.first() == Some(&HEAD_V1) {
        open::<HeadV1, OTHER_LEN_MAX>(HEAD_V1, bytes)?.into()
    } else {
        open::<_, OTHER_LEN_MAX>(HEAD, bytes)?
    };
    head.try_into().map_err(DecodeError::Malformed)
}

/// # Panics
///
/// If the value does not fit its format, which means that a bound elsewhere is broken: what is
/// written here could not be read back.
fn seal<T: Serialize>(tag: u8, value: &T, len_max: usize) -> Bytes {
    let mut bytes = vec![tag];
    bincode::serde::encode_into_std_write(value, &mut bytes, bincode::config::standard())
        .expect("plain data encodes into memory");
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    assert!(
        bytes.len() <= len_max,
        "a stored value of {} bytes",
        bytes.len()
    );
    bytes.into()
}

fn open<T: DeserializeOwned, const LEN_MAX: usize>(
    tag: u8,
    bytes: &[u8],
) -> Result<T, DecodeError> {
    let length = DecodeError::Length {
        len: bytes.len(),
        max: LEN_MAX,
    };
    if bytes.len() > LEN_MAX {
        return Err(length);
    }
    let (sealed, checksum) = bytes
        .split_last_chunk::<CHECKSUM_LEN>()
        .ok_or(length.clone())?;
    let (found, body) = sealed.split_first().ok_or(length)?;
    if *found != tag {
        return Err(DecodeError::Tag {
            found: *found,
            expected: tag,
        });
    }
    if crc32fast::hash(sealed) != u32::from_le_bytes(*checksum) {
        return Err(DecodeError::Checksum);
    }
    let config: Configuration<_, _, Limit<LEN_MAX>> = bincode::config::standard().with_limit();
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

#[cfg(test)]
mod tests;

#[cfg(test)]
mod hostile;
