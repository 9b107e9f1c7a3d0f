//! Whoever plays without a mouse, without eyes, on a phone, or in the dark.

use std::path::Path;

use serde_json::Value;
use tests::browser::{Key, Page, named};

use super::stage::{Stage, content, terms};

/// Checks of accessibility (WCAG 2.2 and good practice), as a script: from the packages of the page, which `tests/page`
/// installs, or whoever works on it.
fn axe() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = ["target/page/tree", "page"];
    let paths = places.map(|place| root.join(place).join("node_modules/axe-core/axe.min.js"));
    let found = paths.iter().find(|path| path.exists());
    let found = found.expect("axe-core is missing: run tests/page, or `npm ci` in page/");
    std::fs::read_to_string(found).unwrap()
}

/// What a page is checked on: a colour scheme, and the width and height of a phone if it is one.
const SCREENS: [(&str, Option<(u32, u32)>); 4] = [
    ("light", None),
    ("dark", None),
    ("light", Some((390, 844))),
    ("dark", Some((390, 844))),
];

/// Nothing of a page keeps anybody out, on any screen.
async fn is_for_everyone(page: &Page, name: &str, axe: &str) {
    for (scheme, phone) in SCREENS {
        page.prefer(&[
            ("prefers-color-scheme", scheme),
            ("prefers-reduced-motion", "reduce"),
        ])
        .await;
        match phone {
            Some((width, height)) => page.on_phone(width, height, 1).await,
            None => page.resize(1280, 900, 1).await,
        }
        let drawn = "return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))";
        page.evaluate(drawn).await;
        let check = format!(
            "{axe}; return axe.run(document, {{ resultTypes: ['violations'] }}).then(({{ violations }}) => \
             violations.map(({{ id, help, nodes }}) => `${{id}}: ${{help}}: ${{nodes.map((node) => \
             node.html.slice(0, 200) + ' ' + (node.any[0]?.message ?? '')).join(' | ')}}`))"
        );
        let found = page.evaluate(&check).await;
        assert_eq!(
            found,
            Value::Array(Vec::new()),
            "{name}, {scheme}, {phone:?}"
        );
        let wide = "return document.documentElement.scrollWidth - innerWidth";
        let wide = page.evaluate(wide).await.as_i64().unwrap();
        assert!(
            wide <= 0,
            "{name} is {wide} pixels wider than its screen {phone:?}"
        );
    }
    page.resize(1280, 900, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_of_accessibility_find_nothing() {
    let stage = Stage::enter().await;
    let axe = axe();
    let mut game = stage.game(terms()).await;
    game.play("e2e4 e7e5").await;
    game.black.push_twice("offer-draw").await;
    game.white
        .find(&format!("{}:not([disabled])", named("accept-draw")))
        .await;
    is_for_everyone(&game.white, "a match with an offer", &axe).await;
    game.white.push("match-text").await;
    game.white.find(&named("move-box")).await;
    is_for_everyone(&game.white, "text mode", &axe).await;
    game.white.push("match-text").await;
    game.white.push("accept-draw").await;
    game.ended("draw", "draw_agreement").await;
    is_for_everyone(&game.white, "a match that is over", &axe).await;
    game.white.click(&named("player-black")).await;
    game.white
        .find(&format!("{} [data-match]", named("player")))
        .await;
    is_for_everyone(&game.white, "a player", &axe).await;
    game.white.push("brand").await;
    game.white.find(&named("pool")).await;
    is_for_everyone(&game.white, "the lobby", &axe).await;
    game.white.push("create-challenge").await;
    game.white.find(&named("challenge-form")).await;
    is_for_everyone(&game.white, "the form of a challenge", &axe).await;
    game.leave();
}

/// Moves the focus on with the Tab key until it is where it should be.
async fn tab_to(page: &Page, selector: &str) {
    let there = format!(
        "return document.activeElement?.matches({}) ?? false",
        Value::from(selector)
    );
    page.find(selector).await;
    for _ in 0..120 {
        if page.evaluate(&there).await == true {
            return;
        }
        page.press(Key::Tab).await;
    }
    panic!("Tab does not lead to {selector}");
}

/// Goes to a square of the board with the arrow keys and presses Enter there.
async fn choose(page: &Page, square: &str) {
    tab_to(page, "[data-test=grid] [tabindex='0']").await;
    for _ in 0..20 {
        let key = "const cell = (name) => document.querySelector(`[data-test=grid] [data-square=${name}]`) \
                       .getBoundingClientRect(); \
                   const [here, there] = [document.activeElement.dataset.square, 'GOAL'].map(cell); \
                   if (there.left > here.left + 1) return 'right'; \
                   if (there.left < here.left - 1) return 'left'; \
                   if (there.top > here.top + 1) return 'down'; \
                   return there.top < here.top - 1 ? 'up' : 'here'"
            .replace("GOAL", square);
        let key = match page.evaluate(&key).await.as_str().unwrap() {
            "right" => Key::Right,
            "left" => Key::Left,
            "down" => Key::Down,
            "up" => Key::Up,
            _ => return page.press(Key::Enter).await,
        };
        page.press(key).await;
    }
    panic!("the arrow keys do not lead to {square}");
}

/// Enters a line into the box of the text mode.
async fn enter(page: &Page, line: &str) {
    tab_to(page, &named("move-box")).await;
    page.write(line).await;
    page.press(Key::Enter).await;
}

/// From the lobby to mate: White with the keyboard on the board, Black in text mode.
#[tokio::test(flavor = "multi_thread")]
async fn a_game_is_played_by_keyboard_alone_on_the_board_and_as_text() {
    let stage = Stage::enter().await;
    let (white, black) = tokio::join!(stage.page(), stage.page());
    white.goto(stage.url()).await;
    tab_to(&white, &named("create-challenge")).await;
    white.press(Key::Enter).await;
    tab_to(&white, &format!("{} :checked", named("terms-color"))).await;
    // Random, White, Black.
    white.press(Key::Right).await;
    white
        .find("[data-test=terms-color] [value=white]:checked")
        .await;
    tab_to(&white, &named("challenge-submit")).await;
    white.press(Key::Enter).await;
    let link = "return document.querySelector('[data-test=challenge-link]').value || null";
    let link = white.wait("there is a link", link).await;
    black.goto(link.as_str().unwrap()).await;
    tab_to(&black, &named("challenge-accept")).await;
    black.press(Key::Enter).await;
    white.is_live().await;
    black.is_live().await;
    tab_to(&black, &named("match-text")).await;
    black.press(Key::Space).await;
    black.shows("mode", "text").await;

    let log = named("text-log");
    for (ply, (from, to, answer)) in [("f2", "f3", "e5"), ("g2", "g4", "queen h4")]
        .into_iter()
        .enumerate()
    {
        choose(&white, from).await;
        choose(&white, to).await;
        white.sees(2 * ply + 1).await;
        black.sees(2 * ply + 1).await;
        let heard = if ply == 0 { "f3" } else { "g4" };
        black.reads(&log, |text| text.contains(heard)).await;
        enter(&black, answer).await;
        black.sees(2 * ply + 2).await;
    }
    for page in [&white, &black] {
        page.shows("termination", "checkmate").await;
        page.shows("result", "black_wins").await;
    }
    black
        .reads(&log, |text| text.to_lowercase().contains("checkmate"))
        .await;
    white
        .reads(&named("announcement"), |text| {
            text.to_lowercase().contains("checkmate")
        })
        .await;
    content(&white);
    content(&black);
}

/// What the box of the text mode answers to questions and to what it does not understand.
#[tokio::test(flavor = "multi_thread")]
async fn the_text_mode_answers_what_it_is_asked() {
    let stage = Stage::enter().await;
    let game = stage.game(terms()).await;
    game.white.push("match-text").await;
    game.white.shows("mode", "text").await;
    // It is all there at once.
    game.white
        .reads(&named("text-turn"), |text| text.contains("your turn"))
        .await;
    game.white
        .find(&format!("{} [data-piece=white-king]", named("board-table")))
        .await;
    let log = named("text-log");
    for (line, answer) in [
        ("square e2", "pawn"),
        ("clock", "minutes"),
        ("legal b1", "c3"),
        ("xyzzy", "xyzzy"),
        ("e5", "e5"),
        ("turn", "your turn"),
    ] {
        enter(&game.white, line).await;
        game.white
            .reads(&log, |text| text.to_lowercase().contains(answer))
            .await;
    }
    assert_eq!(game.white.attribute("ply").await, "0");
    enter(&game.white, "knight f3").await;
    game.white.sees(1).await;
    game.black.sees(1).await;
    game.leave();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finger_plays_on_a_phone() {
    let stage = Stage::enter().await;
    let (ann, bob) = (stage.player("Ann").await, stage.player("Bob").await);
    let id = stage.match_of(terms(), &ann, &bob).await;
    let page = stage.page().await;
    page.on_phone(390, 844, 2).await;
    page.belong_to(&ann).await;
    page.goto(&format!("{}/match/{id}", stage.url())).await;
    page.is_live().await;
    page.play_by(tests::browser::Hand::Taps, "e2e4").await;
    // The whole board and both clocks are seen at once.
    let whole = "const inside = (element) => { const box = element.getBoundingClientRect(); \
                     return box.top >= 0 && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth; }; \
                 scrollTo(0, 0); \
                 return [...document.querySelectorAll('cg-board, [data-test=clock]')].every(inside)";
    page.until(whole).await;
    content(&page);
}
