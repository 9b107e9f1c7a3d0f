//! `/demo`: what the page may do to the servers of the demo.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use game_core::{MatchId, ShardId};
use protocol::http::Problem;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::hall::{Actor, Hall, Killed};

/// Upper bound on orders that wait; further ones are refused.
const ORDERS_MAX: usize = 16;
/// A killed shard is started again after this: long enough to see that play goes on without it.
const RESTART_AFTER: Duration = Duration::from_secs(4);
/// So many shards have to live, or none is killed: somebody must take over.
const LIVING_MIN: usize = 2;

/// What the page asks for.
#[derive(Debug)]
pub(super) enum Order {
    /// How the servers are, and who owns this match.
    Look(Option<MatchId>, oneshot::Sender<Option<Seen>>),
    /// Kill the owner of this match.
    Kill(MatchId, oneshot::Sender<Result<Killed, Refusal>>),
}

/// What is seen of the servers.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    demo: bool,
    shards: Vec<Actor>,
    match_owner: Option<ShardId>,
}

/// Why no shard is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    NoMatch,
    AlreadyDead,
    TooFew,
    Failed,
    Foreign,
    Busy,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, title, detail) = match self {
            Self::NoMatch => (
                404,
                "match_not_found",
                "No such match",
                "No match has this id.",
            ),
            Self::AlreadyDead => (
                409,
                "owner_dead",
                "Owner dead already",
                "The owner of the match is dead already: another shard is about to take over.",
            ),
            Self::TooFew => (
                409,
                "too_few_shards",
                "Too few shards",
                "Too few shards are left. The killed one comes back within seconds: try again.",
            ),
            Self::Failed => (
                500,
                "internal",
                "Internal error",
                "The owner could not be killed.",
            ),
            Self::Foreign => (
                403,
                "foreign_origin",
                "Foreign origin",
                "Only the page of this demo may ask for that.",
            ),
            Self::Busy => (503, "overloaded", "Overloaded", "Try again."),
        };
        let body = Problem {
            code: code.to_owned(),
            title: title.to_owned(),
            detail: detail.to_owned(),
            status,
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let json = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, json, Json(body)).into_response()
    }
}

/// The routes, and the orders that come by them.
pub(super) fn control() -> (Router, mpsc::Receiver<Order>) {
    let (sender, orders) = mpsc::channel(ORDERS_MAX);
    let router = Router::new()
        .route("/demo", get(look))
        .route("/demo/kill-owner", post(kill_owner))
        .with_state(sender);
    (router, orders)
}

#[derive(Debug, Deserialize)]
struct Which {
    match_id: Option<MatchId>,
}

async fn look(
    State(orders): State<mpsc::Sender<Order>>,
    Query(Which { match_id }): Query<Which>,
) -> Result<Response, Refusal> {
    let (reply, seen) = oneshot::channel();
    let sent = orders.try_send(Order::Look(match_id, reply));
    sent.map_err(|_| Refusal::Busy)?;
    let seen = seen.await.ok().flatten().ok_or(Refusal::Failed)?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(seen)).into_response())
}

#[derive(Debug, Deserialize)]
struct Target {
    match_id: MatchId,
}

async fn kill_owner(
    State(orders): State<mpsc::Sender<Order>>,
    headers: HeaderMap,
    Json(Target { match_id }): Json<Target>,
) -> Result<Json<Killed>, Refusal> {
    if !is_own_page(&headers) {
        return Err(Refusal::Foreign);
    }
    let (reply, killed) = oneshot::channel();
    let sent = orders.try_send(Order::Kill(match_id, reply));
    sent.map_err(|_| Refusal::Busy)?;
    killed.await.unwrap_or(Err(Refusal::Failed)).map(Json)
}

/// Whether a request comes from the page itself, as browsers say: another site in the same browser may send requests
/// here, but not with this origin. The name must be one of this machine, as any other may be made to lead here.
fn is_own_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else {
        return false;
    };
    let (name, _port) = host.rsplit_once(':').unwrap_or((host, ""));
    ["127.0.0.1", "localhost"].contains(&name) && origin.strip_prefix("http://") == Some(host)
}

/// Carries the orders out, one at a time.
pub(super) struct Control {
    hall: Hall,
    orders: mpsc::Receiver<Order>,
    /// The killed shards, and when each is started again, the next first.
    dead: Vec<(Instant, Killed)>,
    kills: usize,
}

impl Control {
    pub(super) fn new(hall: Hall, orders: mpsc::Receiver<Order>) -> Self {
        Self {
            hall,
            orders,
            dead: Vec::new(),
            kills: 0,
        }
    }

    /// Serves until the demo is to end, or a server has; returns the servers, and how many were killed.
    pub(super) async fn serve(
        mut self,
        asked: &CancellationToken,
        servers: &CancellationToken,
    ) -> (Hall, usize) {
        loop {
            let due = self.dead.first().map(|(due, _)| *due);
            let revival = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = asked.cancelled() => break,
                () = servers.cancelled() => break,
                order = self.orders.recv() => match order {
                    Some(order) => self.carry_out(order).await,
                    None => break,
                },
                () = revival => self.revive().await,
            }
        }
        (self.hall, self.kills)
    }

    async fn carry_out(&mut self, order: Order) {
        // Who does not wait for an answer any more needs none.
        match order {
            Order::Look(match_id, reply) => {
                let _ = reply.send(self.look(match_id).await);
            }
            Order::Kill(match_id, reply) => {
                let _ = reply.send(self.kill(match_id).await);
            }
        }
    }

    async fn look(&self, match_id: Option<MatchId>) -> Option<Seen> {
        let match_owner = match match_id {
            Some(id) => self.hall.owner(id).await.ok()?,
            None => None,
        };
        Some(Seen {
            demo: true,
            shards: self.hall.actors(),
            match_owner,
        })
    }

    async fn kill(&mut self, match_id: MatchId) -> Result<Killed, Refusal> {
        let owner = self.hall.owner(match_id).await;
        let owner = owner
            .map_err(|_| Refusal::Failed)?
            .ok_or(Refusal::NoMatch)?;
        let living = self
            .hall
            .actors()
            .iter()
            .filter(|actor| actor.alive)
            .count();
        if living < LIVING_MIN {
            return Err(Refusal::TooFew);
        }
        let killed = self.hall.kill(owner).map_err(|_| Refusal::Failed)?;
        let killed = killed.ok_or(Refusal::AlreadyDead)?;
        self.kills += 1;
        program::say!(
            "kill -9 {}: shard {owner} is gone, which owned match {match_id}",
            killed
                .pid
                .map_or_else(|| "of a thread".to_owned(), |pid| pid.to_string())
        );
        self.dead
            .push((Instant::now() + RESTART_AFTER, killed.clone()));
        Ok(killed)
    }

    async fn revive(&mut self) {
        let (_, killed) = self.dead.remove(0);
        if let Err(error) = self.hall.restart(&killed).await {
            tracing::warn!(%error, shard = %killed.shard, "a killed shard is not started again yet");
            self.dead.push((Instant::now() + RESTART_AFTER, killed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_of_this_machine_may_kill() {
        let headers = |origin: Option<&str>, host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            headers
        };
        for (origin, host, expected) in [
            (Some("http://127.0.0.1:7000"), "127.0.0.1:7000", true),
            (Some("http://localhost:7000"), "localhost:7000", true),
            (Some("http://localhost:7000"), "127.0.0.1:7000", false),
            (Some("http://127.0.0.1:7001"), "127.0.0.1:7000", false),
            (Some("https://evil.example"), "127.0.0.1:7000", false),
            (Some("http://evil.example:7000"), "evil.example:7000", false),
            (Some("null"), "127.0.0.1:7000", false),
            (None, "127.0.0.1:7000", false),
        ] {
            assert_eq!(
                is_own_page(&headers(origin, host)),
                expected,
                "{origin:?} {host}"
            );
        }
    }
}
