//! The pages of players and of the club, in Chromium.

use serde_json::json;
use tests::browser::{Browser, Page};
use tests::installation::{Endpoint, PlayedMatch, eventually};
use tests::process::Server;
use tokio::task::JoinSet;

use super::club::Waiting;
use super::sign_in;

/// Opens a page of a server that is signed in to.
async fn go(page: &Page, hash: &str) {
    page.evaluate(&format!("location.hash = '{hash}'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_shuts_out_and_restores_a_player_on_the_page_and_the_log_says_so() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let browser = Browser::open();
    let page = browser.page().await;
    sign_in(&page, &server).await;
    page.click("nav a[href='#/players']").await;
    page.fill("#names", "Ann\nBob\n").await;
    page.click("#new-players button").await;
    let with_codes = |text: &str| text.starts_with("Ann\t") && text.contains("\nBob\t");
    page.reads("#codes", with_codes).await;
    page.reads("#rows tr:nth-child(2)", |text| text.starts_with("Bob"))
        .await;

    page.fill("#player-filters [name='name']", "an").await;
    page.until("return document.querySelectorAll('#rows tr').length === 1")
        .await;
    page.click("#rows button.danger").await;
    page.reads("#asked", |text| text.starts_with("Shut out Ann (player "))
        .await;
    page.click("#confirm button[value='yes']").await;
    page.reads("#answer", |text| {
        text == "Ann is shut out; 0 closed at once."
    })
    .await;
    page.reads("#rows .bad", |text| text.starts_with("shut out since "))
        .await;
    page.click("#player-filters [name='revoked']").await;
    page.reads("#rows tr", |text| {
        text.starts_with("Ann") && text.ends_with("Restore")
    })
    .await;
    page.click("#rows button:last-child").await;
    page.reads("#asked", |text| text.starts_with("Restore Ann (player "))
        .await;
    page.click("#confirm button[value='yes']").await;
    page.reads("#answer", |text| text == "Ann is admitted again.")
        .await;
    page.reads("#no-players", |text| text == "No players.")
        .await;
    page.until("return !document.querySelector('#no-players').hidden")
        .await;

    page.fill("#new-invitation [name='label']", "Class 4b")
        .await;
    page.click("#new-invitation button").await;
    page.reads("#answer", |text| {
        text.starts_with("The code of the invitation is ")
    })
    .await;
    page.reads("#invitations tr", |text| text.starts_with("Class 4b30"))
        .await;
    page.click("#invitations button").await;
    page.click("#confirm button[value='yes']").await;
    page.reads("#answer", |text| {
        text == "The invitation “Class 4b” is withdrawn."
    })
    .await;

    go(&page, "#/").await;
    for (row, what) in [
        (1, "withdraw invitation"),
        (2, "invite"),
        (3, "restore player"),
        (4, "shut out player"),
        (5, "make accounts"),
    ] {
        let row = format!("#actions tr:nth-child({row})");
        let noted = |text: &str| text.contains(&format!("admin{what} ")) && text.ends_with("done");
        page.reads(&row, noted).await;
    }
    let complaints = page.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_who_waits_and_what_is_finished() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let admin = Endpoint::new(&server.ready.admin, &server.ready.admin_token);
    let there = Waiting::at(&server.ready.matchmaker);
    let ann = there.ticket("Ann", "600+5").await;
    there.challenge("Bob", "180+2").await;
    let game = PlayedMatch::begin(&server.ready.matchmaker).await;
    let path = format!("/v1/matches/{}/abort", game.id);
    let (status, _) = admin.post(&path, &json!({})).await;
    assert_eq!(status, 200);
    // Her client goes on to ask.
    let mut asking = JoinSet::new();
    asking.spawn(async move {
        eventually("the test is over", || async {
            there.is_there(&ann).await;
            None::<()>
        })
        .await;
    });

    let browser = Browser::open();
    let page = browser.page().await;
    sign_in(&page, &server).await;
    page.click("nav a[href='#/club']").await;
    page.reads("#pools tr", |text| text.starts_with("600+51"))
        .await;
    page.click("#pools button").await;
    page.reads("#tickets tr", |text| {
        text.starts_with("Ann") && text.ends_with("waits")
    })
    .await;
    page.find("#pools button[aria-expanded='true']").await;
    page.reads("#challenges tr", |text| text.starts_with("Bob180+2"))
        .await;
    let result = |text: &str| text.contains("AnnBob") && text.contains("aborted (adjudicated)");
    page.reads("#finished tr", result).await;
    let even = "All finished matches are archived, rated and published.";
    page.reads("#backlog", |text| text == even).await;
    page.click("#pools button").await;
    page.until("return document.querySelector('#of-pool').hidden")
        .await;
    // Nobody of this name has finished a match.
    page.fill("#main form [name='player']", "nobody").await;
    page.until("return !document.querySelector('#no-finished').hidden")
        .await;

    page.on_phone(390, 844, 1).await;
    go(&page, "#/matches").await;
    page.find("#rows").await;
    go(&page, "#/club").await;
    page.find("#finished tr").await;
    let inside = "return [...document.querySelectorAll('#finished td, #pools td')] \
                  .every((cell) => cell.getBoundingClientRect().right <= innerWidth)";
    page.until(inside).await;
    for (hash, sign) in [("#/club", "#pools tr"), ("#/players", "#no-players")] {
        go(&page, hash).await;
        page.find(sign).await;
        let fits = "return document.documentElement.scrollWidth <= innerWidth";
        page.until(fits).await;
    }
    let complaints = page.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}
