//! The stored snapshot of a match.

use game_core::{CommandId, Deed, End, Entry, MatchTime, Snapshot, Uci};
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{
    StoredClocks, StoredId, StoredOutcome, StoredSeat, StoredTermination, StoredWithMove,
    id_from_stored, id_to_stored, refused,
};
use super::setup::SetupV2;
use super::varint::Varint;

/// A [`Snapshot`], version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SnapshotV2 {
    setup: SetupV2,
    history: Vec<EntryV2>,
    end: Option<EndV2>,
    aftermath: Vec<EntryV2>,
    rematch: Option<StoredId>,
    clocks: StoredClocks,
    /// Microseconds on the owner's clock.
    at: Varint,
}

impl Layout for SnapshotV2 {
    const FORMAT: Format = Format::Snapshot;
    const VERSION: u8 = 2;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

/// An [`Entry`], version 2.
#[derive(Debug, Serialize, Deserialize)]
struct EntryV2 {
    command: u64,
    seat: StoredSeat,
    deed: DeedV2,
}

/// A [`Deed`] without its seat, version 2.
#[derive(Debug, Serialize, Deserialize)]
enum DeedV2 {
    Moved {
        /// The bytes of [`Uci::to_bits`].
        uci: [u8; 2],
        with: StoredWithMove,
        clock_ms: Varint,
    },
    DrawOffered,
    DrawDeclined,
    TakebackOffered,
    TakebackDeclined,
    TakenBack(u8),
    TimeGiven(u8),
    RematchOffered,
    RematchDeclined,
    RematchAgreed,
}

/// An [`End`], version 2.
#[derive(Debug, Serialize, Deserialize)]
struct EndV2 {
    by: Option<(StoredSeat, u64)>,
    outcome: StoredOutcome,
    termination: StoredTermination,
}

impl From<&Snapshot> for SnapshotV2 {
    fn from(snapshot: &Snapshot) -> Self {
        let Snapshot {
            setup,
            history,
            end,
            aftermath,
            rematch,
            clocks,
            at,
        } = snapshot;
        Self {
            setup: setup.into(),
            history: history.iter().map(EntryV2::from).collect(),
            end: end.map(EndV2::from),
            aftermath: aftermath.iter().map(EntryV2::from).collect(),
            rematch: rematch.map(id_to_stored),
            clocks: (*clocks).into(),
            at: Varint(at.as_micros()),
        }
    }
}

impl TryFrom<SnapshotV2> for Snapshot {
    type Error = String;

    fn try_from(stored: SnapshotV2) -> Result<Self, String> {
        let entries = |stored: Vec<EntryV2>| {
            let entries = stored.into_iter().map(Entry::try_from);
            entries.collect::<Result<Vec<_>, String>>()
        };
        Ok(Self {
            setup: stored.setup.try_into()?,
            history: entries(stored.history)?,
            end: stored.end.map(End::from),
            aftermath: entries(stored.aftermath)?,
            rematch: stored.rematch.map(id_from_stored).transpose()?,
            clocks: stored.clocks.into(),
            at: MatchTime::from_micros(stored.at.0),
        })
    }
}

impl From<&Entry> for EntryV2 {
    fn from(entry: &Entry) -> Self {
        let Entry { command, deed } = *entry;
        let (seat, deed) = match deed {
            Deed::Moved {
                seat,
                uci,
                with,
                clock_ms,
            } => {
                let moved = DeedV2::Moved {
                    uci: uci.to_bits().to_le_bytes(),
                    with: with.into(),
                    clock_ms: Varint(clock_ms.into()),
                };
                (seat, moved)
            }
            Deed::DrawOffered(seat) => (seat, DeedV2::DrawOffered),
            Deed::DrawDeclined(seat) => (seat, DeedV2::DrawDeclined),
            Deed::TakebackOffered(seat) => (seat, DeedV2::TakebackOffered),
            Deed::TakebackDeclined(seat) => (seat, DeedV2::TakebackDeclined),
            Deed::TakenBack(seat, plies) => (seat, DeedV2::TakenBack(plies)),
            Deed::TimeGiven(seat, seconds) => (seat, DeedV2::TimeGiven(seconds)),
            Deed::RematchOffered(seat) => (seat, DeedV2::RematchOffered),
            Deed::RematchDeclined(seat) => (seat, DeedV2::RematchDeclined),
            Deed::RematchAgreed(seat) => (seat, DeedV2::RematchAgreed),
        };
        Self {
            command: command.0,
            seat: seat.into(),
            deed,
        }
    }
}

impl TryFrom<EntryV2> for Entry {
    type Error = String;

    fn try_from(stored: EntryV2) -> Result<Self, String> {
        let seat = stored.seat.into();
        let deed = match stored.deed {
            DeedV2::Moved {
                uci,
                with,
                clock_ms,
            } => Deed::Moved {
                seat,
                uci: Uci::from_bits(u16::from_le_bytes(uci)).map_err(refused)?,
                with: with.into(),
                clock_ms: u32::try_from(clock_ms.0).map_err(refused)?,
            },
            DeedV2::DrawOffered => Deed::DrawOffered(seat),
            DeedV2::DrawDeclined => Deed::DrawDeclined(seat),
            DeedV2::TakebackOffered => Deed::TakebackOffered(seat),
            DeedV2::TakebackDeclined => Deed::TakebackDeclined(seat),
            DeedV2::TakenBack(plies) => Deed::TakenBack(seat, plies),
            DeedV2::TimeGiven(seconds) => Deed::TimeGiven(seat, seconds),
            DeedV2::RematchOffered => Deed::RematchOffered(seat),
            DeedV2::RematchDeclined => Deed::RematchDeclined(seat),
            DeedV2::RematchAgreed => Deed::RematchAgreed(seat),
        };
        Ok(Self {
            command: CommandId(stored.command),
            deed,
        })
    }
}

impl From<End> for EndV2 {
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

impl From<EndV2> for End {
    fn from(stored: EndV2) -> Self {
        Self {
            by: stored
                .by
                .map(|(seat, command)| (seat.into(), CommandId(command))),
            outcome: stored.outcome.into(),
            termination: stored.termination.into(),
        }
    }
}
