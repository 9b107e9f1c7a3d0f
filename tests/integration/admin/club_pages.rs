//! The pages of players and of the club, in Chromium.

use serde_json::json;
use tests::installation::{Endpoint, PlayedMatch, eventually};
use tests::process::Server;
use tokio::task::JoinSet;

use super::chromium::Browser;
use super::club::Waiting;

/// Opens a page of a server that is signed in to.
async fn go(browser: &Browser, hash: &str) {
    browser.evaluate(&format!("location.hash = '{hash}'")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_shuts_out_and_restores_a_player_on_the_page_and_the_log_says_so() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let browser = Browser::open().await;
    browser.sign_in(&server).await;
    browser.click("nav a[href='#/players']").await;
    browser.write("#names", "Ann\nBob\n").await;
    browser.click("#new-players button").await;
    let with_codes = |text: &str| text.starts_with("Ann\t") && text.contains("\nBob\t");
    browser.reads("#codes", with_codes).await;
    browser
        .reads("#rows tr:nth-child(2)", |text| text.starts_with("Bob"))
        .await;

    browser.write("#player-filters [name='name']", "an").await;
    browser
        .until("return document.querySelectorAll('#rows tr').length === 1")
        .await;
    browser.click("#rows button.danger").await;
    browser
        .reads("#asked", |text| text.starts_with("Shut out Ann (player "))
        .await;
    browser.click("#confirm button[value='yes']").await;
    browser
        .reads("#answer", |text| {
            text == "Ann is shut out; 0 closed at once."
        })
        .await;
    browser
        .reads("#rows .bad", |text| text.starts_with("shut out since "))
        .await;
    browser.click("#player-filters [name='revoked']").await;
    browser
        .reads("#rows tr", |text| {
            text.starts_with("Ann") && text.ends_with("Restore")
        })
        .await;
    browser.click("#rows button:last-child").await;
    browser
        .reads("#asked", |text| text.starts_with("Restore Ann (player "))
        .await;
    browser.click("#confirm button[value='yes']").await;
    browser
        .reads("#answer", |text| text == "Ann is admitted again.")
        .await;
    browser
        .reads("#no-players", |text| text == "No players.")
        .await;
    browser
        .until("return !document.querySelector('#no-players').hidden")
        .await;

    browser
        .write("#new-invitation [name='label']", "Class 4b")
        .await;
    browser.click("#new-invitation button").await;
    browser
        .reads("#answer", |text| {
            text.starts_with("The code of the invitation is ")
        })
        .await;
    browser
        .reads("#invitations tr", |text| text.starts_with("Class 4b30"))
        .await;
    browser.click("#invitations button").await;
    browser.click("#confirm button[value='yes']").await;
    browser
        .reads("#answer", |text| {
            text == "The invitation “Class 4b” is withdrawn."
        })
        .await;

    go(&browser, "#/").await;
    for (row, what) in [
        (1, "withdraw invitation"),
        (2, "invite"),
        (3, "restore player"),
        (4, "shut out player"),
        (5, "make accounts"),
    ] {
        let row = format!("#actions tr:nth-child({row})");
        let noted = |text: &str| text.contains(&format!("admin{what} ")) && text.ends_with("done");
        browser.reads(&row, noted).await;
    }
    let complaints = browser.complaints().await;
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

    let browser = Browser::open().await;
    browser.sign_in(&server).await;
    browser.click("nav a[href='#/club']").await;
    browser
        .reads("#pools tr", |text| text.starts_with("600+51"))
        .await;
    browser.click("#pools button").await;
    browser
        .reads("#tickets tr", |text| {
            text.starts_with("Ann") && text.ends_with("waits")
        })
        .await;
    browser.find("#pools button[aria-expanded='true']").await;
    browser
        .reads("#challenges tr", |text| text.starts_with("Bob180+2"))
        .await;
    let result = |text: &str| text.contains("AnnBob") && text.contains("aborted (adjudicated)");
    browser.reads("#finished tr", result).await;
    let even = "All finished matches are archived, rated and published.";
    browser.reads("#backlog", |text| text == even).await;
    browser.click("#pools button").await;
    browser
        .until("return document.querySelector('#of-pool').hidden")
        .await;
    // Nobody of this name has finished a match.
    browser.write("#main form [name='player']", "nobody").await;
    browser
        .until("return !document.querySelector('#no-finished').hidden")
        .await;

    browser.resize(390, 844).await;
    go(&browser, "#/matches").await;
    browser.find("#rows").await;
    go(&browser, "#/club").await;
    browser.find("#finished tr").await;
    let inside = "return [...document.querySelectorAll('#finished td, #pools td')] \
                  .every((cell) => cell.getBoundingClientRect().right <= innerWidth)";
    browser.until(inside).await;
    for (hash, sign) in [("#/club", "#pools tr"), ("#/players", "#no-players")] {
        go(&browser, hash).await;
        browser.find(sign).await;
        let fits = "return document.documentElement.scrollWidth <= innerWidth";
        browser.until(fits).await;
    }
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
}
