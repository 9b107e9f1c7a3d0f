//! The stored snapshot of a match.

use game_core::{
    BySeat, CommandId, Deed, End, Entry, MatchTime, RoundTrip, Seat, Snapshot, Uci, WithMove,
};
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{
    StoredClocks, StoredId, StoredOutcome, StoredRoundTrip, StoredSeat, StoredTermination,
    StoredWithMove, id_from_stored, id_to_stored, refused,
};
use super::setup::SetupV2;
use super::varint::Varint;

/// A [`Snapshot`], version 3.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SnapshotV3 {
    setup: SetupV2,
    history: Vec<EntryV2>,
    end: Option<EndV2>,
    aftermath: Vec<EntryV2>,
    rematch: Option<StoredId>,
    clocks: StoredClocks,
    /// Microseconds on the owner's clock.
    at: Varint,
    /// Of the moves of the history in their order, up to the last one that is known.
    round_trips: Vec<StoredRoundTrip>,
}

impl Layout for SnapshotV3 {
    const FORMAT: Format = Format::Snapshot;
    const VERSION: u8 = 3;
    type Former = SnapshotV2;

    fn from_former(former: SnapshotV2) -> Self {
        Self {
            setup: former.setup,
            history: former.history,
            end: former.end,
            aftermath: former.aftermath,
            rematch: former.rematch,
            clocks: former.clocks,
            at: former.at,
            round_trips: Vec::new(),
        }
    }
}

/// A [`Snapshot`], version 2, which is read.
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
    seat: StoredSeat,
    /// How far the id of the command is beyond that of the seat's last one, or beyond 0: clients count their
    /// commands, most of them from a random start on.
    command: Varint,
    deed: DeedV2,
}

/// The ids of each seat's last command.
type Commands = BySeat<u64>;

/// A [`Deed`] without its seat, version 2.
#[derive(Debug, Serialize, Deserialize)]
enum DeedV2 {
    /// The bytes of [`Uci::to_bits`], and the clock in milliseconds.
    Moved([u8; 2], Varint),
    MovedWith([u8; 2], Varint, StoredWithMove),
    DrawOffered,
    DrawDeclined,
    TakebackOffered,
    TakebackDeclined,
    TakenBack(u8),
    TimeGiven(u8),
    RematchOffered,
    RematchDeclined,
    RematchAgreed,
    /// These are of an arbiter: the seat is White where none is meant, and the command is 0.
    Stopped,
    Resumed,
    ClockSet(Varint),
    Undone(u8),
}

/// An [`End`], version 2.
#[derive(Debug, Serialize, Deserialize)]
struct EndV2 {
    by: Option<(StoredSeat, u64)>,
    outcome: StoredOutcome,
    termination: StoredTermination,
}

impl From<&Snapshot> for SnapshotV3 {
    fn from(snapshot: &Snapshot) -> Self {
        let Snapshot {
            setup,
            history,
            round_trips,
            end,
            aftermath,
            rematch,
            clocks,
            at,
        } = snapshot;
        let mut commands = Commands::default();
        let mut packed = |entries: &[Entry]| {
            let entries = entries.iter();
            entries
                .map(|entry| EntryV2::after(&mut commands, entry))
                .collect()
        };
        Self {
            setup: setup.into(),
            history: packed(history),
            end: end.map(EndV2::from),
            aftermath: packed(aftermath),
            rematch: rematch.map(id_to_stored),
            clocks: (*clocks).into(),
            at: Varint(at.as_micros()),
            round_trips: packed_round_trips(round_trips),
        }
    }
}

impl TryFrom<SnapshotV3> for Snapshot {
    type Error = String;

    fn try_from(stored: SnapshotV3) -> Result<Self, String> {
        let mut commands = Commands::default();
        let mut entries = |stored: Vec<EntryV2>| {
            let entries = stored.into_iter();
            entries
                .map(|entry| entry.unpack(&mut commands))
                .collect::<Result<Vec<_>, String>>()
        };
        let setup = stored.setup.try_into()?;
        let history = entries(stored.history)?;
        Ok(Self {
            setup,
            round_trips: unpacked_round_trips(stored.round_trips, &history)?,
            history,
            end: stored.end.map(End::from),
            aftermath: entries(stored.aftermath)?,
            rematch: stored.rematch.map(id_from_stored).transpose()?,
            clocks: stored.clocks.into(),
            at: MatchTime::from_micros(stored.at.0),
        })
    }
}

fn packed_round_trips(round_trips: &[Option<RoundTrip>]) -> Vec<StoredRoundTrip> {
    let last = round_trips.iter().rposition(Option::is_some);
    let known = &round_trips[..last.map_or(0, |last| last + 1)];
    known.iter().map(|&one| one.into()).collect()
}

/// One for each move of `history`.
fn unpacked_round_trips(
    stored: Vec<StoredRoundTrip>,
    history: &[Entry],
) -> Result<Vec<Option<RoundTrip>>, String> {
    let moves = history.iter().filter(|entry| entry.deed.is_move()).count();
    // Equal snapshots are equal bytes.
    if stored.len() > moves || stored.last() == Some(&StoredRoundTrip::default()) {
        return Err(format!("{} round trips of {moves} moves", stored.len()));
    }
    let stored = stored.into_iter().map(TryInto::try_into);
    let mut round_trips = stored.collect::<Result<Vec<_>, String>>()?;
    round_trips.resize(moves, None);
    Ok(round_trips)
}

impl EntryV2 {
    /// The entry after those with these `commands`, which it becomes one of.
    fn after(commands: &mut Commands, entry: &Entry) -> Self {
        let Entry { command, deed } = *entry;
        let seat = match deed {
            Deed::BlackClockSet(_) => Seat::Black,
            deed => deed.seat().unwrap_or(Seat::White),
        };
        let stored = match deed {
            Deed::Moved {
                seat: _,
                uci,
                with,
                clock_ms,
            } => {
                let (uci, clock_ms) = (uci.to_bits().to_le_bytes(), Varint(clock_ms.into()));
                match with {
                    WithMove::Nothing => DeedV2::Moved(uci, clock_ms),
                    with => DeedV2::MovedWith(uci, clock_ms, with.into()),
                }
            }
            Deed::DrawOffered(_) => DeedV2::DrawOffered,
            Deed::DrawDeclined(_) => DeedV2::DrawDeclined,
            Deed::TakebackOffered(_) => DeedV2::TakebackOffered,
            Deed::TakebackDeclined(_) => DeedV2::TakebackDeclined,
            Deed::TakenBack(_, plies) => DeedV2::TakenBack(plies),
            Deed::TimeGiven(_, seconds) => DeedV2::TimeGiven(seconds),
            Deed::RematchOffered(_) => DeedV2::RematchOffered,
            Deed::RematchDeclined(_) => DeedV2::RematchDeclined,
            Deed::RematchAgreed(_) => DeedV2::RematchAgreed,
            Deed::Stopped => DeedV2::Stopped,
            Deed::Resumed => DeedV2::Resumed,
            Deed::WhiteClockSet(clock_ms) | Deed::BlackClockSet(clock_ms) => {
                DeedV2::ClockSet(Varint(clock_ms.into()))
            }
            Deed::Undone(plies) => DeedV2::Undone(plies),
        };
        if deed.seat().is_none() {
            return Self {
                seat: seat.into(),
                command: Varint(0),
                deed: stored,
            };
        }
        let last = std::mem::replace(&mut commands[seat], command.0);
        Self {
            seat: seat.into(),
            command: Varint(command.0.wrapping_sub(last)),
            deed: stored,
        }
    }

    /// The entry that it was made of, after those with the same `commands`.
    fn unpack(self, commands: &mut Commands) -> Result<Entry, String> {
        let seat: Seat = self.seat.into();
        let moved = |uci, clock_ms: Varint, with| {
            Ok::<_, String>(Deed::Moved {
                seat,
                uci: Uci::from_bits(u16::from_le_bytes(uci)).map_err(refused)?,
                with,
                clock_ms: u32::try_from(clock_ms.0).map_err(refused)?,
            })
        };
        let deed = match self.deed {
            DeedV2::Moved(uci, clock_ms) => moved(uci, clock_ms, WithMove::Nothing)?,
            DeedV2::MovedWith(uci, clock_ms, with) => moved(uci, clock_ms, with.into())?,
            DeedV2::DrawOffered => Deed::DrawOffered(seat),
            DeedV2::DrawDeclined => Deed::DrawDeclined(seat),
            DeedV2::TakebackOffered => Deed::TakebackOffered(seat),
            DeedV2::TakebackDeclined => Deed::TakebackDeclined(seat),
            DeedV2::TakenBack(plies) => Deed::TakenBack(seat, plies),
            DeedV2::TimeGiven(seconds) => Deed::TimeGiven(seat, seconds),
            DeedV2::RematchOffered => Deed::RematchOffered(seat),
            DeedV2::RematchDeclined => Deed::RematchDeclined(seat),
            DeedV2::RematchAgreed => Deed::RematchAgreed(seat),
            DeedV2::Stopped => Deed::Stopped,
            DeedV2::Resumed => Deed::Resumed,
            DeedV2::ClockSet(clock_ms) => {
                Deed::clock_set(seat, u32::try_from(clock_ms.0).map_err(refused)?)
            }
            DeedV2::Undone(plies) => Deed::Undone(plies),
        };
        if deed.seat().is_none() {
            return Ok(Entry {
                command: CommandId(0),
                deed,
            });
        }
        let last = &mut commands[seat];
        *last = last.wrapping_add(self.command.0);
        Ok(Entry {
            command: CommandId(*last),
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
