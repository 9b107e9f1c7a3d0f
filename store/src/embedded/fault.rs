//! Why a request to the file has no result, and what operators are told.

use std::io;

use redb::{DatabaseError, StorageError};

use crate::codec::DecodeError;
use crate::error::StoreError;

/// Advice in the error about a damaged file.
pub(super) const WHAT_TO_DO: &str =
    "put a copy of the file back, or move it away to begin with an empty store";

/// Why a request has no result.
pub(super) enum WriteFault {
    /// The storage failed: nothing in this commit happened.
    Storage(redb::Error),
    /// Only this request fails, and it has written nothing.
    Refused(StoreError),
}

impl WriteFault {
    pub(super) fn into_error(self, place: &str) -> StoreError {
        match self {
            Self::Refused(StoreError::Unfit(text)) => {
                StoreError::Unfit(format!("the store in {place}: {text}"))
            }
            Self::Refused(error) => error,
            Self::Storage(redb::Error::Corrupted(text)) => {
                StoreError::Corrupt(format!("the store in {place}: {text}"))
            }
            Self::Storage(error) => {
                StoreError::Unavailable(format!("the store in {place}: {error}"))
            }
        }
    }
}

/// The file is not what was written to it.
pub(super) fn damaged(text: String) -> WriteFault {
    WriteFault::Storage(redb::Error::Corrupted(format!(
        "its file is damaged: {text}"
    )))
}

pub(super) fn cannot_open(place: &str, error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Unfit(format!(
            "another process has the store in {place} open; stop it, or use another directory"
        )),
        DatabaseError::UpgradeRequired(version) => StoreError::Unfit(format!(
            "the store in {place} is of an older format ({version}) than this program reads"
        )),
        DatabaseError::Storage(StorageError::Corrupted(text)) => {
            StoreError::Corrupt(format!("the store in {place}: {text}; {WHAT_TO_DO}"))
        }
        // How redb reports that a file is not its own, or ends too early.
        DatabaseError::Storage(StorageError::Io(error))
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            StoreError::Corrupt(format!("the store in {place}: {error}; {WHAT_TO_DO}"))
        }
        error => StoreError::Unavailable(format!("the store in {place}: {error}")),
    }
}

impl From<StoreError> for WriteFault {
    fn from(error: StoreError) -> Self {
        Self::Refused(error)
    }
}

impl From<DecodeError> for WriteFault {
    fn from(error: DecodeError) -> Self {
        Self::Refused(StoreError::Corrupt(error.to_string()))
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for WriteFault {
            fn from(error: redb::$error) -> Self {
                Self::Storage(error.into())
            }
        })*
    };
}

from_redb!(CommitError, StorageError, TableError, TransactionError);
