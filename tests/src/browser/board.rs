//! A match on a page, played by hand; `page/app/TESTING.md` says what is found there.

use protocol::http::PlayerReply;
use serde_json::{Value, json};

use super::input::point;
use super::page::Page;

/// How a hand moves a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// It clicks on the piece and on its goal.
    Clicks,
    /// It drags the piece there with the mouse.
    Drags,
    /// It taps on the piece and on its goal with a finger.
    Taps,
}

/// The script that finds the root of the match.
const ROOT: &str =
    "const root = document.querySelector('[data-test=match]'); const shown = root.dataset;";

/// A CSS selector of what has a name for tests.
#[must_use]
pub fn named(test: &str) -> String {
    format!("[data-test='{test}']")
}

impl Page {
    /// The page belongs to a player from its next document on.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn belong_to(&self, player: &PlayerReply) {
        let stored = json!({
            "player": player.player, "name": player.name, "token": player.token,
            "expiresAt": player.expires_at, "isNamed": false,
        });
        // A page that opens nothing yet has no storage.
        let script = format!(
            "if (location.protocol === 'http:' && !sessionStorage.belongs) {{ \
                 sessionStorage.belongs = 'yes'; \
                 localStorage.setItem('rookery.player', {}); \
             }}",
            Value::from(stored.to_string())
        );
        self.at_start(&script).await;
    }

    /// Waits until the match is connected and on the screen, to be played or watched.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn is_live(&self) {
        let body = format!("{ROOT} return shown.connection === 'live' && shown.ply !== undefined");
        self.wait("the match is live", &body).await;
    }

    /// Waits until an attribute of the match has a value; the empty text stands for none.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn shows(&self, attribute: &str, value: &str) {
        let body = format!(
            "{ROOT} return (root.getAttribute('data-{attribute}') ?? '') === {}",
            Value::from(value)
        );
        self.wait(&format!("data-{attribute} is {value}"), &body)
            .await;
    }

    /// Waits until the server has confirmed exactly so many moves, and nothing waits for its answer.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn sees(&self, ply: usize) {
        let body = format!(
            "{ROOT} return shown.confirmedPly === '{ply}' && shown.unconfirmed === 'false'"
        );
        self.wait(&format!("{ply} moves are confirmed"), &body)
            .await;
    }

    /// The value of an attribute of the match; empty if it has none.
    ///
    /// # Panics
    ///
    /// If no match is shown.
    pub async fn attribute(&self, name: &str) -> String {
        let body = format!("{ROOT} return root.getAttribute('data-{name}') ?? ''");
        let value = self.evaluate(&body).await;
        value.as_str().unwrap_or_default().to_owned()
    }

    /// The moves that are listed, as people write them.
    ///
    /// # Panics
    ///
    /// If no match is shown.
    pub async fn listed(&self) -> Vec<String> {
        let body = "return [...document.querySelectorAll('[data-test=moves] .move')].map((move) => move.textContent)";
        let moves = self.evaluate(body).await;
        serde_json::from_value(moves).expect("texts")
    }

    /// What both clocks show, White's first, in milliseconds.
    ///
    /// # Panics
    ///
    /// If no match is shown.
    pub async fn clocks(&self) -> [i64; 2] {
        let body = "return ['white', 'black'].map((seat) => \
                    Number(document.querySelector(`[data-test=clock][data-seat=${seat}]`).dataset.ms))";
        let clocks = self.evaluate(body).await;
        serde_json::from_value(clocks).expect("two clocks")
    }

    /// Presses a button, once it can be pressed.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn push(&self, test: &str) {
        self.click(&named(test)).await;
    }

    /// Presses a button that wants a second press.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn push_twice(&self, test: &str) {
        self.push(test).await;
        // A second press within a quarter of a second counts as part of the first.
        let body = format!(
            "const button = document.querySelector({}); \
             if (button.dataset.confirm !== 'true') return false; \
             window.armedAt ??= performance.now(); \
             return performance.now() - window.armedAt > 300",
            Value::from(named(test))
        );
        self.evaluate("delete window.armedAt").await;
        self.wait(&format!("{test} waits for a second press"), &body)
            .await;
        self.push(test).await;
    }

    /// Waits until it is this player's turn; returns how many moves were made.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn has_the_turn(&self) -> usize {
        let body = format!(
            "{ROOT} const isMine = shown.turn === shown.role && shown.connection === 'live' && !shown.result; \
             return isMine && shown.unconfirmed === 'false' && shown.shownPly === shown.ply ? Number(shown.ply) : null"
        );
        let ply = self.wait("it is this player's turn", &body).await;
        usize::try_from(ply.as_u64().expect("a ply")).expect("a ply")
    }

    /// Plays a move in UCI, for example `e2e4`, `a7a8n` or `N@e4`, and waits until the server has confirmed it.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn play(&self, uci: &str) {
        self.play_by(Hand::Clicks, uci).await;
    }

    /// The same by another hand.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn play_by(&self, hand: Hand, uci: &str) {
        let ply = self.has_the_turn().await;
        self.touch(hand, uci).await;
        self.sees(ply + 1).await;
    }

    /// Makes a move with the hand, without waiting for anything.
    ///
    /// # Panics
    ///
    /// If there is no board, or no such piece in the pocket.
    pub async fn touch(&self, hand: Hand, uci: &str) {
        if let Some((piece, to)) = uci.split_once('@') {
            let (role, color) = (role_of(piece), self.attribute("role").await);
            self.push(&format!("pocket-{color}-{role}")).await;
            let to = self.square(to).await;
            return self.click_at(to).await;
        }
        let (from, to) = (self.square(&uci[..2]).await, self.square(&uci[2..4]).await);
        match hand {
            Hand::Clicks => {
                self.click_at(from).await;
                self.click_at(to).await;
            }
            Hand::Drags => self.drag(from, to).await,
            Hand::Taps => {
                self.tap_at(from).await;
                self.tap_at(to).await;
            }
        }
        if let Some(piece) = uci.get(4..5) {
            self.push(&format!("promote-{}", role_of(piece))).await;
        }
    }

    /// The middle of a square of the board, once it is on the screen.
    async fn square(&self, name: &str) -> (f64, f64) {
        let body = format!(
            "{ROOT} const board = root.querySelector('cg-board'); \
             let box = board.getBoundingClientRect(); \
             if (box.top < 0 || box.bottom > innerHeight) {{ \
                 board.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
                 box = board.getBoundingClientRect(); \
             }} \
             if (box.width < 80) return null; \
             const [file, rank] = ['abcdefgh'.indexOf('{name}'[0]), Number('{name}'[1]) - 1]; \
             const isWhite = shown.orientation === 'white'; \
             const column = isWhite ? file : 7 - file; \
             const row = isWhite ? 7 - rank : rank; \
             return [box.left + (column + 0.5) * box.width / 8, box.top + (row + 0.5) * box.height / 8]"
        );
        point(&self.wait("the board is there", &body).await)
    }
}

/// The name of a piece by its letter in UCI.
fn role_of(letter: &str) -> &'static str {
    match letter.to_ascii_lowercase().as_str() {
        "p" => "pawn",
        "n" => "knight",
        "b" => "bishop",
        "r" => "rook",
        "q" => "queen",
        _ => "king",
    }
}
