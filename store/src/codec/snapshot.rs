//! The stored snapshot of a match.

use std::time::Duration;

use game_core::{BySeat, CommandId, Deed, End, Entry, Snapshot, Uci};
use serde::{Deserialize, Serialize};

use super::leaves::{StoredOutcome, StoredSeat, StoredTermination};
use super::setup::SetupV1;

/// A [`Snapshot`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SnapshotV1 {
    setup: SetupV1,
    history: Vec<EntryV1>,
    white_clock: Duration,
    black_clock: Duration,
    end: Option<EndV1>,
}

/// An [`Entry`], version 1.
#[derive(Debug, Serialize, Deserialize)]
struct EntryV1 {
    command: u64,
    deed: DeedV1,
}

/// A [`Deed`], version 1.
#[derive(Debug, Serialize, Deserialize)]
enum DeedV1 {
    Moved {
        seat: StoredSeat,
        /// The move as [`Uci::to_bits`] packs it.
        uci: u16,
        clock_ms: u32,
        offers_draw: bool,
    },
    DrawOffered {
        seat: StoredSeat,
    },
    DrawDeclined {
        seat: StoredSeat,
    },
}

/// An [`End`], version 1.
#[derive(Debug, Serialize, Deserialize)]
struct EndV1 {
    by: Option<(StoredSeat, u64)>,
    outcome: StoredOutcome,
    termination: StoredTermination,
}

impl From<&Snapshot> for SnapshotV1 {
    fn from(snapshot: &Snapshot) -> Self {
        let Snapshot {
            setup,
            history,
            clocks,
            end,
        } = snapshot;
        Self {
            setup: setup.into(),
            history: history.iter().map(EntryV1::from).collect(),
            white_clock: clocks.white,
            black_clock: clocks.black,
            end: end.map(EndV1::from),
        }
    }
}

impl TryFrom<SnapshotV1> for Snapshot {
    type Error = String;

    fn try_from(stored: SnapshotV1) -> Result<Self, String> {
        let entries = stored.history.into_iter().map(Entry::try_from);
        Ok(Self {
            setup: stored.setup.try_into()?,
            history: entries.collect::<Result<_, _>>()?,
            clocks: BySeat {
                white: stored.white_clock,
                black: stored.black_clock,
            },
            end: stored.end.map(End::from),
        })
    }
}

impl From<&Entry> for EntryV1 {
    fn from(entry: &Entry) -> Self {
        let Entry { command, deed } = *entry;
        Self {
            command: command.0,
            deed: match deed {
                Deed::Moved {
                    seat,
                    uci,
                    clock_ms,
                    offers_draw,
                } => DeedV1::Moved {
                    seat: seat.into(),
                    uci: uci.to_bits(),
                    clock_ms,
                    offers_draw,
                },
                Deed::DrawOffered { seat } => DeedV1::DrawOffered { seat: seat.into() },
                Deed::DrawDeclined { seat } => DeedV1::DrawDeclined { seat: seat.into() },
            },
        }
    }
}

impl TryFrom<EntryV1> for Entry {
    type Error = String;

    fn try_from(stored: EntryV1) -> Result<Self, String> {
        let deed = match stored.deed {
            DeedV1::Moved {
                seat,
                uci,
                clock_ms,
                offers_draw,
            } => Deed::Moved {
                seat: seat.into(),
                uci: Uci::from_bits(uci).map_err(|error| error.to_string())?,
                clock_ms,
                offers_draw,
            },
            DeedV1::DrawOffered { seat } => Deed::DrawOffered { seat: seat.into() },
            DeedV1::DrawDeclined { seat } => Deed::DrawDeclined { seat: seat.into() },
        };
        Ok(Self {
            command: CommandId(stored.command),
            deed,
        })
    }
}

impl From<End> for EndV1 {
    fn from(end: End) -> Self {
        let End {
            by,
            outcome,
            termination,
        } = end;
        Self {
            by: by.map(|(seat, command)| (seat.into(), command.0)),
            outcome: outcome.into(),
            termination: termination.into(),
        }
    }
}

impl From<EndV1> for End {
    fn from(stored: EndV1) -> Self {
        Self {
            by: stored
                .by
                .map(|(seat, command)| (seat.into(), CommandId(command))),
            outcome: stored.outcome.into(),
            termination: stored.termination.into(),
        }
    }
}
