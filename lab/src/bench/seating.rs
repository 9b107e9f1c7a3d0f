//! Taking the seats: many at a time, and not all at once.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::{BenchError, SETUP_MAX};
use supervisor::Place;

/// Jobs under way at the same time. From so many handshakes on, a shard asks who comes for proof of the
/// address, which would be measured too.
const AT_ONCE: usize = 32;

/// Pairs that may begin, and what it took to seat them.
pub(super) struct Seated<P> {
    pub(super) pairs: Vec<P>,
    pub(super) handshakes: Handshakes,
    /// By how much the server's memory grew with the matches, before anybody took a seat; `None` where they begin with
    /// that.
    pub(super) alone_bytes: Option<u64>,
}

/// What the connections of all seats took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Handshakes {
    pub(super) connections: u32,
    pub(super) took: Duration,
    /// CPU time of the server.
    pub(super) server: Duration,
}

/// Seats one pair for each invitation, and notes what that took.
pub(super) async fn seat_all<I, P, F>(
    server: &Place,
    invitations: Vec<I>,
    seat: impl Fn(I) -> F,
) -> Result<Seated<P>, BenchError>
where
    P: Send + 'static,
    F: Future<Output = Result<P, BenchError>> + Send + 'static,
{
    let connections = 2 * invitations.len() as u32;
    let (began, before) = (Instant::now(), server.cpu_time());
    let pairs = some_at_once(invitations, seat).await?;
    let handshakes = Handshakes {
        connections,
        took: began.elapsed(),
        server: server.cpu_time().saturating_sub(before),
    };
    Ok(Seated {
        pairs,
        handshakes,
        alone_bytes: None,
    })
}

/// Does a job for every item, a bounded number at the same time. The results are in no order.
///
/// # Errors
///
/// The first that a job fails of, or that all together take longer than [`SETUP_MAX`].
pub(super) async fn some_at_once<I, T, F>(
    items: impl IntoIterator<Item = I>,
    job: impl Fn(I) -> F,
) -> Result<Vec<T>, BenchError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, BenchError>> + Send + 'static,
{
    let all = async {
        let mut done = Vec::new();
        let mut under_way = JoinSet::new();
        for item in items {
            if under_way.len() == AT_ONCE
                && let Some(ended) = under_way.join_next().await
            {
                done.push(ended??);
            }
            under_way.spawn(job(item));
        }
        while let Some(ended) = under_way.join_next().await {
            done.push(ended??);
        }
        Ok(done)
    };
    timeout(SETUP_MAX, all).await.map_err(|_| {
        let minutes = SETUP_MAX.as_secs() / 60;
        format!("the seats were not taken within {minutes} minutes; try fewer --matches")
    })?
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn every_job_is_done_and_few_are_under_way() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let job = |n: usize| {
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok(n)
            }
        };
        let mut done = some_at_once(0..200, job).await.expect("no job fails");
        done.sort_unstable();
        assert_eq!(done, (0..200).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    }

    #[tokio::test]
    async fn a_job_that_fails_fails_all() {
        let job = |n: u32| async move {
            if n == 70 {
                return Err(BenchError::from("no"));
            }
            Ok(n)
        };
        assert!(some_at_once(0..100, job).await.is_err());
    }
}
