//! The page in Chromium.

use protocol::CloseCode;
use serde_json::json;
use tests::browser::Browser;
use tests::installation::{Installation, PlayedMatch};
use tests::process::Server;

use super::sign_in;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_clicks_from_the_overview_to_a_match_and_sees_a_move_arrive() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    game.play(0, "e2e4").await;
    let browser = Browser::open();
    let page = browser.page().await;
    sign_in(&page, &server).await;

    page.reads("#shards", |text| text.contains("live")).await;
    let figures = |text: &str| text.contains("Live matches1") && text.contains("Shards2");
    page.reads(".tiles", figures).await;
    page.click("nav a[href='#/matches']").await;
    page.click(&format!("#rows a[href='#/match/{}']", game.id))
        .await;
    page.reads("#title", |text| text == "Ann – Bob").await;
    page.find("#board [data-piece='Pe4']").await;

    game.play(1, "c7c5").await;
    page.find("#board [data-piece='pc5']").await;
    page.find("#board .last[data-square='c7']").await;
    page.reads("#moves li", |text| text == "e4c5").await;
    page.find(".clock.runs[data-seat='white']").await;
    let confirmed = |text: &str| text.contains("Last confirmed event2");
    page.reads("#facts", confirmed).await;

    page.click("#handoff").await;
    page.click("#confirm button[value='yes']").await;
    page.reads("#answer", |text| text.starts_with("On its way to"))
        .await;
    // The other shard claims it once more when it loads it.
    page.reads("#facts", |text| text.contains("Epoch3")).await;
    page.reads("#state", |text| text == "white to move").await;
    page.click("#abort").await;
    page.click("#confirm button[value='yes']").await;
    page.reads("#state", |text| text == "aborted: adjudicated")
        .await;
    let complaints = page.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_in_words_and_forgotten() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let browser = Browser::open();
    let page = browser.page().await;
    page.goto(&server.ready.admin).await;
    page.fill("#token", "not-the-token-of-this-server").await;
    page.click(".login button").await;
    page.reads(".error", |text| text.contains("does not take this token"))
        .await;
    let kept = page.evaluate("return sessionStorage.length").await;
    assert_eq!(kept, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_fits_a_phone_and_follows_the_system_into_the_dark() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let game = PlayedMatch::begin(&server.ready.matchmaker).await;
    let browser = Browser::open();
    let page = browser.page().await;
    page.on_phone(390, 844, 1).await;
    sign_in(&page, &server).await;
    for (hash, sign) in [
        ("#/".to_owned(), "#shards tr"),
        ("#/matches".to_owned(), "#rows tr"),
        (format!("#/match/{}", game.id), "#board rect"),
    ] {
        page.evaluate(&format!("location.hash = '{hash}'")).await;
        page.find(sign).await;
        let wide = "return document.documentElement.scrollWidth - innerWidth";
        assert_eq!(
            page.evaluate(wide).await,
            0,
            "{hash} is wider than the phone"
        );
    }
    let whole = "const name = document.querySelector('#black-player strong'); \
                 return name.textContent === 'Bob' && name.scrollWidth <= name.clientWidth \
                 && getComputedStyle(document.querySelector('#black-player .link')).display === 'none'";
    page.until(whole).await;
    page.evaluate("location.hash = '#/matches'").await;
    page.find("#rows td.name").await;
    let inside = "return [...document.querySelectorAll('#rows td.name')] \
                  .every((name) => name.getBoundingClientRect().right <= innerWidth)";
    page.until(inside).await;
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        page.prefer(&[("prefers-color-scheme", scheme)]).await;
        let ground = "return getComputedStyle(document.body).backgroundColor";
        grounds.push(page.evaluate(ground).await);
    }
    assert_ne!(grounds[0], grounds[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn harmless_and_destructive_actions_look_different_and_name_the_match_and_the_effect() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    let browser = Browser::open();
    let page = browser.page().await;
    sign_in(&page, &server).await;
    let there = format!("location.hash = '#/match/{}'", game.id);
    page.evaluate(&there).await;
    page.reads("#title", |text| text == "Ann – Bob").await;
    let dangers = page
        .evaluate("return [...document.querySelectorAll('button.danger')].map((each) => each.id)")
        .await;
    assert_eq!(
        dangers,
        json!(["abort", "shut-out-white", "shut-out-black"])
    );
    let apart = "const bottom = document.querySelector('#handoff').getBoundingClientRect().bottom; \
                 const top = document.querySelector('#abort').getBoundingClientRect().top; \
                 return top - bottom >= 40";
    page.until(apart).await;

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
        page.click(button).await;
        page.reads("#asked", |text| text.contains(&match_named))
            .await;
        page.reads("#effect", |text| text.contains(effect)).await;
        let yes = format!("#confirm button.{kind}[value='yes']");
        page.reads(&yes, |text| text == verb).await;
        page.click("#confirm button[value='no']").await;
    }

    let player = game.white_player.clone();
    page.reads("#white-player .id", |text| text == player).await;
    page.click("#shut-out-white").await;
    page.reads("#asked", |text| {
        text == format!("Shut out Ann (player {player})?")
    })
    .await;
    page.click("#confirm button[value='yes']").await;
    page.reads("#answer", |text| {
        text == "Ann is shut out; 1 closed at once."
    })
    .await;
    assert_eq!(game.white.closed().await, Some(CloseCode::TokenInvalid));

    page.evaluate("location.hash = '#/'").await;
    let listed = format!("adminshut out player {player}done");
    page.reads("#actions tr", |text| text.ends_with(&listed))
        .await;
    let complaints = page.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_board_has_coordinates_and_turns_around_with_its_players() {
    let _turn = tests::turns::turn().await;
    let server = Server::embedded();
    let game = PlayedMatch::begin(&server.ready.matchmaker).await;
    let browser = Browser::open();
    let page = browser.page().await;
    sign_in(&page, &server).await;
    let there = format!("location.hash = '#/match/{}'", game.id);
    page.evaluate(&there).await;
    page.find("#board [data-piece='Ra1']").await;
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
    page.until(&labels(true)).await;
    page.click("#flip").await;
    page.until(&labels(false)).await;
    page.find("#board [data-piece='Ra1'][x='315'][y='0']").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_that_all_is_well_and_what_is_not_and_since_when_a_server_is_gone() {
    let _turn = tests::turns::turn().await;
    let mut server = Server::embedded();
    let mut game = PlayedMatch::begin(&server.ready.matchmaker).await;
    game.play(0, "e2e4").await;
    let browser = Browser::open();
    let page = browser.page().await;
    sign_in(&page, &server).await;
    let well = |text: &str| {
        text.starts_with("All is well: 2 shards are live, the store (embedded) answers")
    };
    page.reads("#health[data-state='good']", well).await;
    page.until("return document.title === '✓ Overview · Rookery'")
        .await;
    let with_axes = "return [...document.querySelectorAll('.tile .axes')].length === 10 \
        && [...document.querySelectorAll('.tile .axes')].every((each) => \
            /^0 – [0-9]+( m?s)?last [0-9]+ (s|min)$/.test(each.textContent))";
    page.until(with_axes).await;
    let explained = "return [...document.querySelectorAll('abbr')].length > 8 \
        && [...document.querySelectorAll('abbr')].every((each) => each.title.length > 20)";
    page.until(explained).await;

    let there = format!("location.hash = '#/match/{}'", game.id);
    page.evaluate(&there).await;
    page.find("#white-player .dot.on").await;
    page.until("return document.title === '✓ Ann – Bob · Rookery'")
        .await;
    page.until(
        "return document.querySelector('#facts abbr[title*=claimed]')?.textContent === 'Epoch'",
    )
    .await;
    let colour =
        "return getComputedStyle(document.querySelector('#white-player .dot')).backgroundColor";
    let green = page.evaluate(colour).await;

    server.kill();
    let gone = |text: &str| {
        let since = text.strip_prefix("The server has not answered since ");
        since.is_some_and(|since| since.starts_with(|first: char| first.is_ascii_digit()))
    };
    page.reads("#health[data-state='bad']", gone).await;
    page.until("return document.title === '✕ Ann – Bob · Rookery'")
        .await;
    assert_ne!(page.evaluate(colour).await, green);
    let still = "return document.querySelectorAll('.clock').length === 2 \
                 && document.querySelector('.clock.runs') === null";
    page.until(still).await;
    page.evaluate("location.hash = '#/matches'").await;
    page.reads("#health[data-state='bad']", gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_which_shard_is_down_and_who_did_what() {
    let _turn = tests::turns::turn().await;
    let mut installation = Installation::start(2).await;
    let browser = Browser::open();
    let page = browser.page().await;
    page.goto(&installation.admin.url).await;
    page.fill("#token", &installation.admin.token).await;
    page.click(".login button").await;
    let well = |text: &str| text.starts_with("All is well: 2 shards are live");
    page.reads("#health[data-state='good']", well).await;
    let (status, _) = installation.admin.post("/v1/drain", &json!({})).await;
    assert_eq!(status, 400);
    let refused = |text: &str| text.ends_with("testerdrain shard not namedinvalid request");
    page.reads("#actions tr", refused).await;

    let down = installation.shards[0].id.clone();
    installation.kill(&down);
    let told = |text: &str| text.contains(&format!("Down: Shard {down}."));
    page.reads("#health[data-state='bad']", told).await;
    page.until("return document.title === '✕ Overview · Rookery'")
        .await;
}
