//! The output gate: nothing that depends on an unconfirmed write passes.

use std::collections::VecDeque;

use game_core::Seat;
use protocol::codec::Frame;

use super::PeerKey;

/// The addressees of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// One peer.
    Peer(PeerKey),
    /// Every peer of the match that has not received event `seq` in another frame.
    Event(u32),
    /// Every peer of the match.
    Everyone,
    /// Every peer of the match; only the newest frame about a seat's presence is kept.
    Presence(Seat),
}

/// A frame that waits for the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held<F = Frame> {
    pub(crate) to: Audience,
    pub(crate) frame: F,
    /// It may leave when the store has confirmed this many events of the match.
    needs: u32,
}

/// The gate of one match: frames wait, in order, until the state that they reveal is confirmed.
///
/// All frames of a match pass here except two that reveal no state: that play is paused, and that a stream
/// ends.
#[derive(Debug)]
pub(crate) struct Gate<F = Frame> {
    held: VecDeque<Held<F>>,
    confirmed: u32,
}

impl<F> Gate<F> {
    /// A gate for a match of which `confirmed` events are stored.
    pub(crate) fn new(confirmed: u32) -> Self {
        Self {
            held: VecDeque::new(),
            confirmed,
        }
    }

    /// Number of events that the store has confirmed.
    pub(crate) fn confirmed(&self) -> u32 {
        self.confirmed
    }

    /// Queues a frame that reveals the state after `needs` events.
    pub(crate) fn hold(&mut self, needs: u32, to: Audience, frame: F) {
        if let Audience::Presence(_) = to {
            self.held.retain(|held| held.to != to);
        }
        self.held.push_back(Held { to, frame, needs });
    }

    /// A peer is gone: drops the frames that are only for it.
    pub(crate) fn forget(&mut self, peer: PeerKey) {
        self.held.retain(|held| held.to != Audience::Peer(peer));
    }

    /// The store has confirmed the first `seq` events.
    pub(crate) fn confirm(&mut self, seq: u32) {
        self.confirmed = self.confirmed.max(seq);
    }

    /// The next frame that may leave.
    pub(crate) fn release(&mut self) -> Option<Held<F>> {
        self.held.pop_front_if(|held| held.needs <= self.confirmed)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn released(gate: &mut Gate<Bytes>) -> Vec<Bytes> {
        std::iter::from_fn(|| gate.release())
            .map(|held| held.frame)
            .collect()
    }

    #[test]
    fn frames_leave_in_order_once_confirmed() {
        let mut gate = Gate::new(3);
        gate.hold(4, Audience::Event(4), Bytes::from_static(b"move"));
        gate.hold(4, Audience::Everyone, Bytes::from_static(b"presence"));
        gate.hold(5, Audience::Event(5), Bytes::from_static(b"end"));
        assert!(released(&mut gate).is_empty());
        gate.confirm(4);
        assert_eq!(released(&mut gate), ["move", "presence"]);
        gate.confirm(5);
        assert_eq!(released(&mut gate), ["end"]);
    }

    #[test]
    fn what_speaks_of_confirmed_state_does_not_overtake() {
        let mut gate = Gate::new(3);
        gate.hold(4, Audience::Event(4), Bytes::from_static(b"move"));
        gate.hold(2, Audience::Everyone, Bytes::from_static(b"old ack"));
        assert!(released(&mut gate).is_empty());
        gate.confirm(4);
        assert_eq!(released(&mut gate), ["move", "old ack"]);
    }

    #[test]
    fn what_waits_for_the_gone_and_old_presence_is_not_kept() {
        let mut gate = Gate::new(0);
        for _ in 0..100 {
            gate.hold(
                1,
                Audience::Presence(Seat::White),
                Bytes::from_static(b"here"),
            );
            gate.hold(
                1,
                Audience::Peer(PeerKey::default()),
                Bytes::from_static(b"state"),
            );
            gate.forget(PeerKey::default());
            gate.hold(
                1,
                Audience::Presence(Seat::White),
                Bytes::from_static(b"gone"),
            );
        }
        gate.confirm(1);
        assert_eq!(released(&mut gate), ["gone"]);
    }

    #[test]
    fn a_late_confirmation_of_less_takes_nothing_back() {
        let mut gate = Gate::<Bytes>::new(0);
        gate.confirm(5);
        gate.confirm(4);
        assert_eq!(gate.confirmed(), 5);
    }
}
