//! Who is online, and hints that somebody has news. Nothing of it is durable.

use std::collections::{HashMap, VecDeque};

use game_core::{MatchId, PlayerId, UnixMillis};

/// Upper bound on programs who are known as online, and on people: about 100 bytes each.
pub const ONLINE_MAX: usize = 50_000;

/// Upper bound on the players of one hint.
pub const HINT_PLAYERS_MAX: usize = 8;

/// A player who is online for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// Who.
    pub player: PlayerId,
    /// Whether it is a program.
    pub is_bot: bool,
    /// Until when, unless it is put again.
    pub until: UnixMillis,
}

/// Something of a few players has changed: a challenge, or a match that has begun or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The match, or the challenge under the id of its match.
    pub about: MatchId,
    /// Whose it is: [`HINT_PLAYERS_MAX`] at most.
    pub players: Vec<PlayerId>,
}

/// What was heard after a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hints {
    /// The hints, in the order in which they were heard.
    pub hints: Vec<Hint>,
    /// Where to go on.
    pub next: u64,
    /// Whether some are missing, as too many came: whoever waits for one should look.
    pub missed: bool,
}

/// The last hints that a process has heard.
#[derive(Debug, Default)]
pub(crate) struct HintBoard {
    last: VecDeque<Hint>,
    /// Number of all that were heard.
    heard: u64,
}

impl HintBoard {
    /// Upper bound on remembered hints: what some seconds bring in a large installation, and readers look many times a second.
    const KEPT_MAX: usize = 4_096;

    pub(crate) fn hear(&mut self, hint: Hint) {
        if self.last.len() >= Self::KEPT_MAX {
            self.last.pop_front();
        }
        self.last.push_back(hint);
        self.heard += 1;
    }

    pub(crate) fn after(&self, place: u64) -> Hints {
        let first = self.heard - self.last.len() as u64;
        // A place of another process's board is ahead of this one.
        let missed = place < first || place > self.heard;
        let skip = if missed { 0 } else { place - first };
        Hints {
            hints: self.last.iter().skip(skip as usize).cloned().collect(),
            next: self.heard,
            missed,
        }
    }
}

/// Who is online, in the memory of a process.
#[derive(Debug, Default)]
pub(crate) struct OnlineBoard {
    until: HashMap<(bool, PlayerId), UnixMillis>,
}

impl OnlineBoard {
    pub(crate) fn put(&mut self, players: &[Online], now: UnixMillis) {
        for one in players {
            self.until
                .insert((one.is_bot, one.player.clone()), one.until);
        }
        self.until.retain(|_, until| *until > now);
        for is_bot in [false, true] {
            let of_kind = self.until.iter().filter(|((kind, _), _)| *kind == is_bot);
            let mut times: Vec<_> = of_kind.map(|(key, until)| (*until, key.clone())).collect();
            let Some(beyond) = times.len().checked_sub(ONLINE_MAX).filter(|n| *n > 0) else {
                continue;
            };
            times.sort();
            for (_, key) in &times[..beyond] {
                self.until.remove(key);
            }
        }
    }

    pub(crate) fn list(&self, bots: bool, now: UnixMillis, limit: usize) -> Vec<PlayerId> {
        let there = self.until.iter().filter(|(_, until)| **until > now);
        let of_kind = there.filter(|((is_bot, _), _)| *is_bot == bots);
        of_kind.map(|((_, id), _)| id.clone()).take(limit).collect()
    }

    pub(crate) fn have(&self, players: &[PlayerId], now: UnixMillis) -> Vec<bool> {
        let is_there = |player: &PlayerId| {
            [false, true].into_iter().any(|is_bot| {
                let until = self.until.get(&(is_bot, player.clone()));
                until.is_some_and(|until| *until > now)
            })
        };
        players.iter().map(is_there).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(n: u128) -> Hint {
        Hint {
            about: MatchId::from_random(n),
            players: vec!["ann".parse().unwrap()],
        }
    }

    #[test]
    fn hints_are_read_once_and_who_is_too_late_learns_that_some_are_missing() {
        let mut board = HintBoard::default();
        assert_eq!(board.after(0), Hints::default());
        board.hear(hint(1));
        board.hear(hint(2));
        let heard = board.after(0);
        assert_eq!((heard.hints.len(), heard.next, heard.missed), (2, 2, false));
        assert_eq!(board.after(1).hints, [hint(2)]);
        assert_eq!(board.after(2).hints, []);
        for n in 0..HintBoard::KEPT_MAX as u128 {
            board.hear(hint(n + 3));
        }
        let late = board.after(1);
        assert!(late.missed);
        assert_eq!(late.hints.len(), HintBoard::KEPT_MAX);
        assert!(!board.after(2).missed);
        assert!(board.after(u64::MAX).missed, "of another board");
    }

    #[test]
    fn no_more_are_online_than_the_bound_and_those_who_expire_first_go() {
        let mut board = OnlineBoard::default();
        let online = |n: usize| Online {
            player: format!("player-{n}").parse().unwrap(),
            is_bot: true,
            until: UnixMillis(1_000 + n as u64),
        };
        let all: Vec<_> = (0..ONLINE_MAX + 2).map(online).collect();
        board.put(&all, UnixMillis(0));
        let listed = board.list(true, UnixMillis(0), usize::MAX);
        assert_eq!(listed.len(), ONLINE_MAX);
        let first_three: Vec<_> = all[..3].iter().map(|one| one.player.clone()).collect();
        assert_eq!(
            board.have(&first_three, UnixMillis(0)),
            [false, false, true]
        );
    }
}
