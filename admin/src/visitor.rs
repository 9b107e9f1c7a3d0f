//! Who is at the other end of a connection: a stranger or an operator.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::places::{ConnectionPlace, Places};

/// The place of a connection, as a stranger or as an operator. It is given back when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Visitor(Arc<Visit>);

struct Visit {
    places: Arc<Mutex<Places<CancellationToken>>>,
    place: ConnectionPlace,
    is_operator: AtomicBool,
}

impl Visitor {
    pub(crate) fn enter(
        places: &Arc<Mutex<Places<CancellationToken>>>,
        from: SocketAddr,
        close: CancellationToken,
    ) -> Self {
        let places = Arc::clone(places);
        let (place, evicted) = lock(&places).enter(from.ip(), close);
        if let Some(evicted) = evicted {
            evicted.cancel();
        }
        Self(Arc::new(Visit {
            places,
            place,
            is_operator: AtomicBool::new(false),
        }))
    }

    /// Makes it an operator's connection, if it is not one yet; `false` if there is no room for one more.
    pub(crate) fn is_operator(&self) -> bool {
        let Visit {
            places,
            place,
            is_operator,
            ..
        } = &*self.0;
        // The requests of a connection are handled one after the other.
        if !is_operator.load(Ordering::Relaxed) {
            let becomes = lock(places).become_operator(*place);
            is_operator.store(becomes, Ordering::Relaxed);
        }
        is_operator.load(Ordering::Relaxed)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut places = lock(&self.places);
        if *self.is_operator.get_mut() {
            places.operator_left();
        } else {
            places.stranger_left(self.place);
        }
    }
}

/// No code panics while it holds the lock.
fn lock<T>(places: &Mutex<Places<T>>) -> MutexGuard<'_, Places<T>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}
