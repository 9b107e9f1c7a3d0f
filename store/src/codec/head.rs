//! The head of a match: what the embedded store keeps of it besides snapshot and log.

use std::time::Duration;

use game_core::{Epoch, ShardId};
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{StoredId, id_from_stored, id_to_stored, stored_enum};
use crate::Status;

/// What the embedded store keeps of a match besides snapshot and log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) epoch: Epoch,
    pub(crate) owner: ShardId,
    pub(crate) status: Status,
    /// The seq of the stored snapshot.
    pub(crate) snapshot_seq: u32,
    /// The time of the move under way, as the last hand-over recorded it.
    pub(crate) move_time: Option<MoveTime>,
}

/// The time that had counted of the move under way when a match was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MoveTime {
    /// Length of the log then; for a longer log the time no longer applies.
    pub(crate) seq: u32,
    pub(crate) micros: u64,
}

impl MoveTime {
    pub(crate) fn new(seq: u32, counted: Duration) -> Self {
        let micros = u64::try_from(counted.as_micros()).unwrap_or(u64::MAX);
        Self { seq, micros }
    }
}

stored_enum!(
    /// A [`Status`].
    StoredStatus of Status { Live, Finished }
);

/// A [`Head`], version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeadV2 {
    epoch: u64,
    owner: StoredId,
    status: StoredStatus,
    snapshot_seq: u32,
    move_time: Option<MoveTimeV2>,
}

/// A [`MoveTime`], version 2.
#[derive(Debug, Serialize, Deserialize)]
struct MoveTimeV2 {
    seq: u32,
    micros: u64,
}

impl Layout for HeadV2 {
    const FORMAT: Format = Format::Head;
    const VERSION: u8 = 2;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<&Head> for HeadV2 {
    fn from(head: &Head) -> Self {
        let Head {
            epoch,
            owner,
            status,
            snapshot_seq,
            move_time,
        } = *head;
        Self {
            epoch: epoch.0,
            owner: id_to_stored(owner),
            status: status.into(),
            snapshot_seq,
            move_time: move_time.map(|MoveTime { seq, micros }| MoveTimeV2 { seq, micros }),
        }
    }
}

impl TryFrom<HeadV2> for Head {
    type Error = String;

    fn try_from(stored: HeadV2) -> Result<Self, String> {
        Ok(Self {
            epoch: Epoch(stored.epoch),
            owner: id_from_stored(stored.owner)?,
            status: stored.status.into(),
            snapshot_seq: stored.snapshot_seq,
            move_time: stored
                .move_time
                .map(|MoveTimeV2 { seq, micros }| MoveTime { seq, micros }),
        })
    }
}
