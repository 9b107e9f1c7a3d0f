//! An installation of several processes on one Redis, its admin endpoints, and matches whose moves a test
//! makes by hand.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::{Matchmaker, MatchmakerError};
use game_core::{ClockStart, ColorChoice, MatchId, Seat};
use protocol::http::{NewChallenge, SeatReply, Terms};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use store::testing::RedisServer;
use supervisor::{POLL_EVERY, Place, Signal};
use tempfile::TempDir;
use tokens::SigningKey;
use tokio::time::sleep;

use crate::browser::Doors;
use crate::process::{binary, free_tcp_port};
use crate::wire::RawClient;

/// Whatever is waited for must come within this, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A matchmaker and shards, each a process with an admin endpoint; all of it ends when it is dropped.
pub struct Installation {
    /// The shards, by number.
    pub shards: Vec<ShardProcess>,
    /// The admin endpoint of the whole.
    pub admin: Endpoint,
    /// URL of the matchmaker.
    pub matchmaker: String,
    matchmaker_place: Place,
    matchmaker_command: Started,
    directory: TempDir,
    /// What all of them share.
    pub redis: Arc<RedisServer>,
}

/// How a process was started.
struct Started {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// A shard of the installation.
pub struct ShardProcess {
    /// Which process.
    pub id: String,
    /// Its admin endpoint.
    pub admin: Endpoint,
    /// Where it listens for pages.
    pub doors: Doors,
    place: Place,
    /// What it was started with.
    command: Vec<String>,
    environment: Vec<(String, String)>,
}

impl ShardProcess {
    /// Its process id.
    ///
    /// # Panics
    ///
    /// If it was killed.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.place.pid().expect("the shard runs")
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn signal(&self, signal: Signal) {
        self.place.signal(signal).expect("the shard runs");
    }
}

/// What operators show to every process.
const TOKEN: &str = "a-token-that-all-of-the-installation-shares";

fn write_secrets(directory: &TempDir) {
    let (key, pem) = SigningKey::generate().expect("a key");
    for (name, text) in [
        ("signing-key.pem", pem),
        ("public-key.pem", key.verifying_key().to_pem()),
        ("tokens", format!("tester {TOKEN}\n")),
    ] {
        std::fs::write(directory.path().join(name), text).expect("a file");
    }
}

impl Installation {
    /// Starts a Redis, a matchmaker and so many shards, as in production, and returns once all of them answer.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn start(shards: usize) -> Self {
        Self::start_with(shards, &[]).await
    }

    /// The same with more variables in the environment of every process.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn start_with(shards: usize, environment: &[(&str, &str)]) -> Self {
        let installation = Self::launch(shards, environment).await;
        installation.wait_for_shards(shards).await;
        installation
    }

    /// The same with `files` as the soft limit of open files, which a process may raise itself
    /// (`RLIMIT_NOFILE`).
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn start_with_files(shards: usize, files: u32, environment: &[(&str, &str)]) -> Self {
        let redis = Arc::new(RedisServer::start());
        let installation = Self::launch_with_files(redis, shards, environment, Some(files)).await;
        installation.wait_for_shards(shards).await;
        installation
    }

    /// The same for a test that asks their admin endpoints in a way of its own: it returns once the shards
    /// are in the registry.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn launch(shards: usize, environment: &[(&str, &str)]) -> Self {
        Self::launch_on(RedisServer::start(), shards, environment).await
    }

    /// The same on a Redis of the test's own.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn launch_on(
        redis: RedisServer,
        shards: usize,
        environment: &[(&str, &str)],
    ) -> Self {
        Self::launch_with_files(Arc::new(redis), shards, environment, None).await
    }

    /// The same on the Redis of another installation.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn launch_beside(other: &Self, shards: usize, environment: &[(&str, &str)]) -> Self {
        Self::launch_with_files(Arc::clone(&other.redis), shards, environment, None).await
    }

    async fn launch_with_files(
        redis: Arc<RedisServer>,
        shards: usize,
        environment: &[(&str, &str)],
        files: Option<u32>,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).display().to_string();
        write_secrets(&directory);
        let mut made = Vec::new();
        // A shard in production has a certificate of files, or one that is meant to be pinned.
        let has_certificate = environment
            .iter()
            .any(|(name, _)| *name == "ROOKERY_CERTIFICATE");
        let pinned = [("ROOKERY_PINNED_CERTIFICATE", "true")];
        let pinned = if has_certificate { &[][..] } else { &pinned };
        let environment = &[environment, pinned].concat();
        for number in 0..shards {
            let ready = path(&format!("shard-{number}.json"));
            let web_socket = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()));
            let command = [
                "shard",
                "--production",
                "--store",
                &redis.url(),
                "--listen",
                "127.0.0.1:0",
                "--web-listen",
                &web_socket.to_string(),
                "--matchmaker-key",
                &path("public-key.pem"),
                "--admin-listen",
                "127.0.0.1:0",
                "--admin-token-file",
                &path("tokens"),
                "--ready-file",
                &ready,
            ];
            let log = directory.path().join(LOG);
            let place = launch(log, "rookery", &command, environment, files);
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let environment = environment.iter().map(owned).collect();
            let command = command.iter().map(|&word| word.to_owned()).collect();
            let ready: Value = serde_json::from_str(&read_soon(&ready).await).expect("JSON");
            let text = |name: &str| ready[name].as_str().expect(name).to_owned();
            made.push(ShardProcess {
                id: text("id"),
                admin: Endpoint::new(&text("admin"), &text("admin_token")),
                doors: Doors {
                    web_transport: text("address").parse().expect("an address"),
                    web_socket,
                },
                place,
                command,
                environment,
            });
        }
        let (port, admin_port) = (free_tcp_port(), free_tcp_port());
        let arguments = [
            "matchmaker",
            "--production",
            "--store",
            &redis.url(),
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--signing-key",
            &path("signing-key.pem"),
            "--admin-listen",
            &format!("127.0.0.1:{admin_port}"),
            "--admin-token-file",
            &path("tokens"),
        ];
        let log = directory.path().join(LOG);
        let matchmaker_place = launch(log, "rookery", &arguments, environment, files);
        let texts = |pair: &(&str, &str)| (pair.0.to_owned(), pair.1.to_owned());
        let matchmaker_command = Started {
            arguments: arguments.map(str::to_owned).to_vec(),
            environment: environment.iter().map(texts).collect(),
        };
        Self {
            shards: made,
            admin: Endpoint::new(&format!("http://127.0.0.1:{admin_port}"), TOKEN),
            matchmaker: format!("http://127.0.0.1:{port}"),
            matchmaker_place,
            matchmaker_command,
            directory,
            redis,
        }
    }

    /// Returns once this number of shards answer.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn wait_for_shards(&self, shards: usize) {
        eventually("every shard is asked", || async {
            let (status, list) = self.admin.try_get("/v1/shards").await?;
            let answer = list["shards"].as_array()?;
            let asked = answer.iter().filter(|shard| !shard["figures"].is_null());
            (status == StatusCode::OK && asked.count() == shards).then_some(())
        })
        .await;
    }

    /// Where its store is.
    #[must_use]
    pub fn redis_url(&self) -> String {
        self.redis.url()
    }

    /// The process id of the matchmaker.
    ///
    /// # Panics
    ///
    /// If it has ended.
    #[must_use]
    pub fn matchmaker_pid(&self) -> u32 {
        let pid = self.matchmaker_place.pid();
        pid.expect("the matchmaker runs")
    }

    /// Ends the matchmaker with SIGKILL.
    pub fn kill_matchmaker(&self) {
        self.matchmaker_place.kill();
    }

    /// Starts the matchmaker again, at the same addresses, and returns once it answers operators.
    ///
    /// # Panics
    ///
    /// If it does not start, or answers too late.
    pub async fn restart_matchmaker(&self) {
        let Started {
            arguments,
            environment,
        } = &self.matchmaker_command;
        let mut command = Command::new(binary("rookery"));
        let environment = environment.iter().map(|(name, value)| (name, value));
        command.args(arguments).envs(environment);
        let started = self.matchmaker_place.start(&mut command);
        started.expect("the matchmaker starts again");
        self.wait_for_shards(self.shards.len()).await;
    }

    /// The processes that have ended, however, by name.
    #[must_use]
    pub fn ended(&self) -> Vec<String> {
        let shards = self.shards.iter().map(|shard| &shard.place);
        let places = shards.chain([&self.matchmaker_place]);
        let has_ended = |place: &&Place| !place.runs();
        let ended = places.filter(has_ended).map(Place::name);
        ended.map(str::to_owned).collect()
    }

    /// The key that its tokens are signed with, in PEM.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    #[must_use]
    pub fn signing_key(&self) -> String {
        let path = self.directory.path().join("signing-key.pem");
        std::fs::read_to_string(path).expect("the key of this installation")
    }

    /// What its processes have logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join(LOG)).unwrap_or_default()
    }

    /// The shard of an id.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[must_use]
    pub fn shard(&self, id: &str) -> &ShardProcess {
        let shard = self.shards.iter().find(|shard| shard.id == id);
        shard.expect("a shard of this installation")
    }

    /// Ends a shard with SIGKILL.
    ///
    /// # Panics
    ///
    /// If there is none of this id.
    pub fn kill(&mut self, id: &str) {
        self.shard(id).place.kill();
    }

    /// Starts a process again in the place of a shard that was killed; it is a shard with an id of its own.
    ///
    /// # Panics
    ///
    /// If there is none of this id, or it does not come up.
    pub async fn revive(&mut self, id: &str) {
        let shards = self.shards.len();
        let shard = self.shards.iter_mut().find(|shard| shard.id == id);
        let shard = shard.expect("a shard of this installation");
        let ready = shard.command.last().expect("its ready file").clone();
        let _ = std::fs::remove_file(&ready);
        let mut command = Command::new(binary("rookery"));
        let environment = shard.environment.iter().map(|(name, value)| (name, value));
        command.args(&shard.command).envs(environment);
        shard.place.start(&mut command).expect("a process");
        let ready: Value = serde_json::from_str(&read_soon(&ready).await).expect("JSON");
        let text = |name: &str| ready[name].as_str().expect(name).to_owned();
        shard.id = text("id");
        shard.admin = Endpoint::new(&text("admin"), &text("admin_token"));
        self.wait_for_shards(shards).await;
    }

    /// Stops the matchmaker where it is, so that it answers nothing, or lets it go on.
    ///
    /// # Panics
    ///
    /// If it has ended.
    pub fn signal_matchmaker(&self, signal: Signal) {
        let sent = self.matchmaker_place.signal(signal);
        sent.expect("the matchmaker runs");
    }

    /// Waits for a shard to end by itself, and says whether it ended well.
    ///
    /// # Panics
    ///
    /// If there is none of this id, or it goes on.
    pub async fn ends_well(&mut self, id: &str) -> bool {
        let status = self.shard(id).place.ended(PATIENCE).await;
        status.expect("the shard ends").success()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what was logged:\n{}", self.log());
        }
    }
}

/// What all processes log to.
const LOG: &str = "log";

fn launch(
    log: PathBuf,
    name: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
    files: Option<u32>,
) -> Place {
    let mut command = match files {
        None => Command::new(binary(name)),
        // It becomes the program that it is to run (util-linux).
        Some(files) => {
            let mut command = Command::new("prlimit");
            command.arg(format!("--nofile={files}:")).arg(binary(name));
            command
        }
    };
    command.args(arguments).envs(environment.iter().copied());
    let place = Place::with_log(name.to_owned(), log);
    place.start(&mut command).expect("a process");
    place
}

async fn read_soon(path: &str) -> String {
    eventually("a ready file is written", || async {
        std::fs::read_to_string(path).ok()
    })
    .await
}

/// Asks until there is an answer.
///
/// # Panics
///
/// If that takes too long.
pub async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(answer) = ask().await {
            return answer;
        }
        sleep(POLL_EVERY).await;
    }
    panic!("it never came to this: {what}");
}

/// An admin endpoint, and the right to ask there.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Where it is.
    pub url: String,
    /// What it asks for.
    pub token: String,
    client: reqwest::Client,
}

impl Endpoint {
    /// The endpoint at a URL.
    #[must_use]
    pub fn new(url: &str, token: &str) -> Self {
        Self {
            url: url.to_owned(),
            token: token.to_owned(),
            client: reqwest::Client::new(),
        }
    }

    /// A request with the token.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        request.bearer_auth(&self.token)
    }

    /// What is read as JSON, whatever its status; `None` if there is no such answer.
    pub async fn try_get(&self, path: &str) -> Option<(StatusCode, Value)> {
        let response = self.request(Method::GET, path).send().await.ok()?;
        let status = response.status();
        Some((status, response.json().await.ok()?))
    }

    /// What is read as JSON.
    ///
    /// # Panics
    ///
    /// If there is no answer, or another one than 200.
    pub async fn get(&self, path: &str) -> Value {
        let (status, json) = self.try_get(path).await.expect("an answer in JSON");
        assert_eq!(status, StatusCode::OK, "{path}: {json}");
        json
    }

    /// What is read as text, with its content type.
    ///
    /// # Panics
    ///
    /// If there is no answer, or another one than 200.
    pub async fn text(&self, path: &str) -> (String, String) {
        let response = self.request(Method::GET, path).send().await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let kind = response.headers()["content-type"].to_str();
        let kind = kind.expect("text").to_owned();
        (kind, response.text().await.expect("text"))
    }

    /// What a PUT is answered; `None` if there is no answer in JSON.
    pub async fn try_put(&self, path: &str, body: &Value) -> Option<(StatusCode, Value)> {
        let response = self
            .request(Method::PUT, path)
            .json(body)
            .send()
            .await
            .ok()?;
        let status = response.status();
        Some((status, response.json().await.ok()?))
    }

    /// What a change is answered, by the shard that it concerns: on a machine so busy that a shard's heart
    /// seems to stand still, the matchmaker does not ask it and says so.
    ///
    /// # Panics
    ///
    /// If there is no answer in JSON.
    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let end = Instant::now() + PATIENCE;
        loop {
            let response = self.request(Method::POST, path).json(body).send().await;
            let response = response.expect("an answer");
            let status = response.status();
            let answer: Value = response.json().await.expect("JSON");
            let detail = answer["detail"].as_str().unwrap_or_default();
            let was_asked =
                !(detail.starts_with("Its owner") && detail.contains("cannot be asked"));
            if was_asked || Instant::now() >= end {
                return (status, answer);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// A match whose both sides the test plays.
pub struct PlayedMatch {
    /// Which match.
    pub id: MatchId,
    /// White's stream.
    pub white: RawClient,
    /// Black's stream.
    pub black: RawClient,
    /// White's player id.
    pub white_player: String,
    matchmaker: Matchmaker,
    /// White's and Black's player tokens.
    tokens: [String; 2],
}

impl PlayedMatch {
    /// A new match, both sides seated.
    ///
    /// # Panics
    ///
    /// If the matchmaker at `url` gives none.
    pub async fn begin(url: &str) -> Self {
        let terms = Terms {
            clock_start: ClockStart::AtOnce,
            ..Terms::usual("600+5".parse().expect("a time control"))
        };
        Self::begin_on(url, terms).await
    }

    /// The same on these terms.
    ///
    /// # Panics
    ///
    /// If the matchmaker at `url` gives none.
    pub async fn begin_on(url: &str, terms: Terms) -> Self {
        let matchmaker = Matchmaker::new(url, PATIENCE).expect("a matchmaker");
        let ann = matchmaker.new_player(Some("Ann")).await.expect("a player");
        let bob = matchmaker.new_player(Some("Bob")).await.expect("a player");
        let challenge = NewChallenge {
            terms,
            color: ColorChoice::White,
            opponent: None,
            opponent_name: None,
            open: false,
            expires_in_s: None,
        };
        let made = matchmaker.create_challenge(&ann.token, &challenge).await;
        let ticket = made.expect("a challenge").id;
        let accepted = matchmaker.accept_challenge(&bob.token, &ticket).await;
        let id = accepted.expect("a match").match_id.expect("a match");
        let tokens = [ann.token, bob.token];
        Self {
            white: sit(&matchmaker, &tokens[0], id).await,
            black: sit(&matchmaker, &tokens[1], id).await,
            white_player: ann.player.to_string(),
            id,
            matchmaker,
            tokens,
        }
    }

    /// The token of the player who has this seat.
    #[must_use]
    pub fn token(&self, seat: Seat) -> &str {
        &self.tokens[usize::from(seat == Seat::Black)]
    }

    /// Makes a move and waits until it is acknowledged.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub async fn play(&mut self, ply: u16, uci: &str) {
        let mover = match ply % 2 {
            0 => &mut self.white,
            _ => &mut self.black,
        };
        mover.play(ply, uci).await;
        let is_ack = |body: &protocol::ServerBody| matches!(body, protocol::ServerBody::Ack { .. });
        mover.until(is_ack).await;
    }

    /// What the matchmaker answers who asks for this seat.
    ///
    /// # Errors
    ///
    /// What it refuses it for.
    pub async fn seat(&self, seat: Seat) -> Result<SeatReply, MatchmakerError> {
        let index = usize::from(seat == Seat::Black);
        self.matchmaker.seat(&self.tokens[index], self.id).await
    }

    /// Takes a seat again, wherever the match is now.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub async fn sit_again(&mut self, seat: Seat) {
        let index = usize::from(seat == Seat::Black);
        let client = sit(&self.matchmaker, &self.tokens[index], self.id).await;
        match seat {
            Seat::White => self.white = client,
            Seat::Black => self.black = client,
        }
    }
}

async fn sit(matchmaker: &Matchmaker, token: &str, id: MatchId) -> RawClient {
    let seat = matchmaker.seat(token, id).await.expect("a seat");
    RawClient::join(&seat.shard, id, seat.token, None).await.0
}
