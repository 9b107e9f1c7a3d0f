//! The side to move is told again that its time counts.
//!
//! QUIC brings a lost packet again, but soon only where later ones show that it is missing. A player
//! whose move is awaited is sent nothing more, so that there the probe timeout has to do, which is as
//! long as the worst delay of late makes it: after one of ten seconds, more than ten seconds (RFC 9002,
//! sections 5.3 and 6.2). All that time would be charged to a player who does not know that it is their
//! turn. So something more is sent, less and less often; and its receipt also shows the true delay. In
//! the wait for an untimed first move, which has an end too, it names no clock.

use std::time::Duration;

use game_core::MatchTime;
use protocol::ServerBody;

use super::LiveMatch;
use crate::gate::Audience;

/// Of moves that come sooner nobody needs to be reminded, and within it a healthy connection brings a
/// lost packet again by itself.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// When the side to move is told again, and how long after the time before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reminder {
    pub(super) at: MatchTime,
    wait: Duration,
}

impl LiveMatch {
    /// Begins to count from `now`, as the side to move was told how things stand, or its time begins to
    /// count without it.
    pub(super) fn begin_to_remind(&mut self, now: MatchTime) {
        self.remind_in(FIRST_WAIT, now);
    }

    /// Reminds the side to move if it is time to, and waits twice as long from then on.
    pub(super) fn remind(&mut self, now: MatchTime) {
        let Some(due) = self.reminder.filter(|due| due.at <= now) else {
            return;
        };
        let clock = self.clock_view(now);
        if let Some(member) = self.member_in(self.game.turn().into()) {
            let to = Audience::Peer(member.peer);
            self.say(to, ServerBody::Clock(clock));
        }
        self.remind_in(due.wait.saturating_mul(2), now);
    }

    fn remind_in(&mut self, wait: Duration, now: MatchTime) {
        let at = now + wait;
        self.reminder = self.game.deadline().map(|_| Reminder { at, wait });
    }
}
