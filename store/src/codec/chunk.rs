//! Several records of one log in one value, as the embedded store keeps them.
//!
//! The body is the number of records and then each record behind its length, both numbers in groups of 7 bits. The
//! records are the bytes that were appended, with tags and checksums of their own.

use super::bounds::{CHECKSUM_LEN, DecodeError, RECORD_LEN_MAX};
use super::layout::{Format, unseal};
use super::varint::{put_varint, take_varint};

const VERSION: u8 = 1;
/// Upper bound on records of a chunk: as many as there are from one snapshot to the next.
pub(crate) const CHUNK_RECORDS_MAX: usize = 64;

/// Records that follow each other, each behind its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Records<'a>(&'a [u8]);

impl<'a> Records<'a> {
    /// What [`push_record`] has written.
    pub(crate) const fn of_pushed(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The first `count` records of `bytes`, and what comes after them.
    pub(super) fn split(bytes: &'a [u8], count: u64) -> Result<(Self, &'a [u8]), DecodeError> {
        let mut rest = Self(bytes);
        for _ in 0..count {
            if rest.next().is_none() {
                let text = "a record is not whole".to_owned();
                return Err(DecodeError::Malformed(text));
            }
        }
        let (whole, after) = bytes.split_at(bytes.len() - rest.0.len());
        Ok((Self(whole), after))
    }

    /// The bytes, lengths included.
    pub(crate) const fn bytes(self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = take_varint(self.0)?;
        let len = usize::try_from(len).ok()?;
        if len > RECORD_LEN_MAX {
            return None;
        }
        let (record, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some(record)
    }
}

/// Adds a record behind its length.
///
/// # Panics
///
/// If the record is longer than any is.
pub(crate) fn push_record(bytes: &mut Vec<u8>, record: &[u8]) {
    assert!(
        record.len() <= RECORD_LEN_MAX,
        "a record of {} bytes",
        record.len()
    );
    put_varint(bytes, record.len() as u64);
    bytes.extend_from_slice(record);
}

/// Encodes a chunk of at most [`CHUNK_RECORDS_MAX`] records.
pub(crate) fn encode_chunk(count: usize, records: &[u8]) -> Vec<u8> {
    debug_assert!(count <= CHUNK_RECORDS_MAX, "a chunk of {count} records");
    let mut bytes = Vec::with_capacity(1 + 2 + records.len() + CHECKSUM_LEN);
    bytes.push(Format::Chunk.tag(VERSION));
    put_varint(&mut bytes, count as u64);
    bytes.extend_from_slice(records);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The number of records in a chunk, which is at least one, and the records.
pub(crate) fn decode_chunk(bytes: &[u8]) -> Result<(u32, Records<'_>), DecodeError> {
    let (_, body) = unseal(bytes, Format::Chunk, VERSION, |version| version == VERSION)?;
    let malformed = |text: &str| DecodeError::Malformed(text.to_owned());
    let (count, rest) = take_varint(body).ok_or_else(|| malformed("no number of records"))?;
    if count == 0 || count > CHUNK_RECORDS_MAX as u64 {
        return Err(malformed("a chunk with too many records, or with none"));
    }
    let (records, rest) = Records::split(rest, count)?;
    if !rest.is_empty() {
        return Err(malformed("bytes behind the last record"));
    }
    Ok((count as u32, records))
}
