//! Whether spectators of a match with a delay see anything before it has passed.
//!
//! What a player asked for is confirmed after it was asked, so that no spectator may see it earlier than the delay
//! after that. All times are of the one clock of this process: no tolerance is needed.

use std::collections::HashMap;
use std::time::Duration;

use game_core::CommandId;

use super::history::{Entry, History};
use super::{Breach, Promise};

/// What spectators saw too early, in a match with this `delay`.
#[must_use]
pub(in crate::soak) fn check_delay(histories: &[&History], delay: Duration) -> Vec<Breach> {
    if delay.is_zero() {
        return Vec::new();
    }
    let is_player = |history: &&&History| history.role().seat().is_some();
    let asked: HashMap<u32, Duration> = histories
        .iter()
        .filter(is_player)
        .flat_map(|history| asked_at(history))
        .collect();
    let spectators = histories.iter().filter(|history| !is_player(history));
    let early = spectators
        .flat_map(|history| seen(history))
        .filter_map(|(seq, at)| {
            let asked_at = *asked.get(&seq)?;
            let after = at.saturating_sub(asked_at);
            (after < delay).then(|| {
                let text =
                    format!("event {seq} was seen {after:?} after it was asked for, of {delay:?}");
                Breach::stored(Promise::Delayed, text)
            })
        });
    early.collect()
}

/// When each event was asked for that a command of this player caused.
fn asked_at(history: &History) -> Vec<(u32, Duration)> {
    let mut asked: HashMap<CommandId, Duration> = HashMap::new();
    let mut caused = Vec::new();
    for (at, entry) in history.timed() {
        match entry {
            Entry::Asked { id, .. } => {
                asked.insert(*id, at);
            }
            Entry::Acked { id, event, .. } => {
                caused.extend(asked.get(id).map(|&at| (*event, at)));
            }
            _ => {}
        }
    }
    caused
}

/// The events that a spectator saw, and when first.
fn seen(history: &History) -> Vec<(u32, Duration)> {
    let mut seen = Vec::new();
    for (at, entry) in history.timed() {
        if let Entry::Saw { seq, .. } | Entry::Shown { seq, .. } = entry {
            seen.push((*seq, at));
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use game_core::{CommandKind, Epoch, EventKind};
    use protocol::{ClockView, Role, WireEvent};

    use super::super::history::Offers;
    use super::*;

    fn player() -> History {
        let mut player = History::new(Role::White, true);
        let (id, kind) = (CommandId(7), CommandKind::Resign);
        player.note(Duration::from_secs(10), Entry::Asked { id, kind });
        let acked = Entry::Acked {
            id,
            kind,
            event: 3,
            epoch: Epoch(1),
        };
        player.note(Duration::from_secs(12), acked);
        player
    }

    fn spectator(at: Duration, seq: u32) -> History {
        let mut spectator = History::new(Role::Spectator, true);
        let event = WireEvent {
            seat: None,
            clock: ClockView::new(game_core::BySeat::default(), None, Duration::ZERO),
            kind: Some(EventKind::DrawOffered),
        };
        let saw = Entry::Saw {
            seq,
            epoch: Epoch(1),
            event,
            offers: Offers::default(),
        };
        spectator.note(at, saw);
        spectator
    }

    #[test]
    fn what_is_seen_before_the_delay_has_passed_is_a_breach() {
        let delay = Duration::from_secs(5);
        let found = |at, seq| {
            let histories = [&player(), &spectator(Duration::from_millis(at), seq)];
            check_delay(&histories, delay).len()
        };
        assert_eq!(found(14_999, 3), 1);
        assert_eq!(found(15_000, 3), 0);
        assert_eq!(found(11_000, 2), 0, "nobody knows when it was asked for");
        let histories = [&player(), &spectator(Duration::from_secs(11), 3)];
        assert_eq!(check_delay(&histories, Duration::ZERO), []);
    }
}
