//! Whether the match may be on another shard by now: when the matchmaker is asked again, while the connection is kept.
//!
//! A shard that does not answer is dead, or slow, or behind a slow store. Only the first is a reason to leave it, and
//! the matchmaker knows which it is sooner than any timeout.

use std::time::{Duration, Instant};

use super::SeatMachine;
use super::phase::Phase;
use crate::seat::update::Loss;

/// What is known about the place of the match.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    /// The matchmaker is being asked.
    is_asking: bool,
    /// How often it has named the present shard, in a row.
    confirmed: u32,
    confirmed_at: Option<Instant>,
    /// The transport's estimate.
    round_trip: Duration,
}

impl Doubt {
    /// Where a store is slow for everybody, each player asks less and less often.
    const DOUBLED_MAX: u32 = 4;

    /// How long an answer may take before the matchmaker is asked.
    fn patience(&self, ask_after: Duration) -> Duration {
        let doubled = 1 << self.confirmed.min(Self::DOUBLED_MAX);
        ask_after.max(4 * self.round_trip) * doubled
    }

    pub(super) fn measured(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// A new connection, for which nothing is known.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// The shard was heard.
    pub(super) fn heard(&mut self) {
        self.is_asking = false;
    }

    /// A command was answered `after` it was issued.
    pub(super) fn answered(&mut self, after: Duration, ask_after: Duration) {
        if after < ask_after {
            self.confirmed = 0;
        }
    }
}

impl SeatMachine {
    /// Whether the matchmaker is to be asked where the match is, while the stream is kept. The driver reports the
    /// answer by [`SeatMachine::stays`] or [`SeatMachine::moved`], unless this returns `false` before.
    #[must_use]
    pub const fn asks_where(&self) -> bool {
        self.doubt.is_asking
    }

    /// The match is on the shard that this stream leads to, or the matchmaker does not know.
    pub fn stays(&mut self, now: Instant) {
        self.doubt.is_asking = false;
        self.doubt.confirmed = self.doubt.confirmed.saturating_add(1);
        self.doubt.confirmed_at = Some(now);
    }

    /// The match is on another shard: the stream is of no use any more.
    pub fn moved(&mut self, now: Instant) {
        self.lost(Loss::Moved, now);
    }

    /// When the matchmaker is to be asked, unless the shard is heard before.
    pub(super) fn doubt_at(&self) -> Option<Instant> {
        if self.doubt.is_asking || self.leaving || self.is_paused() || self.is_match_over() {
            return None;
        }
        let patience = self.doubt.patience(self.times.ask_after);
        let answer = match self.phase {
            Phase::Joining => Some(self.heard_at),
            Phase::Seated => self
                .unanswered
                .sent_since()
                .map(|sent| sent.max(self.heard_at)),
            Phase::Apart | Phase::Held | Phase::Over(_) => return None,
        };
        let ping = self.times.pings_after.filter(|_| self.wants_packets());
        let ping = ping.map(|after| self.packet_at + after);
        let since = [answer, ping].into_iter().flatten().min()?;
        let since = self.doubt.confirmed_at.map_or(since, |at| since.max(at));
        Some(since + patience)
    }

    /// Asks the matchmaker if that is due.
    pub(super) fn doubt_due(&mut self, now: Instant) {
        if self.doubt_at().is_some_and(|at| at <= now) {
            self.doubt.is_asking = true;
        }
    }
}
