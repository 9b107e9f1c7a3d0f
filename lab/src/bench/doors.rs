//! Players by each of a shard's doors on one server: what their connections and their moves cost it.

use std::sync::Arc;
use std::time::Duration;

use client::{Connector, Transport};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::args::BenchConfig;
use super::rookery::{Invitation, MatchPair, Rookery};
use super::rounds::{Pair, Subject};
use super::seating::some_at_once;
use super::{BenchError, SOCKETS, TIMES};
use crate::soak::figures::{Percentiles, Times};
use supervisor::Place;

/// Each with its name.
const DOORS: [(&str, &[Transport]); 3] = [
    ("quic", &[Transport::Quic]),
    ("webtransport", &[Transport::WebTransport]),
    ("websocket", &[Transport::WebSocket]),
];
/// How long pairs think where they are to play as fast as moves are answered: what a move costs depends on how many
/// share a batch, and is asked for players and not for a saturated machine.
const THINK: Duration = Duration::from_secs(1);
/// Time after which what the handshakes left behind is given back.
const CALM: Duration = Duration::from_secs(2);

/// What the players of all doors cost one server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Doors {
    /// Players by each door; all are connected at once.
    pub players: u32,
    /// How long each pair waits before a move on average, in milliseconds.
    pub think_ms: u64,
    /// CPU time that the server uses in a second while all are connected and nobody plays, in microseconds.
    pub idle_us_per_s: f64,
    /// One for each door.
    pub doors: Vec<DoorFigures>,
}

/// What the players of one door cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DoorFigures {
    /// Which door.
    pub transport: &'static str,
    /// Memory of the server for a connection in a seat, with its half of the match, in bytes.
    pub connection_bytes: f64,
    /// CPU time of the server from the handshake to the seat, in microseconds.
    pub seat_us: f64,
    /// Moves while only the players of this door played.
    pub moves: u64,
    /// CPU time of the server for one of these moves, without what it uses when nobody plays, in microseconds.
    pub move_us: f64,
    /// Answers to these moves, in milliseconds.
    pub ack_ms: Percentiles,
    /// Answers to moves by this door while the players of all doors played, in milliseconds.
    pub ack_ms_together: Percentiles,
}

/// Has players come by each door, and play: those of each door by themselves, then all of them.
pub(super) async fn measure(config: &BenchConfig, players: u32) -> Result<Doors, BenchError> {
    let store = *config.stores.first().ok_or("no store is named")?;
    let rookery = Rookery::start(config, store).await?;
    let server = rookery.server();
    let think = config
        .think
        .first()
        .copied()
        .filter(|think| !think.is_zero());
    let load = Load {
        think: think.unwrap_or(THINK),
        duration: config.duration,
        seed: config.seed,
    };
    let matches = players.div_ceil(2);
    // All of them first: what they leave in the store is no connection's.
    let mut invitations = Vec::new();
    for _ in DOORS {
        invitations.push(rookery.players.invite(matches).await?);
    }
    sleep(CALM).await;
    let mut doors = Vec::new();
    let mut crowds = Vec::new();
    for ((name, transports), invited) in DOORS.into_iter().zip(invitations) {
        let connector = Arc::new(Connector::bind(SOCKETS, TIMES)?.by(transports));
        let (figures, pairs) = sit_down(server, name, connector, invited).await?;
        doors.push(figures);
        crowds.push(pairs.into_iter().map(|pair| (pair, 0)).collect::<Vec<_>>());
    }
    let before = server.cpu_time();
    sleep(load.duration).await;
    let idle = (server.cpu_time().saturating_sub(before)).div_f64(load.duration.as_secs_f64());
    for (figures, crowd) in doors.iter_mut().zip(&mut crowds) {
        let before = server.cpu_time();
        let began = Instant::now();
        let played = play(std::mem::take(crowd), load).await?;
        let idle = idle.mul_f64(began.elapsed().as_secs_f64());
        let used = server
            .cpu_time()
            .saturating_sub(before)
            .saturating_sub(idle);
        figures.moves = played.acks.n;
        figures.move_us = us(used) / (played.acks.n.max(1)) as f64;
        figures.ack_ms = played.acks;
        *crowd = played.crowd;
    }
    let mut together = Vec::new();
    for crowd in crowds {
        together.push(tokio::spawn(play(crowd, load)));
    }
    for (figures, playing) in doors.iter_mut().zip(together) {
        figures.ack_ms_together = playing.await??.acks;
    }
    if server.has_died() {
        return Err("the server ended while it was measured".into());
    }
    Ok(Doors {
        players: 2 * matches,
        think_ms: load.think.as_millis() as u64,
        idle_us_per_s: us(idle),
        doors,
    })
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Lets those who are invited take their seats, and says what that cost.
async fn sit_down(
    server: &Place,
    transport: &'static str,
    connector: Arc<Connector>,
    invited: Vec<Invitation>,
) -> Result<(DoorFigures, Vec<MatchPair>), BenchError> {
    let connections = (2 * invited.len()) as f64;
    let (memory, cpu) = (server.resident_bytes(), server.cpu_time());
    let pairs = some_at_once(invited, |invitation| {
        let connector = Arc::clone(&connector);
        async move { invitation.sit_down(&connector).await }
    })
    .await?;
    let used = server.cpu_time().saturating_sub(cpu);
    sleep(CALM).await;
    let bytes = server.resident_bytes().saturating_sub(memory);
    let figures = DoorFigures {
        transport,
        connection_bytes: bytes as f64 / connections,
        seat_us: us(used) / connections,
        moves: 0,
        move_us: 0.0,
        ack_ms: Percentiles::default(),
        ack_ms_together: Percentiles::default(),
    };
    Ok((figures, pairs))
}

/// How pairs play.
#[derive(Debug, Clone, Copy)]
struct Load {
    think: Duration,
    duration: Duration,
    seed: u64,
}

/// Pairs, each with the number of moves that it has made.
type Crowd = Vec<(MatchPair, usize)>;

/// What pairs did, and they themselves.
struct Played {
    acks: Percentiles,
    crowd: Crowd,
}

/// Lets pairs play for the time of the load; a pair whose game is played out has nothing more to do.
async fn play(crowd: Crowd, load: Load) -> Result<Played, BenchError> {
    let end = Instant::now() + load.duration;
    let mut playing = JoinSet::new();
    for (index, (mut pair, mut n)) in crowd.into_iter().enumerate() {
        let mut dice = StdRng::seed_from_u64(load.seed.wrapping_add(index as u64));
        playing.spawn(async move {
            let mut acks = Vec::new();
            let mut next = Instant::now() + load.think.mul_f64(dice.random::<f64>());
            while next < end {
                sleep_until(next).await;
                let Some(took) = pair.play(n).await? else {
                    break;
                };
                acks.push(took.ack);
                n += 1;
                next = Instant::now() + load.think.mul_f64(0.5 + dice.random::<f64>());
            }
            Ok::<_, BenchError>((acks, pair, n))
        });
    }
    let mut times = Times::default();
    let mut crowd = Vec::new();
    while let Some(played) = playing.join_next().await {
        let (acks, pair, n) = played??;
        acks.into_iter().for_each(|ack| times.record(ack));
        crowd.push((pair, n));
    }
    Ok(Played {
        acks: times.percentiles(),
        crowd,
    })
}
