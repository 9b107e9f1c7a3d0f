//! Who may connect, and when: bounds in all and by address, and proof of address under load.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use quinn::Incoming;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::NetLimits;
use crate::metrics::DoorMetrics;

/// Counts who is inside and who is on the threshold.
pub(crate) struct Door {
    limits: Arc<NetLimits>,
    metrics: DoorMetrics,
    /// Attempts that wait for their turn, oldest first, each with when it came.
    waiting: VecDeque<(Instant, Incoming)>,
    /// Connections, those in their handshake included.
    inside: usize,
    by_address: HashMap<IpAddr, Guests>,
    handshakes: usize,
    /// Where handshakes say that they are over.
    done: mpsc::Sender<IpAddr>,
}

/// What one address has here.
#[derive(Debug, Default, Clone, Copy)]
struct Guests {
    connections: usize,
    handshakes: usize,
}

/// An attempt that was let in.
pub(crate) struct Admitted {
    pub(crate) incoming: Incoming,
    pub(crate) handshake: Handshake,
}

/// A place among the handshakes under way; given back when it is dropped.
pub(crate) struct Handshake {
    address: IpAddr,
    done: mpsc::Sender<IpAddr>,
}

impl Drop for Handshake {
    fn drop(&mut self) {
        // The channel has room for every handshake that may be under way.
        let _ = self.done.try_send(self.address);
    }
}

impl Door {
    /// A door, and where it learns of handshakes that are over: each is to be handed to
    /// [`Door::handshake_done`].
    pub(crate) fn new(
        limits: Arc<NetLimits>,
        metrics: DoorMetrics,
    ) -> (Self, mpsc::Receiver<IpAddr>) {
        let (done, over) = mpsc::channel(limits.handshakes_max.max(1));
        let door = Self {
            limits,
            metrics,
            waiting: VecDeque::new(),
            inside: 0,
            by_address: HashMap::new(),
            handshakes: 0,
            done,
        };
        (door, over)
    }

    /// An attempt: it waits for its turn, or has to prove its address first, or is refused.
    pub(crate) fn knock(&mut self, incoming: Incoming) {
        let address = incoming.remote_address().ip();
        let guests = self.by_address.get(&address).copied().unwrap_or_default();
        if self.inside + self.waiting.len() >= self.limits.connections_max
            || guests.connections >= self.limits.connections_per_address_max
            || self.waiting.len() >= self.limits.attempts_waiting_max
        {
            tracing::debug!(%address, inside = self.inside, "refused: too many connections");
            self.metrics.refused.inc();
            incoming.refuse();
        } else if self.handshakes + self.waiting.len() >= self.limits.validate_from
            && incoming.may_retry()
        {
            self.metrics.address_retries.inc();
            // `may_retry` was just asked, so this cannot fail.
            let _ = incoming.retry();
        } else {
            self.waiting.push_back((Instant::now(), incoming));
        }
    }

    /// The next attempt whose turn it is.
    pub(crate) fn open(&mut self) -> Option<Admitted> {
        if self.handshakes >= self.limits.handshakes_max {
            return None;
        }
        self.forget_old_attempts();
        let has_room = |(_, incoming): &(Instant, Incoming)| {
            let guests = self.by_address.get(&incoming.remote_address().ip());
            guests.is_none_or(|guests| guests.handshakes < self.limits.handshakes_per_address_max)
        };
        let index = self.waiting.iter().position(has_room)?;
        let (_, incoming) = self.waiting.remove(index)?;
        let address = incoming.remote_address().ip();
        let guests = self.by_address.entry(address).or_default();
        guests.connections += 1;
        guests.handshakes += 1;
        self.inside += 1;
        self.metrics.connections.inc();
        self.handshakes += 1;
        let handshake = Handshake {
            address,
            done: self.done.clone(),
        };
        Some(Admitted {
            incoming,
            handshake,
        })
    }

    /// A handshake from `address` is over, well or not.
    pub(crate) fn handshake_done(&mut self, address: IpAddr) {
        self.handshakes -= 1;
        if let Some(guests) = self.by_address.get_mut(&address) {
            guests.handshakes -= 1;
            self.tidy(address);
        }
    }

    /// A connection from `address` is gone.
    pub(crate) fn left(&mut self, address: IpAddr) {
        self.inside -= 1;
        self.metrics.connections.dec();
        if let Some(guests) = self.by_address.get_mut(&address) {
            guests.connections -= 1;
            self.tidy(address);
        }
    }

    /// Nobody is let in any more.
    pub(crate) fn close(&mut self) {
        for (_, incoming) in self.waiting.drain(..) {
            incoming.refuse();
        }
    }

    fn forget_old_attempts(&mut self) {
        let is_old = |(came, _): &(Instant, Incoming)| came.elapsed() > self.limits.attempt_age_max;
        while let Some((_, incoming)) = self.waiting.pop_front_if(|attempt| is_old(attempt)) {
            incoming.ignore();
        }
    }

    fn tidy(&mut self, address: IpAddr) {
        let empty = |guests: &Guests| guests.connections == 0 && guests.handshakes == 0;
        if self.by_address.get(&address).is_some_and(empty) {
            self.by_address.remove(&address);
        }
    }
}
