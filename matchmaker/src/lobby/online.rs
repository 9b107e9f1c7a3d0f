//! `GET /v1/players/online` and `POST /v1/players/lookup`: accounts, and whether they are online.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use futures_util::stream::{self, StreamExt};
use game_core::PlayerId;
use protocol::http::{OnlinePlayers, PlayerLookup, PlayerLookupReply, PublicPlayer};
use protocol::name;
use serde::Deserialize;
use store::{Account, StoreError};
use utoipa::IntoParams;
use web::{Body, QueryOf};

use crate::allowances::Client;
use crate::clock::now;
use crate::described::{ChangeProblems, Problems};
use crate::identity::name_key;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// Upper bound on players of a list.
const LIMIT_MAX: usize = 512;
const LIMIT_DEFAULT: usize = 100;

/// Upper bound on players of a lookup.
const LOOKUP_MAX: usize = 100;

/// Accounts that are read at once.
const READ_AT_ONCE: usize = 16;

/// Which players who are online a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OnlineParams {
    /// Programs only, or people only.
    bots: Option<bool>,
    /// Upper bound on players.
    #[param(minimum = 1, maximum = 512, default = 100)]
    limit: Option<usize>,
}

/// The players with an account who are online: whose `GET /v1/account/events` is open somewhere.
#[utoipa::path(get, path = "/v1/players/online", tag = "players", params(OnlineParams),
    responses((status = 200, description = "The players", body = OnlinePlayers), Problems))]
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    client: Client,
    QueryOf(params): QueryOf<OnlineParams>,
) -> Result<Json<OnlinePlayers>, Problem> {
    let limit = params.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        let why = format!("limit must be 1 to {LIMIT_MAX}.");
        return Err(Problem::new(Kind::InvalidRequest, why));
    }
    service.allowances.list(client)?;
    let mut ids = Vec::new();
    for bots in [true, false] {
        if params.bots.is_none_or(|asked| asked == bots) {
            let left = limit - ids.len();
            ids.extend(service.store.online(bots, now(), left).await?);
        }
    }
    let accounts = service.accounts_of(&ids).await?;
    let players = accounts.into_iter().flatten();
    let players = players.map(|account| public(account, true)).collect();
    Ok(Json(OnlinePlayers { players }))
}

/// Several accounts, by id and by name.
#[utoipa::path(post, path = "/v1/players/lookup", tag = "players", request_body = PlayerLookup,
    responses((status = 200, description = "The accounts", body = PlayerLookupReply), Problems, ChangeProblems))]
pub(crate) async fn look_up(
    State(service): State<Arc<Service>>,
    client: Client,
    Body(asked): Body<PlayerLookup>,
) -> Result<Json<PlayerLookupReply>, Problem> {
    if asked.players.len() + asked.names.len() > LOOKUP_MAX {
        let why = format!("Ask for {LOOKUP_MAX} players at most.");
        return Err(Problem::new(Kind::InvalidRequest, why));
    }
    service.allowances.list(client)?;
    let mut found = service.accounts_of(&asked.players).await?;
    found.extend(service.accounts_named(&asked.names).await?);
    let found = service.with_presence(found).await?;
    let mut players = found;
    let names = players.split_off(asked.players.len());
    Ok(Json(PlayerLookupReply { players, names }))
}

impl Service {
    /// An account as everybody sees it.
    pub(crate) async fn public_player(&self, account: Account) -> Result<PublicPlayer, Problem> {
        let is_online = self
            .store
            .are_online(std::slice::from_ref(&account.id), now())
            .await?;
        Ok(public(account, is_online.contains(&true)))
    }

    /// The accounts of these ids, each at the place of its id.
    async fn accounts_of(&self, ids: &[PlayerId]) -> Result<Vec<Option<Account>>, Problem> {
        let reads = stream::iter(ids.to_vec()).map(|id| {
            let store = Arc::clone(&self.store);
            async move { store.account(&id).await }
        });
        let read = reads.buffered(READ_AT_ONCE).collect::<Vec<_>>().await;
        let read: Result<Vec<_>, StoreError> = read.into_iter().collect();
        Ok(read?)
    }

    /// The accounts of these names, each at the place of its name.
    async fn accounts_named(&self, names: &[String]) -> Result<Vec<Option<Account>>, Problem> {
        let reads = stream::iter(names.to_vec()).map(|name| {
            let store = Arc::clone(&self.store);
            async move {
                match name::check(&name) {
                    Ok(name) => store.account_named(&name_key(&name)).await,
                    // No account has a name like this.
                    Err(_) => Ok(None),
                }
            }
        });
        let read = reads.buffered(READ_AT_ONCE).collect::<Vec<_>>().await;
        let read: Result<Vec<_>, StoreError> = read.into_iter().collect();
        Ok(read?)
    }

    async fn with_presence(
        &self,
        accounts: Vec<Option<Account>>,
    ) -> Result<Vec<Option<PublicPlayer>>, Problem> {
        let ids: Vec<PlayerId> = accounts.iter().flatten().map(|of| of.id.clone()).collect();
        let mut are_online = self.store.are_online(&ids, now()).await?.into_iter();
        let shown = accounts.into_iter().map(|account| {
            let account = account?;
            Some(public(account, are_online.next().unwrap_or_default()))
        });
        Ok(shown.collect())
    }
}

fn public(account: Account, online: bool) -> PublicPlayer {
    PublicPlayer {
        player: account.id,
        name: account.name,
        bot: account.is_bot,
        made_at: account.made_at,
        online,
    }
}
