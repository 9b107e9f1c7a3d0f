//! From stored bytes to a checkpoint: the checks of every store before it returns a match.

use std::time::Duration;

use game_core::{Event, MatchId};

use crate::codec::{self, DecodeError, MoveTime};
use crate::contract::{Checkpoint, MatchHead, Tenure};
use crate::error::StoreError;
use crate::ownership::Ownership;

/// Puts a checkpoint together, if the snapshot is of that match at `seq` and the records follow it.
/// `move_time` counts if no record was written since.
pub(crate) fn assemble<'a>(
    id: MatchId,
    ownership: Ownership,
    seq: u32,
    snapshot: &[u8],
    tail: impl IntoIterator<Item = &'a [u8]>,
    move_time: Option<MoveTime>,
) -> Result<Checkpoint, StoreError> {
    let snapshot =
        codec::decode_snapshot(snapshot).map_err(|error| corrupt(id, "snapshot", &error))?;
    if snapshot.setup().id != id || snapshot.seq() != seq {
        return Err(StoreError::Corrupt(format!(
            "match {id} has the snapshot of something else"
        )));
    }
    let tail = events(id, seq, tail)?;
    let len = tail.last().map_or(seq, |event| event.seq);
    let move_time = move_time.filter(|noted| noted.seq == len);
    Ok(Checkpoint {
        ownership,
        snapshot,
        tail,
        move_time: Duration::from_micros(move_time.map_or(0, |noted| noted.micros)),
    })
}

/// Puts together what a claimant reads, from the last record of the log. `move_time` counts if no record was
/// written since.
pub(crate) fn head(
    id: MatchId,
    ownership: Ownership,
    last: Option<&[u8]>,
    tenure: Option<Tenure>,
    move_time: Option<MoveTime>,
) -> Result<MatchHead, StoreError> {
    let last = last.map(codec::decode_record).transpose();
    let last = last.map_err(|error| corrupt(id, "record", &error))?;
    let seq = last.as_ref().map_or(0, |event| event.seq);
    let move_time = move_time.filter(|noted| noted.seq == seq);
    Ok(MatchHead {
        ownership,
        seq,
        last_at: last.map(|event| event.at),
        tenure,
        move_time: Duration::from_micros(move_time.map_or(0, |noted| noted.micros)),
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
