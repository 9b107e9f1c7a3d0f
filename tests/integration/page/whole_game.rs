//! A whole game from link to mate, through everything that may happen to its shard, its network and its player's device.

use std::time::{Duration, Instant};

use client::Matchmaker;
use game_core::MatchId;
use tests::browser::{Browser, Hand, Network, Page, named};
use tests::installation::Installation;
use tests::turns;
use tokio::time::{sleep_until, timeout};

use super::stage::content;

/// Morphy against the Duke of Brunswick and Count Isouard, Paris 1858.
const GAME: &str = "e2e4 e7e5 g1f3 d7d6 d2d4 c8g4 d4e5 g4f3 d1f3 d6e5 f1c4 g8f6 f3b3 d8e7 b1c3 c7c6 c1g5 b7b5 \
                    c3b5 c6b5 c4b5 b8d7 e1c1 a8d8 d1d7 d8d7 h1d1 e7e6 b5d7 f6d7 b3b8 d7b8 d1d8";
/// Before this ply the shard is killed.
const KILLED_AT: usize = 10;
/// Before this ply, White's, Black's network is cut.
const CUT_AT: usize = 18;
/// Before this ply White goes on elsewhere.
const TRANSFERRED_AT: usize = 24;

const CUT_FOR: Duration = Duration::from_secs(20);
const INITIAL_MS: i64 = 600_000;
/// A player is charged at most so much of a takeover: what the dead shard was heard to count, and the way of a move that
/// waits to be sent, on a busy machine.
const TAKEOVER_CHARGED_MAX_MS: i64 = 3_000;
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn by_web_transport() {
    play_through("webtransport").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_web_socket() {
    play_through("websocket").await;
}

/// Somebody at a device, with a browser and a network.
struct Device {
    page: Page,
    network: Network,
    _browser: Browser,
}

impl Device {
    async fn new(installation: &Installation, transport: &str) -> Self {
        let browser = Browser::open();
        let page = browser.page().await;
        if transport == "websocket" {
            page.at_start("delete window.WebTransport").await;
        }
        let matchmaker = installation.matchmaker.trim_start_matches("http://");
        let doors: Vec<_> = installation
            .shards
            .iter()
            .map(|shard| shard.doors)
            .collect();
        let network = Network::start(matchmaker.parse().unwrap(), &doors).await;
        Self {
            page,
            network: network.unwrap(),
            _browser: browser,
        }
    }

    /// Follows a link that another device shows, which names the address at which that one reaches the server.
    async fn follow(&self, link: &str) {
        let path = link.splitn(4, '/').nth(3).unwrap();
        self.page
            .goto(&format!("{}/{path}", self.network.url()))
            .await;
    }

    /// From now on the page notes how it is connected.
    async fn note_connections(&self) {
        let note = "const root = document.querySelector('[data-test=match]'); \
                    window.connections = [root.dataset.connection]; \
                    new MutationObserver(() => window.connections.push(root.dataset.connection)) \
                        .observe(root, { attributes: true, attributeFilter: ['data-connection'] });";
        self.page.evaluate(note).await;
    }

    async fn was(&self, connection: &str) -> bool {
        let script = format!("return window.connections.includes('{connection}')");
        self.page.evaluate(&script).await == true
    }
}

async fn value_of(page: &Page, test: &str) -> String {
    let body = format!(
        "return document.querySelector(\"{}\").value || null",
        named(test)
    );
    let value = page.wait(&format!("{test} has a value"), &body).await;
    value.as_str().unwrap().to_owned()
}

/// Ann makes a link, and Bob follows it; White is Ann.
async fn begin(ann: &Device, bob: &Device) -> MatchId {
    ann.page.goto(&ann.network.url()).await;
    ann.page.push("create-challenge").await;
    ann.page
        .click("[data-test=terms-color] [value=white]")
        .await;
    ann.page.fill(&named("terms-initial"), "10").await;
    ann.page.fill(&named("terms-increment"), "0").await;
    ann.page.push("challenge-submit").await;
    let link = value_of(&ann.page, "challenge-link").await;
    ann.page
        .find(&format!("{} svg", named("challenge-qr")))
        .await;
    bob.follow(&link).await;
    bob.page.push("challenge-accept").await;
    for device in [ann, bob] {
        device.page.is_live().await;
        device.note_connections().await;
    }
    ann.page.attribute("match").await.parse().unwrap()
}

/// What the turns of each side took at most, as seen from outside.
#[derive(Default)]
struct Thought([Duration; 2]);

async fn play_through(transport: &str) {
    let _turn = turns::patient_turn().await;
    let mut installation = Installation::start(2).await;
    let matchmaker = Matchmaker::new(&installation.matchmaker, PATIENCE).unwrap();
    let mut ann = Device::new(&installation, transport).await;
    let bob = Device::new(&installation, transport).await;
    let id = begin(&ann, &bob).await;
    let moves: Vec<&str> = GAME.split_whitespace().collect();
    let mut thought = Thought::default();
    let mut before = Instant::now();
    for (ply, uci) in moves.iter().enumerate() {
        let begun = Instant::now();
        match ply {
            KILLED_AT => {
                let [clock, _] = ann.page.clocks().await;
                let path = format!("/v1/matches/{id}");
                let owner = installation.admin.get(&path).await["owner"].clone();
                installation.kill(owner.as_str().unwrap());
                ann.page.play(uci).await;
                // A page may count a little faster than the server.
                let charged = clock - ann.page.clocks().await[0];
                assert!(
                    (-200..=TAKEOVER_CHARGED_MAX_MS).contains(&charged),
                    "a takeover of {:?} was charged with {charged} ms",
                    begun.elapsed()
                );
                bob.page.sees(ply + 1).await;
                assert_eq!(ann.page.attribute("epoch").await, "2");
                assert!(ann.was("moving").await, "the page said that the game moves");
            }
            CUT_AT => {
                let cut = tokio::time::Instant::now();
                bob.network.cut(true);
                ann.page.play(uci).await;
                bob.page.shows("connection", "lost").await;
                sleep_until(cut + CUT_FOR).await;
                bob.network.cut(false);
                bob.page.sees(ply + 1).await;
            }
            TRANSFERRED_AT => {
                ann = transfer(ann, &installation, transport, id).await;
                ann.page.play(uci).await;
            }
            _ => {
                let mover = if ply % 2 == 0 { &ann } else { &bob };
                let hand = if ply % 3 == 0 {
                    Hand::Drags
                } else {
                    Hand::Clicks
                };
                mover.page.play_by(hand, uci).await;
                assert_eq!(mover.page.attribute("transport").await, transport);
            }
        }
        // The turn was over by now, and began after the one before had begun to be played.
        thought.0[ply % 2] += before.elapsed();
        before = begun;
    }
    check(&matchmaker, id, [&ann.page, &bob.page], &moves, &thought).await;
}

/// White goes on at another device by a link, which works once.
async fn transfer(
    from: Device,
    installation: &Installation,
    transport: &str,
    id: MatchId,
) -> Device {
    from.page.click("[data-test=share] summary").await;
    from.page.push("transfer").await;
    let link = value_of(&from.page, "transfer-link").await;
    from.page
        .find(&format!("svg{0}, {0} svg", named("transfer-qr")))
        .await;
    content(&from.page);
    drop(from);
    let to = Device::new(installation, transport).await;
    to.follow(&link).await;
    to.page.is_live().await;
    assert_eq!(to.page.attribute("match").await, id.to_string());
    assert_eq!(to.page.attribute("role").await, "white");
    let late = to._browser.page().await;
    let path = link.splitn(4, '/').nth(3).unwrap();
    late.goto(&format!("{}/{path}", to.network.url())).await;
    late.find(&named("transfer-failed")).await;
    to
}

/// The oracle: what both pages show is what the server has, no move is lost or doubled, and nobody paid for more than the
/// turns took.
async fn check(
    matchmaker: &Matchmaker,
    id: MatchId,
    pages: [&Page; 2],
    moves: &[&str],
    thought: &Thought,
) {
    for page in pages {
        page.shows("termination", "checkmate").await;
        page.shows("result", "white_wins").await;
        content(page);
    }
    let stored = matchmaker.match_reply(id).await.unwrap();
    let uci: Vec<String> = stored.moves.iter().map(ToString::to_string).collect();
    assert_eq!(uci, moves);
    let pgn = timeout(PATIENCE, matchmaker.pgn(id))
        .await
        .unwrap()
        .unwrap();
    let (sans, clocks) = movetext(&pgn);
    for page in pages {
        assert_eq!(page.listed().await, sans, "{pgn}");
    }
    let shown = pages[0].clocks().await;
    assert_eq!(
        shown,
        pages[1].clocks().await,
        "both pages show the same clocks"
    );
    for seat in [0, 1] {
        // The record has whole seconds, rounded down.
        let last = clocks.iter().skip(seat).step_by(2).next_back().unwrap();
        assert_eq!(shown[seat] / 1_000, *last, "{shown:?}\n{pgn}");
        let charged = INITIAL_MS - shown[seat];
        let at_most = i64::try_from(thought.0[seat].as_millis()).unwrap();
        assert!(
            (1..=at_most).contains(&charged),
            "{charged} ms of at most {at_most} ms were charged: {shown:?}\n{pgn}"
        );
        let falls = clocks
            .iter()
            .skip(seat)
            .step_by(2)
            .is_sorted_by(|a, b| a >= b);
        assert!(falls, "a clock went up: {pgn}");
    }
    // Black was to move while its network was cut.
    let charged = INITIAL_MS - shown[1];
    let cut = i64::try_from(CUT_FOR.as_millis()).unwrap();
    assert!(charged > cut - 2_000, "{charged} ms of a cut of {cut} ms");
}

/// The moves of a record, and the clock after each in seconds.
fn movetext(pgn: &str) -> (Vec<String>, Vec<i64>) {
    let (_, text) = pgn.split_once("\n\n").unwrap();
    let (mut sans, mut clocks) = (Vec::new(), Vec::new());
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "{" | "}" => {}
            "[%clk" => {
                let clock = words.next().unwrap().trim_end_matches(']');
                let parts = clock.split(':').map(|part| part.parse::<i64>().unwrap());
                clocks.push(parts.fold(0, |sum, part| 60 * sum + part));
            }
            "1-0" | "0-1" | "1/2-1/2" | "*" => {}
            word if word.ends_with('.') => {}
            san => sans.push(san.to_owned()),
        }
    }
    (sans, clocks)
}
