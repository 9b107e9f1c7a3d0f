//! The server itself: matches made by its matchmaker, played on one shard.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::BytesMut;
use game_core::{ClockStart, ColorChoice, CommandId, CommandKind, EventKind, TimeControl, Uci};
use protocol::http::{NewChallenge, SeatReply};
use protocol::{ClientFrame, Join, ServerBody, codec};
use quinn::{Connection, RecvStream, SendStream};
use tokio::time::{Instant, sleep, timeout};

use super::games::random_game;
use super::processes::{Process, redis, server_binary};
use super::report::{Figures, Used};
use super::{BenchArgs, BenchError, BenchStore, Pair, SETUP_MAX, play_all};
use crate::connection::ConnectionTimes;
use crate::{Connector, Matchmaker};

/// Clients' UDP sockets, as for the relay.
const SOCKETS: usize = 2;
/// Nobody loses on time.
const INITIAL_MS: u64 = 3 * 60 * 60 * 1_000;

/// Measures a server with one shard, in a process of its own.
pub(super) async fn measure(args: &BenchArgs, matches: u32) -> Result<Figures, BenchError> {
    let directory = tempfile::tempdir()?;
    let store = match args.store {
        BenchStore::Embedded => None,
        BenchStore::Redis => Some(redis(directory.path())?),
    };
    let url = store.as_ref().map(|(_, url)| url.as_str());
    let (mut server, matchmaker) = start(args, directory.path(), url).await?;
    let setup = timeout(SETUP_MAX, seat_pairs(&matchmaker, args.seed, matches)).await;
    let (pairs, _connector) = setup.map_err(|_| "the matches were not set up in time")??;
    let mut samples = Vec::new();
    let store_cpu = || {
        store
            .as_ref()
            .map(|(process, _)| process.cpu().as_secs_f64())
    };
    let duration = Duration::from_secs(args.seconds);
    let seen = play_all(pairs, duration, || {
        samples.push((server.cpu().as_secs_f64(), store_cpu()));
    })
    .await?;
    if server.has_ended() {
        return Err("the server ended while it was measured".into());
    }
    let ((server_before, store_before), (server_after, store_after)) = (samples[0], samples[1]);
    let used = Used {
        server_s: server_after - server_before,
        store_s: store_after
            .zip(store_before)
            .map(|(after, before)| after - before),
        server_rss: server.resident(),
    };
    Ok(Figures::new(&seen, &used))
}

async fn start(
    args: &BenchArgs,
    directory: &Path,
    store: Option<&str>,
) -> Result<(Process, Matchmaker), BenchError> {
    let ready = directory.join("ready.json");
    let mut command = Command::new(server_binary(args.server.as_ref())?);
    command.args([
        "dev",
        "--shards",
        "1",
        "--matchmaker-port",
        "0",
        "--shard-port",
        "0",
    ]);
    command
        .arg("--data-dir")
        .arg(directory)
        .arg("--ready-file")
        .arg(&ready);
    command.env("RUST_LOG", "error").stdout(Stdio::null());
    if let Some(url) = store {
        command.args(["--store", url]);
    }
    let mut server = Process::start(&mut command)?;
    let end = Instant::now() + SETUP_MAX;
    loop {
        if let Ok(text) = std::fs::read_to_string(&ready) {
            let text: serde_json::Value = serde_json::from_str(&text)?;
            let url = text["matchmaker"]
                .as_str()
                .ok_or("the ready file names no matchmaker")?;
            return Ok((server, Matchmaker::new(url, SETUP_MAX)?));
        }
        if server.has_ended() || Instant::now() > end {
            return Err("the server does not start; run it by itself to see why".into());
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn seat_pairs(
    matchmaker: &Matchmaker,
    seed: u64,
    matches: u32,
) -> Result<(Vec<MatchPair>, Connector), BenchError> {
    let connector = Connector::bind(SOCKETS, ConnectionTimes::default())?;
    let (ann, bob) = (
        matchmaker.new_player(None).await?,
        matchmaker.new_player(None).await?,
    );
    let challenge = NewChallenge {
        time_control: TimeControl::from_millis(INITIAL_MS, 0)?,
        color: ColorChoice::White,
        fen: None,
        clock_start: ClockStart::AtOnce,
        opponent: None,
    };
    let mut pairs = Vec::new();
    for index in 0..matches {
        let ticket = matchmaker.create_challenge(&ann.token, &challenge).await?;
        let accepted = matchmaker.accept_challenge(&bob.token, &ticket.id).await?;
        let id = accepted.match_id.ok_or("the matchmaker names no match")?;
        let white = BenchSeat::take(&connector, matchmaker.seat(&ann.token, id).await?).await?;
        let black = BenchSeat::take(&connector, matchmaker.seat(&bob.token, id).await?).await?;
        let moves = random_game(seed.wrapping_add(u64::from(index)));
        pairs.push(MatchPair {
            seats: [white, black],
            moves,
        });
    }
    Ok((pairs, connector))
}

/// A seat with no opinion and no memory: it costs the clients as little as can be.
struct BenchSeat {
    send: SendStream,
    recv: RecvStream,
    buffer: BytesMut,
    _connection: Connection,
}

impl BenchSeat {
    async fn take(connector: &Connector, seat: SeatReply) -> Result<Self, BenchError> {
        let connection = connector.connect(&seat.shard).await?;
        let (send, recv) = connection.open_bi().await?;
        let mut taken = Self {
            send,
            recv,
            buffer: BytesMut::new(),
            _connection: connection,
        };
        let join = Join {
            match_id: seat.match_id,
            token: seat.token,
            seen: None,
        };
        taken
            .send
            .write_all(&codec::encode_client(&ClientFrame::Join(join)))
            .await?;
        taken
            .until(|body| matches!(body, ServerBody::Joined(_)))
            .await?;
        Ok(taken)
    }

    /// Reads until a frame is as wanted. What says that something went wrong ends the benchmark.
    async fn until(&mut self, wanted: impl Fn(&ServerBody) -> bool) -> Result<(), BenchError> {
        loop {
            while let Some(frame) = codec::decode_server(&mut self.buffer)? {
                match frame.body {
                    ServerBody::Refused { reason, .. } => {
                        return Err(format!("a move was refused: {reason}").into());
                    }
                    ServerBody::Closed(code) => {
                        return Err(format!("a seat was closed: {code}").into());
                    }
                    body if wanted(&body) => return Ok(()),
                    _ => {}
                }
            }
            let chunk = self.recv.read_chunk(16 * 1_024, true).await?;
            let chunk = chunk.ok_or("a stream ended")?;
            self.buffer.extend_from_slice(&chunk.bytes);
        }
    }
}

struct MatchPair {
    seats: [BenchSeat; 2],
    moves: Vec<Uci>,
}

impl Pair for MatchPair {
    async fn play(&mut self, n: usize) -> Result<Option<Duration>, BenchError> {
        let Some(&uci) = self.moves.get(n) else {
            return Ok(None);
        };
        let [white, black] = &mut self.seats;
        let (mover, other) = if n.is_multiple_of(2) {
            (white, black)
        } else {
            (black, white)
        };
        let kind = CommandKind::Move {
            ply: n as u16,
            uci,
            offers_draw: false,
        };
        let frame = codec::encode_client(&ClientFrame::Command {
            id: CommandId(n as u64),
            kind,
        });
        let sent = Instant::now();
        mover.send.write_all(&frame).await?;
        let id = CommandId(n as u64);
        mover
            .until(|body| matches!(body, ServerBody::Ack { command_id, .. } if *command_id == id))
            .await?;
        let took = sent.elapsed();
        other
            .until(|body| {
                matches!(body, ServerBody::Event(event)
                    if matches!(event.kind, EventKind::Moved { uci: played, .. } if played == uci))
            })
            .await?;
        Ok(Some(took))
    }
}
