//! `rookery demo --page`: a visitor plays a bot, and kills the owner of the match again and again.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::{PlayerSeat, SeatSession, SessionConfig};
use client::{Connector, Matchmaker};
use protocol::http::{NewTicket, Terms};
use reqwest::StatusCode;
use serde_json::{Value, json};
use supervisor::Signal;
use tests::installation::eventually;
use tests::process;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

struct Demo {
    child: Child,
    url: String,
    http: reqwest::Client,
    temporary: tempfile::TempDir,
}

impl Demo {
    async fn start(path: Option<&str>) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(temporary.path().join("log")).unwrap();
        let mut command = Command::new(process::binary("rookery"));
        command.args(["demo", "--page", "--no-open"]);
        command.env("TMPDIR", temporary.path());
        if let Some(path) = path {
            command.env("PATH", path);
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap());
        let child = command.stderr(log).spawn().unwrap();
        let url = eventually("the demo says where its page is", || async {
            let said = said(&temporary)?;
            let (_, rest) = said.split_once("Open ")?;
            Some(rest.split_once("/ in a browser")?.0.to_owned())
        })
        .await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self {
            child,
            url,
            http,
            temporary,
        }
    }

    async fn look(&self, match_id: &str) -> Value {
        let url = format!("{}/demo?match_id={match_id}", self.url);
        self.http
            .get(url)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn kill_owner(&self, match_id: &str, origin: Option<&str>) -> StatusCode {
        let url = format!("{}/demo/kill-owner", self.url);
        let mut request = self.http.post(url).json(&json!({"match_id": match_id}));
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.send().await.unwrap().status()
    }

    /// Ends it as Ctrl-C does; returns what it has said.
    async fn stop(mut self) -> String {
        supervisor::signal(self.child.id(), Signal::INT).unwrap();
        let status = eventually("the demo ends", || {
            let ended = self.child.try_wait().unwrap();
            std::future::ready(ended)
        })
        .await;
        let said = said(&self.temporary).unwrap();
        assert!(status.success(), "{said}");
        let left = std::fs::read_dir(self.temporary.path()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["log"], "nothing else is left behind");
        said
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "what was said:\n{}",
                said(&self.temporary).unwrap_or_default()
            );
        }
        // One that has ended is not there any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(temporary: &tempfile::TempDir) -> Option<String> {
    std::fs::read_to_string(temporary.path().join("log")).ok()
}

/// Plays a bot of the pool 3+2, and kills the owner after some moves, and again.
async fn visit(demo: &Demo, kills: usize) {
    let matchmaker = Matchmaker::new(&demo.url, PATIENCE).unwrap();
    let ann = matchmaker.new_player(Some("Ann")).await.unwrap();
    let ticket = NewTicket::new(Terms::usual("180+2".parse().unwrap()));
    let asked = std::time::Instant::now();
    let waiting = matchmaker.create_ticket(&ann.token, &ticket).await.unwrap();
    let id = eventually("a bot comes", || async {
        let seen = matchmaker.ticket(&ann.token, &waiting.id, Duration::from_secs(5));
        seen.await.unwrap().match_id
    })
    .await;
    eprintln!("an opponent came after {:?}", asked.elapsed());
    let connector = Arc::new(Connector::bind(1, ConnectionTimes::interactive()).unwrap());
    let source = Arc::new(PlayerSeat {
        matchmaker,
        token: ann.token,
    });
    let joined = SeatSession::join(connector, source, id, SessionConfig::default());
    let mut seat = joined.await.unwrap();
    let players = seat.view().players().clone();
    assert!(players.white.is_bot || players.black.is_bot);
    let id = id.to_string();
    let (mut moved_at, mut killed, mut kill_at) = (None, 0, 2);
    while seat.view().result().is_none() && (killed < kills || seat.view().ply() < kill_at) {
        let view = seat.view();
        if killed < kills && view.ply() >= kill_at {
            let before = demo.look(&id).await["match_owner"].clone();
            assert!(before.is_string());
            eventually("the owner is killed", || async {
                // The one that was killed before may still be on its way back.
                let status = demo.kill_owner(&id, Some(&demo.url)).await;
                (status == StatusCode::OK).then_some(())
            })
            .await;
            killed += 1;
            kill_at = view.ply() + 3;
            eventually("another shard owns the match", || async {
                let owner = demo.look(&id).await["match_owner"].clone();
                (owner.is_string() && owner != before).then_some(())
            })
            .await;
        }
        let position = view.position_seq();
        if view.is_my_turn() && moved_at.replace(position) != Some(position) {
            let legal = view.position().legal_moves();
            if let Some(first) = legal.first() {
                let uci = first.uci();
                seat.play(uci).unwrap();
            }
        }
        timeout(PATIENCE, seat.next()).await.unwrap().unwrap();
    }
    assert_eq!(killed, kills, "{:?}", seat.view().result());
    assert!(seat.resumed() > 0);
    seat.leave().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_visitor_plays_on_though_the_owner_is_killed_twice() {
    let _turn = tests::turns::patient_turn().await;
    let demo = Demo::start(None).await;
    let page = demo.http.get(&demo.url).send().await.unwrap();
    let kind = page.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(kind, "text/html; charset=utf-8");
    let seen: Value = demo.look("0123456789ab").await;
    assert_eq!(
        (&seen["demo"], &seen["match_owner"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(seen["shards"].as_array().unwrap().len(), 3);
    assert!(seen["shards"][0]["pid"].is_u64());
    for foreign in [None, Some("https://evil.example")] {
        let status = demo.kill_owner("0123456789ab", foreign).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
    }
    let status = demo.kill_owner("0123456789ab", Some(&demo.url)).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    visit(&demo, 2).await;
    let said = demo.stop().await;
    assert_eq!(said.matches("kill -9 ").count(), 2, "{said}");
    for figure in ["kills         2", "lost          0", "matches       1"] {
        assert!(said.contains(figure), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_threads_are_aborted_instead() {
    let _turn = tests::turns::patient_turn().await;
    let nowhere = tempfile::tempdir().unwrap();
    let demo = Demo::start(Some(&nowhere.path().display().to_string())).await;
    visit(&demo, 1).await;
    let said = demo.stop().await;
    assert!(said.contains("no redis-server is installed"), "{said}");
    for figure in ["kills         1", "lost          0"] {
        assert!(said.contains(figure), "{said}");
    }
}
