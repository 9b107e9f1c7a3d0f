//! Spectators of one match: what a move costs the server beside them, and when the last of them has it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::BenchError;
use super::args::BenchConfig;
use super::rookery::{MatchPair, Rookery};
use super::rounds::{Pair, Subject};
use super::seating::some_at_once;
use crate::soak::figures::{Percentiles, Times};
use supervisor::Place;

/// How long the players think where they are to play as fast as moves are answered: people watch people.
const THINK: Duration = Duration::from_millis(200);
/// Time after which what the handshakes left behind is given back.
const CALM: Duration = Duration::from_secs(2);

/// What the spectators of a match cost its server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audience {
    /// Spectators of the one match that is played.
    pub spectators: u32,
    /// How long the players wait before a move, in milliseconds.
    pub think_ms: u64,
    /// Memory of the server for a spectator, in bytes.
    pub spectator_bytes: f64,
    /// CPU time of the server from the handshake to the first view, in microseconds.
    pub join_us: f64,
    /// Moves before anybody watched, and with the spectators.
    pub moves: [u64; 2],
    /// CPU time of the server for a move, in microseconds, without and with the spectators.
    pub move_us: [f64; 2],
    /// What each spectator adds to that, in microseconds.
    pub shown_us: f64,
    /// Answers to the player who moves, in milliseconds, without and with the spectators.
    pub ack_ms: [Percentiles; 2],
    /// From sending a move until the last spectator has it, in milliseconds.
    pub last_shown_ms: Percentiles,
}

/// Has one match played, by itself and then before so many spectators.
pub(super) async fn measure(config: &BenchConfig, spectators: u32) -> Result<Audience, BenchError> {
    let store = *config.stores.first().ok_or("no store is named")?;
    let rookery = Rookery::start(config, store).await?;
    let server = rookery.server();
    let think = config.think.first().copied();
    let think = think.filter(|think| !think.is_zero()).unwrap_or(THINK);
    let mut invited = rookery.players.invite(1).await?;
    let invitation = invited.pop().ok_or("no match was made")?;
    let id = invitation.match_id();
    let moves = invitation.moves();
    let mut pair = invitation.sit_down(&rookery.players.connector()).await?;
    sleep(CALM).await;
    let mut play = Play {
        server,
        think,
        duration: config.duration,
        next: 0,
    };
    let alone = play.play(&mut pair, None).await?;
    let (memory, cpu) = (server.resident_bytes(), server.cpu_time());
    let seats = some_at_once(0..spectators, |_| {
        let players = rookery.players.clone();
        async move { players.watch(id).await }
    })
    .await?;
    let joined = server.cpu_time().saturating_sub(cpu);
    sleep(CALM).await;
    let bytes = server.resident_bytes().saturating_sub(memory);
    // How many moves each has seen, of those that come from now on.
    let (seen, mut all_seen) = watch::channel(vec![0_u32; moves.len()]);
    let seen = Arc::new(seen);
    let mut watching = JoinSet::new();
    for mut seat in seats {
        let (seen, moves, from) = (Arc::clone(&seen), Arc::clone(&moves), play.next);
        watching.spawn(async move {
            for n in from..moves.len() {
                seat.until_played(moves[n]).await?;
                seen.send_modify(|seen| seen[n] += 1);
            }
            Ok::<_, BenchError>(seat)
        });
    }
    let watched = play
        .play(&mut pair, Some((&mut all_seen, spectators)))
        .await?;
    watching.abort_all();
    while let Some(ended) = watching.join_next().await {
        match ended {
            Ok(ended) => drop(ended?),
            Err(error) if error.is_cancelled() => {}
            Err(error) => return Err(error.into()),
        }
    }
    if server.has_died() {
        return Err("the server ended while it was measured".into());
    }
    let each = |total: f64| total / f64::from(spectators);
    Ok(Audience {
        spectators,
        think_ms: think.as_millis() as u64,
        spectator_bytes: each(bytes as f64),
        join_us: each(us(joined)),
        moves: [alone.acks.n, watched.acks.n],
        move_us: [alone.move_us, watched.move_us],
        shown_us: each(watched.move_us - alone.move_us),
        ack_ms: [alone.acks, watched.acks],
        last_shown_ms: watched.last_shown,
    })
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A match in play.
struct Play<'a> {
    server: &'a Place,
    think: Duration,
    duration: Duration,
    /// The number of the next move.
    next: usize,
}

/// What was seen of it for a while.
struct Played {
    acks: Percentiles,
    last_shown: Percentiles,
    move_us: f64,
}

impl Play<'_> {
    /// Plays on for a while, or to the end of the game; with spectators, each move waits until all of them have the one
    /// before.
    async fn play(
        &mut self,
        pair: &mut MatchPair,
        mut spectators: Option<(&mut watch::Receiver<Vec<u32>>, u32)>,
    ) -> Result<Played, BenchError> {
        let (began, before) = (Instant::now(), self.server.cpu_time());
        let (mut acks, mut last_shown) = (Times::default(), Times::default());
        while began.elapsed() < self.duration {
            sleep(self.think).await;
            let (n, sent) = (self.next, Instant::now());
            let Some(took) = pair.play(n).await? else {
                break;
            };
            acks.record(took.ack);
            if let Some((seen, all)) = &mut spectators {
                seen.wait_for(|seen| seen[n] == *all).await?;
                last_shown.record(sent.elapsed());
            }
            self.next += 1;
        }
        let used = self.server.cpu_time().saturating_sub(before);
        let acks = acks.percentiles();
        Ok(Played {
            move_us: us(used) / acks.n.max(1) as f64,
            acks,
            last_shown: last_shown.percentiles(),
        })
    }
}
