//! What one client asked and was told, in order: the evidence that both oracles judge, and that the report of a
//! broken promise shows.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::time::Duration;

use client::Violation;
use game_core::{CommandId, CommandKind, Epoch, Outcome, Seat, Termination, Uci};
use protocol::{ClockView, CloseCode, Role, WireEvent, WireRefusal};

/// Entries that are told, and those that are kept of a history that need not be whole; the moves of the whole
/// match are known besides. Tens of thousands of bots keep one such history each.
const LEN_MAX: usize = 64;

/// Something that a client asked or was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// It asked for something. Without an answer further down, what became of it is unknown.
    Asked {
        /// Its number for it.
        id: CommandId,
        /// What it asked for.
        kind: CommandKind,
    },
    /// It was told that a command took effect.
    Acked {
        /// Which command.
        id: CommandId,
        /// What it had asked for, a move in the form in which the shard names it.
        kind: CommandKind,
        /// The seq of the event that the command caused.
        event: u32,
        /// The epoch that spoke.
        epoch: Epoch,
    },
    /// It was told that a command changed nothing.
    Refused {
        /// Which command.
        id: CommandId,
        /// Why.
        reason: WireRefusal,
    },
    /// It was told of an event.
    Saw {
        /// The event's number.
        seq: u32,
        /// The epoch that spoke.
        epoch: Epoch,
        /// What happened.
        event: WireEvent,
        /// The seat whose draw offer stood in view after it.
        offer: Option<Seat>,
    },
    /// It was shown the whole match, as at every joining.
    Shown {
        /// The events that the match had.
        seq: u32,
        /// The epoch that spoke.
        epoch: Epoch,
        /// All moves.
        moves: Vec<Uci>,
        /// The result, if there was one.
        result: Option<(Outcome, Termination)>,
        /// The seat whose draw offer stood.
        offer: Option<Seat>,
        /// The clocks.
        clock: ClockView,
    },
    /// Play is paused.
    Paused,
    /// Play goes on, or it was reminded of the clocks.
    Clock(ClockView),
    /// Its connection was lost.
    Lost(Box<str>),
    /// Its session was closed.
    Closed(CloseCode),
    /// It was told what a shard must never say, and gave up.
    Broke(Violation),
}

/// What one client of one match asked and was told, with the times since the start.
#[derive(Debug, Clone)]
pub struct History {
    role: Role,
    entries: VecDeque<(Duration, Entry)>,
    keeps_all: bool,
    forgotten: u32,
    /// How long it thought about its moves in all.
    pub(super) thought: Duration,
}

impl History {
    /// A client that has done nothing yet, of which everything is kept, or the end.
    #[must_use]
    pub const fn new(role: Role, keeps_all: bool) -> Self {
        Self {
            role,
            entries: VecDeque::new(),
            keeps_all,
            forgotten: 0,
            thought: Duration::ZERO,
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Notes something.
    pub fn note(&mut self, at: Duration, entry: Entry) {
        if self.entries.len() == LEN_MAX && !self.keeps_all {
            self.entries.pop_front();
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.entries.push_back((at, entry));
    }

    /// Everything that is kept, in the order in which it happened.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// A line for each of the last entries.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let untold = self.entries.len().saturating_sub(LEN_MAX);
        let before = self.forgotten as usize + untold;
        let earlier = (before > 0).then(|| format!("… {before} entries before"));
        let entries = self.entries.iter().skip(untold);
        let lines = entries.map(|(at, entry)| format!("{:9.3} s  {entry}", at.as_secs_f64()));
        earlier.into_iter().chain(lines).collect()
    }

    /// The acknowledgements in it.
    #[must_use]
    pub fn acked(&self) -> usize {
        let is_ack = |entry: &&Entry| matches!(entry, Entry::Acked { .. });
        self.entries().filter(is_ack).count()
    }

    /// The commands without an answer.
    #[must_use]
    pub fn unknown(&self) -> usize {
        let answered = self.entries().filter_map(|entry| match entry {
            Entry::Acked { id, .. } | Entry::Refused { id, .. } => Some(*id),
            _ => None,
        });
        let answered: HashSet<CommandId> = answered.collect();
        let is_unknown =
            |entry: &&Entry| matches!(entry, Entry::Asked { id, .. } if !answered.contains(id));
        self.entries().filter(is_unknown).count()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown {
                epoch,
                seq,
                moves,
                clock,
                ..
            } => {
                let ply = moves.len();
                write!(f, "the match at event {seq}, ply {ply}, epoch {epoch}")?;
                write!(f, ", {}", Clocks(*clock))
            }
            Self::Asked {
                id,
                kind: CommandKind::Move { ply, uci, .. },
            } => {
                write!(f, "asked for {uci} at ply {ply} (command {id})")
            }
            Self::Asked { id, kind } => write!(f, "asked for {kind:?} (command {id})"),
            Self::Acked {
                id, event, epoch, ..
            } => {
                write!(
                    f,
                    "command {id} acknowledged by event {event}, epoch {epoch}"
                )
            }
            Self::Refused { id, reason } => write!(f, "command {id} refused: {reason}"),
            Self::Saw {
                seq, epoch, event, ..
            } => {
                let seat = event.seat.map(|seat| format!(" by {seat}"));
                let seat = seat.unwrap_or_default();
                write!(f, "event {seq}, epoch {epoch}: {:?}{seat}", event.kind)?;
                write!(f, ", {}", Clocks(event.clock))
            }
            Self::Paused => f.write_str("play is paused"),
            Self::Clock(clock) => write!(f, "play goes on, {}", Clocks(*clock)),
            Self::Lost(why) => write!(f, "the connection is lost: {why}"),
            Self::Closed(code) => write!(f, "the session is closed: {code}"),
            Self::Broke(violation) => write!(f, "gave up: {violation}"),
        }
    }
}

/// Both clocks in words.
struct Clocks(ClockView);

impl fmt::Display for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ClockView {
            white_ms,
            black_ms,
            running,
        } = self.0;
        write!(f, "clocks {white_ms} and {black_ms} ms, ")?;
        match running {
            Some(seat) => write!(f, "{seat}'s runs"),
            None => f.write_str("none runs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_entries_are_kept_and_the_others_counted() {
        for keeps_all in [false, true] {
            the_last_are_told(History::new(Role::White, keeps_all));
        }
    }

    fn the_last_are_told(mut history: History) {
        for event in 0..70 {
            let entry = Entry::Acked {
                id: CommandId(7),
                kind: CommandKind::Resign,
                event,
                epoch: Epoch(2),
            };
            history.note(Duration::from_millis(u64::from(event)), entry);
        }
        let lines = history.lines();
        assert_eq!(lines.len(), LEN_MAX + 1);
        assert_eq!(lines[0], "… 6 entries before");
        assert_eq!(
            lines[LEN_MAX],
            "    0.069 s  command 7 acknowledged by event 69, epoch 2"
        );
    }
}
