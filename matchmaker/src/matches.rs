//! `GET /v1/matches/{match}` and `/pgn`: a match as the store has it, or the archive if it is finished.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use game_core::{BySeat, Match, MatchId, Player};
use protocol::SeatView;
use protocol::http::{MatchReply, Terms};
use tracing::error;
use web::PathId;

use crate::extract::Reader;
use crate::problem::{Kind, Problem};
use crate::ratings;
use crate::service::Service;

pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    Reader(reader): Reader,
    PathId(id): PathId<MatchId>,
) -> Result<Json<MatchReply>, Problem> {
    let Shown { game, withheld } = service.shown(id, reader).await?;
    let rated = if withheld || !game.setup().rated {
        None
    } else {
        service.store.rated(id).await?
    };
    let setup = game.setup();
    let (outcome, termination) = game.outcome().unzip();
    Ok(Json(MatchReply {
        match_id: id,
        players: BySeat {
            white: SeatView::from(&setup.players.white),
            black: SeatView::from(&setup.players.black),
        },
        terms: Terms::of(setup),
        withheld,
        seq: game.seq(),
        position_seq: game.position_seq(),
        fen: game.fen(),
        start_fullmove: setup.start.fullmove(),
        moves: game.moves().map(|(uci, _)| uci).collect(),
        draw_offer: game.draw_offer(),
        takeback_offer: game.takeback_offer(),
        rematch_offer: game.rematch_offer(),
        rematch: game.rematch(),
        outcome,
        termination,
        rating_changes: rated.as_ref().map(ratings::changes),
    }))
}

pub(crate) async fn pgn(
    State(service): State<Arc<Service>>,
    Reader(reader): Reader,
    PathId(id): PathId<MatchId>,
) -> Result<Response, Problem> {
    let Shown { game, .. } = service.shown(id, reader).await?;
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

/// A match as one reader may see it.
struct Shown {
    game: Match,
    /// Whether it is shown as it began, as what has happened since is withheld.
    withheld: bool,
}

impl Service {
    /// A match as its reader may see it: its players see all of it, others nothing that spectators do not see yet.
    async fn shown(&self, id: MatchId, reader: Option<Player>) -> Result<Shown, Problem> {
        let game = self.restore(id).await?;
        let BySeat { white, black } = &game.setup().players;
        let plays = |reader: Player| [&white.id, &black.id].contains(&&reader.id);
        let withheld = !reader.is_some_and(plays) && self.endings.withhold(&game);
        let game = if withheld {
            Match::new(game.setup().clone())
        } else {
            game
        };
        Ok(Shown { game, withheld })
    }

    /// A match as of its newest confirmed event; one that has left the live matches, as the archive has it.
    async fn restore(&self, id: MatchId) -> Result<Match, Problem> {
        let restored = match self.store.load(id).await? {
            Some(checkpoint) => Match::restore(checkpoint.snapshot, &checkpoint.tail),
            // A finished match leaves the live ones.
            None => {
                let archived = self.archive.get(id).await?;
                archived.ok_or_else(|| not_found(id))?.restore()
            }
        };
        restored.map_err(|error| {
            error!(match_id = %id, %error, "a stored match cannot be restored");
            Problem::new(
                Kind::Internal,
                "What is stored of this match cannot be read.",
            )
        })
    }
}
