//! Rate limit for many seats of one process that come back at the same time.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Upper bound on work in progress, so that a process of thousands of players who all come back at the same
/// time, and the server, can play on meanwhile.
const AT_ONCE: usize = 4;
/// After this a slot no longer blocks the next: the work is only waiting for its peer.
const SLOT_MAX: Duration = Duration::from_millis(20);

/// The slots in which work begins, first come, first served.
#[derive(Debug)]
pub(crate) struct StartSlots(Semaphore);

impl StartSlots {
    pub(crate) const fn new() -> Self {
        Self(Semaphore::const_new(AT_ONCE))
    }

    /// Runs `work` when a slot is free. The slot becomes free when it is done, or takes long.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        // It is never closed.
        let slot = self.0.acquire().await.ok();
        let mut work = pin!(work);
        let in_time = timeout(SLOT_MAX, &mut work).await;
        drop(slot);
        match in_time {
            Ok(done) => done,
            Err(_) => work.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// When each of so many pieces of work was begun, if each takes `length`.
    async fn begun_at(pieces: usize, length: Duration) -> Vec<Duration> {
        let (slots, start) = (Arc::new(StartSlots::new()), Instant::now());
        let tasks = (0..pieces).map(|_| {
            let slots = Arc::clone(&slots);
            tokio::spawn(async move {
                let work = async {
                    let begun = start.elapsed();
                    sleep(length).await;
                    begun
                };
                slots.run(work).await
            })
        });
        let mut begun = Vec::new();
        for task in tasks.collect::<Vec<_>>() {
            begun.push(task.await.unwrap());
        }
        begun
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_begins_when_one_is_done() {
        let length = Duration::from_millis(5);
        let begun = begun_at(3 * AT_ONCE, length).await;
        let expected = (0..3).flat_map(|round| [length * round; AT_ONCE]);
        assert!(begun.iter().copied().eq(expected), "{begun:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_keeps_nobody_waiting_longer_than_a_slot() {
        let begun = begun_at(2 * AT_ONCE, Duration::from_secs(60)).await;
        let expected = (0..2).flat_map(|round| [SLOT_MAX * round; AT_ONCE]);
        assert!(begun.iter().copied().eq(expected), "{begun:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_up_frees_its_slot() {
        let (slots, never) = (StartSlots::new(), Notify::new());
        for _ in 0..2 * AT_ONCE {
            let given_up = timeout(SLOT_MAX / 2, slots.run(never.notified())).await;
            assert!(given_up.is_err());
        }
        let begun = Instant::now();
        slots.run(async {}).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
