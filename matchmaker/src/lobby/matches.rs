//! `GET /v1/account/matches`: the live matches of the caller.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use futures_util::stream::{self, StreamExt};
use game_core::{MatchId, Player};
use protocol::http::{AccountMatch, AccountMatches};
use store::Status;

use super::listed::{Listed, account_match};
use crate::described::{CallerProblems, Problems};
use crate::extract::Caller;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Matches that are read at once.
const READ_AT_ONCE: usize = 16;

/// The live matches of the caller, the newest first.
#[utoipa::path(get, path = "/v1/account/matches", tag = "accounts", security(("player" = [])),
    responses((status = 200, description = "The matches", body = AccountMatches), Problems, CallerProblems))]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Caller(player): Caller,
) -> Result<Json<AccountMatches>, Problem> {
    let listed = Arc::new(service.listed(&player.id).await?);
    let reads = stream::iter(listed.ids()).map(|id| {
        let (service, listed) = (Arc::clone(&service), Arc::clone(&listed));
        let player = player.clone();
        async move { (id, service.live_match(&player, &listed, id).await) }
    });
    let reads = reads.buffered(READ_AT_ONCE).collect::<Vec<_>>().await;
    let (mut matches, mut over) = (Vec::new(), HashSet::new());
    for (id, read) in reads {
        match read? {
            Found::Live(found) => matches.push(*found),
            Found::Over => drop(over.insert(id)),
            Found::Nothing => {}
        }
    }
    service.unlist(&player.id, &listed, &over).await?;
    matches.sort_by_key(|found| std::cmp::Reverse((found.created_at, found.game.match_id)));
    Ok(Json(AccountMatches { matches }))
}

/// What became of a match that a list names.
enum Found {
    Live(Box<AccountMatch>),
    Over,
    /// It is about to be created, or not the player's.
    Nothing,
}

impl Service {
    async fn live_match(
        &self,
        player: &Player,
        listed: &Listed,
        id: MatchId,
    ) -> Result<Found, Problem> {
        let mut ownership = self.store.ownership(id).await?;
        if ownership.is_none() {
            if self.complete_or_give_up(listed, id).await? {
                return Ok(Found::Over);
            }
            ownership = self.store.ownership(id).await?;
        }
        match ownership.map(|known| known.status) {
            Some(Status::Live) => {}
            Some(Status::Finished) => return Ok(Found::Over),
            None => return Ok(Found::Nothing),
        }
        let shown = match self.shown(id, Some(player.clone())).await {
            Ok(shown) => shown,
            // It has ended meanwhile, and is gone.
            Err(problem) if problem.kind == Kind::MatchNotFound => return Ok(Found::Over),
            Err(problem) => return Err(problem),
        };
        if shown.game.outcome().is_some() {
            return Ok(Found::Over);
        }
        let found = account_match(&player.id, &shown);
        Ok(found.map_or(Found::Nothing, |found| Found::Live(Box::new(found))))
    }
}
