//! Presence: which players are connected, as other peers see it.
//!
//! A player who repeatedly disconnects and reconnects must not fill the streams of the others: a seat's
//! presence is sent at most once a second, and the final state is always sent. A change is sent when the
//! match's deadlines are next checked, which is in the same iteration of the driver.

use std::time::Duration;

use game_core::{BySeat, MatchTime, Seat};

use super::LiveMatch;

/// Minimum interval between two frames about the presence of one seat.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Which presence was sent for each seat, and when.
#[derive(Debug, Default)]
pub(super) struct Presence {
    told_at: BySeat<Option<MatchTime>>,
    /// When the changes since then are to be sent.
    due_at: BySeat<Option<MatchTime>>,
    /// The sooner of these.
    next: Option<MatchTime>,
}

impl Presence {
    /// When [`LiveMatch::tell_presence`] has something to send.
    pub(super) fn next(&self) -> Option<MatchTime> {
        self.next
    }

    fn changed(&mut self, seat: Seat) {
        let told_at = self.told_at[seat];
        self.due_at[seat] = Some(told_at.map_or_else(MatchTime::default, |at| at + TOLD_EVERY));
        self.note_next();
    }

    /// Whether the presence of `seat` is due at `now`; if so, it counts as sent.
    fn take(&mut self, seat: Seat, now: MatchTime) -> bool {
        let is_due = self.due_at[seat].take_if(|at| *at <= now).is_some();
        if is_due {
            self.told_at[seat] = Some(now);
            self.note_next();
        }
        is_due
    }

    fn note_next(&mut self) {
        let due_at = [self.due_at.white, self.due_at.black];
        self.next = due_at.into_iter().flatten().min();
    }
}

impl LiveMatch {
    /// `seat` was taken or left.
    pub(super) fn presence_changed(&mut self, seat: Seat) {
        self.presence.changed(seat);
    }

    /// Sends the presence of the seats that are due.
    pub(super) fn tell_presence(&mut self, now: MatchTime) {
        for seat in [Seat::White, Seat::Black] {
            if self.presence.take(seat, now) {
                let connected = self.connected()[seat];
                self.say_presence(seat, connected);
            }
        }
    }
}
