//! The task that asks shards for the matches that are watched here.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::{Problem, WatchedList};
use axum::http::Method;
use game_core::{MatchId, ShardId};
use store::{Ownership, StoreError};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::subscriptions::{Known, Reach};
use crate::registry::{Fate, RegistryView};
use crate::service::Service;

/// Interval at which each shard is asked: what spectators on streams see at once, readers of pages see this much later
/// at most.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// Least time between two rounds, however many matches begin to be watched.
const ROUND_MIN: Duration = Duration::from_millis(20);

/// Matches that a shard was asked for, each with the number of the last event that is known.
type Asked = Vec<(MatchId, Option<u32>)>;

/// What a request led to.
enum Done {
    Told(ShardId, Asked, Instant, Result<WatchedList, Problem>),
    Located(MatchId, Result<Option<Ownership>, StoreError>),
}

/// Follows the watched matches until the service shuts down.
pub(crate) async fn follow(service: Arc<Service>) {
    let mut follower = Follower {
        service,
        busy: HashSet::new(),
        requests: JoinSet::new(),
    };
    let mut rounds = interval(ASK_EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let service = Arc::clone(&follower.service);
    loop {
        tokio::select! {
            () = service.shutdown.cancelled() => return,
            Some(Ok(done)) = follower.requests.join_next() => follower.done(done),
            _ = rounds.tick() => follower.round(),
            () = service.watching.wake.notified() => {
                follower.round();
                sleep(ROUND_MIN).await;
            }
        }
    }
}

struct Follower {
    service: Arc<Service>,
    /// The shards that are being asked.
    busy: HashSet<ShardId>,
    /// One for each busy shard, and one for each match that is being located.
    requests: JoinSet<Done>,
}

impl Follower {
    /// Asks everything that is to be asked.
    fn round(&mut self) {
        let (matches, streams) = self.service.watching.counts();
        self.service.metrics.set_watched(matches, streams);
        let Some(client) = self.service.watching.client.get() else {
            return;
        };
        let view = self.service.view();
        let now = Instant::now();
        let mut subscriptions = self.service.watching.subscriptions();
        subscriptions.forget_unused(now);
        for id in subscriptions.begin_to_locate(now) {
            let store = Arc::clone(&self.service.store);
            let locating = async move { Done::Located(id, store.ownership(id).await) };
            self.requests.spawn(locating);
        }
        let reach = |shard| match admin_of(&view, shard) {
            None => Reach::Gone,
            Some(_) if self.busy.contains(&shard) => Reach::Busy,
            Some(_) => Reach::Free,
        };
        for (shard, asked) in subscriptions.begin_to_ask(reach) {
            let Some(address) = admin_of(&view, shard) else {
                continue;
            };
            self.busy.insert(shard);
            let path = path(&asked);
            let answer = client.ask::<WatchedList>(Method::GET, address, &path, None);
            self.requests.spawn(async move {
                let asked_at = Instant::now();
                Done::Told(shard, asked, asked_at, answer.await)
            });
        }
    }

    fn done(&mut self, done: Done) {
        let mut subscriptions = self.service.watching.subscriptions();
        match done {
            Done::Told(shard, asked, asked_at, answer) => {
                self.busy.remove(&shard);
                if let Err(problem) = &answer {
                    tracing::debug!(%shard, problem = problem.code(), "a shard tells nothing of its matches");
                }
                subscriptions.answered(&asked, answer.ok().map(|list| list.matches), asked_at);
                let ended = asked.iter().filter_map(|(id, _)| subscriptions.get(*id));
                for known in ended {
                    if let Known::Seen(seen) = &*known.borrow() {
                        self.service.endings.shown(&seen.game);
                    }
                }
            }
            Done::Located(id, answer) => subscriptions.located(id, answer.ok()),
        }
    }
}

/// The admin endpoint of a shard that is alive.
pub(super) fn admin_of(view: &RegistryView, shard: ShardId) -> Option<SocketAddr> {
    match view.fate(shard) {
        Fate::Lives(record) | Fate::Suspect(record) => record.admin,
        _ => None,
    }
}

fn path(asked: &Asked) -> String {
    let mut path = "/v1/watched?matches=".to_owned();
    for (number, (id, known)) in asked.iter().enumerate() {
        if number > 0 {
            path.push(',');
        }
        path.push_str(id.as_str());
        if let Some(seq) = known {
            // Writing to a string does not fail.
            let _ = write!(path, ".{seq}");
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_each_match_and_what_is_known_of_it() {
        let id = MatchId::from_random(7);
        let asked = vec![(id, None), (id, Some(12))];
        assert_eq!(path(&asked), format!("/v1/watched?matches={id},{id}.12"));
    }
}
