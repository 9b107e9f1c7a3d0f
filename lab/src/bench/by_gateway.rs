//! Bots who play by a gateway, a process of its own: what their moves cost it beside what they cost the server, and
//! whether its memory stays flat.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use client::Matchmaker;
use game_core::Uci;
use protocol::http::{ApiScope, NewAccount, NewApiToken};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::BenchError;
use super::args::BenchConfig;
use super::games::Games;
use super::rookery::Rookery;
use super::rounds::Subject;
use super::seating::some_at_once;
use crate::soak::figures::{Percentiles, Times};
use supervisor::{Place, START_MAX};

/// How long pairs think where they are to play as fast as moves are answered: what is asked for is what a move costs, and
/// not how many a saturated machine takes.
const THINK: Duration = Duration::from_secs(1);
/// Time after which what the beginning left behind is given back, and the threads that hashed passwords have ended: the CPU
/// time of a process is that of its living threads.
const CALM: Duration = Duration::from_secs(12);
/// A stream that says nothing for longer, not even a blank line, is one that a client would leave.
const SILENCE_MAX: Duration = Duration::from_secs(9);
/// Nobody loses on time.
const CLOCK: &str = "clock.limit=10800&clock.increment=0&color=white";

/// What bots by a gateway cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByGateway {
    /// Bots, each with a stream of its events and one of its game.
    pub bots: u32,
    /// How long each pair waits before a move on average, in milliseconds.
    pub think_ms: u64,
    /// Games that were begun.
    pub games: u64,
    /// Moves that were answered.
    pub moves: u64,
    /// CPU time that the gateway uses in a second while all streams are open and nobody plays, in microseconds.
    pub gateway_idle_us_per_s: f64,
    /// The same of the server.
    pub server_idle_us_per_s: f64,
    /// CPU time of the gateway for a move, without what it uses when nobody plays, in microseconds.
    pub gateway_us: f64,
    /// CPU time of the server, matchmaker and shard, for the same move, in microseconds.
    pub server_us: f64,
    /// The gateway's over the server's.
    pub ratio: f64,
    /// Answers to moves, in milliseconds.
    pub ack_ms: Percentiles,
    /// Memory of the gateway for a bot, its streams and its seat, in bytes.
    pub bot_bytes: f64,
    /// Memory of the gateway at ten moments of play, in bytes.
    pub resident_bytes: Vec<u64>,
}

/// Has bots play by a gateway for the time of the run.
pub(super) async fn measure(config: &BenchConfig, bots: u32) -> Result<ByGateway, BenchError> {
    let store = *config.stores.first().ok_or("no store is named")?;
    let rookery = Rookery::start(config, store).await?;
    let server = rookery.server();
    let gateway = Gateway::start(config, rookery.players.matchmaker().base()).await?;
    let think = config.think.first().copied();
    let think = think.filter(|think| !think.is_zero()).unwrap_or(THINK);

    let pairs = bots.div_ceil(2);
    let bots = 2 * pairs;
    let made = some_at_once(0..bots, |number| {
        let matchmaker = rookery.players.matchmaker().clone();
        let url = gateway.url.clone();
        async move { Bot::new(&matchmaker, url, number).await }
    })
    .await?;
    let before = gateway.place.resident_bytes();
    let mut streams = Vec::new();
    for bot in &made {
        streams.push(bot.listen().await?);
    }
    let games = Games::new(config.seed);
    let mut made = made.into_iter();
    let mut seats = Vec::new();
    while let (Some(white), Some(black)) = (made.next(), made.next()) {
        seats.push([white, black]);
    }
    let mut tables = some_at_once(seats, |bots| async move { Table::set(bots).await }).await?;
    sleep(CALM).await;
    let bot_bytes = gateway.place.resident_bytes().saturating_sub(before);

    let meters = [&gateway.place, server];
    let idle = Meter::read(meters);
    sleep(config.duration.min(IDLE_MAX)).await;
    let idle = idle.per_s(meters);

    let (began, meter) = (Instant::now(), Meter::read(meters));
    let end = began + config.duration;
    let mut playing = JoinSet::new();
    for (index, mut table) in tables.drain(..).enumerate() {
        let dice = StdRng::seed_from_u64(config.seed.wrapping_add(index as u64));
        let games = games.clone();
        playing.spawn(async move {
            let games = |n: usize| games.of(index + n);
            let done = table.play(games, think, end, dice).await?;
            Ok::<_, BenchError>((done, table))
        });
    }
    let mut resident_bytes = Vec::new();
    for tenth in 1..=10 {
        sleep_until(began + config.duration * tenth / 10).await;
        resident_bytes.push(gateway.place.resident_bytes());
    }
    let (mut acks, mut begun) = (Times::default(), u64::from(pairs));
    while let Some(played) = playing.join_next().await {
        let (done, _table) = played??;
        done.acks.into_iter().for_each(|ack| acks.record(ack));
        begun += done.begun;
    }
    let elapsed = began.elapsed().as_secs_f64();
    let used = meter.used(meters);
    if let Some(ended) = streams.iter().find(|stream| stream.is_finished()) {
        return Err(format!("a stream of events ended: {ended:?}").into());
    }
    streams.iter().for_each(JoinHandle::abort);
    if server.has_died() || gateway.place.has_died() {
        return Err("the server or the gateway ended while it was measured".into());
    }
    let acks = acks.percentiles();
    let a_move = |n: usize| (used[n] - idle[n] * elapsed).max(0.0) / acks.n.max(1) as f64;
    let (gateway_us, server_us) = (a_move(0), a_move(1));
    Ok(ByGateway {
        bots,
        think_ms: think.as_millis() as u64,
        games: begun,
        moves: acks.n,
        gateway_idle_us_per_s: idle[0],
        server_idle_us_per_s: idle[1],
        gateway_us,
        server_us,
        ratio: super::figures::over(gateway_us, server_us),
        ack_ms: acks,
        bot_bytes: bot_bytes as f64 / f64::from(bots),
        resident_bytes,
    })
}

/// For how long it is looked at what is used when nobody plays.
const IDLE_MAX: Duration = Duration::from_secs(20);

/// CPU times at a moment, in microseconds: of the gateway, and of the server.
struct Meter {
    at: Instant,
    us: [f64; 2],
}

impl Meter {
    fn read(places: [&Place; 2]) -> Self {
        Self {
            at: Instant::now(),
            us: places.map(|place| place.cpu_time().as_secs_f64() * 1e6),
        }
    }

    fn used(&self, places: [&Place; 2]) -> [f64; 2] {
        let now = Self::read(places);
        [now.us[0] - self.us[0], now.us[1] - self.us[1]]
    }

    fn per_s(&self, places: [&Place; 2]) -> [f64; 2] {
        let used = self.used(places);
        used.map(|us| us / self.at.elapsed().as_secs_f64())
    }
}

/// A gateway, in a process of its own.
struct Gateway {
    place: Place,
    url: String,
    _directory: TempDir,
}

impl Gateway {
    async fn start(config: &BenchConfig, matchmaker: &str) -> Result<Self, BenchError> {
        #[derive(Deserialize)]
        struct Ready {
            gateway: String,
        }
        let directory = tempfile::tempdir()?;
        let ready_file = directory.path().join("ready.json");
        let place = Place::new("gateway", directory.path());
        let mut command = Command::new(&config.server);
        command.args([
            "gateway",
            "--listen",
            "127.0.0.1:0",
            "--matchmaker",
            matchmaker,
        ]);
        // All bots are at this address.
        command.args(["--limit-exempt", "127.0.0.1"]);
        command.arg("--ready-file").arg(&ready_file);
        command.env("RUST_LOG", "error");
        place.start(&mut command)?;
        let ready: Ready = place.ready(&ready_file, START_MAX).await?;
        Ok(Self {
            place,
            url: ready.gateway,
            _directory: directory,
        })
    }
}

/// A bot, with connections of its own, as a program of its own has.
#[derive(Clone)]
struct Bot {
    name: String,
    token: String,
    url: String,
    http: reqwest::Client,
}

impl Bot {
    async fn new(matchmaker: &Matchmaker, url: String, number: u32) -> Result<Self, BenchError> {
        let account = NewAccount {
            name: format!("Bench-{number}"),
            password: format!("{:032x}", rand::random::<u128>()),
            bot: true,
            invitation: None,
        };
        let session = matchmaker.sign_up(&account).await?.token;
        let wanted = NewApiToken {
            label: "bench".to_owned(),
            scopes: vec![ApiScope::Play],
        };
        Ok(Self {
            name: account.name,
            token: matchmaker.new_api_token(&session, &wanted).await?.token,
            url,
            http: reqwest::Client::builder().no_proxy().build()?,
        })
    }

    /// Sends a request with an answer in JSON, or says what was answered instead.
    async fn post(&self, path: &str, form: &'static str) -> Result<serde_json::Value, BenchError> {
        let response = self.send(path, form).await?;
        let status = response.status();
        let answer = response.text().await?;
        if !status.is_success() {
            return Err(format!("POST {path} was answered with {status}: {answer}").into());
        }
        Ok(serde_json::from_str(&answer)?)
    }

    /// Sends a request in a game; whether it was in time.
    async fn tries(&self, path: &str) -> Result<bool, BenchError> {
        let response = self.send(path, "").await?;
        let status = response.status();
        let answer = response.text().await?;
        if status.is_success() || status == StatusCode::BAD_REQUEST {
            return Ok(status.is_success());
        }
        Err(format!("POST {path} was answered with {status}: {answer}").into())
    }

    async fn send(&self, path: &str, form: &'static str) -> Result<reqwest::Response, BenchError> {
        let request = self.http.post(format!("{}{path}", self.url));
        let request = request.bearer_auth(&self.token).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Ok(request.send().await?)
    }

    async fn open(&self, path: &str) -> Result<Lines, BenchError> {
        let request = self.http.get(format!("{}{path}", self.url));
        let response = request.bearer_auth(&self.token).send().await?;
        Ok(Lines {
            response: response.error_for_status()?,
            unread: Vec::new(),
        })
    }

    /// Reads the bot's events as long as they come.
    async fn listen(&self) -> Result<JoinHandle<Result<(), String>>, BenchError> {
        let mut lines = self.open("/api/stream/event").await?;
        Ok(tokio::spawn(async move {
            loop {
                match lines.next().await {
                    Ok(Some(_)) => {}
                    Ok(None) => return Err("at its end".to_owned()),
                    Err(error) => return Err(error.to_string()),
                }
            }
        }))
    }
}

/// A stream of lines.
struct Lines {
    response: reqwest::Response,
    unread: Vec<u8>,
}

impl Lines {
    /// The next line, which may be blank; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<u8>>, BenchError> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(self.unread.drain(..=end).collect()));
            }
            let chunk = timeout(SILENCE_MAX, self.response.chunk()).await;
            let silent = |_| format!("a stream was silent for {SILENCE_MAX:?}");
            match chunk.map_err(silent)?? {
                Some(chunk) => self.unread.extend_from_slice(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// The next state of the game; `None` at the end.
    async fn state(&mut self) -> Result<Option<State>, BenchError> {
        #[derive(Deserialize)]
        struct Line {
            state: Option<State>,
            #[serde(flatten)]
            own: Option<State>,
        }
        while let Some(line) = self.next().await? {
            if line.len() < 2 {
                continue;
            }
            let line: Line = serde_json::from_slice(&line)?;
            if let Some(state) = line.state.or(line.own) {
                return Ok(Some(state));
            }
        }
        Ok(None)
    }
}

/// What a line tells of a game.
#[derive(Deserialize)]
struct State {
    moves: String,
    status: String,
}

impl State {
    fn plies(&self) -> usize {
        self.moves.split_whitespace().count()
    }

    fn is_over(&self) -> bool {
        self.status != "started" && self.status != "created"
    }
}

/// Two bots in a game.
struct Table {
    bots: [Bot; 2],
    game: String,
    lines: [Lines; 2],
}

/// What was done at a table.
#[derive(Default)]
struct Done {
    acks: Vec<Duration>,
    /// Games beyond the first.
    begun: u64,
}

impl Table {
    /// Begins a game of two bots.
    async fn set(bots: [Bot; 2]) -> Result<Self, BenchError> {
        let (game, lines) = begin(&bots).await?;
        Ok(Self { bots, game, lines })
    }

    /// Plays until the end of the run, one game after the other.
    async fn play(
        &mut self,
        games: impl Fn(usize) -> Arc<[Uci]>,
        think: Duration,
        end: Instant,
        mut dice: StdRng,
    ) -> Result<Done, BenchError> {
        let mut done = Done::default();
        let mut next = Instant::now() + think.mul_f64(dice.random::<f64>());
        let (mut game, mut ply) = (games(0), 0);
        while next < end {
            sleep_until(next).await;
            next = Instant::now() + think.mul_f64(0.5 + dice.random::<f64>());
            let over = match game.get(ply) {
                Some(uci) => {
                    let began = Instant::now();
                    let path = format!("/api/bot/game/{}/move/{uci}", self.game);
                    if self.bots[ply % 2].tries(&path).await? {
                        done.acks.push(began.elapsed());
                        ply += 1;
                        self.until(ply).await?
                    } else {
                        // The move before has ended the game, by a rule.
                        self.until(usize::MAX).await?
                    }
                }
                None => {
                    let path = format!("/api/bot/game/{}/resign", self.game);
                    self.bots[0].tries(&path).await?;
                    self.until(usize::MAX).await?
                }
            };
            if over {
                (self.game, self.lines) = begin(&self.bots).await?;
                done.begun += 1;
                (game, ply) = (games(done.begun as usize), 0);
            }
        }
        Ok(done)
    }

    /// Waits until both have been told of this number of plies, or of the end of the game; whether it is over.
    async fn until(&mut self, plies: usize) -> Result<bool, BenchError> {
        let mut over = false;
        for lines in &mut self.lines {
            loop {
                let state = lines.state().await?;
                let state = state.ok_or("the stream of a game ended before the game")?;
                over |= state.is_over();
                if state.is_over() || state.plies() >= plies {
                    break;
                }
            }
        }
        Ok(over)
    }
}

/// Has the first of two bots challenge the other, and opens the streams of both.
async fn begin(bots: &[Bot; 2]) -> Result<(String, [Lines; 2]), BenchError> {
    let [white, black] = bots;
    let path = format!("/api/challenge/{}", black.name);
    let challenge = white.post(&path, CLOCK).await?;
    let id = challenge["id"].as_str();
    let id = id.ok_or_else(|| format!("a challenge has no id: {challenge}"))?;
    black
        .post(&format!("/api/challenge/{id}/accept"), "")
        .await?;
    let path = format!("/api/bot/game/stream/{id}");
    let lines = [white.open(&path).await?, black.open(&path).await?];
    Ok((id.to_owned(), lines))
}
