//! Stored bytes: the only place that knows what they look like.
//!
//! Every value is `tag · body · crc32`. The tag's high half names the format and its low half the
//! format's version, so that a value of the wrong kind or from another version is refused as what
//! it is. The body is bincode: little-endian, integers as varints. The checksum (CRC-32 of IEEE
//! 802.3, little-endian) covers tag and body.
//!
//! A change of any type below changes stored bytes: raise the format's version, and keep reading
//! the old one. The golden bytes in the tests say when that has happened.

use std::net::SocketAddr;
use std::time::Duration;

use bincode::config::{Configuration, Limit};
use bytes::Bytes;
use game_core::{
    BySeat, CommandId, Epoch, Event, EventKind, Outcome, Seat, ShardId, Snapshot, Termination, Uci,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ownership::Status;
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
/// Without an admin address; read still.
const SHARD_V1: u8 = 0x51;
const HEAD: u8 = 0x62;
/// Without the time of the move under way; read still.
const HEAD_V1: u8 = 0x61;

/// Why bytes are not what they should be.
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
        /// The tag that stands there.
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

/// An [`Event`] as it is stored: author and kind in a byte each, and the clocks as whole
/// microseconds, which take half the bytes of a [`Duration`].
#[derive(Serialize, Deserialize)]
struct Record {
    seq: u32,
    author: Author,
    white_us: u64,
    black_us: u64,
    kind: Kind,
}

/// The seat and command that caused an event. The last two are for events that no match makes.
#[derive(Serialize, Deserialize)]
enum Author {
    Nobody,
    White(CommandId),
    Black(CommandId),
    Seat(Seat),
    Command(CommandId),
}

/// An [`EventKind`] with the draw offer beside a move folded in.
#[derive(Serialize, Deserialize)]
enum Kind {
    Moved(Uci),
    MovedAndOffered(Uci),
    DrawOffered,
    DrawDeclined,
    Ended(Outcome, Termination),
}

impl Author {
    const fn new(seat: Option<Seat>, command: Option<CommandId>) -> Self {
        match (seat, command) {
            (None, None) => Self::Nobody,
            (Some(Seat::White), Some(command)) => Self::White(command),
            (Some(Seat::Black), Some(command)) => Self::Black(command),
            (Some(seat), None) => Self::Seat(seat),
            (None, Some(command)) => Self::Command(command),
        }
    }

    const fn parts(&self) -> (Option<Seat>, Option<CommandId>) {
        match *self {
            Self::Nobody => (None, None),
            Self::White(command) => (Some(Seat::White), Some(command)),
            Self::Black(command) => (Some(Seat::Black), Some(command)),
            Self::Seat(seat) => (Some(seat), None),
            Self::Command(command) => (None, Some(command)),
        }
    }
}

impl From<EventKind> for Kind {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::Moved {
                uci,
                offers_draw: false,
            } => Self::Moved(uci),
            EventKind::Moved {
                uci,
                offers_draw: true,
            } => Self::MovedAndOffered(uci),
            EventKind::DrawOffered => Self::DrawOffered,
            EventKind::DrawDeclined => Self::DrawDeclined,
            EventKind::Ended {
                outcome,
                termination,
            } => Self::Ended(outcome, termination),
        }
    }
}

impl From<Kind> for EventKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Moved(uci) => Self::Moved {
                uci,
                offers_draw: false,
            },
            Kind::MovedAndOffered(uci) => Self::Moved {
                uci,
                offers_draw: true,
            },
            Kind::DrawOffered => Self::DrawOffered,
            Kind::DrawDeclined => Self::DrawDeclined,
            Kind::Ended(outcome, termination) => Self::Ended {
                outcome,
                termination,
            },
        }
    }
}

/// A [`ShardRecord`] of before shards had admin addresses.
#[derive(Serialize, Deserialize)]
struct ShardRecordV1 {
    id: ShardId,
    heartbeat: u64,
    address: SocketAddr,
    certificate_sha256: Option<[u8; 32]>,
    capacity: u32,
    live: u32,
    draining: bool,
}

impl From<ShardRecordV1> for ShardRecord {
    fn from(old: ShardRecordV1) -> Self {
        Self {
            id: old.id,
            heartbeat: old.heartbeat,
            address: old.address,
            certificate_sha256: old.certificate_sha256,
            capacity: old.capacity,
            live: old.live,
            draining: old.draining,
            admin: None,
        }
    }
}

/// What the embedded store keeps of a match besides snapshot and log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) epoch: Epoch,
    pub(crate) owner: ShardId,
    pub(crate) status: Status,
    /// The seq that the stored snapshot is of.
    pub(crate) snapshot_seq: u32,
    /// What the last hand-over said of the move that was under way.
    pub(crate) move_time: Option<MoveTime>,
}

/// What had counted of the move under way when a match was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MoveTime {
    /// Length of the log then: it says nothing of later moves.
    pub(crate) seq: u32,
    pub(crate) micros: u64,
}

impl MoveTime {
    pub(crate) fn new(seq: u32, counted: Duration) -> Self {
        let micros = u64::try_from(counted.as_micros()).unwrap_or(u64::MAX);
        Self { seq, micros }
    }
}

/// A [`Head`] of before hand-overs kept the time of the move under way.
#[derive(Serialize, Deserialize)]
struct HeadV1 {
    epoch: Epoch,
    owner: ShardId,
    status: Status,
    snapshot_seq: u32,
}

impl From<HeadV1> for Head {
    fn from(old: HeadV1) -> Self {
        Self {
            epoch: old.epoch,
            owner: old.owner,
            status: old.status,
            snapshot_seq: old.snapshot_seq,
            move_time: None,
        }
    }
}

/// Encodes one record of a log. Clocks are kept to the microsecond.
#[must_use]
pub fn encode_record(event: &Event) -> Bytes {
    let micros = |clock: Duration| {
        debug_assert_eq!(
            clock.subsec_nanos() % 1000,
            0,
            "clocks are whole microseconds"
        );
        u64::try_from(clock.as_micros()).unwrap_or(u64::MAX)
    };
    let record = Record {
        seq: event.seq,
        author: Author::new(event.seat, event.command_id),
        white_us: micros(event.clocks.white),
        black_us: micros(event.clocks.black),
        kind: event.kind.into(),
    };
    seal(RECORD, &record, RECORD_LEN_MAX)
}

/// Decodes one record of a log.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a record of this version.
pub fn decode_record(bytes: &[u8]) -> Result<Event, DecodeError> {
    let record: Record = open::<_, RECORD_LEN_MAX>(RECORD, bytes)?;
    let (seat, command_id) = record.author.parts();
    Ok(Event {
        seq: record.seq,
        seat,
        command_id,
        clocks: BySeat {
            white: Duration::from_micros(record.white_us),
            black: Duration::from_micros(record.black_us),
        },
        kind: record.kind.into(),
    })
}

/// Encodes a snapshot.
#[must_use]
pub fn encode_snapshot(snapshot: &Snapshot) -> Bytes {
    seal(SNAPSHOT, snapshot, SNAPSHOT_LEN_MAX)
}

/// Decodes a snapshot.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a snapshot of this version.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Snapshot, DecodeError> {
    open::<_, SNAPSHOT_LEN_MAX>(SNAPSHOT, bytes)
}

/// Encodes a ticket.
#[must_use]
pub fn encode_ticket(ticket: &Ticket) -> Bytes {
    seal(TICKET, ticket, OTHER_LEN_MAX)
}

/// Decodes a ticket.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a ticket of this version.
pub fn decode_ticket(bytes: &[u8]) -> Result<Ticket, DecodeError> {
    open::<_, OTHER_LEN_MAX>(TICKET, bytes)
}

/// Encodes the match that a ticket was given.
#[must_use]
pub fn encode_assignment(assignment: &Assignment) -> Bytes {
    seal(ASSIGNMENT, assignment, OTHER_LEN_MAX)
}

/// Decodes the match that a ticket was given.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not an assignment of this version.
pub fn decode_assignment(bytes: &[u8]) -> Result<Assignment, DecodeError> {
    open::<_, OTHER_LEN_MAX>(ASSIGNMENT, bytes)
}

/// Encodes what a shard says about itself.
#[must_use]
pub fn encode_shard(shard: &ShardRecord) -> Bytes {
    seal(SHARD, shard, OTHER_LEN_MAX)
}

/// Decodes what a shard says about itself.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a shard record of this version or the one before.
pub fn decode_shard(bytes: &[u8]) -> Result<ShardRecord, DecodeError> {
    if bytes.first() == Some(&SHARD_V1) {
        open::<ShardRecordV1, OTHER_LEN_MAX>(SHARD_V1, bytes).map(ShardRecord::from)
    } else {
        open::<_, OTHER_LEN_MAX>(SHARD, bytes)
    }
}

pub(crate) fn encode_head(head: &Head) -> Bytes {
    seal(HEAD, head, OTHER_LEN_MAX)
}

pub(crate) fn decode_head(bytes: &[u8]) -> Result<Head, DecodeError> {
    if bytes.first() == Some(&HEAD_V1) {
        open::<HeadV1, OTHER_LEN_MAX>(HEAD_V1, bytes).map(Head::from)
    } else {
        open::<_, OTHER_LEN_MAX>(HEAD, bytes)
    }
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
