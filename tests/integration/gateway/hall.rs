//! An installation with a gateway before it, bots who have accounts, and the requests that they send.

use std::process::Command;
use std::time::Duration;

use client::Matchmaker;
use protocol::http::{ApiScope, NewAccount, NewApiToken};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use supervisor::{Place, START_MAX};
use tempfile::TempDir;
use tests::installation::{Installation, eventually};
use tests::process::{binary, free_tcp_port};
use tokio::time::{Instant, timeout};

/// Whatever is waited for must come within this, on a busy machine too.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// A request is held for a second at the most, and answered before the most impatient client gives up on a busy machine too.
pub(super) const HELD_MAX: Duration = Duration::from_secs(6);

/// A gateway as a process of its own.
pub(super) struct Gateway {
    pub(super) url: String,
    place: Place,
    args: Vec<String>,
    directory: TempDir,
}

impl Gateway {
    /// A gateway of a matchmaker, with more arguments.
    pub(super) async fn start(matchmaker: &str, args: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listen = format!("127.0.0.1:{}", free_tcp_port());
        let mut all = vec!["gateway", "--listen", &listen, "--matchmaker", matchmaker];
        all.extend(args);
        let mut gateway = Self {
            url: format!("http://{listen}"),
            place: Place::with_log("gateway".to_owned(), directory.path().join("log")),
            args: all.into_iter().map(str::to_owned).collect(),
            directory,
        };
        gateway.restart().await;
        gateway
    }

    pub(super) fn kill(&mut self) {
        self.place.kill();
    }

    pub(super) async fn restart(&mut self) {
        let ready = self.directory.path().join("ready.json");
        let _ = std::fs::remove_file(&ready);
        let mut command = Command::new(binary("rookery"));
        command.args(&self.args).arg("--ready-file").arg(&ready);
        self.place.start(&mut command).unwrap();
        let end = Instant::now() + START_MAX;
        while !ready.exists() {
            assert!(Instant::now() < end, "the gateway does not start");
            tokio::time::sleep(supervisor::POLL_EVERY).await;
        }
    }

    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.place.log()).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the gateway's log:\n{}", self.log());
        }
    }
}

/// An installation with a gateway and bots.
pub(super) struct Hall {
    pub(super) gateway: Gateway,
    pub(super) bots: Vec<Bot>,
    pub(super) installation: Installation,
}

/// A bot at a gateway.
#[derive(Clone)]
pub(super) struct Bot {
    pub(super) name: String,
    pub(super) token: String,
    url: String,
    http: reqwest::Client,
}

impl Hall {
    /// So many shards, and so many bots.
    pub(super) async fn open(shards: usize, bots: usize, args: &[&str]) -> Self {
        let environment = [("ROOKERY_SIGN_UP", "open")];
        let installation = Installation::start_with(shards, &environment).await;
        let gateway = Gateway::start(&installation.matchmaker, args).await;
        let matchmaker = Matchmaker::new(&installation.matchmaker, PATIENCE).unwrap();
        let mut all = Vec::new();
        for number in 0..bots {
            let name = format!("Robot {number}");
            let token = account(&matchmaker, &name, true, &[ApiScope::BotPlay]).await;
            all.push(Bot::new(&gateway.url, &name, token));
        }
        Self {
            gateway,
            bots: all,
            installation,
        }
    }

    /// A game of the first bot, which has White, and the second.
    pub(super) async fn game(&self, more: &[(&str, &str)]) -> String {
        let [white, black] = [&self.bots[0], &self.bots[1]];
        let mut terms = vec![
            ("color", "white"),
            ("clock.limit", "180"),
            ("clock.increment", "2"),
        ];
        terms.extend(more);
        let made = white.challenge(&black.name, &terms).await;
        let id = made["id"].as_str().unwrap_or_else(|| panic!("{made}"));
        let accept = format!("/api/challenge/{id}/accept");
        black.post(&accept).await.is(StatusCode::OK);
        id.to_owned()
    }

    /// Kills the shard that owns a game; which one that was.
    pub(super) async fn kill_owner(&mut self, game: &str) -> String {
        let path = format!("/v1/matches/{game}");
        let details = self.installation.admin.get(&path).await;
        let owner = details["owner"].as_str().unwrap().to_owned();
        self.installation.kill(&owner);
        owner
    }
}

/// Makes an account with an API token of these scopes.
pub(super) async fn account(
    matchmaker: &Matchmaker,
    name: &str,
    bot: bool,
    scopes: &[ApiScope],
) -> String {
    let account = NewAccount {
        name: name.to_owned(),
        password: "correct horse battery".to_owned(),
        bot,
        invitation: None,
    };
    let session = matchmaker.sign_up(&account).await.unwrap().token;
    let wanted = NewApiToken {
        label: "test".to_owned(),
        scopes: scopes.to_vec(),
    };
    matchmaker
        .new_api_token(&session, &wanted)
        .await
        .unwrap()
        .token
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<String>,
    pub(super) json: Value,
    pub(super) took: Duration,
}

impl Answer {
    #[track_caller]
    pub(super) fn is(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json
    }
}

impl Bot {
    pub(super) fn new(url: &str, name: &str, token: String) -> Self {
        Self {
            name: name.to_owned(),
            token,
            url: url.to_owned(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.bearer_auth(&self.token)
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        let began = Instant::now();
        let response = request.send().await.unwrap();
        let after = response.headers().get("retry-after");
        Answer {
            status: response.status(),
            retry_after: after.map(|after| after.to_str().unwrap().to_owned()),
            // Every answer is JSON.
            json: response.json().await.unwrap(),
            took: began.elapsed(),
        }
    }

    pub(super) async fn post(&self, path: &str) -> Answer {
        self.answer(self.request(Method::POST, path)).await
    }

    pub(super) async fn post_form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.answer(self.form(path, form)).await
    }

    fn form(&self, path: &str, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let body: Vec<String> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", value.replace(' ', "+")))
            .collect();
        let request = self.request(Method::POST, path);
        let kind = "application/x-www-form-urlencoded";
        request.header("content-type", kind).body(body.join("&"))
    }

    /// Sends a form whose answer is a stream.
    pub(super) async fn open_form(&self, path: &str, form: &[(&str, &str)]) -> Lines {
        let response = self.form(path, form).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        Lines::new(response)
    }

    /// Opens a stream of this kind.
    pub(super) async fn open_as(&self, path: &str, kind: &str) -> Lines {
        let request = self.request(Method::GET, path).header("accept", kind);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        Lines::new(response)
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.answer(self.request(Method::GET, path)).await
    }

    /// Sends a challenge on terms; what is answered.
    pub(super) async fn challenge(&self, name: &str, terms: &[(&str, &str)]) -> Value {
        let path = format!("/api/challenge/{}", name.replace(' ', "%20"));
        self.post_form(&path, terms).await.is(StatusCode::OK)
    }

    pub(super) async fn make_move(&self, game: &str, uci: &str) -> Answer {
        self.post(&format!("/api/bot/game/{game}/move/{uci}")).await
    }

    /// Sends a move as clients do, again and again while the server fails.
    pub(super) async fn insist(&self, game: &str, uci: &str) -> Answer {
        eventually("a move is taken", || async {
            let answer = self.make_move(game, uci).await;
            let fails = answer.status.is_server_error();
            assert!(answer.took < HELD_MAX, "{answer:?}");
            (!fails).then_some(answer)
        })
        .await
    }

    pub(super) async fn open(&self, path: &str) -> Lines {
        let response = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        Lines::new(response)
    }

    pub(super) async fn events(&self) -> Lines {
        self.open("/api/stream/event").await
    }

    /// The same where the connection may be refused.
    pub(super) async fn try_events(&self) -> Option<Lines> {
        let response = self
            .request(Method::GET, "/api/stream/event")
            .send()
            .await
            .ok()?;
        (response.status() == StatusCode::OK).then(|| Lines::new(response))
    }

    /// The stream of a game, with its first line.
    pub(super) async fn game(&self, game: &str) -> (Lines, Value) {
        let mut lines = self.open(&format!("/api/bot/game/stream/{game}")).await;
        let first = lines.raw().await.expect("a first line");
        let full: Value = serde_json::from_str(&first).expect("the first line is never blank");
        assert_eq!(full["type"], "gameFull");
        (lines, full)
    }
}

/// A stream of lines.
pub(super) struct Lines {
    response: reqwest::Response,
    unread: Vec<u8>,
    heard_at: Instant,
    /// The longest time without a byte.
    pub(super) silence: Duration,
}

impl Lines {
    fn new(response: reqwest::Response) -> Self {
        Self {
            response,
            unread: Vec::new(),
            heard_at: Instant::now(),
            silence: Duration::ZERO,
        }
    }

    /// The next line, which may be blank; `None` at the end.
    pub(super) async fn raw(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Some(String::from_utf8(line).unwrap().trim_end().to_owned());
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await;
            let chunk = chunk.expect("a line in time").ok().flatten()?;
            self.silence = self.silence.max(self.heard_at.elapsed());
            self.heard_at = Instant::now();
            self.unread.extend_from_slice(&chunk);
        }
    }

    /// The next line that says something; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "the stream says nothing");
            let line = self.raw().await?;
            if !line.is_empty() {
                return Some(serde_json::from_str(&line).unwrap());
            }
        }
    }

    /// The next line of a kind.
    pub(super) async fn kind(&mut self, kind: &str) -> Value {
        loop {
            let line = self.next().await;
            let line = line.unwrap_or_else(|| panic!("the stream ended before {kind}"));
            if line["type"] == kind {
                return line;
            }
        }
    }

    /// The next state with these moves.
    pub(super) async fn moves(&mut self, moves: &str) -> Value {
        loop {
            let state = self.kind("gameState").await;
            if state["moves"] == moves {
                return state;
            }
        }
    }

    /// Whether nothing of a kind comes for so long.
    pub(super) async fn has_none(&mut self, kind: &str, during: Duration) -> bool {
        timeout(during, self.kind(kind)).await.is_err()
    }
}
