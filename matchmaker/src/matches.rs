//! `GET /v1/matches/{match}` and `/pgn`: a match as the store has it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use game_core::{BySeat, Match, MatchId, Player};
use protocol::SeatView;
use protocol::http::MatchReply;
use tracing::error;
use web::PathId;

use crate::problem::{Kind, Problem};
use crate::service::Service;

pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    PathId(id): PathId<MatchId>,
) -> Result<Json<MatchReply>, Problem> {
    let game = service.restore(id).await?;
    let setup = game.setup();
    let (outcome, termination) = game.outcome().unzip();
    Ok(Json(MatchReply {
        match_id: id,
        players: BySeat {
            white: seat_view(&setup.players.white),
            black: seat_view(&setup.players.black),
        },
        time_control: setup.time_control,
        seq: game.seq(),
        fen: game.fen(),
        start_fen: setup.start.fen(),
        start_fullmove: setup.start.fullmove(),
        moves: game.moves().map(|(uci, _)| uci).collect(),
        outcome,
        termination,
    }))
}

pub(crate) async fn pgn(
    State(service): State<Arc<Service>>,
    PathId(id): PathId<MatchId>,
) -> Result<Response, Problem> {
    let game = service.restore(id).await?;
    let pgn = game.pgn(&service.config.site);
    // There is no registered media type (RFC 6838); this is the one that Lichess and browsers use.
    Ok((
        [(
            header::CONTENT_TYPE,
            "application/x-chess-pgn; charset=utf-8",
        )],
        pgn,
    )
        .into_response())
}

/// The problem of a match that does not exist.
pub(crate) fn not_found(id: MatchId) -> Problem {
    Problem::new(Kind::MatchNotFound, format!("No match has the id {id}."))
}

fn seat_view(player: &Player) -> SeatView {
    SeatView {
        id: player.id.clone(),
        name: player.name.to_string(),
    }
}

impl Service {
    /// A match as of its newest confirmed event.
    async fn restore(&self, id: MatchId) -> Result<Match, Problem> {
        let checkpoint = self.store.load(id).await?.ok_or_else(|| not_found(id))?;
        Match::restore(checkpoint.snapshot, &checkpoint.tail).map_err(|error| {
            error!(match_id = %id, %error, "a stored match cannot be restored");
            Problem::new(
                Kind::Internal,
                "What is stored of this match cannot be read.",
            )
        })
    }
}
