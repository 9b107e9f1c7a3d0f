//! Players: the list of accounts and of those who are shut out, and what operators do with them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use game_core::PlayerId;
use store::SecretDigest;
use web::{Body, PathId, QueryOf};

use crate::actions::{Author, Nothing};
use crate::problem::{ChangeProblems, Kind, Problem, Problems};
use crate::state::Admin;
use crate::views::{
    CodeLife, CodeMade, InvitationList, InvitationMade, NewInvitation, NewPlayers, PlayerList,
    PlayerQuery, PlayersMade, Removed, Restored, week_hours,
};

/// Upper bound on accounts that one request makes: a few classes.
const NAMES_MAX: usize = 100;
/// Upper bound on the life of a login code, in hours: a month.
const CODE_HOURS_MAX: u32 = 31 * 24;
/// Upper bound on the life of an invitation, in hours: a year.
const INVITATION_HOURS_MAX: u32 = 366 * 24;
/// Upper bound on accounts that one invitation is good for.
const USES_MAX: u32 = 10_000;
/// Upper bound on players in a page.
const PAGE_MAX: usize = 500;
/// Longest cursor of a page, in bytes: a key of a name.
const AFTER_LEN_MAX: usize = 4 * 1_024;
/// Longest beginning of a name, in characters.
const NAME_MAX: usize = 32;
/// Longest label of an invitation, in characters.
const LABEL_MAX: usize = 64;

/// The players of this installation: accounts by name, or those who are shut out.
#[utoipa::path(get, path = "/v1/players", tag = "players", params(PlayerQuery),
    responses((status = 200, description = "A page", body = PlayerList), Problems, ChangeProblems))]
pub(crate) async fn list(
    State(admin): State<Arc<Admin>>,
    QueryOf(query): QueryOf<PlayerQuery>,
) -> Result<Json<PlayerList>, Problem> {
    check_query(&query)?;
    admin.source.players(&query).await.map(Json)
}

/// Makes accounts with a login code each, as for a class: who has the code logs in once, and may then choose a password.
#[utoipa::path(post, path = "/v1/players", tag = "changes", request_body = NewPlayers,
    responses((status = 201, description = "What became of each name", body = PlayersMade),
        Problems, ChangeProblems))]
pub(crate) async fn create(
    State(admin): State<Arc<Admin>>,
    author: Author,
    Body(request): Body<NewPlayers>,
) -> Result<(StatusCode, Json<PlayersMade>), Problem> {
    check(
        (1..=NAMES_MAX).contains(&request.names.len()),
        "names is a list of 1 to 100 names.",
    )?;
    check_code_hours(request.hours)?;
    let answer = admin.source.create_players(&request).await;
    let subject = format!("{} accounts", request.names.len());
    author.note(&admin, "create_players", &subject, &answer);
    answer.map(|made| (StatusCode::CREATED, Json(made)))
}

/// Makes a new login code for an account, for example if its password was forgotten.
#[utoipa::path(post, path = "/v1/players/{player}/code", tag = "changes",
    params(("player" = String, Path, pattern = "^[0-9A-Za-z_.:@|-]{1,64}$")),
    request_body = Option<CodeLife>,
    responses((status = 201, description = "The code", body = CodeMade), Problems,
        ChangeProblems))]
pub(crate) async fn code(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(player): PathId<PlayerId>,
    Body(life): Body<Option<CodeLife>>,
) -> Result<(StatusCode, Json<CodeMade>), Problem> {
    let hours = life.map_or(week_hours(), |life| life.hours);
    check_code_hours(hours)?;
    let answer = admin.source.login_code(&player, hours).await;
    author.note(&admin, "login_code", &player, &answer);
    answer.map(|made| (StatusCode::CREATED, Json(made)))
}

/// Admits a player who was shut out.
#[utoipa::path(post, path = "/v1/players/{player}/restore", tag = "changes",
    params(("player" = String, Path, pattern = "^[0-9A-Za-z_.:@|-]{1,64}$")),
    request_body = Option<Nothing>,
    responses((status = 200, description = "It holds", body = Restored), Problems,
        ChangeProblems))]
pub(crate) async fn restore(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(player): PathId<PlayerId>,
    _body: Body<Option<Nothing>>,
) -> Result<Json<Restored>, Problem> {
    let answer = admin.source.restore(&player).await;
    author.note(&admin, "restore", &player, &answer);
    answer.map(Json)
}

/// Removes an account with its API tokens. Its name is free then; its games stay.
#[utoipa::path(post, path = "/v1/players/{player}/remove", tag = "changes",
    params(("player" = String, Path, pattern = "^[0-9A-Za-z_.:@|-]{1,64}$")),
    request_body = Option<Nothing>,
    responses((status = 200, description = "It is removed", body = Removed), Problems,
        ChangeProblems))]
pub(crate) async fn remove(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(player): PathId<PlayerId>,
    _body: Body<Option<Nothing>>,
) -> Result<Json<Removed>, Problem> {
    let answer = admin.source.remove_player(&player).await;
    author.note(&admin, "remove_player", &player, &answer);
    answer.map(Json)
}

/// The invitations that have not expired.
#[utoipa::path(get, path = "/v1/invitations", tag = "players",
    responses((status = 200, description = "All of them", body = InvitationList), Problems,
        ChangeProblems))]
pub(crate) async fn invitations(
    State(admin): State<Arc<Admin>>,
) -> Result<Json<InvitationList>, Problem> {
    admin.source.invitations().await.map(Json)
}

/// Makes an invitation: whoever has its code may make an account, so many times, where sign-up is by invitation.
#[utoipa::path(post, path = "/v1/invitations", tag = "changes", request_body = NewInvitation,
    responses((status = 201, description = "The invitation", body = InvitationMade), Problems,
        ChangeProblems))]
pub(crate) async fn invite(
    State(admin): State<Arc<Admin>>,
    author: Author,
    Body(request): Body<NewInvitation>,
) -> Result<(StatusCode, Json<InvitationMade>), Problem> {
    check(
        (1..=LABEL_MAX).contains(&request.label.chars().count()),
        "label is a text of 1 to 64 characters.",
    )?;
    check(
        (1..=USES_MAX).contains(&request.uses),
        "uses is a number from 1 to 10000.",
    )?;
    check(
        (1..=INVITATION_HOURS_MAX).contains(&request.hours),
        "hours is a number from 1 to 8784.",
    )?;
    let answer = admin.source.invite(&request).await;
    author.note(&admin, "invite", &request.label, &answer);
    answer.map(|made| (StatusCode::CREATED, Json(made)))
}

/// Withdraws an invitation. Accounts that were made by it stay.
#[utoipa::path(post, path = "/v1/invitations/{invitation}/withdraw", tag = "changes",
    params(("invitation" = String, Path, pattern = "^[0-9a-f]{64}$")),
    request_body = Option<Nothing>,
    responses((status = 200, description = "The invitations that are left", body = InvitationList),
        Problems, ChangeProblems))]
pub(crate) async fn withdraw(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(digest): PathId<SecretDigest>,
    _body: Body<Option<Nothing>>,
) -> Result<Json<InvitationList>, Problem> {
    let answer = admin.source.withdraw_invitation(&digest).await;
    author.note(&admin, "withdraw_invitation", &digest, &answer);
    answer.map(Json)
}

fn check_query(query: &PlayerQuery) -> Result<(), Problem> {
    let is_short = |after: &String| after.len() <= AFTER_LEN_MAX;
    let is_name = |name: &String| (1..=NAME_MAX).contains(&name.chars().count());
    check(
        (1..=PAGE_MAX).contains(&query.limit()),
        "limit is a number from 1 to 500.",
    )?;
    check(
        query.after.as_ref().is_none_or(is_short),
        "after is the \"next\" of the page before.",
    )?;
    check(
        query.name.as_ref().is_none_or(is_name),
        "name is the beginning of a name, 1 to 32 characters.",
    )
}

fn check_code_hours(hours: u32) -> Result<(), Problem> {
    let is_fit = (1..=CODE_HOURS_MAX).contains(&hours);
    check(is_fit, "hours is a number from 1 to 744.")
}

fn check(is_fit: bool, why: &str) -> Result<(), Problem> {
    if is_fit {
        Ok(())
    } else {
        Err(Problem::new(Kind::InvalidRequest, why))
    }
}
