//! Where the tests of the page play: one server and one browser for all that run at the same time.

use std::sync::{Arc, Weak};
use std::time::Duration;

use client::Matchmaker;
use game_core::{ClockStart, ColorChoice, MatchId};
use protocol::http::{MatchReply, NewChallenge, PlayerReply, SeatReply, Start, Terms};
use tests::browser::{Browser, Page};
use tests::process::Server;
use tests::turns;
use tests::wire::RawClient;
use tokio::sync::{Mutex, MutexGuard};

/// For requests, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(60);

static PRESENT: Mutex<Weak<Set>> = Mutex::const_new(Weak::new());

/// What the tests share. It ends with the last test that waits for its turn or has it.
struct Set {
    server: Server,
    browser: Browser,
}

/// A test's turn on the stage.
pub(super) struct Stage {
    set: Arc<Set>,
    pub(super) matchmaker: Matchmaker,
    _turn: MutexGuard<'static, ()>,
}

impl Stage {
    /// The turn of a test that keeps the machine busy.
    pub(super) async fn enter() -> Self {
        let set = set().await;
        Self::on(set, turns::turn().await)
    }

    /// The turn of a test that waits most of its time.
    pub(super) async fn enter_patiently() -> Self {
        let set = set().await;
        Self::on(set, turns::patient_turn().await)
    }

    fn on(set: Arc<Set>, turn: MutexGuard<'static, ()>) -> Self {
        let matchmaker = Matchmaker::new(&set.server.ready.matchmaker, PATIENCE).unwrap();
        Self {
            set,
            matchmaker,
            _turn: turn,
        }
    }

    /// The origin of the page.
    pub(super) fn url(&self) -> &str {
        &self.set.server.ready.matchmaker
    }

    pub(super) fn server(&self) -> &Server {
        &self.set.server
    }

    /// A page that shows nothing yet, of somebody who was never here.
    pub(super) async fn page(&self) -> Page {
        self.set.browser.page().await
    }

    /// A new guest.
    pub(super) async fn player(&self, name: &str) -> PlayerReply {
        self.matchmaker.new_player(Some(name)).await.unwrap()
    }

    /// A match of two players, made by their programs.
    pub(super) async fn match_of(
        &self,
        terms: Terms,
        white: &PlayerReply,
        black: &PlayerReply,
    ) -> MatchId {
        let challenge = NewChallenge {
            terms,
            color: ColorChoice::White,
            opponent: None,
            opponent_name: None,
            open: false,
            expires_in_s: None,
        };
        let made = self.matchmaker.create_challenge(&white.token, &challenge);
        let made = made.await.unwrap().id;
        let accepted = self.matchmaker.accept_challenge(&black.token, &made);
        accepted.await.unwrap().match_id.unwrap()
    }

    /// A page of a player, on a match.
    pub(super) async fn seated(&self, player: &PlayerReply, id: MatchId) -> Page {
        let page = self.page().await;
        page.belong_to(player).await;
        page.goto(&format!("{}/match/{id}", self.url())).await;
        page.is_live().await;
        page
    }

    /// The seat of a player as a program has it.
    pub(super) async fn program(&self, player: &PlayerReply, id: MatchId) -> RawClient {
        let seat: SeatReply = self.matchmaker.seat(&player.token, id).await.unwrap();
        RawClient::join(&seat.shard, id, seat.token, None).await.0
    }

    /// A match on two pages.
    pub(super) async fn game(&self, terms: Terms) -> Game {
        let white = self.player("Ann").await;
        let black = self.player("Bob").await;
        let id = self.match_of(terms, &white, &black).await;
        let (white, black) = tokio::join!(self.seated(&white, id), self.seated(&black, id));
        Game {
            id,
            white,
            black,
            ply: 0,
        }
    }

    /// What the server says of a match.
    pub(super) async fn stored(&self, id: MatchId) -> MatchReply {
        self.matchmaker.match_reply(id).await.unwrap()
    }
}

async fn set() -> Arc<Set> {
    let mut present = PRESENT.lock().await;
    if let Some(set) = present.upgrade() {
        return set;
    }
    let server = tokio::task::block_in_place(Server::embedded);
    let set = Arc::new(Set {
        server,
        browser: Browser::open(),
    });
    *present = Arc::downgrade(&set);
    set
}

/// Ten minutes a side, counted at once.
pub(super) fn terms() -> Terms {
    Terms {
        clock_start: ClockStart::AtOnce,
        ..Terms::usual("600+5".parse().unwrap())
    }
}

/// The same from a position.
pub(super) fn from(fen: &str) -> Terms {
    Terms {
        start: Start::Fen(fen.to_owned()),
        ..terms()
    }
}

/// A match on two pages.
pub(super) struct Game {
    pub(super) id: MatchId,
    pub(super) white: Page,
    pub(super) black: Page,
    ply: usize,
}

impl Game {
    /// Plays moves in UCI, in turn, by clicks.
    pub(super) async fn play(&mut self, moves: &str) {
        for uci in moves.split(' ') {
            let (mover, other) = match self.ply % 2 {
                0 => (&self.white, &self.black),
                _ => (&self.black, &self.white),
            };
            mover.play(uci).await;
            self.ply += 1;
            other.sees(self.ply).await;
        }
    }

    /// Waits until both pages show the end of the match.
    pub(super) async fn ended(&self, result: &str, termination: &str) {
        for page in [&self.white, &self.black] {
            page.shows("termination", termination).await;
            page.shows("result", result).await;
        }
    }

    /// The browser had nothing to complain of on either page.
    pub(super) fn leave(self) {
        for page in [&self.white, &self.black] {
            content(page);
        }
    }
}

/// The browser had nothing to complain of.
pub(super) fn content(page: &Page) {
    assert_eq!(page.complaints(), Vec::<String>::new());
}
