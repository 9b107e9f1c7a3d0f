//! From stored bytes to a checkpoint: what all stores check before they hand a match out.

use game_core::{Event, MatchId};

use crate::codec::{self, DecodeError};
use crate::contract::{Checkpoint, Ownership, StoreError};

/// Puts a checkpoint together, if the snapshot is of that match at `seq` and the records follow it.
pub(crate) fn assemble<'a>(
    id: MatchId,
    ownership: Ownership,
    seq: u32,
    snapshot: &[u8],
    tail: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Checkpoint, StoreError> {
    let snapshot =
        codec::decode_snapshot(snapshot).map_err(|error| corrupt(id, "snapshot", &error))?;
    if snapshot.setup().id != id || snapshot.seq() != seq {
        return Err(StoreError::Corrupt(format!(
            "match {id} has the snapshot of something else"
        )));
    }
    let tail = events(id, seq, tail)?;
    Ok(Checkpoint {
        ownership,
        snapshot,
        tail,
    })
}

/// Decodes the records after `after`, if they are gapless.
pub(crate) fn events<'a>(
    id: MatchId,
    after: u32,
    records: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<Event>, StoreError> {
    let mut last = after;
    records
        .into_iter()
        .map(|record| {
            let event =
                codec::decode_record(record).map_err(|error| corrupt(id, "record", &error))?;
            if Some(event.seq) != last.checked_add(1) {
                let text = format!("match {id} has record {} after record {last}", event.seq);
                return Err(StoreError::Corrupt(text));
            }
            last = event.seq;
            Ok(event)
        })
        .collect()
}

fn corrupt(id: MatchId, what: &str, error: &DecodeError) -> StoreError {
    StoreError::Corrupt(format!("a {what} of match {id}: {error}"))
}
