//! The stored bytes; no other module knows them.
//!
//! Every value is `tag · body · crc32`. The tag's high half names the format and its low half the format's
//! version, so that a value of the wrong kind or from another version is recognised and refused. The body is
//! bincode: little-endian, integers as varints, of which those that are larger than a byte in most values are
//! in groups of 7 bits. The checksum (CRC-32 of IEEE 802.3, little-endian) covers tag and body.
//!
//! The layout of each body is a structure of its own in the modules below, named after its version
//! (`SnapshotV3`), with written-out conversions: a new field or variant of a domain type does not compile
//! until its stored form is written. To change a layout, add a structure for the new version with the old one
//! as its `Former` and the conversion between them: values of the former version are then read, and only the
//! new one is written. A value of a version that is newer than the program is refused with an error that names
//! both. The golden bytes in the tests show any change.

mod account;
mod archived;
mod beat;
mod bounds;
mod chat;
mod chunk;
mod credential;
mod feed;
mod head;
mod hint;
mod journal;
mod layout;
mod leaves;
mod rating;
mod record;
mod setup;
mod shard;
mod snapshot;
mod ticket;
mod transfer;
mod varint;

use bytes::Bytes;
use game_core::{Event, MatchId, Snapshot};

use self::account::AccountV1;
use self::archived::ArchivedV2;
use self::beat::BeatV1;
pub use self::bounds::{
    CHAT_LINE_LEN_MAX, DecodeError, OTHER_LEN_MAX, RECORD_LEN_MAX, SNAPSHOT_LEN_MAX,
};
use self::chat::ChatLineV2;
pub(crate) use self::chunk::{CHUNK_RECORDS_MAX, Records, decode_chunk, encode_chunk, push_record};
pub(crate) use self::credential::Credential;
use self::credential::CredentialV2;
use self::feed::FeedEntryV1;
use self::head::HeadV2;
pub(crate) use self::head::{Head, MoveTime, tenure_of};
pub(crate) use self::hint::{decode_hint, encode_hint};
pub(crate) use self::journal::{
    Entries, Entry, Found, Place, begin_row, body_of_row, find_row, finish_row, is_empty_row,
};
use self::layout::{open, seal};
use self::rating::{RatedMatchV1, RatingV1};
use self::record::RecordV3;
use self::shard::ShardV4;
use self::snapshot::SnapshotV3;
use self::ticket::{AssignmentV3, TicketV3};
use self::transfer::TransferV1;
use crate::account::Account;
use crate::archived::ArchivedMatch;
use crate::beat::Beat;
use crate::chat::ChatLine;
use crate::feed::FeedEntry;
use crate::rating::{RatedMatch, Rating};
use crate::shard::ShardRecord;
use crate::ticket::{Assignment, Ticket};
use crate::transfer::Transfer;

/// Encodes one record of a log. Clocks are kept to the microsecond.
#[must_use]
pub fn encode_record(event: &Event) -> Bytes {
    seal(&RecordV3::from(event))
}

/// Encodes one record of a log as a program of the version before does, without what that does not know.
#[cfg(feature = "testing")]
#[must_use]
pub fn encode_former_record(event: &Event) -> Bytes {
    seal(&self::record::RecordV2::from(event))
}

/// Decodes one record of a log.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a record of a version that is read.
pub fn decode_record(bytes: &[u8]) -> Result<Event, DecodeError> {
    let record: RecordV3 = open(bytes)?;
    record.try_into().map_err(DecodeError::Malformed)
}

/// Encodes a snapshot.
#[must_use]
pub fn encode_snapshot(snapshot: &Snapshot) -> Bytes {
    seal(&SnapshotV3::from(snapshot))
}

/// Decodes a snapshot.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a snapshot of a version that is read.
pub fn decode_snapshot(bytes: &[u8]) -> Result<Snapshot, DecodeError> {
    let snapshot: SnapshotV3 = open(bytes)?;
    snapshot.try_into().map_err(DecodeError::Malformed)
}

/// Encodes a ticket.
#[must_use]
pub fn encode_ticket(ticket: &Ticket) -> Bytes {
    seal(&TicketV3::from(ticket))
}

/// Decodes a ticket.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a ticket of a version that is read.
pub fn decode_ticket(bytes: &[u8]) -> Result<Ticket, DecodeError> {
    let ticket: TicketV3 = open(bytes)?;
    ticket.try_into().map_err(DecodeError::Malformed)
}

/// Encodes the match that a ticket was given.
#[must_use]
pub fn encode_assignment(assignment: &Assignment) -> Bytes {
    seal(&AssignmentV3::from(assignment))
}

/// Decodes the match that a ticket was given.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not an assignment of a version that is read.
pub fn decode_assignment(bytes: &[u8]) -> Result<Assignment, DecodeError> {
    let assignment: AssignmentV3 = open(bytes)?;
    assignment.try_into().map_err(DecodeError::Malformed)
}

/// Encodes a shard's record.
#[must_use]
pub fn encode_shard(shard: &ShardRecord) -> Bytes {
    seal(&ShardV4::from(shard))
}

/// Decodes a shard's record.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a shard record of a version that is read.
pub fn decode_shard(bytes: &[u8]) -> Result<ShardRecord, DecodeError> {
    let shard: ShardV4 = open(bytes)?;
    shard.try_into().map_err(DecodeError::Malformed)
}

/// Encodes a beat, which is published and not stored.
#[must_use]
pub fn encode_beat(beat: &Beat) -> Bytes {
    seal(&BeatV1::from(beat))
}

/// Decodes a beat.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a beat of a version that is read.
pub fn decode_beat(bytes: &[u8]) -> Result<Beat, DecodeError> {
    let beat: BeatV1 = open(bytes)?;
    beat.try_into().map_err(DecodeError::Malformed)
}

/// Encodes a line of a chat.
#[must_use]
pub fn encode_chat_line(line: &ChatLine) -> Bytes {
    seal(&ChatLineV2::from(line))
}

/// Decodes a line of a chat.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a line of a version that is read.
pub fn decode_chat_line(bytes: &[u8]) -> Result<ChatLine, DecodeError> {
    let line: ChatLineV2 = open(bytes)?;
    line.try_into().map_err(DecodeError::Malformed)
}

/// Encodes an account.
#[must_use]
pub fn encode_account(account: &Account) -> Bytes {
    seal(&AccountV1::from(account))
}

/// Decodes an account.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not an account of a version that is read.
pub fn decode_account(bytes: &[u8]) -> Result<Account, DecodeError> {
    let account: AccountV1 = open(bytes)?;
    account.try_into().map_err(DecodeError::Malformed)
}

pub(crate) fn encode_credential(credential: &Credential) -> Bytes {
    seal(&CredentialV2::from(credential))
}

pub(crate) fn decode_credential(bytes: &[u8]) -> Result<Credential, DecodeError> {
    let credential: CredentialV2 = open(bytes)?;
    credential.try_into().map_err(DecodeError::Malformed)
}

pub(crate) fn encode_transfer(transfer: &Transfer) -> Bytes {
    seal(&TransferV1::from(transfer))
}

pub(crate) fn decode_transfer(bytes: &[u8]) -> Result<Transfer, DecodeError> {
    let transfer: TransferV1 = open(bytes)?;
    transfer.try_into().map_err(DecodeError::Malformed)
}

/// A line of a chat, unless it cannot be read: what else was said is not affected.
pub(crate) fn readable_chat_line(id: MatchId, bytes: &[u8]) -> Option<ChatLine> {
    let line = decode_chat_line(bytes);
    let unreadable = |error: &DecodeError| {
        tracing::warn!(match_id = %id, %error, "a line of a chat is skipped");
    };
    line.inspect_err(unreadable).ok()
}

/// Encodes a rating.
#[must_use]
pub fn encode_rating(rating: &Rating) -> Bytes {
    seal(&RatingV1::from(rating))
}

/// Decodes a rating.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a rating of a version that is read.
pub fn decode_rating(bytes: &[u8]) -> Result<Rating, DecodeError> {
    let rating: RatingV1 = open(bytes)?;
    rating.try_into().map_err(DecodeError::Malformed)
}

/// Encodes how a match changed its players' ratings.
#[must_use]
pub fn encode_rated(rated: &RatedMatch) -> Bytes {
    seal(&RatedMatchV1::from(rated))
}

/// Decodes how a match changed its players' ratings.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not a rated match of a version that is read.
pub fn decode_rated(bytes: &[u8]) -> Result<RatedMatch, DecodeError> {
    let rated: RatedMatchV1 = open(bytes)?;
    rated.try_into().map_err(DecodeError::Malformed)
}

/// Encodes a match of an archive.
#[must_use]
pub fn encode_archived(archived: &ArchivedMatch) -> Bytes {
    seal(&ArchivedV2::from(archived))
}

/// Decodes a match of an archive.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not an archived match of a version that is read.
pub fn decode_archived(bytes: &[u8]) -> Result<ArchivedMatch, DecodeError> {
    let archived: ArchivedV2 = open(bytes)?;
    archived.try_into().map_err(DecodeError::Malformed)
}

/// Encodes an entry of the feed. Its body has at most [`FeedEntry::BODY_LEN_MAX`] bytes.
#[must_use]
pub fn encode_feed_entry(entry: &FeedEntry) -> Bytes {
    seal(&FeedEntryV1::from(entry))
}

/// Decodes an entry of the feed.
///
/// # Errors
///
/// [`DecodeError`], when the bytes are not an entry of a version that is read.
pub fn decode_feed_entry(bytes: &[u8]) -> Result<FeedEntry, DecodeError> {
    let entry: FeedEntryV1 = open(bytes)?;
    entry.try_into().map_err(DecodeError::Malformed)
}

/// A match of an archive, unless it cannot be read: the others are not affected.
pub(crate) fn readable_archived(id: &str, bytes: &[u8]) -> Option<ArchivedMatch> {
    let archived = decode_archived(bytes);
    let unreadable = |error: &DecodeError| {
        tracing::warn!(match_id = %id, %error, "an archived match is skipped");
    };
    archived.inspect_err(unreadable).ok()
}

pub(crate) fn encode_head(head: &Head) -> Bytes {
    seal(&HeadV2::from(head))
}

pub(crate) fn decode_head(bytes: &[u8]) -> Result<Head, DecodeError> {
    let head: HeadV2 = open(bytes)?;
    head.try_into().map_err(DecodeError::Malformed)
}

#[cfg(test)]
mod anything;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod versions;

#[cfg(test)]
mod hostile;
