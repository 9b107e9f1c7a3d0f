//! Tournaments, as organisers make them. Everybody reads them at the matchmaker's own address.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use protocol::http::{NewRound, NewRuling, NewTournament, TournamentReply};
use store::TournamentId;
use web::{Body, PathId, sentence};

use crate::actions::Author;
use crate::problem::{ChangeProblems, Kind, Problem, Problems};
use crate::state::Admin;

/// Makes a tournament under an id of the organiser's choice, or replaces one that has no rounds yet. A repetition of the
/// request has the same answer.
#[utoipa::path(put, path = "/v1/tournaments/{tournament}", tag = "changes",
    params(("tournament" = String, Path, pattern = "^[0-9A-Za-z][0-9A-Za-z_-]{0,39}$")),
    request_body = NewTournament,
    responses((status = 200, description = "The tournament", body = TournamentReply), Problems, ChangeProblems))]
pub(crate) async fn put(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(id): PathId<TournamentId>,
    Body(request): Body<NewTournament>,
) -> Result<Json<TournamentReply>, Problem> {
    let answer = admin.source.put_tournament(&id, &request).await;
    author.note(&admin, "put_tournament", &id, &answer);
    answer.map(Json)
}

/// Begins the next round of a tournament: all its matches are made, or none. A repetition of the request has the same
/// answer, and the round is made once. Where the server pairs, the body is `{}`.
#[utoipa::path(put, path = "/v1/tournaments/{tournament}/rounds/{round}", tag = "changes",
    params(("tournament" = String, Path, pattern = "^[0-9A-Za-z][0-9A-Za-z_-]{0,39}$"), ("round" = u16, Path)),
    request_body = NewRound,
    responses((status = 200, description = "The tournament", body = TournamentReply), Problems, ChangeProblems))]
pub(crate) async fn put_round(
    State(admin): State<Arc<Admin>>,
    author: Author,
    Path((id, round)): Path<(String, String)>,
    Body(request): Body<NewRound>,
) -> Result<Json<TournamentReply>, Problem> {
    let invalid = |why: String| Problem::new(Kind::InvalidId, why);
    let id: TournamentId = id
        .parse()
        .map_err(|why| invalid(format!("{}.", sentence(&format!("{why}")))))?;
    let round: u16 = round
        .parse()
        .map_err(|_| invalid("The number of a round is 1 or more.".to_owned()))?;
    let answer = admin.source.put_round(&id, round, &request).await;
    let subject = format!("{id} round {round}");
    author.note(&admin, "put_round", &subject, &answer);
    answer.map(Json)
}

/// Rules on the result of a match of a tournament, whatever was played; without a result, withdraws a ruling.
#[utoipa::path(post, path = "/v1/tournaments/{tournament}/rulings", tag = "changes",
    params(("tournament" = String, Path, pattern = "^[0-9A-Za-z][0-9A-Za-z_-]{0,39}$")),
    request_body = NewRuling,
    responses((status = 200, description = "The tournament", body = TournamentReply), Problems, ChangeProblems))]
pub(crate) async fn rule(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(id): PathId<TournamentId>,
    Body(request): Body<NewRuling>,
) -> Result<Json<TournamentReply>, Problem> {
    let answer = admin.source.rule(&id, &request).await;
    let subject = format!("{id} {}", request.match_id);
    author.note(&admin, "rule", &subject, &answer);
    answer.map(Json)
}
