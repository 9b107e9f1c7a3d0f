//! Changes by operators. Each request is written to the log target `audit`, with its outcome, and remembered for the
//! page for a while.

use std::fmt::Display;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum::{Extension, Json};
use game_core::{MatchId, Outcome, PlayerId, ShardId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Body, PathId};

use crate::access::Operator;
use crate::action_log::Action;
use crate::matches;
use crate::problem::{ChangeProblems, Problem, Problems};
use crate::state::Admin;
use crate::views::{HandedOff, MatchDetails, Revoked};

/// The operator who requests a change, and the address of the request.
pub(crate) struct Author {
    operator: Operator,
    from: Option<SocketAddr>,
}

impl<S: Send + Sync> FromRequestParts<S> for Author {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let operator = Extension::<Operator>::from_request_parts(parts, state).await;
        let from = Extension::<ConnectInfo<SocketAddr>>::from_request_parts(parts, state).await;
        Ok(Self {
            operator: operator.map_or(Operator("unknown".into()), |Extension(named)| named),
            from: from.ok().map(|Extension(ConnectInfo(from))| from),
        })
    }
}

impl Author {
    /// Logs a request and its outcome.
    pub(crate) fn note<T>(
        &self,
        admin: &Admin,
        what: &str,
        of: &dyn Display,
        answer: &Result<T, Problem>,
    ) {
        let outcome = answer.as_ref().map_or_else(Problem::code, |_| "done");
        let from = self.from.map(tracing::field::display);
        tracing::info!(target: "audit", who = %self.operator.0, from, what, of = %of, outcome, "audit");
        let subject = of.to_string();
        let action = Action::new(matches::now(), &self.operator.0, what, subject, outcome);
        admin.actions.add(action);
    }
}

/// How an arbiter ends a match.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ruling {
    /// `white_wins`, `black_wins` or `draw`.
    outcome: Decision,
}

/// A result that an arbiter may give.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Decision {
    WhiteWins,
    BlackWins,
    Draw,
}

impl From<Decision> for Outcome {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::WhiteWins => Self::WhiteWins,
            Decision::BlackWins => Self::BlackWins,
            Decision::Draw => Self::Draw,
        }
    }
}

/// A body without content.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The destination of a match.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Destination {
    /// The shard that is to own it; by default its heir.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9A-Za-z]{12}$")]
    to: Option<ShardId>,
}

/// The shard of a drain.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichShard {
    /// By default the shard that is asked; required at a matchmaker.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[0-9A-Za-z]{12}$")]
    shard: Option<ShardId>,
}

/// A shard that drains.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Draining {
    /// Which process.
    #[schema(value_type = String)]
    shard: ShardId,
}

/// Ends a match without a result. The answer comes once the store has confirmed it; a 503
/// `unconfirmed` says that it will be so or not.
#[utoipa::path(post, path = "/v1/matches/{match}/abort", tag = "changes",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    request_body = Option<Nothing>,
    responses((status = 200, description = "It has ended", body = MatchDetails), Problems,
        ChangeProblems))]
pub(crate) async fn abort(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(id): PathId<MatchId>,
    _body: Body<Option<Nothing>>,
) -> Result<Json<MatchDetails>, Problem> {
    let answer = admin.source.adjudicate(id, Outcome::Aborted).await;
    author.note(&admin, "abort", &id, &answer);
    answer.map(Json)
}

/// Ends a match with a result. The answer comes once the store has confirmed it; a 503 `unconfirmed`
/// says that it will be so or not.
#[utoipa::path(post, path = "/v1/matches/{match}/adjudicate", tag = "changes",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    request_body = Ruling,
    responses((status = 200, description = "It has ended", body = MatchDetails), Problems,
        ChangeProblems))]
pub(crate) async fn adjudicate(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(id): PathId<MatchId>,
    Body(Ruling { outcome }): Body<Ruling>,
) -> Result<Json<MatchDetails>, Problem> {
    let outcome = Outcome::from(outcome);
    let answer = admin.source.adjudicate(id, outcome).await;
    author.note(
        &admin,
        "adjudicate",
        &format_args!("{id} {outcome}"),
        &answer,
    );
    answer.map(Json)
}

/// Hands a match over to another shard; its players reconnect by themselves.
#[utoipa::path(post, path = "/v1/matches/{match}/handoff", tag = "changes",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    request_body = Option<Destination>,
    responses((status = 202, description = "It is on its way", body = HandedOff), Problems,
        ChangeProblems))]
pub(crate) async fn hand_off(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(id): PathId<MatchId>,
    Body(destination): Body<Option<Destination>>,
) -> Result<(axum::http::StatusCode, Json<HandedOff>), Problem> {
    let to = destination.and_then(|destination| destination.to);
    let answer = admin.source.hand_off(id, to).await;
    author.note(&admin, "handoff", &id, &answer);
    answer.map(|given| (axum::http::StatusCode::ACCEPTED, Json(given)))
}

/// Makes a shard hand all its matches over and stop, as SIGTERM does.
#[utoipa::path(post, path = "/v1/drain", tag = "changes", request_body = Option<WhichShard>,
    responses((status = 202, description = "It drains", body = Draining), Problems,
        ChangeProblems))]
pub(crate) async fn drain(
    State(admin): State<Arc<Admin>>,
    author: Author,
    Body(which): Body<Option<WhichShard>>,
) -> Result<(axum::http::StatusCode, Json<Draining>), Problem> {
    let shard = which.and_then(|which| which.shard);
    let answer = admin.source.drain(shard).await;
    let meant = shard.or_else(|| admin.source.shard());
    let named = meant.map_or_else(|| "not named".to_owned(), |shard| shard.to_string());
    author.note(&admin, "drain", &named, &answer);
    answer.map(|shard| (axum::http::StatusCode::ACCEPTED, Json(Draining { shard })))
}

/// Shuts a player out until restored: the store keeps the revocation, every shard closes the player's streams within
/// seconds and refuses new ones, and matchmakers refuse log-ins and every token of the player.
#[utoipa::path(post, path = "/v1/players/{player}/revoke", tag = "changes",
    params(("player" = String, Path, pattern = "^[0-9A-Za-z_.:@|-]{1,64}$")),
    request_body = Option<Nothing>,
    responses((status = 200, description = "It holds", body = Revoked), Problems,
        ChangeProblems))]
pub(crate) async fn revoke(
    State(admin): State<Arc<Admin>>,
    author: Author,
    PathId(player): PathId<PlayerId>,
    _body: Body<Option<Nothing>>,
) -> Result<Json<Revoked>, Problem> {
    let answer = admin.source.revoke(&player).await;
    author.note(&admin, "revoke", &player, &answer);
    answer.map(Json)
}
