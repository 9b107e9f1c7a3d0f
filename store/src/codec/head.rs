//! The head of a match: what the embedded store keeps of it besides snapshot and log.

use std::time::Duration;

use game_core::{Epoch, MatchTime, ShardId};
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{StoredId, id_from_stored, id_to_stored, stored_enum};
use crate::{Claiming, Status, Tenure};

/// What the embedded store keeps of a match besides snapshot and log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) epoch: Epoch,
    pub(crate) owner: ShardId,
    pub(crate) status: Status,
    /// The seq of the stored snapshot.
    pub(crate) snapshot_seq: u32,
    /// The time of the move under way, as the last hand-over or claim recorded it.
    pub(crate) move_time: Option<MoveTime>,
    /// Since when the owner has it, if it has claimed it.
    pub(crate) tenure: Option<Tenure>,
}

/// The time that had counted of the move under way when a match was handed over or claimed.
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

/// What a claim of a match with `len` records stores, where `before` was stored.
pub(crate) fn tenure_of(
    claim: &Claiming,
    len: u32,
    before: Option<MoveTime>,
) -> (Option<Tenure>, Option<MoveTime>) {
    let Some(given) = claim.tenure else {
        return (None, before);
    };
    let tenure = Tenure {
        // A former owner may have written since the claimant read the log.
        seq: given.seq.max(len),
        ..given
    };
    (
        Some(tenure),
        Some(MoveTime::new(given.seq, claim.move_time)),
    )
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
    tenure: Option<TenureV2>,
}

/// A [`Tenure`], version 2.
#[derive(Debug, Serialize, Deserialize)]
struct TenureV2 {
    seq: u32,
    /// Microseconds on the owner's clock.
    clock: u64,
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
            tenure,
        } = *head;
        Self {
            epoch: epoch.0,
            owner: id_to_stored(owner),
            status: status.into(),
            snapshot_seq,
            move_time: move_time.map(|MoveTime { seq, micros }| MoveTimeV2 { seq, micros }),
            tenure: tenure.map(|Tenure { seq, clock }| TenureV2 {
                seq,
                clock: clock.as_micros(),
            }),
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
            tenure: stored.tenure.map(|TenureV2 { seq, clock }| Tenure {
                seq,
                clock: MatchTime::from_micros(clock),
            }),
        })
    }
}
