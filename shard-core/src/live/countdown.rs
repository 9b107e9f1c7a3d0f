//! The countdown of a seat whose opponent is gone: how long until it may claim the match.

use std::time::Duration;

use game_core::{MatchTime, Seat};
use protocol::ServerBody;

use super::LiveMatch;
use crate::gate::Audience;

/// Interval between two frames of a countdown.
const SENT_EVERY: Duration = Duration::from_secs(5);

/// The countdown of one match; only the opponent of the side to move can have one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Countdown {
    /// Who is gone, and when the present seat is sent the next frame about it; `None` once the match may be
    /// claimed.
    gone: Option<(Seat, Option<MatchTime>)>,
}

impl Countdown {
    /// When the next frame is due.
    pub(super) fn next(&self) -> Option<MatchTime> {
        self.gone.and_then(|(_, next)| next)
    }
}

impl LiveMatch {
    /// Begins, continues or ends the countdown by what is so at `now`.
    pub(super) fn count_down(&mut self, now: MatchTime) {
        let absentee = self.game.turn();
        let claimable_at = self.game.claimable_at(absentee.opponent());
        let under_way = self.countdown.gone;
        if let Some((seat, _)) = under_way
            && (claimable_at.is_none() || seat != absentee)
        {
            self.countdown.gone = None;
            if !self.is_over() {
                self.say_gone(seat, None);
            }
        }
        let Some(at) = claimable_at else {
            return;
        };
        let is_due = match self.countdown.gone {
            None => true,
            Some((_, next)) => next.is_some_and(|next| next <= now),
        };
        if is_due {
            let left = at.since(now);
            self.say_gone(absentee, Some(left));
            let next = (!left.is_zero()).then(|| at.min(now + SENT_EVERY));
            self.countdown.gone = Some((absentee, next));
        }
    }

    /// Tells the opponent of `seat` when it may claim the match, or that it no longer may.
    fn say_gone(&mut self, seat: Seat, claim_in: Option<Duration>) {
        let Some(present) = self.member_in(seat.opponent().into()) else {
            return;
        };
        let to = Audience::Peer(present.peer);
        let claim_in_ms = claim_in.map(|left| {
            // Rounded up, so that a claim at its end is not too early.
            u32::try_from(left.as_micros().div_ceil(1000)).unwrap_or(u32::MAX)
        });
        self.say(to, ServerBody::Gone { seat, claim_in_ms });
    }
}
