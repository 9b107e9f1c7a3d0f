//! Whether the shard is in reach: what stops the clocks in view, and what lets them run again.

use std::time::Instant;

use super::{Phase, SeatMachine, Update};
use crate::{MatchView, Standstill};

impl SeatMachine {
    /// Whether the driver has to watch for packets and report them by [`SeatMachine::packet`].
    #[must_use]
    pub fn wants_packets(&self) -> bool {
        self.times.unresponsive_after.is_some()
            && self.phase == Phase::Seated
            && !self.is_match_over()
    }

    /// The connection brought a packet, whatever is in it: an acknowledgement of a ping counts.
    pub fn packet(&mut self, now: Instant) {
        self.packet_at = now;
        if self.is_unresponsive() {
            self.responsive();
        }
    }

    /// When the shard counts as unresponsive, unless it does already.
    pub(super) fn unresponsive_at(&self) -> Option<Instant> {
        let after = self.times.unresponsive_after?;
        (self.wants_packets() && !self.is_unresponsive()).then(|| self.packet_at + after)
    }

    pub(super) fn is_unresponsive(&self) -> bool {
        let standstill = self.view.as_ref().and_then(MatchView::standstill);
        standstill == Some(Standstill::Unresponsive)
    }

    /// The unresponsive shard is heard again.
    pub(super) fn responsive(&mut self) {
        let Some(view) = &mut self.view else { return };
        view.heard();
        if view.standstill().is_none() {
            self.updates.push_back(Update::Responsive);
        }
    }

    /// Both clocks stand still from the last packet on; if the driver does not watch for packets, from `now`.
    pub(super) fn stop_clocks(&mut self, why: Standstill, now: Instant) {
        let watched = self.times.unresponsive_after.is_some();
        let since = if watched { self.packet_at } else { now };
        if let Some(view) = &mut self.view {
            view.unheard(why, since);
        }
    }
}
