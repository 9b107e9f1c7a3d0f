//! `rookery demo --page`: a visitor plays a bot, and kills the server of the match.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use game_core::{Position, Variant};
use supervisor::{Signal, signal};
use tempfile::TempDir;
use tests::browser::{Browser, Hand, Page, named};
use tests::installation::eventually;
use tests::{process, turns};

use super::stage::content;

const PATIENCE: Duration = Duration::from_secs(60);

/// Makes some move that is legal.
async fn move_something(page: &Page) {
    page.has_the_turn().await;
    let fen = page.attribute("fen").await;
    let position = Position::from_fen(Variant::Standard, &fen).unwrap();
    // The first one, unless it needs a choice.
    let moves = position
        .legal_moves()
        .into_iter()
        .map(|legal| legal.uci().to_string());
    let uci = moves.into_iter().find(|uci| uci.len() == 4).unwrap();
    page.play_by(Hand::Clicks, &uci).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_kills_the_server_twice_and_plays_on() {
    let _turn = turns::turn().await;
    let demo = Demo::start();
    let url = eventually("the demo says where its page is", || async {
        let said = demo.said();
        let (_, rest) = said.split_once("Open ")?;
        Some(rest.split_once("/ in a browser")?.0.to_owned())
    })
    .await;
    let browser = Browser::open();
    let page = browser.page().await;
    page.goto(&url).await;
    page.click(&format!("{}[data-pool='3+2']", named("pool")))
        .await;
    page.is_live().await;
    for kill in 1..=2 {
        move_something(&page).await;
        let epoch: u32 = page.attribute("epoch").await.parse().unwrap();
        page.push("kill-server").await;
        let moved = format!(
            "const shown = document.querySelector('[data-test=match]').dataset; \
             return Number(shown.epoch) > {epoch} && shown.connection === 'live'"
        );
        page.wait(&format!("the game has moved after kill {kill}"), &moved)
            .await;
        move_something(&page).await;
    }
    let lines = page.listed().await;
    assert!(lines.len() >= 7, "{lines:?}");
    content(&page);
    drop(page);
    let said = demo.stop();
    assert!(said.contains("lost          0"), "{said}");
}

/// The demonstration as a process, which is killed when this is dropped.
struct Demo {
    child: Option<Child>,
    directory: TempDir,
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = signal(child.id(), Signal::TERM);
            let _ = child.wait();
            eprintln!("the demo said:\n{}", self.said());
        }
    }
}

impl Demo {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let said = File::create(directory.path().join("said")).unwrap();
        let child = Command::new(process::binary("rookery"))
            .args(["demo", "--page", "--no-open"])
            .env("TMPDIR", directory.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn();
        Self {
            child: Some(child.unwrap()),
            directory,
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("said")).unwrap()
    }

    /// Ends it as Ctrl-C does; returns what it has said.
    fn stop(mut self) -> String {
        let child = self.child.take().unwrap();
        signal(child.id(), Signal::INT).unwrap();
        let output = process::finish(child, PATIENCE);
        assert!(output.status.success(), "{}", self.said());
        self.said()
    }
}
