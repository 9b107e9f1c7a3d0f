//! What comes of reading and writing a stream.

use bytes::Bytes;
use protocol::CloseCode;
use quinn::{ReadError, WriteError};

use crate::close::{close_code, explain};

/// The most that is read at once, in bytes: a stream's window.
pub(super) const READ_LEN_MAX: usize = 16 * 1_024;

/// How a stream broke.
#[derive(Debug, thiserror::Error)]
pub enum BrokenBy {
    /// The shard sent the reason.
    #[error("the shard ended it: {0}")]
    Code(CloseCode),
    /// It did not.
    #[error("{0}")]
    Loss(String),
}

/// What was done with a stream.
#[derive(Debug)]
pub enum Exchanged {
    /// So many bytes were written.
    Wrote(usize),
    /// These bytes were read.
    Read(Bytes),
}

/// `None` is the end of a stream.
pub(super) fn exchanged(read: Option<Bytes>) -> Result<Exchanged, BrokenBy> {
    read.map(Exchanged::Read)
        .ok_or_else(|| BrokenBy::Loss("the shard ended the stream".into()))
}

/// By the number of a close code.
pub(super) fn broken_by_number(number: u64) -> BrokenBy {
    CloseCode::from_number(number).map_or_else(
        || BrokenBy::Loss(format!("the shard broke the stream off with code {number}")),
        BrokenBy::Code,
    )
}

pub(super) fn connection_broken(error: &quinn::ConnectionError) -> BrokenBy {
    close_code(error).map_or_else(|| BrokenBy::Loss(explain(error)), BrokenBy::Code)
}

pub(super) fn read_broken(error: ReadError) -> BrokenBy {
    match error {
        ReadError::Reset(number) => broken_by_number(number.into_inner()),
        ReadError::ConnectionLost(error) => connection_broken(&error),
        other => BrokenBy::Loss(other.to_string()),
    }
}

pub(super) fn write_broken(error: WriteError) -> BrokenBy {
    match error {
        WriteError::Stopped(number) => broken_by_number(number.into_inner()),
        WriteError::ConnectionLost(error) => connection_broken(&error),
        other => BrokenBy::Loss(other.to_string()),
    }
}
