//! A crowd that comes back at the same time, one after the other.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Work that is begun at once: a process of thousands of players who all come back at the same time is to
/// play on meanwhile, and so is the server.
const AT_ONCE: usize = 4;
/// Work that takes longer waits for its peer, or for nobody, and no more keeps others from theirs.
const TURN_MAX: Duration = Duration::from_millis(20);

/// Turns to begin something, first come, first served.
#[derive(Debug)]
pub(crate) struct Turns(Semaphore);

impl Turns {
    pub(crate) const fn new() -> Self {
        Self(Semaphore::const_new(AT_ONCE))
    }

    /// Does `work` when it is its turn. The next may begin when it is done, or takes long.
    pub(crate) async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        // It is never closed.
        let turn = self.0.acquire().await.ok();
        let mut work = pin!(work);
        let in_turn = timeout(TURN_MAX, &mut work).await;
        drop(turn);
        match in_turn {
            Ok(done) => done,
            Err(_) => work.await,
        }
    }
}
