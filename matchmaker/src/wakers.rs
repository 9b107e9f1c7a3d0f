//! Requests of this process that wait for a ticket, and what wakes them before they would look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use store::TicketId;
use tokio::sync::Notify;

/// Who waits for which ticket. A ticket that another process changes wakes nobody: who waits looks now and then.
#[derive(Debug, Default)]
pub(crate) struct Wakers(Mutex<HashMap<TicketId, Arc<Notify>>>);

impl Wakers {
    /// Registers a request that waits for a ticket.
    pub(crate) fn of(self: &Arc<Self>, id: TicketId) -> Waker {
        let notify = self.map().entry(id).or_default().clone();
        Waker {
            wakers: Arc::clone(self),
            id,
            notify,
        }
    }

    /// Wakes all who wait for a ticket.
    pub(crate) fn wake(&self, id: TicketId) {
        if let Some(notify) = self.map().get(&id) {
            notify.notify_waiters();
        }
    }

    fn map(&self) -> MutexGuard<'_, HashMap<TicketId, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that waits for a ticket.
#[derive(Debug)]
pub(crate) struct Waker {
    wakers: Arc<Wakers>,
    id: TicketId,
    notify: Arc<Notify>,
}

impl Waker {
    /// Waits for the next change. One between two waits may be missed.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        let mut map = self.wakers.map();
        // The map's own, and this one.
        if Arc::strong_count(&self.notify) <= 2 {
            map.remove(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ticket_is_forgotten_with_the_last_who_waits_for_it() {
        let wakers = Arc::<Wakers>::default();
        let id = TicketId::from_random(1);
        let (one, other) = (wakers.of(id), wakers.of(id));
        drop(one);
        let mut woken = Box::pin(other.woken());
        assert!(futures_poll(woken.as_mut()).await.is_none());
        wakers.wake(TicketId::from_random(2));
        assert!(futures_poll(woken.as_mut()).await.is_none());
        wakers.wake(id);
        woken.as_mut().await;
        drop(woken);
        drop(other);
        assert!(wakers.map().is_empty());
    }

    /// Polls once.
    async fn futures_poll<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = future => Some(done),
            () = std::future::ready(()) => None,
        }
    }
}
