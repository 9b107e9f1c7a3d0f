//! The server itself: matches made by its matchmaker, played on one shard.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use game_core::{
    ClockStart, ColorChoice, CommandId, CommandKind, EventKind, MatchId, TimeControl, Uci,
};
use protocol::http::{NewChallenge, SeatReply, Terms};
use protocol::{ClientFrame, Join, JoinFlags, ServerBody, VERSION, codec};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::time::Instant;

use super::args::BenchConfig;
use super::games::Games;
use super::operators::Operators;
use super::rounds::{Datagrams, Pair, Subject, Took, mover_first};
use super::seating::{Seated, seat_all, some_at_once};
use super::{BenchError, BenchStore, NO_REWRITE, SETUP_MAX, SOCKETS, TIMES};
use crate::cluster::start_redis;
use client::{Connector, Exchanged, Matchmaker, ShardStream};
use supervisor::{Place, Redis, START_MAX};

/// Nobody loses on time.
const INITIAL_MS: u64 = 3 * 60 * 60 * 1_000;

/// A server with one shard, in a process of its own.
pub(super) struct Rookery {
    place: Place,
    redis: Option<Arc<Redis>>,
    pub(super) players: Players,
    /// Where operators look, and with which token; nowhere if none do.
    admin: Option<(Vec<String>, String)>,
    _directory: TempDir,
}

/// Those who play: two new guests for every match, as a player has few connections.
#[derive(Clone)]
pub(super) struct Players {
    matchmaker: Matchmaker,
    connector: Arc<Connector>,
    games: Games,
}

impl Rookery {
    /// Starts the server on a store of its own.
    pub(super) async fn start(config: &BenchConfig, store: BenchStore) -> Result<Self, BenchError> {
        let directory = tempfile::tempdir()?;
        let redis = match store {
            BenchStore::Redis => Some(start_redis(directory.path(), &NO_REWRITE).await?),
            BenchStore::None | BenchStore::Embedded => None,
        };
        let url = match (store, &redis) {
            (BenchStore::None, _) => Some("none"),
            (_, redis) => redis.as_ref().map(|redis| redis.url()),
        };
        let place = Place::new("rookery", directory.path());
        place.start(&mut command(&config.server, directory.path(), url))?;
        let ready_file = directory.path().join(READY_FILE);
        let ready: Ready = place.ready(&ready_file, START_MAX).await?;
        let players = Players::new(&ready.matchmaker, config.seed)?;
        let admin = config.operators.then(|| ready.admin());
        Ok(Self {
            place,
            redis,
            players,
            admin,
            _directory: directory,
        })
    }
}

impl Players {
    /// Who asks the matchmaker at `url` for matches; `seed` draws the games that they play.
    pub(super) fn new(url: &str, seed: u64) -> Result<Self, BenchError> {
        Ok(Self {
            matchmaker: Matchmaker::new(url, SETUP_MAX)?,
            connector: Arc::new(Connector::bind(SOCKETS, TIMES)?),
            games: Games::new(seed),
        })
    }

    pub(super) fn matchmaker(&self) -> &Matchmaker {
        &self.matchmaker
    }

    pub(super) fn connector(&self) -> Arc<Connector> {
        Arc::clone(&self.connector)
    }

    /// Makes matches, and asks where both seats of each are.
    pub(super) async fn invite(&self, matches: u32) -> Result<Vec<Invitation>, BenchError> {
        some_at_once(0..matches as usize, |index| {
            let matchmaker = self.matchmaker.clone();
            let moves = self.games.of(index);
            async move {
                let ann = matchmaker.new_bot(None).await?;
                let bob = matchmaker.new_bot(None).await?;
                let tokens = [ann.token, bob.token];
                let id = new_match(&matchmaker, &tokens).await?;
                let white = matchmaker.seat(&tokens[0], id).await?;
                let black = matchmaker.seat(&tokens[1], id).await?;
                let seats = [white, black];
                Ok(Invitation { seats, moves })
            }
        })
        .await
    }
}

impl Players {
    /// Has a new guest watch a match.
    pub(super) async fn watch(&self, id: MatchId) -> Result<BenchSeat, BenchError> {
        let guest = self.matchmaker.new_bot(None).await?;
        let seat = self.matchmaker.watch(&guest.token, id).await?;
        BenchSeat::take(&self.connector, seat).await
    }
}

fn command(server: &Path, directory: &Path, store: Option<&str>) -> Command {
    let mut command = Command::new(server);
    command.args(["dev", "--shards", "1"]);
    command.args(["--matchmaker-port", "0", "--shard-port", "0"]);
    command.arg("--data-dir").arg(directory);
    command.arg("--ready-file").arg(directory.join(READY_FILE));
    if let Some(store) = store {
        command.args(["--store", store]);
    }
    command.env("RUST_LOG", "error");
    command
}

const READY_FILE: &str = "ready.json";

/// Where the server answers, as it writes it into its ready file.
#[derive(Debug, Deserialize)]
struct Ready {
    matchmaker: String,
    admin: String,
    admin_token: String,
    shards: Vec<ReadyShard>,
}

#[derive(Debug, Deserialize)]
struct ReadyShard {
    admin: String,
}

impl Ready {
    /// The admin endpoints, and the token that they take.
    fn admin(&self) -> (Vec<String>, String) {
        let shards = self.shards.iter().map(|shard| &shard.admin);
        let endpoints = std::iter::once(&self.admin).chain(shards);
        (endpoints.cloned().collect(), self.admin_token.clone())
    }
}

pub(super) async fn new_match(
    matchmaker: &Matchmaker,
    [ann, bob]: &[String; 2],
) -> Result<MatchId, BenchError> {
    let challenge = NewChallenge {
        terms: Terms {
            clock_start: ClockStart::AtOnce,
            ..Terms::usual(TimeControl::from_millis(INITIAL_MS, 0)?)
        },
        color: ColorChoice::White,
        opponent: None,
        opponent_name: None,
        open: false,
        expires_in_s: None,
    };
    let ticket = matchmaker.create_challenge(ann, &challenge).await?;
    let accepted = matchmaker.accept_challenge(bob, &ticket.id).await?;
    Ok(accepted.match_id.ok_or("the matchmaker names no match")?)
}

impl Subject for Rookery {
    type Pair = MatchPair;

    fn server(&self) -> &Place {
        &self.place
    }

    fn redis(&self) -> Option<&Redis> {
        self.redis.as_deref()
    }

    async fn operators(&self) -> Result<Option<Operators>, BenchError> {
        Ok(match &self.admin {
            Some((endpoints, token)) => Some(Operators::new(endpoints, token).await?),
            None => None,
        })
    }

    async fn seat(&self, matches: u32) -> Result<Seated<MatchPair>, BenchError> {
        let before = self.place.resident_bytes();
        let invitations = self.players.invite(matches).await?;
        let alone = self.place.resident_bytes().saturating_sub(before);
        let seated = seat_all(&self.place, invitations, |invitation| {
            let connector = self.players.connector();
            async move { invitation.sit_down(&connector).await }
        })
        .await?;
        Ok(Seated {
            alone_bytes: Some(alone),
            ..seated
        })
    }
}

/// A match that waits for its players, and what they are to play.
pub(super) struct Invitation {
    seats: [SeatReply; 2],
    moves: Arc<[Uci]>,
}

impl Invitation {
    pub(super) fn match_id(&self) -> MatchId {
        self.seats[0].match_id
    }

    pub(super) fn moves(&self) -> Arc<[Uci]> {
        Arc::clone(&self.moves)
    }

    /// Takes both seats.
    pub(super) async fn sit_down(self, connector: &Connector) -> Result<MatchPair, BenchError> {
        let [white, black] = self.seats;
        let white = BenchSeat::take(connector, white).await?;
        let black = BenchSeat::take(connector, black).await?;
        Ok(MatchPair {
            seats: [white, black],
            moves: self.moves,
        })
    }
}

/// A seat, or a spectator's place, with no opinion and no memory: it costs the clients as little as can be.
pub(super) struct BenchSeat {
    stream: ShardStream,
    buffer: BytesMut,
}

impl BenchSeat {
    async fn take(connector: &Connector, seat: SeatReply) -> Result<Self, BenchError> {
        let mut taken = Self {
            stream: connector.open(&seat.shard).await?,
            buffer: BytesMut::new(),
        };
        let join = Join {
            version: VERSION,
            flags: JoinFlags::NONE,
            match_id: seat.match_id,
            token: seat.token,
            seen: None,
        };
        taken.send(&ClientFrame::Join(join)).await?;
        taken
            .until(|body| matches!(body, ServerBody::Joined(_)))
            .await?;
        Ok(taken)
    }

    async fn send(&mut self, frame: &ClientFrame) -> Result<(), BenchError> {
        let mut frame = codec::encode_client(frame);
        while !frame.is_empty() {
            match self.stream.exchange(&frame).await? {
                Exchanged::Wrote(len) => frame.advance(len),
                Exchanged::Read(bytes) => self.buffer.extend_from_slice(&bytes),
            }
        }
        Ok(())
    }

    async fn until_acked(&mut self, id: CommandId) -> Result<(), BenchError> {
        let is_ack = |body: &ServerBody| matches!(body, ServerBody::Ack { command_id, .. } if *command_id == id);
        self.until(is_ack).await
    }

    pub(super) async fn until_played(&mut self, uci: Uci) -> Result<(), BenchError> {
        self.until(|body| {
            matches!(body, ServerBody::Event(event)
                if matches!(event.kind, Some(EventKind::Moved { uci: played, .. }) if played == uci))
        })
        .await
    }

    /// Reads until a frame is as wanted. What says that something went wrong ends the benchmark.
    async fn until(&mut self, wanted: impl Fn(&ServerBody) -> bool) -> Result<(), BenchError> {
        loop {
            while let Some(received) = codec::decode_server(&mut self.buffer)? {
                match received.frame.body {
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
            if let Exchanged::Read(bytes) = self.stream.exchange(&[]).await? {
                self.buffer.extend_from_slice(&bytes);
            }
        }
    }
}

pub(super) struct MatchPair {
    seats: [BenchSeat; 2],
    moves: Arc<[Uci]>,
}

impl Pair for MatchPair {
    async fn play(&mut self, n: usize) -> Result<Option<Took>, BenchError> {
        let Some(&uci) = self.moves.get(n) else {
            return Ok(None);
        };
        let (mover, other) = mover_first(&mut self.seats, n);
        let id = CommandId(n as u64);
        // Every event of the match is a move.
        let kind = CommandKind::plain_move(n as u32, uci);
        let sent = Instant::now();
        mover.send(&ClientFrame::Command { id, kind }).await?;
        let ack = async { mover.until_acked(id).await.map(|()| sent.elapsed()) };
        let relay = async { other.until_played(uci).await.map(|()| sent.elapsed()) };
        let (ack, relay) = tokio::try_join!(ack, relay)?;
        Ok(Some(Took { ack, relay }))
    }

    fn datagrams(&self) -> Option<Datagrams> {
        let seats = self.seats.iter();
        let each = seats.map(|seat| {
            let (sent, received) = seat.stream.datagrams()?;
            Some(Datagrams {
                received: sent,
                sent: received,
            })
        });
        each.sum()
    }

    async fn finish(mut self) -> Result<(), BenchError> {
        let id = CommandId(self.moves.len() as u64);
        let kind = CommandKind::Resign;
        let [white, _] = &mut self.seats;
        white.send(&ClientFrame::Command { id, kind }).await?;
        white.until_acked(id).await
    }
}
