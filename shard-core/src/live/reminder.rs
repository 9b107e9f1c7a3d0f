//! Reminders to the side to move that its time counts.
//!
//! QUIC retransmits a lost packet soon only if later ones reveal the loss. A player whose move is awaited
//! receives nothing else, so only the probe timeout remains, which grows with the largest recent delay: after
//! one of ten seconds, it is more than ten seconds (RFC 9002, sections 5.3 and 6.2). All that time would be
//! charged to a player who does not know that it is their turn. So reminders are sent at growing intervals;
//! their receipt also shows the true delay. While an untimed first move is awaited, which has a deadline too,
//! they name no clock.

use std::time::Duration;

use game_core::MatchTime;
use protocol::ServerBody;

use super::LiveMatch;
use crate::gate::Audience;

/// Moves usually come sooner, and within this time a healthy connection retransmits a lost packet by itself.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// When the next reminder is due, and the interval before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reminder {
    pub(super) at: MatchTime,
    wait: Duration,
}

impl LiveMatch {
    /// Restarts the interval at `now`, because the side to move has just received the clocks, or its time
    /// starts to count.
    pub(super) fn begin_to_remind(&mut self, now: MatchTime) {
        self.remind_in(FIRST_WAIT, now);
    }

    /// Reminds the side to move if that is due, and doubles the interval.
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
