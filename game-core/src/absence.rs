//! Who is gone, and from when on the opponent may claim the match.

use std::time::Duration;

use crate::{BySeat, MatchTime, Seat, Speed};

/// Which seats are empty, as far as the owner of the match knows. It is no part of a snapshot: at a
/// resume both count as present until the owner says otherwise, so every wait begins anew.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Absence(BySeat<Option<Gone>>);

/// A player who is gone.
#[derive(Debug, Clone, Copy)]
struct Gone {
    since: MatchTime,
    /// Left on purpose.
    said_goodbye: bool,
}

impl Absence {
    /// The wait for a player who left on purpose.
    const AFTER_GOODBYE: Duration = Duration::from_secs(10);
    /// The wait for a player whose connection is gone; longer in slow matches.
    const AFTER_LOSS: Duration = Duration::from_secs(40);

    /// The player of `seat` is here.
    pub(crate) fn came(&mut self, seat: Seat) {
        self.0[seat] = None;
    }

    /// The player of `seat` is gone. Somebody who is gone already may only still say goodbye.
    pub(crate) fn left(&mut self, seat: Seat, said_goodbye: bool, now: MatchTime) {
        let gone = self.0[seat].get_or_insert(Gone {
            since: now,
            said_goodbye,
        });
        gone.said_goodbye |= said_goodbye;
    }

    /// From when on the opponent of `seat`, which is to move since `turn_since`, may claim the match.
    /// `None` while its player is here.
    pub(crate) fn claimable_at(
        &self,
        seat: Seat,
        turn_since: MatchTime,
        speed: impl FnOnce() -> Speed,
    ) -> Option<MatchTime> {
        let Gone {
            since,
            said_goodbye,
        } = self.0[seat]?;
        let wait = if said_goodbye {
            Self::AFTER_GOODBYE
        } else {
            let factor = match speed() {
                Speed::UltraBullet | Speed::Bullet | Speed::Blitz => 1,
                Speed::Rapid => 2,
                Speed::Classical => 3,
            };
            Self::AFTER_LOSS * factor
        };
        Some(since.max(turn_since) + wait)
    }
}
