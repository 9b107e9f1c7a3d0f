//! The last things that one client asked and was told, for the report of a broken promise.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use game_core::{CommandId, CommandKind, Epoch};
use protocol::{ClockView, CloseCode, WireEvent, WireRefusal};

/// Entries that are kept; the moves of the whole match are known besides. Tens of thousands of bots
/// keep one such history each.
const LEN_MAX: usize = 64;

/// Something that a client asked or was told.
#[derive(Debug, Clone)]
pub(in crate::soak) enum Entry {
    /// The seat was taken; what the match was then.
    Joined {
        again: bool,
        epoch: Epoch,
        seq: u32,
        ply: u16,
        clock: ClockView,
    },
    Asked(CommandId, CommandKind),
    Acked(CommandId, u32, Epoch),
    Refused(CommandId, WireRefusal),
    Saw(u32, Epoch, WireEvent),
    Paused,
    Clock(ClockView),
    Lost(Box<str>),
    Closed(CloseCode),
}

/// The last entries, with their times since the start of the soak.
#[derive(Debug, Default)]
pub(in crate::soak) struct History {
    entries: VecDeque<(Duration, Entry)>,
    forgotten: u32,
}

impl History {
    /// Notes something.
    pub(in crate::soak) fn note(&mut self, at: Duration, entry: Entry) {
        if self.entries.len() == LEN_MAX {
            self.entries.pop_front();
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.entries.push_back((at, entry));
    }

    /// A line for each entry.
    pub(in crate::soak) fn lines(&self) -> Vec<String> {
        let earlier = (self.forgotten > 0).then(|| format!("… {} entries before", self.forgotten));
        let entries = self.entries.iter();
        let lines = entries.map(|(at, entry)| format!("{:9.3} s  {entry}", at.as_secs_f64()));
        earlier.into_iter().chain(lines).collect()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joined {
                again,
                epoch,
                seq,
                ply,
                clock,
            } => {
                let again = if *again { "again " } else { "" };
                write!(f, "joined {again}at event {seq}, ply {ply}, epoch {epoch}")?;
                write!(f, ", {}", Clocks(*clock))
            }
            Self::Asked(id, CommandKind::Move { ply, uci, .. }) => {
                write!(f, "asked for {uci} at ply {ply} (command {id})")
            }
            Self::Asked(id, kind) => write!(f, "asked for {kind:?} (command {id})"),
            Self::Acked(id, event, epoch) => {
                write!(
                    f,
                    "command {id} acknowledged by event {event}, epoch {epoch}"
                )
            }
            Self::Refused(id, reason) => write!(f, "command {id} refused: {reason}"),
            Self::Saw(seq, epoch, event) => {
                let seat = event.seat.map(|seat| format!(" by {seat}"));
                let seat = seat.unwrap_or_default();
                write!(f, "event {seq}, epoch {epoch}: {:?}{seat}", event.kind)?;
                write!(f, ", {}", Clocks(event.clock))
            }
            Self::Paused => f.write_str("play is paused"),
            Self::Clock(clock) => write!(f, "play goes on, {}", Clocks(*clock)),
            Self::Lost(why) => write!(f, "the connection is lost: {why}"),
            Self::Closed(code) => write!(f, "the session is closed: {code}"),
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
        let mut history = History::default();
        for event in 0..70 {
            let entry = Entry::Acked(CommandId(7), event, Epoch(2));
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
