//! How long it takes until all matches of a shard that is killed are in memory again, on two others.

use std::time::Duration;

use game_core::ShardId;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::BenchError;
use super::NextAcks;
use super::args::BenchConfig;
use super::rookery::Players;
use super::rounds::Pair;
use super::seating::some_at_once;
use crate::cluster::{AdminPlace, LocalCluster, LocalPlan};
use supervisor::{START_MAX, Signal};

/// Moves of each match before the kill, as many as half an ordinary game has.
const PLIES: usize = 40;
/// The matchmaker knows after this which shards there are.
const REGISTRY_READ: Duration = Duration::from_secs(3);
/// Between two looks at what the survivors have, which take time from them.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The survivors must have all matches within this.
const TAKEOVER_MAX: Duration = Duration::from_secs(120);

/// What became of the matches of a shard that was killed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Takeover {
    /// Matches that it had.
    pub matches: u32,
    /// From `kill -9` until a survivor had the first of them, in milliseconds: the shard had to be taken
    /// for dead.
    pub first_ms: f64,
    /// Until the survivors had all of them.
    pub all_ms: f64,
    /// How long players waited; absent where that was not asked for.
    pub next_acks: Option<NextAcks>,
}

impl Takeover {
    /// From the first match in memory until all are, in milliseconds: what the takeover took after the detection.
    #[must_use]
    pub fn loaded_ms(&self) -> f64 {
        self.all_ms - self.first_ms
    }
}

/// Plays so many matches on one shard, kills it, and waits until two others have them. Nobody is connected
/// then: what is measured is the takeover, not the players' handshakes.
pub(super) async fn measure(config: &BenchConfig, matches: u32) -> Result<Takeover, BenchError> {
    let cluster = LocalCluster::start(LocalPlan::of(config.server.clone(), 3)).await?;
    let [victim, survivors @ ..] = cluster.shards() else {
        return Err("a cluster of three shards has some".into());
    };
    // Away while matches are made, so that one gets them all.
    for survivor in survivors {
        survivor.place().signal(Signal::TERM)?;
        let ended = survivor.place().ended(START_MAX).await;
        ended.ok_or("a shard without matches does not end")?;
    }
    sleep(REGISTRY_READ).await;
    let players = Players::new(cluster.matchmaker_url(), config.seed)?;
    let invitations = players.invite(matches).await?;
    some_at_once(invitations, |invitation| {
        let connector = players.connector();
        async move {
            let mut pair = invitation.sit_down(&connector).await?;
            for n in 0..PLIES {
                pair.play(n).await?;
            }
            Ok(())
        }
    })
    .await?;
    let mut watch = Watch::new()?;
    for (number, survivor) in (1..).zip(survivors) {
        cluster.start_shard(number).await?;
        let admin = survivor.admin().ok_or("a shard has no admin endpoint")?;
        watch.shards.push((survivor.id(), admin));
    }
    // They know each other: who has just started takes nothing over.
    sleep(REGISTRY_READ).await;
    victim.place().kill();
    let killed = Instant::now();
    let first = watch.until_live(1, killed).await?;
    let all = watch.until_live(matches, killed).await?;
    Ok(Takeover {
        matches,
        first_ms: first.as_secs_f64() * 1e3,
        all_ms: all.as_secs_f64() * 1e3,
        next_acks: None,
    })
}

/// Looks at what shards have in memory.
struct Watch {
    shards: Vec<(Option<ShardId>, AdminPlace)>,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct Shards {
    shards: Vec<Shard>,
}

#[derive(Deserialize)]
struct Shard {
    id: ShardId,
    live_matches: u32,
}

impl Watch {
    fn new() -> Result<Self, BenchError> {
        let http = reqwest::Client::builder().timeout(START_MAX).build()?;
        let shards = Vec::new();
        Ok(Self { shards, http })
    }

    /// Waits until the shards have so many live matches; how long after `since` that was.
    async fn until_live(&self, matches: u32, since: Instant) -> Result<Duration, BenchError> {
        loop {
            let live = self.live().await?;
            if live >= matches {
                return Ok(since.elapsed());
            }
            if since.elapsed() > TAKEOVER_MAX {
                let text =
                    format!("{live} of {matches} matches were taken over within {TAKEOVER_MAX:?}");
                return Err(text.into());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn live(&self) -> Result<u32, BenchError> {
        let mut live = 0;
        for (id, admin) in &self.shards {
            let url = format!("{}/v1/shards", admin.url);
            let request = self.http.get(url).bearer_auth(&admin.token);
            let answer: Shards = request.send().await?.error_for_status()?.json().await?;
            let mut shards = answer.shards.into_iter();
            let own = shards.find(|shard| Some(shard.id) == *id);
            live += own.map_or(0, |shard| shard.live_matches);
        }
        Ok(live)
    }
}
