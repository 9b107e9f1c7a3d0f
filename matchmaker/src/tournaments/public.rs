//! `GET /v1/tournaments…`: tournaments for everybody.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};
use game_core::MatchId;
use protocol::http::{TournamentList, TournamentReply, TournamentRow};
use store::{TOURNAMENTS_PAGE_MAX, TournamentId};
use web::PathId;

use super::reply::Known;
use super::trf;
use crate::allowances::Client;
use crate::clock::now;
use crate::described::Problems;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Matches of a round that are read at once.
const AT_ONCE: usize = 16;

/// The last changed tournaments.
#[utoipa::path(get, path = "/v1/tournaments", tag = "tournaments",
    responses((status = 200, description = "Tournaments", body = TournamentList), Problems))]
pub(crate) async fn list_tournaments(
    State(service): State<Arc<Service>>,
) -> Result<Json<TournamentList>, Problem> {
    let found = service.store.tournaments(TOURNAMENTS_PAGE_MAX).await?;
    let rows = found.into_iter().map(|(id, changed_at)| TournamentRow {
        id: id.to_string(),
        changed_at,
    });
    Ok(Json(TournamentList {
        tournaments: rows.collect(),
    }))
}

/// A tournament: its players, rounds, results and table.
#[utoipa::path(get, path = "/v1/tournaments/{tournament}", tag = "tournaments",
    params(("tournament" = String, Path, pattern = "^[0-9A-Za-z][0-9A-Za-z_-]{0,39}$")),
    responses((status = 200, description = "The tournament", body = TournamentReply), Problems))]
pub(crate) async fn read_tournament(
    State(service): State<Arc<Service>>,
    PathId(id): PathId<TournamentId>,
) -> Result<Json<TournamentReply>, Problem> {
    let known = service.tournament(&id).await?;
    Ok(Json(known.reply(&id)))
}

/// A tournament as FIDE's tournament report file (TRF16), which pairing programs read.
#[utoipa::path(get, path = "/v1/tournaments/{tournament}/trf", tag = "tournaments",
    params(("tournament" = String, Path, pattern = "^[0-9A-Za-z][0-9A-Za-z_-]{0,39}$")),
    responses((status = 200, description = "TRF", body = String, content_type = "text/plain"), Problems))]
pub(crate) async fn tournament_trf(
    State(service): State<Arc<Service>>,
    PathId(id): PathId<TournamentId>,
) -> Result<Response, Problem> {
    let known = service.tournament(&id).await?;
    let report = trf::report(&known.document, &known.results);
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    Ok((kind, report).into_response())
}

/// All matches of a round as PGN, in play or finished, by board: what broadcasters read again and again.
#[utoipa::path(get, path = "/v1/tournaments/{tournament}/rounds/{round}/pgn", tag = "tournaments",
    params(("tournament" = String, Path, pattern = "^[0-9A-Za-z][0-9A-Za-z_-]{0,39}$"), ("round" = u16, Path)),
    responses((status = 200, description = "PGN", body = String, content_type = "application/x-chess-pgn"),
        Problems))]
pub(crate) async fn round_pgn(
    State(service): State<Arc<Service>>,
    client: Client,
    Path((id, round)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let invalid = |why: String| Problem::new(Kind::InvalidId, why);
    let id: TournamentId = id
        .parse()
        .map_err(|why| invalid(format!("{}.", web::sentence(&format!("{why}")))))?;
    let number: u16 = round
        .parse()
        .map_err(|_| invalid("The number of a round is 1 or more.".to_owned()))?;
    service.allowances.archive_read(client)?;
    let known = service.tournament(&id).await?;
    let round = known.document.round(number).ok_or_else(|| {
        let why = format!("Round {number} of tournament {id} has not begun.");
        Problem::new(Kind::TournamentNotFound, why)
    })?;
    let ids: Vec<MatchId> = round.pairings.iter().map(|board| board.match_id).collect();
    let boards = ids.into_iter().map(|id| service.shown(id, None));
    let boards: Vec<_> = stream::iter(boards).buffered(AT_ONCE).collect().await;
    let mut text = String::new();
    for shown in boards {
        match shown {
            Ok(shown) => text.push_str(&(shown.game.pgn(&service.config.site) + "\n")),
            // Not created yet, or gone.
            Err(problem) if problem.kind == Kind::MatchNotFound => {}
            Err(problem) => return Err(problem),
        }
    }
    let kind = "application/x-chess-pgn; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

impl Service {
    /// A tournament as the public may see it.
    async fn tournament(&self, id: &TournamentId) -> Result<Known, Problem> {
        let stored = self.store.tournament(id).await?.ok_or_else(|| {
            let why = format!("There is no tournament {id}.");
            Problem::new(Kind::TournamentNotFound, why)
        })?;
        Ok(Known::read(&stored, Some(now()))?)
    }
}
