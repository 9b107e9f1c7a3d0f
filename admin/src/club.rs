//! What players wait for and what they have finished: pools, tickets, the archive, and what has not reached it yet.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use web::QueryOf;

use crate::club_views::{Backlog, FinishedList, OpenChallengeList, PoolList, TicketList};
use crate::problem::{ChangeProblems, Kind, Problem, Problems};
use crate::source::FinishedQuery;
use crate::state::Admin;

/// Longest name of a pool, and of a cursor, in bytes.
const TEXT_LEN_MAX: usize = 200;
const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 100;

/// Which tickets are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TicketParams {
    /// Those of this pool.
    #[param(min_length = 1, max_length = 200)]
    pool: String,
}

/// Which finished matches are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FinishedParams {
    /// Only those of the player of this id.
    #[param(min_length = 1, max_length = 64)]
    player: Option<String>,
    /// The `next` of the page before.
    #[param(max_length = 200)]
    cursor: Option<String>,
    /// Upper bound on matches in the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<usize>,
}

fn invalid(why: &str) -> Problem {
    Problem::new(Kind::InvalidRequest, why)
}

/// The pools in which players wait; a matchmaker knows them.
#[utoipa::path(get, path = "/v1/pools", tag = "players",
    responses((status = 200, description = "The pools", body = PoolList), Problems, ChangeProblems))]
pub(crate) async fn pools(State(admin): State<Arc<Admin>>) -> Result<Json<PoolList>, Problem> {
    admin.source.pools().await.map(Json)
}

/// The tickets that wait in a pool; a matchmaker knows them.
#[utoipa::path(get, path = "/v1/tickets", tag = "players", params(TicketParams),
    responses((status = 200, description = "The tickets", body = TicketList), Problems, ChangeProblems))]
pub(crate) async fn tickets(
    State(admin): State<Arc<Admin>>,
    QueryOf(params): QueryOf<TicketParams>,
) -> Result<Json<TicketList>, Problem> {
    if !(1..=TEXT_LEN_MAX).contains(&params.pool.len()) {
        return Err(invalid("pool must have 1 to 200 bytes."));
    }
    admin.source.tickets(&params.pool).await.map(Json)
}

/// The challenges that everyone may accept; a matchmaker knows them.
#[utoipa::path(get, path = "/v1/challenges", tag = "players",
    responses((status = 200, description = "The challenges", body = OpenChallengeList), Problems, ChangeProblems))]
pub(crate) async fn challenges(
    State(admin): State<Arc<Admin>>,
) -> Result<Json<OpenChallengeList>, Problem> {
    admin.source.challenges().await.map(Json)
}

/// Matches in the archive; a matchmaker knows them.
#[utoipa::path(get, path = "/v1/finished", tag = "players", params(FinishedParams),
    responses((status = 200, description = "A page of matches", body = FinishedList), Problems, ChangeProblems))]
pub(crate) async fn finished(
    State(admin): State<Arc<Admin>>,
    QueryOf(params): QueryOf<FinishedParams>,
) -> Result<Json<FinishedList>, Problem> {
    let limit = params.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(invalid("limit must be 1 to 100."));
    }
    let player = params.player.map(|text| text.parse()).transpose();
    let query = FinishedQuery {
        player: player.map_err(|_| invalid("player must be the id of a player."))?,
        cursor: params.cursor,
        limit,
    };
    admin.source.finished(query).await.map(Json)
}

/// How many matches have ended and wait to be archived, rated and published, and for how long; a matchmaker knows it.
#[utoipa::path(get, path = "/v1/backlog", tag = "players",
    responses((status = 200, description = "The backlog", body = Backlog), Problems, ChangeProblems))]
pub(crate) async fn backlog(State(admin): State<Arc<Admin>>) -> Result<Json<Backlog>, Problem> {
    admin.source.backlog().await.map(Json)
}
