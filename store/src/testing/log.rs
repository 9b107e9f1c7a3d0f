//! Whole logs, which the contract has no operation for: resuming a match needs only the records after its
//! newest snapshot.

use async_trait::async_trait;
use bytes::Bytes;
use game_core::{Event, MatchId};

use crate::checkpoint;
use crate::contract::{Standing, Store};
use crate::error::StoreError;

/// Reads whole logs.
#[async_trait]
pub trait ReadLog {
    /// All records of a match from seq 1; none if there is no such match.
    async fn log(&self, id: MatchId) -> Result<Vec<Event>, StoreError>;
}

#[async_trait]
impl<T: Store + ?Sized> ReadLog for T {
    async fn log(&self, id: MatchId) -> Result<Vec<Event>, StoreError> {
        let Some(found) = self.load(id).await? else {
            return Ok(Vec::new());
        };
        let len = found.snapshot.seq() + found.tail.len() as u32;
        let asked: Vec<_> = (1..=len).map(|seq| (id, seq)).collect();
        let mut records = Vec::with_capacity(asked.len());
        for standing in self.standing(&asked).await? {
            match standing {
                Standing::Stored { record, .. } => records.extend(record),
                Standing::Unreadable(text) => return Err(StoreError::Corrupt(text)),
                // It was removed meanwhile.
                Standing::Missing => return Ok(Vec::new()),
            }
        }
        let log = checkpoint::events(id, 0, records.iter().map(Bytes::as_ref))?;
        if log.len() == asked.len() {
            Ok(log)
        } else {
            let text = format!("match {id} has {} records of {len}", log.len());
            Err(StoreError::Corrupt(text))
        }
    }
}
