//! `GET /v1/matches/{match}` and `/pgn`: a match as its shard has it in memory, else as the store or the archive has it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use game_core::{BySeat, Match, MatchId, Player};
use protocol::SeatView;
use protocol::http::{MatchReply, Terms};
use tokio::time::Instant;
use tracing::error;
use web::PathId;

use crate::described::Problems;
use crate::extract::Reader;
use crate::problem::{Kind, Problem};
use crate::ratings;
use crate::service::Service;
use crate::watching::Seen;

/// A match as its reader may see it: its players see all of it, everybody else what spectators see.
#[utoipa::path(get, path = "/v1/matches/{match}", tag = "matches", security((), ("player" = [])), params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "The match", body = MatchReply), Problems))]
pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    Reader(reader): Reader,
    PathId(id): PathId<MatchId>,
) -> Result<Json<MatchReply>, Problem> {
    let shown = service.shown(id, reader).await?;
    let rated = if shown.withheld || !shown.game.setup().rated {
        None
    } else {
        service.store.rated(id).await?
    };
    Ok(Json(MatchReply {
        rating_changes: rated.as_ref().map(ratings::changes),
        ..shown.reply(id)
    }))
}

/// A match as PGN, in play or finished, as its reader may see it.
#[utoipa::path(get, path = "/v1/matches/{match}/pgn", tag = "matches", security((), ("player" = [])), params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "PGN", body = String, content_type = "application/x-chess-pgn"),
        Problems))]
pub(crate) async fn pgn(
    State(service): State<Arc<Service>>,
    Reader(reader): Reader,
    PathId(id): PathId<MatchId>,
) -> Result<Response, Problem> {
    let shown = service.shown(id, reader).await?;
    let pgn = shown.game.pgn(&service.config.site);
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
pub(crate) struct Shown {
    pub(crate) game: Arc<Match>,
    /// Whether it is shown as it began, as what has happened since is withheld.
    withheld: bool,
    /// What a shard has told, if it is shown from there.
    pub(crate) seen: Option<Seen>,
}

impl Shown {
    /// All of a match, as it is stored.
    pub(crate) fn whole(game: Match) -> Self {
        Self {
            game: Arc::new(game),
            withheld: false,
            seen: None,
        }
    }

    /// A match as a shard has told of it.
    pub(crate) fn of(seen: Seen) -> Self {
        Self {
            game: Arc::clone(&seen.game),
            withheld: false,
            seen: Some(seen),
        }
    }

    /// The match in JSON.
    pub(crate) fn reply(&self, id: MatchId) -> MatchReply {
        let Self { game, withheld, .. } = self;
        let setup = game.setup();
        let (outcome, termination) = game.outcome().unzip();
        MatchReply {
            match_id: id,
            players: BySeat {
                white: SeatView::from(&setup.players.white),
                black: SeatView::from(&setup.players.black),
            },
            terms: Terms::of(setup),
            withheld: *withheld,
            seq: game.seq(),
            position_seq: game.position_seq(),
            fen: game.fen(),
            start_fullmove: setup.start.fullmove(),
            moves: game.moves().map(|(uci, _)| uci).collect(),
            clock: self.seen.as_ref().map(|seen| seen.clock(Instant::now())),
            draw_offer: game.draw_offer(),
            takeback_offer: game.takeback_offer(),
            rematch_offer: game.rematch_offer(),
            rematch: game.rematch(),
            outcome,
            termination,
            rating_changes: None,
        }
    }
}

impl Service {
    /// A match as its reader may see it: its players see all of it, others nothing that spectators do not see yet.
    pub(crate) async fn shown(
        &self,
        id: MatchId,
        reader: Option<Player>,
    ) -> Result<Shown, Problem> {
        let plays = |game: &Match| {
            let BySeat { white, black } = &game.setup().players;
            let is_theirs = |reader: &Player| [&white.id, &black.id].contains(&&reader.id);
            reader.as_ref().is_some_and(is_theirs)
        };
        if let Some(seen) = self.seen(id).await? {
            let is_behind = seen.game.setup().spectator_delay_s > 0;
            if !(is_behind && plays(&seen.game)) {
                return Ok(Shown::of(seen));
            }
        }
        let game = self.restore(id).await?;
        let withheld = !plays(&game) && self.endings.withhold(&game);
        let game = if withheld {
            Match::new(game.setup().clone())
        } else {
            game
        };
        Ok(Shown {
            game: Arc::new(game),
            withheld,
            seen: None,
        })
    }

    /// A match as of its newest confirmed event; one that has left the live matches, as the archive has it.
    pub(crate) async fn restore(&self, id: MatchId) -> Result<Match, Problem> {
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
