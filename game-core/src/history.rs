//! The log of a match in packed form: one entry of 16 bytes for each event, except the one that ends it, and two
//! bytes more for each move.

use std::time::Duration;

use crate::clock::Clock;
use crate::{BySeat, CommandId, EventKind, MatchId, RoundTrip, Seat, Uci, WithMove};

/// One event that did not end the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The command that caused it; 0 for an act of an arbiter.
    pub command: CommandId,
    /// What happened.
    pub deed: Deed,
}

/// An act of a seat, or of an arbiter, that did not end the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deed {
    /// A move was made.
    Moved {
        /// The seat that did it, here and below.
        seat: Seat,
        /// The move in its canonical form.
        uci: Uci,
        /// What was said with it.
        with: WithMove,
        /// What the mover's clock showed after it, in whole milliseconds.
        clock_ms: u32,
    },
    /// A draw was offered.
    DrawOffered(Seat),
    /// The standing draw offer was declined.
    DrawDeclined(Seat),
    /// A takeback was asked for.
    TakebackOffered(Seat),
    /// The standing request for a takeback was declined.
    TakebackDeclined(Seat),
    /// The standing request was granted: so many half-moves were taken back.
    TakenBack(Seat, u8),
    /// So many seconds were added to the opponent's clock.
    TimeGiven(Seat, u8),
    /// A rematch was offered, after the end.
    RematchOffered(Seat),
    /// The standing offer of a rematch was declined.
    RematchDeclined(Seat),
    /// The standing offer of a rematch was accepted; the match knows the id of the new one.
    RematchAgreed(Seat),
    /// An arbiter stopped play.
    Stopped,
    /// An arbiter let play go on.
    Resumed,
    /// An arbiter set White's clock, to so many milliseconds. There is one for each seat, as a seat and a clock in one
    /// would make an entry longer.
    WhiteClockSet(u32),
    /// The same of Black's.
    BlackClockSet(u32),
    /// An arbiter took back so many half-moves.
    Undone(u8),
}

// A live match must stay below 4 KB at 80 plies.
const _: () = assert!(size_of::<Entry>() == 16);

impl Deed {
    /// The seat that did it; `None` if an arbiter did.
    #[must_use]
    pub const fn seat(self) -> Option<Seat> {
        match self {
            Self::Moved { seat, .. }
            | Self::DrawOffered(seat)
            | Self::DrawDeclined(seat)
            | Self::TakebackOffered(seat)
            | Self::TakebackDeclined(seat)
            | Self::TakenBack(seat, _)
            | Self::TimeGiven(seat, _)
            | Self::RematchOffered(seat)
            | Self::RematchDeclined(seat)
            | Self::RematchAgreed(seat) => Some(seat),
            Self::Stopped
            | Self::Resumed
            | Self::WhiteClockSet(_)
            | Self::BlackClockSet(_)
            | Self::Undone(_) => None,
        }
    }

    /// The setting of a seat's clock, to so many milliseconds.
    #[must_use]
    pub const fn clock_set(seat: Seat, clock_ms: u32) -> Self {
        match seat {
            Seat::White => Self::WhiteClockSet(clock_ms),
            Seat::Black => Self::BlackClockSet(clock_ms),
        }
    }

    /// Whether it is a move.
    #[must_use]
    pub const fn is_move(self) -> bool {
        matches!(self, Self::Moved { .. })
    }

    /// What its event says that happened. `rematch` is the id of the new match; without it, no rematch
    /// can have been agreed on.
    pub(crate) fn kind(self, rematch: Option<MatchId>) -> Option<EventKind> {
        Some(match self {
            Self::Moved { uci, with, .. } => EventKind::Moved { uci, with },
            Self::DrawOffered(_) => EventKind::DrawOffered,
            Self::DrawDeclined(_) => EventKind::DrawDeclined,
            Self::TakebackOffered(_) => EventKind::TakebackOffered,
            Self::TakebackDeclined(_) => EventKind::TakebackDeclined,
            Self::TakenBack(_, plies) => EventKind::TakenBack { plies },
            Self::TimeGiven(_, seconds) => EventKind::TimeGiven { seconds },
            Self::RematchOffered(_) => EventKind::RematchOffered,
            Self::RematchDeclined(_) => EventKind::RematchDeclined,
            Self::RematchAgreed(_) => EventKind::RematchAgreed { match_id: rematch? },
            Self::Stopped => EventKind::Stopped,
            Self::Resumed => EventKind::Resumed,
            Self::WhiteClockSet(_) => EventKind::ClockSet { seat: Seat::White },
            Self::BlackClockSet(_) => EventKind::ClockSet { seat: Seat::Black },
            Self::Undone(plies) => EventKind::TakenBack { plies },
        })
    }

    /// Whether it changed the line of moves.
    const fn changes_the_line(self) -> bool {
        self.is_move() || matches!(self, Self::TakenBack(..) | Self::Undone(_))
    }
}

impl Entry {
    /// The seat and command that caused it; `None` for an act of an arbiter.
    pub(crate) fn by(&self) -> Option<(Seat, CommandId)> {
        self.deed.seat().map(|seat| (seat, self.command))
    }
}

/// The entries of a match in order. The event that ended it, which has a seq but no entry here, is
/// [`End`](crate::End).
#[derive(Debug, Clone, Default)]
pub(crate) struct PackedLog {
    entries: Vec<Entry>,
    /// The round trip of each move among the entries, in their order. Apart from them, as one more field
    /// would make an entry 24 bytes long.
    round_trips: Vec<Option<RoundTrip>>,
    /// The number of entries before the event that ended the match, once it has.
    before_end: Option<u32>,
}

impl PackedLog {
    /// Memory is allocated in steps: doubling would waste half of it in most matches.
    const STEP: usize = 16;

    /// Adds the next event, with the round trip of a move.
    pub(crate) fn push(&mut self, command: CommandId, deed: Deed, round_trip: Option<RoundTrip>) {
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(Self::STEP);
        }
        self.entries.push(Entry { command, deed });
        if deed.is_move() {
            if self.round_trips.len() == self.round_trips.capacity() {
                self.round_trips.reserve_exact(Self::STEP);
            }
            self.round_trips.push(round_trip);
        }
    }

    /// The next event is the one that ends the match.
    pub(crate) fn end(&mut self) {
        self.before_end = Some(self.len());
    }

    /// The seq of the event that ended the match.
    pub(crate) fn end_seq(&self) -> Option<u32> {
        self.before_end.map(|entries| entries + 1)
    }

    /// The number of events, that which ended the match included.
    pub(crate) fn seq(&self) -> u32 {
        self.len() + u32::from(self.before_end.is_some())
    }

    /// The entries in order.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entries, each with its seq and, of a move, its round trip.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (u32, &Entry, Option<RoundTrip>)> {
        let mut round_trips = self.round_trips.iter().copied();
        (0..).zip(&self.entries).map(move |(index, entry)| {
            let is_after_end = self.before_end.is_some_and(|before| index >= before);
            let round_trip = if entry.deed.is_move() {
                round_trips.next().flatten()
            } else {
                None
            };
            (index + 1 + u32::from(is_after_end), entry, round_trip)
        })
    }

    /// The round trips of the moves among the first `len` entries.
    pub(crate) fn round_trips_up_to(&self, len: usize) -> &[Option<RoundTrip>] {
        let moves = self.entries[..len]
            .iter()
            .filter(|entry| entry.deed.is_move());
        &self.round_trips[..moves.count()]
    }

    /// The round trips of the moves that stand.
    pub(crate) fn round_trips(&self) -> Vec<Option<RoundTrip>> {
        let mut standing = Vec::new();
        for (_, entry, round_trip) in self.numbered() {
            match entry.deed {
                Deed::Moved { .. } => standing.push(round_trip),
                Deed::TakenBack(_, plies) | Deed::Undone(plies) => {
                    standing.truncate(standing.len().saturating_sub(plies.into()));
                }
                _ => {}
            }
        }
        standing
    }

    /// The number of entries up to the event `seq`.
    pub(crate) fn entries_up_to(&self, seq: u32) -> usize {
        let is_after_end = self.end_seq().is_some_and(|end| seq >= end);
        let len = seq.saturating_sub(u32::from(is_after_end)) as usize;
        len.min(self.entries.len())
    }

    /// The seq of the event that this command of `seat` caused. The search begins at the end, as a
    /// repeated command follows its original closely.
    pub(crate) fn find(&self, seat: Seat, id: CommandId) -> Option<u32> {
        let is_it = |entry: &Entry| entry.by() == Some((seat, id));
        let index = self.entries.iter().rposition(is_it)?;
        let index = u32::try_from(index).ok()?;
        let is_after_end = self.before_end.is_some_and(|before| index >= before);
        Some(index + 1 + u32::from(is_after_end))
    }

    /// The deed of event `seq`, and the index of its entry; `None` for the event that ended the match.
    pub(crate) fn at(&self, seq: u32) -> Option<(Deed, usize)> {
        if seq == 0 || self.end_seq() == Some(seq) {
            return None;
        }
        let index = self.entries_up_to(seq).checked_sub(1)?;
        Some((self.entries[index].deed, index))
    }

    /// The seq of the last event among the first `len` entries that changed the line of moves; 0 if none
    /// did.
    pub(crate) fn position_seq(&self, len: usize) -> u32 {
        let changed = |entry: &Entry| entry.deed.changes_the_line();
        let index = self.entries[..len].iter().rposition(changed);
        // Nothing changes the line after the end.
        index.map_or(0, |index| index as u32 + 1)
    }

    /// The moves that stood after the first `len` entries.
    pub(crate) fn moves_after(&self, len: usize) -> Vec<Uci> {
        let mut moves = Vec::new();
        for entry in &self.entries[..len] {
            match entry.deed {
                Deed::Moved { uci, .. } => moves.push(uci),
                Deed::TakenBack(_, plies) | Deed::Undone(plies) => {
                    moves.truncate(moves.len().saturating_sub(plies.into()));
                }
                _ => {}
            }
        }
        moves
    }

    /// What both clocks showed right after the move that led to `ply`, of the moves that stand: what each
    /// side's last move left it, or before that what it `start`ed with, and what it was given since.
    pub(crate) fn clocks_at(&self, ply: u16, start: BySeat<Duration>) -> BySeat<Duration> {
        let mut clocks = start;
        // The clocks as they were after each half-move that stands, ply 0 first.
        let mut after = vec![clocks];
        for entry in &self.entries {
            match entry.deed {
                Deed::Moved { seat, clock_ms, .. } => {
                    clocks[seat] = Duration::from_millis(clock_ms.into());
                    after.push(clocks);
                }
                Deed::TimeGiven(seat, seconds) => {
                    let clock = &mut clocks[seat.opponent()];
                    *clock = (*clock + Duration::from_secs(seconds.into())).min(Clock::MAX);
                }
                Deed::WhiteClockSet(clock_ms) => {
                    clocks.white = Duration::from_millis(clock_ms.into());
                }
                Deed::BlackClockSet(clock_ms) => {
                    clocks.black = Duration::from_millis(clock_ms.into());
                }
                Deed::TakenBack(_, plies) | Deed::Undone(plies) => {
                    after.truncate(after.len().saturating_sub(plies.into()).max(1));
                    clocks = after.last().copied().unwrap_or(start);
                }
                _ => {}
            }
        }
        after.get(usize::from(ply)).copied().unwrap_or(clocks)
    }

    fn len(&self) -> u32 {
        // The rules bound a match far below 2³² events.
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX - 1)
    }

    /// Heap memory in bytes.
    #[cfg(test)]
    pub(crate) const fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.round_trips.capacity() * size_of::<Option<RoundTrip>>()
    }
}
