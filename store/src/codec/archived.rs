//! The stored match of an archive.

use game_core::{Snapshot, UnixMillis};
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::snapshot::{SnapshotV2, SnapshotV3};
use crate::archived::ArchivedMatch;

/// An [`ArchivedMatch`], version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ArchivedV2 {
    snapshot: SnapshotV3,
    ended_at_ms: u64,
}

impl Layout for ArchivedV2 {
    const FORMAT: Format = Format::Archived;
    const VERSION: u8 = 2;
    type Former = ArchivedV1;

    fn from_former(former: ArchivedV1) -> Self {
        Self {
            snapshot: SnapshotV3::from_former(former.snapshot),
            ended_at_ms: former.ended_at_ms,
        }
    }
}

/// An [`ArchivedMatch`], version 1, which is read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ArchivedV1 {
    snapshot: SnapshotV2,
    ended_at_ms: u64,
}

impl Layout for ArchivedV1 {
    const FORMAT: Format = Format::Archived;
    const VERSION: u8 = 1;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<&ArchivedMatch> for ArchivedV2 {
    fn from(archived: &ArchivedMatch) -> Self {
        Self {
            snapshot: archived.snapshot().into(),
            ended_at_ms: archived.ended_at().0,
        }
    }
}

impl TryFrom<ArchivedV2> for ArchivedMatch {
    type Error = String;

    fn try_from(stored: ArchivedV2) -> Result<Self, String> {
        let snapshot: Snapshot = stored.snapshot.try_into()?;
        Self::from_snapshot(snapshot, UnixMillis(stored.ended_at_ms))
            .ok_or_else(|| "a match that has not ended".to_owned())
    }
}
