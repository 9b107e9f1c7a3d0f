//! Who is in their seat, as the others are told.
//!
//! A player who leaves and comes back again and again must not fill the streams of the others: of each
//! seat, presence is told at most once a second, and what it is in the end is always told. A change is
//! told as soon as the match's time comes to be looked at, which is in the same round of the driver.

use std::time::Duration;

use game_core::{BySeat, MatchTime, Seat};

use super::LiveMatch;

/// Presence of a seat is told no more often than this. What is seen of a player is not worth more.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// What is told of the presence of the seats, and when.
#[derive(Debug, Default)]
pub(super) struct Presence {
    told_at: BySeat<Option<MatchTime>>,
    /// When the seats that have changed since are to be told.
    due_at: BySeat<Option<MatchTime>>,
    /// The sooner of these.
    next: Option<MatchTime>,
}

impl Presence {
    /// When [`LiveMatch::tell_presence`] has something to tell.
    pub(super) fn next(&self) -> Option<MatchTime> {
        self.next
    }

    fn changed(&mut self, seat: Seat) {
        let told_at = self.told_at[seat];
        self.due_at[seat] = Some(told_at.map_or_else(MatchTime::default, |at| at + TOLD_EVERY));
        self.note_next();
    }

    /// Whether `seat` is to be told at `now`; it counts as told then.
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
    /// Somebody has taken `seat`, or left it.
    pub(super) fn presence_changed(&mut self, seat: Seat) {
        self.presence.changed(seat);
    }

    /// Tells of the seats that are due.
    pub(super) fn tell_presence(&mut self, now: MatchTime) {
        for seat in [Seat::White, Seat::Black] {
            if self.presence.take(seat, now) {
                let connected = self.connected()[seat];
                self.say_presence(seat, connected);
            }
        }
    }
}
