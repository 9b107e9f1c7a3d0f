//! `GET /v1/pools`: the pools of the lobby, and how much goes on there.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use protocol::http::{PoolView, PoolsReply};
use store::{StoreError, TicketList};
use tokio::time::Instant;

use crate::clock::now;
use crate::described::Problems;
use crate::pairing::eligible;
use crate::problem::Problem;
use crate::service::Service;

/// Age up to which an answer is given again.
const FRESH: Duration = Duration::from_secs(1);
/// Upper bound on the tickets of a pool for which those whose players are gone are left out; above it, all are counted.
const READ_MAX: usize = 100;

/// The pools of the lobby, at most a second old. The numbers are those of the whole installation.
#[utoipa::path(get, path = "/v1/pools", tag = "tickets",
    responses((status = 200, description = "The pools", body = PoolsReply), Problems))]
pub(crate) async fn list(State(service): State<Arc<Service>>) -> Result<Json<PoolsReply>, Problem> {
    let mut last = service.pools.last.lock().await;
    if let Some((looked_at, answer)) = &*last
        && looked_at.elapsed() < FRESH
    {
        return answer.clone().map(Json);
    }
    let looked_at = Instant::now();
    let answer = service.look_at_pools().await.map_err(Problem::from);
    *last = Some((looked_at, answer.clone()));
    answer.map(Json)
}

impl Service {
    async fn look_at_pools(&self) -> Result<PoolsReply, StoreError> {
        let offered = &self.pools.offered;
        let names: Vec<Box<str>> = offered.iter().map(|one| one.pool.clone()).collect();
        let kinds: Vec<_> = offered.iter().map(|one| one.terms.kind()).collect();
        let (waiting, waits, playing) = tokio::join!(
            self.count_waiting(&names),
            self.store.waits(&names),
            self.count_live(&kinds)
        );
        let (waiting, waits) = (waiting?, waits?);
        let pools = offered.iter().enumerate().map(|(at, one)| {
            let kind = one.terms.kind();
            PoolView {
                id: one.terms.to_string(),
                variant: kind.variant,
                control: kind.control,
                rated: kind.rated,
                waiting: waiting.get(at).copied().unwrap_or(0),
                wait_ms: waits.get(at).and_then(|waits| median(waits)),
                playing: playing.as_ref().and_then(|counts| counts.get(at).copied()),
            }
        });
        Ok(PoolsReply {
            pools: pools.collect(),
        })
    }

    /// How many wait in each of these pools.
    async fn count_waiting(&self, names: &[Box<str>]) -> Result<Vec<usize>, StoreError> {
        let at = now();
        let used = self.store.pools(at, 1).await?;
        let mut counts = Vec::with_capacity(names.len());
        for name in names {
            let found = used.iter().find(|(used, _)| used == name);
            let count = found.map_or(0, |(_, count)| *count);
            counts.push(if (1..=READ_MAX).contains(&count) {
                let list = TicketList::Pool(name.clone());
                eligible(&self.store.waiting(&list, READ_MAX).await?, at).len()
            } else {
                count
            });
        }
        Ok(counts)
    }
}

/// The upper one of two in the middle.
fn median(waits: &[u32]) -> Option<u32> {
    let mut sorted = waits.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (waits, expected) in [
            (vec![], None),
            (vec![7], Some(7)),
            (vec![9, 1], Some(9)),
            (vec![5, 900, 1], Some(5)),
        ] {
            assert_eq!(median(&waits), expected, "{waits:?}");
        }
    }
}
