//! The page in Chromium.

use protocol::CloseCode;
use reqwest::Method;
use serde_json::json;
use tests::installation::{Installation, PlayedMatch};
use tests::process::Server;

use super::chromium::Browser;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_clicks_from_the_overview_to_a_match_and_sees_a_move_arrive() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    game.play(0, "e2e4").await;
    let browser = Browser::open().await;
    browser.sign_in(&server).await;

    browser.reads("#shards", |text| text.contains("live")).await;
    let figures = |text: &str| text.contains("Live matches1") && text.contains("Shards2");
    browser.reads(".tiles", figures).await;
    browser.click("nav a[href='#/matches']").await;
    browser
        .click(&format!("#rows a[href='#/match/{}']", game.id))
        .await;
    browser.reads("#title", |text| text == "Ann – Bob").await;
    browser.find("#board [data-piece='Pe4']").await;

    game.play(1, "c7c5").await;
    browser.find("#board [data-piece='pc5']").await;
    browser.find("#board .last[data-square='c7']").await;
    browser.reads("#moves li", |text| text == "e4c5").await;
    browser.find(".clock.runs[data-seat='white']").await;
    let confirmed = |text: &str| text.contains("Last confirmed event2");
    browser.reads("#facts", confirmed).await;

    browser.click("#handoff").await;
    browser.click("#confirm button[value='yes']").await;
    browser
        .reads("#answer", |text| text.starts_with("On its way to"))
        .await;
    // The other shard claims it once more when it loads it.
    browser
        .reads("#facts", |text| text.contains("Epoch3"))
        .await;
    browser
        .reads("#state", |text| text == "white to move")
        .await;
    browser.click("#abort").await;
    browser.click("#confirm button[value='yes']").await;
    browser
        .reads("#state", |text| text == "aborted: adjudicated")
        .await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_in_words_and_forgotten() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let browser = Browser::open().await;
    browser.goto(&server.ready.admin).await;
    browser
        .write("#token", "not-the-token-of-this-server")
        .await;
    browser.click(".login button").await;
    browser
        .reads(".error", |text| text.contains("does not take this token"))
        .await;
    let kept = browser.evaluate("return sessionStorage.length").await;
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_fits_a_phone_and_follows_the_system_into_the_dark() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let game = PlayedMatch::begin(&server.ready.matchmaker).await;
    let browser = Browser::open().await;
    browser.resize(390, 844).await;
    browser.sign_in(&server).await;
    for (hash, sign) in [
        ("#/".to_owned(), "#shards tr"),
        ("#/matches".to_owned(), "#rows tr"),
        (format!("#/match/{}", game.id), "#board rect"),
    ] {
        browser.evaluate(&format!("location.hash = '{hash}'")).await;
        browser.find(sign).await;
        let wide = "return document.documentElement.scrollWidth - innerWidth";
        assert_eq!(
            browser.evaluate(wide).await,
            0,
            "{hash} is wider than the phone"
        );
    }
    let whole = "const name = document.querySelector('#black-player strong'); \
                 return name.textContent === 'Bob' && name.scrollWidth <= name.clientWidth \
                 && getComputedStyle(document.querySelector('#black-player .link')).display === 'none'";
    browser.until(whole).await;
    browser.evaluate("location.hash = '#/matches'").await;
    browser.find("#rows td.name").await;
    let inside = "return [...document.querySelectorAll('#rows td.name')] \
                  .every((name) => name.getBoundingClientRect().right <= innerWidth)";
    browser.until(inside).await;
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        let features = [json!({ "name": "prefers-color-scheme", "value": scheme })];
        let emulate =
            json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": features } });
        browser
            .ask(Method::POST, "/goog/cdp/execute", Some(emulate))
            .await;
        let ground = "return getComputedStyle(document.body).backgroundColor";
        grounds.push(browser.evaluate(ground).await);
    }
    assert_ne!(grounds[0], grounds[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn harmless_and_destructive_actions_look_different_and_name_the_match_and_the_effect() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    let browser = Browser::open().await;
    browser.sign_in(&server).await;
    let there = format!("location.hash = '#/match/{}'", game.id);
    browser.evaluate(&there).await;
    browser.reads("#title", |text| text == "Ann – Bob").await;
    let dangers = browser
        .evaluate("return [...document.querySelectorAll('button.danger')].map((each) => each.id)")
        .await;
    assert_eq!(
        dangers,
        json!(["abort", "shut-out-white", "shut-out-black"])
    );
    let apart = "const bottom = document.querySelector('#handoff').getBoundingClientRect().bottom; \
                 const top = document.querySelector('#abort').getBoundingClientRect().top; \
                 return top - bottom >= 40";
    browser.until(apart).await;

    let match_named = format!("Ann – Bob (match {})", game.id);
    for (button, verb, kind, effect) in [
        ("#handoff", "Hand off", "primary", "Play goes on"),
        ("#abort", "Abort the match", "danger", "without a result"),
        (
            "#adjudicate button",
            "Adjudicate 1/2-1/2",
            "primary",
            "with this result",
        ),
    ] {
        browser.click(button).await;
        browser
            .reads("#asked", |text| text.contains(&match_named))
            .await;
        browser.reads("#effect", |text| text.contains(effect)).await;
        let yes = format!("#confirm button.{kind}[value='yes']");
        browser.reads(&yes, |text| text == verb).await;
        browser.click("#confirm button[value='no']").await;
    }

    let player = game.white_player.clone();
    browser
        .reads("#white-player .id", |text| text == player)
        .await;
    browser.click("#shut-out-white").await;
    browser
        .reads("#asked", |text| {
            text == format!("Shut out Ann (player {player})?")
        })
        .await;
    browser.click("#confirm button[value='yes']").await;
    browser
        .reads("#answer", |text| {
            text == "Ann is shut out; 1 closed at once."
        })
        .await;
    assert_eq!(game.white.closed().await, Some(CloseCode::TokenInvalid));

    browser.evaluate("location.hash = '#/'").await;
    let listed = format!("adminshut out player {player}done");
    browser
        .reads("#actions tr", |text| text.ends_with(&listed))
        .await;
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_has_coordinates_and_turns_around_with_its_players() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let game = PlayedMatch::begin(&server.ready.matchmaker).await;
    let browser = Browser::open().await;
    browser.sign_in(&server).await;
    let there = format!("location.hash = '#/match/{}'", game.id);
    browser.evaluate(&there).await;
    browser.find("#board [data-piece='Ra1']").await;
    let labels = |from_white: bool| {
        format!(
            "const texts = [...document.querySelectorAll('#board text')]; \
             const by = (axis) => (a, b) => a.getAttribute(axis) - b.getAttribute(axis); \
             const read = (of, axis) => of.sort(by(axis)).map((each) => each.textContent).join(''); \
             const files = texts.filter((each) => /[a-h]/.test(each.textContent)); \
             const ranks = texts.filter((each) => /[1-8]/.test(each.textContent)); \
             const top = (id) => document.querySelector(id).getBoundingClientRect().top; \
             return read(files, 'x') + read(ranks, 'y') === '{}' \
             && (top('#white-player') > top('#black-player')) === {from_white}",
            if from_white {
                "abcdefgh87654321"
            } else {
                "hgfedcba12345678"
            }
        )
    };
    browser.until(&labels(true)).await;
    browser.click("#flip").await;
    browser.until(&labels(false)).await;
    browser
        .find("#board [data-piece='Ra1'][x='315'][y='0']")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_that_all_is_well_and_what_is_not_and_since_when_a_server_is_gone() {
    let _turn = tests::turns::turn().await;
    let mut server = Server::embedded();
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    game.play(0, "e2e4").await;
    let browser = Browser::open().await;
    browser.sign_in(&server).await;
    let well = |text: &str| {
        text.starts_with("All is well: 2 shards are live, the store (embedded) answers")
    };
    browser.reads("#health[data-state='good']", well).await;
    browser
        .until("return document.title === '✓ Overview · Rookery'")
        .await;
    let with_axes = "return [...document.querySelectorAll('.tile .axes')].length === 10 \
        && [...document.querySelectorAll('.tile .axes')].every((each) => \
            /^0 – [0-9]+( m?s)?last [0-9]+ (s|min)$/.test(each.textContent))";
    browser.until(with_axes).await;
    let explained = "return [...document.querySelectorAll('abbr')].length > 8 \
        && [...document.querySelectorAll('abbr')].every((each) => each.title.length > 20)";
    browser.until(explained).await;

    let there = format!("location.hash = '#/match/{}'", game.id);
    browser.evaluate(&there).await;
    browser.find("#white-player .dot.on").await;
    browser
        .until("return document.title === '✓ Ann – Bob · Rookery'")
        .await;
    browser
        .until(
            "return document.querySelector('#facts abbr[title*=claimed]')?.textContent === 'Epoch'",
        )
        .await;
    let colour =
        "return getComputedStyle(document.querySelector('#white-player .dot')).backgroundColor";
    let green = browser.evaluate(colour).await;

    server.kill();
    let gone = |text: &str| {
        let since = text.strip_prefix("The server has not answered since ");
        since.is_some_and(|since| since.starts_with(|first: char| first.is_ascii_digit()))
    };
    browser.reads("#health[data-state='bad']", gone).await;
    browser
        .until("return document.title === '✕ Ann – Bob · Rookery'")
        .await;
    assert_ne!(browser.evaluate(colour).await, green);
    let still = "return document.querySelectorAll('.clock').length === 2 \
                 && document.querySelector('.clock.runs') === null";
    browser.until(still).await;
    browser.evaluate("location.hash = '#/matches'").await;
    browser.reads("#health[data-state='bad']", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_which_shard_is_down_and_who_did_what() {
    let _turn = tests::turns::turn().await;
    let mut installation = Installation::start(2).await;
    let browser = Browser::open().await;
    browser.goto(&installation.admin.url).await;
    browser.write("#token", &installation.admin.token).await;
    browser.click(".login button").await;
    let well = |text: &str| text.starts_with("All is well: 2 shards are live");
    browser.reads("#health[data-state='good']", well).await;
    let (status, _) = installation.admin.post("/v1/drain", &json!({})).await;
    assert_eq!(status, 400);
    let refused = |text: &str| text.ends_with("testerdrain shard not namedinvalid request");
    browser.reads("#actions tr", refused).await;

    let down = installation.shards[0].id.clone();
    installation.kill(&down);
    let told = |text: &str| text.contains(&format!("Down: Shard {down}."));
    browser.reads("#health[data-state='bad']", told).await;
    browser
        .until("return document.title === '✕ Overview · Rookery'")
        .await;
}
