//! From the lobby to a match, to a name, and to the games of others.

use game_core::ColorChoice;
use protocol::ServerBody;
use protocol::http::NewChallenge;
use tests::browser::{Key, named};
use tests::installation::eventually;
use tests::wire::RawClient;

use super::stage::{Stage, content, terms};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_in_a_pool_is_seen_and_paired() {
    let stage = Stage::enter().await;
    let (ann, bob) = (stage.page().await, stage.page().await);
    ann.goto(stage.url()).await;
    bob.goto(stage.url()).await;
    let pool = format!("{}[data-pool='3+2']", named("pool"));
    ann.click(&pool).await;
    // Out of the pool and in again.
    let waits = format!("{}:not([hidden])[data-pool='3+2']", named("seeking"));
    ann.click(&format!("{waits} {}", named("seek-cancel")))
        .await;
    ann.click(&pool).await;
    bob.find(&format!("{pool}[data-waiting='1']")).await;
    bob.click(&pool).await;
    ann.is_live().await;
    bob.is_live().await;
    assert_eq!(ann.attribute("match").await, bob.attribute("match").await);
    let white = if ann.attribute("role").await == "white" {
        &ann
    } else {
        &bob
    };
    white.play("e2e4").await;
    ann.sees(1).await;
    bob.sees(1).await;
    content(&ann);
    content(&bob);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_challenge_is_accepted_from_the_list() {
    let stage = Stage::enter().await;
    let carla = stage.player("Carla").await;
    let page = stage.page().await;
    page.goto(stage.url()).await;
    page.find(&named("pool")).await;
    let challenge = NewChallenge {
        terms: terms(),
        color: ColorChoice::Black,
        opponent: None,
        opponent_name: None,
        open: true,
        expires_in_s: None,
    };
    let made = stage.matchmaker.create_challenge(&carla.token, &challenge);
    let id = made.await.unwrap().id;
    let row = format!("{}[data-challenge='{id}']", named("open-challenge"));
    page.reads(&row, |text| text.contains("Carla")).await;
    page.click(&format!("{row} {}", named("accept"))).await;
    page.is_live().await;
    page.shows("role", "white").await;
    page.reads(&named("player-black"), |text| text == "Carla")
        .await;
    content(&page);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_gets_an_account_and_signs_in_elsewhere() {
    let stage = Stage::enter().await;
    let name = "Dora";
    let password = "a horse that is not a battery";
    let page = stage.page().await;
    page.goto(&format!("{}/account", stage.url())).await;
    let field = |form: &str, field: &str| format!("{} {}", named(form), named(field));
    page.fill(&field("sign-up", "name"), name).await;
    page.fill(&field("sign-up", "password"), password).await;
    page.press(Key::Enter).await;
    page.reads(&named("who"), |text| text.contains(name)).await;
    page.goto(&format!("{}/account", stage.url())).await;
    page.reads(&named("account-name"), |text| text.contains(name))
        .await;
    content(&page);

    let elsewhere = stage.page().await;
    elsewhere.goto(&format!("{}/account", stage.url())).await;
    elsewhere.fill(&field("sign-in", "name"), name).await;
    elsewhere
        .fill(&field("sign-in", "password"), "not the password at all")
        .await;
    elsewhere.press(Key::Enter).await;
    elsewhere
        .find(&format!("{} [role=alert]:not(:empty)", named("sign-in")))
        .await;
    elsewhere
        .fill(&field("sign-in", "password"), password)
        .await;
    elsewhere.press(Key::Enter).await;
    elsewhere
        .reads(&named("who"), |text| text.contains(name))
        .await;
    content(&elsewhere);
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_watched_and_their_game_is_replayed() {
    let stage = Stage::enter().await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let id = stage.match_of(terms(), &ann, &bob).await;
    let (mut white, mut black) = (stage.program(&ann, id).await, stage.program(&bob, id).await);
    played(&mut white, 0, "f2f3").await;
    played(&mut black, 1, "e7e5").await;
    let page = stage.page().await;
    page.goto(stage.url()).await;
    page.click(&format!(
        "{}[data-match='{id}'] a, a{0}[data-match='{id}']",
        named("live-match")
    ))
    .await;
    page.is_live().await;
    page.shows("role", "spectator").await;
    page.sees(2).await;
    white.play(2, "g2g4").await;
    page.sees(3).await;
    black.play(3, "d8h4").await;
    page.shows("termination", "checkmate").await;

    // The game is on the player's page a moment after its end.
    let games = format!("{}/v1/players/{}/games", stage.url(), ann.player);
    eventually("the finished game is listed", || async {
        let games = reqwest::get(&games).await.ok()?.text().await.ok()?;
        games.contains(&id.to_string()).then_some(())
    })
    .await;
    page.click(&named("player-white")).await;
    page.click(&format!("{}[data-match='{id}'] a", named("game")))
        .await;
    page.find(&named("replay")).await;
    let listed = "return [...document.querySelectorAll('[data-test=moves] .move')].map((move) => move.textContent).join(' ') \
                  === 'f3 e5 g4 Qh4#'";
    page.until(listed).await;
    page.push("moves-first").await;
    page.press(Key::Right).await;
    page.until("return document.querySelector('[data-shown-ply]').dataset.shownPly === '1'")
        .await;
    content(&page);
}

#[tokio::test(flavor = "multi_thread")]
async fn tv_goes_on_with_the_next_match() {
    let stage = Stage::enter().await;
    let mut seats = Vec::new();
    for _ in 0..2 {
        let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
        let id = stage.match_of(terms(), &ann, &bob).await;
        let mut white = stage.program(&ann, id).await;
        let mut black = stage.program(&bob, id).await;
        played(&mut white, 0, "f2f3").await;
        played(&mut black, 1, "e7e5").await;
        played(&mut white, 2, "g2g4").await;
        seats.push((id, white, black));
    }
    let page = stage.page().await;
    page.goto(&format!("{}/tv", stage.url())).await;
    page.is_live().await;
    let shown = page.attribute("match").await;
    page.sees(3).await;
    let (_, _, black) = seats
        .iter_mut()
        .find(|(id, ..)| id.to_string() == shown)
        .unwrap();
    played(black, 3, "d8h4").await;
    page.shows("termination", "checkmate").await;
    let other = format!(
        "const root = document.querySelector('[data-test=match]'); \
         return root.dataset.match !== '{shown}' && root.dataset.connection === 'live'"
    );
    page.wait("TV shows another match", &other).await;
    content(&page);
}

/// A program plays a move, which is then confirmed.
async fn played(program: &mut RawClient, ply: u16, uci: &str) {
    program.play(ply, uci).await;
    program
        .until(|body| matches!(body, ServerBody::Ack { .. }))
        .await;
}
