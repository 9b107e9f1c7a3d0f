//! `rookery demo --page`: a visitor plays a bot, and kills the server of the match.

use std::process::Command;
use std::time::Duration;

use game_core::{Position, Variant};
use supervisor::{Place, Signal};
use tests::browser::{Browser, Hand, Page, named};
use tests::installation::eventually;
use tests::{process, turns};

use super::stage::content;

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
    let directory = tempfile::tempdir().unwrap();
    let place = Place::with_log("demo".to_owned(), directory.path().join("log"));
    let mut command = Command::new(process::binary("rookery"));
    command.args(["demo", "--page", "--no-open"]);
    command.env("TMPDIR", directory.path());
    place.start(&mut command).unwrap();
    let url = eventually("the demo says where its page is", || async {
        let said = std::fs::read_to_string(place.log()).ok()?;
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
    place.signal(Signal::INT).unwrap();
    let said = || std::fs::read_to_string(place.log()).unwrap();
    let ended = place.ended(Duration::from_secs(60)).await;
    assert!(ended.is_some_and(|status| status.success()), "{}", said());
    assert!(said().contains("lost          0"), "{}", said());
}
