//! How long players whose shard is killed wait for the answer to a move.
//!
//! The players are ordinary clients that stay in their seats. The side to move of every match moves at the moment of
//! the kill, so that nothing but the server and the clients is measured.

use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::{PlayerSeat, SeatSession, SessionConfig, Update};
use client::{Connector, Matchmaker};
use game_core::{MatchId, ShardId, Uci};
use serde::Serialize;
use store::Matches;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::args::BenchConfig;
use super::figures::{Percentiles, times_histogram};
use super::games::random_game;
use super::rookery::new_match;
use super::seating::some_at_once;
use super::{BenchError, SETUP_MAX, SOCKETS};
use crate::cluster::{LocalCluster, LocalPlan};

const SHARDS: u16 = 3;
/// Every match must have an answer within this after a kill.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Between the restart of a shard and the next kill: all shards know of each other, and the clocks of matches that
/// were taken over run.
const CALM: Duration = Duration::from_secs(3);

/// From `kill -9` of a shard to the next acknowledged move of each of its matches, over all rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NextAcks {
    /// How often a shard was killed.
    pub rounds: u32,
    /// Matches on the shards that were killed, all rounds together.
    pub matches: u64,
    /// In milliseconds.
    pub ms: Percentiles,
}

/// Both players of a match, and the moves that they play.
struct Duel {
    id: MatchId,
    sessions: [SeatSession; 2],
    moves: Arc<[Uci]>,
    played: usize,
}

impl Duel {
    async fn begin(
        matchmaker: Matchmaker,
        connector: Arc<Connector>,
        moves: Arc<[Uci]>,
    ) -> Result<Self, BenchError> {
        let ann = matchmaker.new_bot(None).await?.token;
        let bob = matchmaker.new_bot(None).await?.token;
        let id = new_match(&matchmaker, &[ann.clone(), bob.clone()]).await?;
        let mut sessions = Vec::new();
        for token in [ann, bob] {
            let matchmaker = matchmaker.clone();
            let source = Arc::new(PlayerSeat { matchmaker, token });
            let config = SessionConfig::default();
            sessions.push(SeatSession::join(Arc::clone(&connector), source, id, config).await?);
        }
        let sessions = <[SeatSession; 2]>::try_from(sessions);
        Ok(Self {
            id,
            sessions: sessions.map_err(|_| "a match has two seats")?,
            moves,
            played: 0,
        })
    }

    /// Plays the next move, and waits until the mover has its answer and the opponent the move; when the answer
    /// arrived.
    async fn play(&mut self) -> Result<Instant, BenchError> {
        let uci = *self.moves.get(self.played).ok_or("the game is too short")?;
        let [white, black] = &mut self.sessions;
        let (mover, other) = match self.played.is_multiple_of(2) {
            true => (white, black),
            false => (black, white),
        };
        let seq = self.played as u32 + 1;
        let command = mover.play(uci)?;
        let acked = async {
            loop {
                match mover.next().await? {
                    Update::Acked { acked, .. } if acked.id == command => return Ok(Instant::now()),
                    update => going_on(&update)?,
                }
            }
        };
        let seen = async {
            while other.view().seq() < seq {
                going_on(&other.next().await?)?;
            }
            Ok::<_, BenchError>(())
        };
        // The opponent asks nothing of its shard: it learns of the move once it is back.
        let (at, ()) = timeout(ANSWER_MAX, async { tokio::try_join!(acked, seen) })
            .await
            .map_err(|_| format!("match {}: no answer within {ANSWER_MAX:?}", self.id))??;
        self.played += 1;
        Ok(at)
    }
}

/// What says that something went wrong ends the benchmark.
fn going_on(update: &Update) -> Result<(), BenchError> {
    match update {
        Update::Refused { reason, .. } => Err(format!("a move was refused: {reason}").into()),
        Update::Closed(code) => Err(format!("a seat was closed: {code}").into()),
        _ => Ok(()),
    }
}

/// Has so many matches played on three shards, kills one of these in each round, and starts it again.
pub(super) async fn measure(
    config: &BenchConfig,
    matches: u32,
    rounds: u32,
) -> Result<NextAcks, BenchError> {
    let cluster = LocalCluster::start(LocalPlan::of(config.server.clone(), SHARDS)).await?;
    let matchmaker = Matchmaker::new(cluster.matchmaker_url(), SETUP_MAX)?;
    let connector = Arc::new(Connector::bind(SOCKETS, ConnectionTimes::interactive())?);
    let game = |n: u32| random_game(config.seed.wrapping_add(n.into())).into();
    let games: Vec<Arc<[Uci]>> = (0..64).map(game).collect();
    // Those that are over too soon are of no use here.
    let games: Vec<_> = games
        .into_iter()
        .filter(|game| game.len() > 2 * rounds as usize + 2)
        .collect();
    if games.is_empty() {
        return Err("no game is long enough: fewer --rounds".into());
    }
    let mut duels = some_at_once(0..matches as usize, |index| {
        let moves = Arc::clone(&games[index % games.len()]);
        Duel::begin(matchmaker.clone(), Arc::clone(&connector), moves)
    })
    .await?;
    let mut times = times_histogram()?;
    for round in 0..rounds {
        duels = play_all(duels).await?;
        sleep(CALM).await;
        let victim = round as usize % usize::from(SHARDS);
        let (after, back) = kill(&cluster, victim, duels).await?;
        for took in after {
            times.saturating_record(took.as_micros() as u64);
        }
        duels = back;
        cluster.start_shard(victim).await?;
        sleep(CALM).await;
    }
    let at = |quantile| times.value_at_quantile(quantile) / 1_000;
    Ok(NextAcks {
        rounds,
        matches: times.len(),
        ms: Percentiles {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
        },
    })
}

/// One move in every match, which also brings everybody back to their seats.
async fn play_all(duels: Vec<Duel>) -> Result<Vec<Duel>, BenchError> {
    some_at_once(duels, |mut duel| async move {
        duel.play().await?;
        Ok(duel)
    })
    .await
}

/// Kills a shard while the side to move of every match moves; the times of those that it had.
async fn kill(
    cluster: &LocalCluster,
    victim: usize,
    duels: Vec<Duel>,
) -> Result<(Vec<Duration>, Vec<Duel>), BenchError> {
    let shard = cluster
        .shards()
        .get(victim)
        .ok_or("there is no such shard")?;
    let id = shard.id().ok_or("a shard has no id")?;
    let (tell, told) = watch::channel(None::<Instant>);
    let mut under_way = JoinSet::new();
    for mut duel in duels {
        let hers = is_owned(cluster, duel.id, id).await?;
        let mut told = told.clone();
        under_way.spawn(async move {
            let killed = told
                .wait_for(Option::is_some)
                .await?
                .unwrap_or_else(Instant::now);
            let at = duel.play().await?;
            Ok::<_, BenchError>((hers.then(|| at - killed), duel))
        });
    }
    shard.place().kill();
    tell.send_replace(Some(Instant::now()));
    let (mut times, mut back) = (Vec::new(), Vec::new());
    while let Some(ended) = under_way.join_next().await {
        let (took, duel) = ended??;
        times.extend(took);
        back.push(duel);
    }
    Ok((times, back))
}

async fn is_owned(cluster: &LocalCluster, id: MatchId, shard: ShardId) -> Result<bool, BenchError> {
    let ownership = cluster.store().ownership(id).await?;
    Ok(ownership.is_some_and(|ownership| ownership.owner == shard))
}
