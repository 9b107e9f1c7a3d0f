//! Watching and reading games.

use std::pin::{Pin, pin};
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, HttpBody};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use client::matchmaker::ServerEvents;
use game_core::{BySeat, MatchId, Outcome, Position, Seat, Termination, Uci};
use http_body_util::BodyExt;
use protocol::SeatView;
use protocol::http::{FinishedMatch, MatchReply, Start, Terms};
use serde_json::{Value, json};

use crate::fields::Fields;
use crate::hold::held;
use crate::lines::{LineSender, line, lines};
use crate::refusal::Refusal;
use crate::shapes::game::speed;
use crate::shapes::names::{Rules, speed_key, status};
use crate::shapes::user::{names, seated};
use crate::state::Gateway;

/// A game as PGN or, for clients that accept it, as JSON.
pub(crate) async fn export(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let id = id.parse().map_err(|_| Refusal::no_game())?;
    if wants_json(&headers) {
        let game = held(gateway.matchmaker.match_reply(id)).await?;
        return Ok(Json(exported(&game)).into_response());
    }
    let pgn = held(gateway.matchmaker.pgn(id)).await?;
    Ok(([(header::CONTENT_TYPE, PGN)], pgn).into_response())
}

const PGN: &str = "application/x-chess-pgn";

fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("json"))
}

fn result(game: &MatchReply) -> (u8, &'static str) {
    status(game.outcome.zip(game.termination))
}

fn rules(terms: &Terms) -> Rules {
    let start = match &terms.start {
        Start::Fen(fen) => Some(fen.as_str()),
        Start::Usual | Start::Number(_) => None,
    };
    Rules::new(terms.variant, start)
}

fn exported(game: &MatchReply) -> Value {
    of_export(&Exported {
        id: game.match_id,
        players: &game.players,
        terms: &game.terms,
        result: game.outcome.zip(game.termination),
        moves: &game.moves,
    })
}

/// A game with what an export has of it.
struct Exported<'a> {
    id: MatchId,
    players: &'a BySeat<SeatView>,
    terms: &'a Terms,
    result: Option<(Outcome, Termination)>,
    moves: &'a [Uci],
}

fn of_export(game: &Exported<'_>) -> Value {
    let rules = rules(game.terms);
    let speed = speed(&game.terms.controls);
    let names = names(game.players, Seat::Black);
    let player = |seat: Seat| {
        let player = seated(&game.players[seat], &names[seat]);
        json!({"user": player, "rating": player["rating"]})
    };
    let control = game.terms.controls.white;
    let mut json = json!({
        "id": game.id.as_str(),
        "rated": game.terms.rated,
        "variant": rules.key(),
        "speed": speed_key(speed),
        "perf": rules.perf(speed),
        "status": status(game.result).1,
        "players": {"white": player(Seat::White), "black": player(Seat::Black)},
        "moves": in_san(game.terms, game.moves),
        "clock": {
            "initial": control.initial().as_secs(),
            "increment": control.increment().as_secs(),
            "totalTime": control.estimate().as_secs(),
        },
    });
    if let Some(winner) = game.result.and_then(|(outcome, _)| outcome.winner()) {
        json["winner"] = winner.to_string().into();
    }
    if let (Start::Fen(fen), true) = (&game.terms.start, rules.has_start()) {
        json["initialFen"] = fen.clone().into();
    }
    json
}

/// Moves in standard algebraic notation, as exports have them.
fn in_san(terms: &Terms, moves: &[Uci]) -> String {
    let position = match &terms.start {
        Start::Fen(fen) => Position::from_fen(terms.variant, fen).ok(),
        Start::Usual | Start::Number(_) => Some(Position::initial(terms.variant)),
    };
    let Some(mut position) = position else {
        return String::new();
    };
    let san = |uci: &Uci| {
        let legal = position.resolve(*uci)?;
        Some(position.play_in_san(legal))
    };
    let sans: Vec<String> = moves.iter().map_while(san).collect();
    sans.join(" ")
}

/// The positions of a game, as they come.
pub(crate) async fn follow(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let id = id.parse().map_err(|_| Refusal::no_game())?;
    let events = held(gateway.matchmaker.match_events(None, id)).await?;
    let (sender, lines) = lines(None);
    let until = gateway.shutdown.clone();
    gateway.tasks.spawn(async move {
        tokio::select! {
            () = tell(events, &sender) => {}
            () = sender.closed() => {}
            () = until.cancelled() => {}
        }
    });
    Ok(lines.into_response())
}

async fn tell(mut events: ServerEvents, lines: &LineSender) {
    let mut told = None;
    while let Ok(Some(event)) = events.next().await {
        let Ok(game) = serde_json::from_str::<MatchReply>(&event.data) else {
            continue;
        };
        if told.is_none() && lines.send(line(&described(&game))).await.is_err() {
            return;
        }
        if told != Some(game.position_seq) {
            told = Some(game.position_seq);
            if lines.send(line(&position(&game))).await.is_err() {
                return;
            }
        }
        if game.outcome.is_some() {
            let _ = lines.send(line(&described(&game))).await;
            return;
        }
    }
}

fn described(game: &MatchReply) -> Value {
    let mut json = exported(game);
    let (id, name) = result(game);
    json["status"] = json!({"id": id, "name": name});
    json["variant"] = rules(&game.terms).json();
    json["fen"] = game.fen.clone().into();
    json["turns"] = game.moves.len().into();
    json
}

/// Position, last move and clocks.
pub(super) fn position(game: &MatchReply) -> Value {
    let left = game.clock.map_or_else(
        || game.terms.controls.map(|control| control.start().as_secs()),
        |clock| BySeat::new_with(|seat| clock.of(seat).as_secs()),
    );
    json!({
        "fen": game.fen,
        "lm": game.moves.last().map(ToString::to_string),
        "wc": left.white,
        "bc": left.black,
    })
}

/// A player's finished games, as PGN or a line of JSON each.
pub(crate) async fn games_of(
    State(gateway): State<Arc<Gateway>>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let fields = Fields::of(&uri, &headers, &Bytes::new())?;
    let found = held(gateway.people.named(vec![name])).await?;
    let player = found
        .into_iter()
        .flatten()
        .next()
        .ok_or(Refusal::no_user())?;
    let wants_json = wants_json(&headers);
    let format = if wants_json { "ndjson" } else { "pgn" };
    let id = player.player.as_str().replace('|', "%7C");
    let mut path = format!("/v1/archive?player={id}&format={format}");
    for field in ["since", "until", "max"] {
        if let Some(number) = fields.number(field)? {
            path.push_str(&format!("&{field}={}", number as u64));
        }
    }
    let body = held(gateway.matchmaker.download(&path, None)).await?;
    if !wants_json {
        let body: Pin<Box<_>> = Box::pin(body.map_err(|error| error.to_string()));
        return Ok(([(header::CONTENT_TYPE, PGN)], Body::new(body)).into_response());
    }
    let (sender, lines) = lines(None);
    let until = gateway.shutdown.clone();
    gateway.tasks.spawn(async move {
        tokio::select! {
            () = tell_games(body, &sender) => {}
            () = until.cancelled() => {}
        }
    });
    Ok(lines.into_response())
}

/// Finished games, as they come from the archive.
async fn tell_games(
    body: impl HttpBody<Data = Bytes, Error = impl std::fmt::Display>,
    lines: &LineSender,
) {
    let mut body = pin!(body);
    let mut unread = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => data,
            Ok(Err(_)) => continue,
            Err(error) => return tracing::warn!(%error, "an export has broken off"),
        };
        unread.extend_from_slice(&data);
        while let Some(len) = unread.iter().position(|byte| *byte == b'\n') {
            let game = unread.split_to(len + 1);
            let Ok(game) = serde_json::from_slice::<FinishedMatch>(&game) else {
                continue;
            };
            if lines.send(line(&finished(game))).await.is_err() {
                return;
            }
        }
    }
}

fn finished(game: FinishedMatch) -> Value {
    let players = game.players.map(|seat| seat.player);
    let mut json = of_export(&Exported {
        id: game.match_id,
        players: &players,
        terms: &game.terms,
        result: Some((game.outcome, game.termination)),
        moves: &game.moves,
    });
    json["createdAt"] = game.created_at.0.into();
    json["lastMoveAt"] = game.ended_at.0.into();
    json
}
