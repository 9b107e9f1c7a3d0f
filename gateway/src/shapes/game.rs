//! Games, as this API shows them: `gameFull`, `gameState`, `gameStart` and the list of games in play.

use std::fmt::Write as _;
use std::time::Instant;

use bytes::Bytes;
use client::MatchView;
use game_core::{
    BySeat, Outcome, Position, Seat, Speed, Termination, TimeControl, Uci, UnixMillis, Variant,
};
use protocol::http::{AccountMatch, MatchReply, Start};
use serde_json::{Value, json};

use super::names::{Rules, status};
use super::user::{names, seated, user_id};
use crate::lines::line;

/// The speed of a game: that of the slower side.
pub(crate) fn speed(controls: &BySeat<TimeControl>) -> Speed {
    controls.white.speed().max(controls.black.speed())
}

/// Moves in UCI notation, as clients read them.
pub(crate) fn moves_text(moves: &[Uci]) -> String {
    let mut text = String::with_capacity(5 * moves.len());
    for uci in moves {
        let space = if text.is_empty() { "" } else { " " };
        // Writing to a string does not fail.
        let _ = write!(text, "{space}{uci}");
    }
    text
}

/// The state of a game, as its player sees it at `now`: `gameState`.
pub(crate) fn state(view: &MatchView, moves: &str, now: Instant) -> Value {
    let left = |seat| millis(view.remaining(seat, now));
    let of = |seat| view.controls()[seat].stage_at(moves_of(view, seat));
    let (_, name) = status(view.result());
    let mut state = json!({
        "type": "gameState",
        "moves": moves,
        "wtime": left(Seat::White),
        "btime": left(Seat::Black),
        "winc": millis(of(Seat::White).increment),
        "binc": millis(of(Seat::Black).increment),
        "status": name,
    });
    if let Some(winner) = winner(view.result()) {
        state["winner"] = winner.into();
    }
    for (offer, keys) in [
        (view.draw_offer(), ["wdraw", "bdraw"]),
        (view.takeback_offer(), ["wtakeback", "btakeback"]),
    ] {
        match offer {
            Some(Seat::White) => state[keys[0]] = true.into(),
            Some(Seat::Black) => state[keys[1]] = true.into(),
            None => {}
        }
    }
    if let Some(rematch) = view.rematch() {
        state["rematch"] = rematch.as_str().into();
    }
    state
}

fn moves_of(view: &MatchView, seat: Seat) -> u16 {
    let first = u16::from(view.start().turn() == seat);
    (view.ply() + first) / 2
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The whole of a game, as its player sees it at `now`: the first line of its stream.
pub(crate) fn full(view: &MatchView, moves: &str, created_at: UnixMillis, now: Instant) -> Bytes {
    let start = view.start().fen();
    let rules = Rules::new(view.variant(), Some(&start));
    let speed = speed(view.controls());
    let other = view.seat().map_or(Seat::Black, Seat::opponent);
    let names = names(view.players(), other);
    let player = |seat: Seat| seated(&view.players()[seat], &names[seat]);
    let control = view.controls().white;
    line(&json!({
        "type": "gameFull",
        "id": view.id().as_str(),
        "variant": rules.json(),
        "clock": {"initial": millis(control.initial()), "increment": millis(control.increment())},
        "speed": super::names::speed_key(speed),
        "perf": {"name": rules.perf_name(speed)},
        "rated": view.is_rated(),
        "createdAt": created_at.0,
        "white": player(Seat::White),
        "black": player(Seat::Black),
        "initialFen": initial_fen(rules, &start),
        "state": state(view, moves, now),
    }))
}

/// What clients begin with. They ask for the position of these rules alone; other variants have one of their own.
fn initial_fen(rules: Rules, start: &str) -> &str {
    let is_initial = start == Position::initial(rules.variant).fen();
    if rules.variant != Variant::Chess960 && is_initial {
        "startpos"
    } else {
        start
    }
}

fn winner(result: Option<(Outcome, Termination)>) -> Option<String> {
    let (outcome, _) = result?;
    outcome.winner().map(|seat| seat.to_string())
}

/// A game in play or just over, from the seat of one of its players.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) seat: Seat,
    pub(crate) game: &'a MatchReply,
}

impl<'a> From<&'a AccountMatch> for Seen<'a> {
    fn from(told: &'a AccountMatch) -> Self {
        Self {
            seat: told.seat,
            game: &told.game,
        }
    }
}

impl Seen<'_> {
    fn result(&self) -> Option<(Outcome, Termination)> {
        self.game.outcome.zip(self.game.termination)
    }

    fn turn(&self) -> Seat {
        match self.game.fen.split(' ').nth(1) {
            Some("b") => Seat::Black,
            _ => Seat::White,
        }
    }

    fn start(&self) -> Option<&str> {
        match &self.game.terms.start {
            Start::Fen(fen) => Some(fen),
            Start::Usual | Start::Number(_) => None,
        }
    }

    /// What the player has left, in seconds.
    fn seconds_left(&self) -> u64 {
        match &self.game.clock {
            Some(clock) => clock.of(self.seat).as_secs(),
            None => self.game.terms.controls[self.seat].start().as_secs(),
        }
    }

    /// The game as events and lists show it. The player and the opponent are told from the seat.
    pub(crate) fn json(&self) -> Value {
        let Self { seat, game } = self;
        let rules = Rules::new(game.terms.variant, self.start());
        let speed = speed(&game.terms.controls);
        let opponent = &game.players[seat.opponent()];
        let name = &names(&game.players, seat.opponent())[seat.opponent()];
        let id = game.match_id.as_str();
        let is_over = game.outcome.is_some();
        let (number, status) = status(self.result());
        let of_seat = game.moves.len() >= 2 || (game.moves.len() == 1 && self.turn() != *seat);
        let mut json = json!({
            "id": id,
            "gameId": id,
            "fullId": id,
            "color": seat.to_string(),
            "fen": game.fen,
            "hasMoved": of_seat,
            "isMyTurn": !is_over && self.turn() == *seat,
            "lastMove": game.moves.last().map(ToString::to_string).unwrap_or_default(),
            "opponent": {
                "id": user_id(name),
                "username": name,
                "rating": opponent.rating.unwrap_or(1_500),
            },
            "perf": rules.perf(speed),
            "rated": game.terms.rated,
            "secondsLeft": self.seconds_left(),
            "source": "friend",
            "status": {"id": number, "name": status},
            "speed": super::names::speed_key(speed),
            "variant": {"key": rules.key(), "name": rules.json()["name"]},
        });
        json["rating"] = game.players[*seat].rating.unwrap_or(1_500).into();
        if let Some(winner) = winner(self.result()) {
            json["winner"] = winner.into();
        }
        json
    }

    /// The event of this game.
    pub(crate) fn event(&self, kind: &str) -> Bytes {
        let mut game = self.json();
        game["compat"] = json!({"bot": true, "board": true});
        line(&json!({"type": kind, "game": game}))
    }
}
