//! Extractors of the matchmaker: the caller, and how long to wait.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts, Query};
use axum::http::request::Parts;
use game_core::Player;
use serde::Deserialize;
use store::{Account, Scope};
use utoipa::IntoParams;
use web::{client_address, sentence};

use crate::allowances::Client;
use crate::identified::Identified;
use crate::limits::WAIT_MAX;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// The player whose token came with the request.
pub(crate) struct Caller(pub(crate) Player);

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let identified = Identified::by(parts, service).await?;
        let is_of_challenges = parts.uri.path().starts_with("/v1/challenges");
        let allowing: &[Scope] = match (parts.method.is_safe(), is_of_challenges) {
            (true, true) => &[Scope::ChallengeRead],
            // Challenges are told there too.
            (true, false) if parts.uri.path() == "/v1/account/events" => {
                &[Scope::Read, Scope::ChallengeRead]
            }
            (true, false) => &[Scope::Read],
            (false, true) => &[Scope::ChallengeWrite],
            (false, false) => &[Scope::BotPlay, Scope::BoardPlay],
        };
        identified.check_scope(allowing)?;
        Ok(Self(identified.player))
    }
}

/// The account whose token came with the request, to be managed.
pub(crate) struct Holder(pub(crate) Account);

impl FromRequestParts<Arc<Service>> for Holder {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let identified = Identified::by(parts, service).await?;
        identified.check_scope(&[Scope::Account])?;
        let account = match identified.account {
            Some(account) => Some(account),
            None => service.store.account(&identified.player.id).await?,
        };
        account.map(Self).ok_or_else(|| {
            let why = "This player has no account here: make one with POST /v1/accounts.";
            Problem::new(Kind::NoAccount, why)
        })
    }
}

/// The player whose own token of this installation came with the request, and who may therefore have another one.
pub(crate) struct Bearer(pub(crate) Player);

impl FromRequestParts<Arc<Service>> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let identified = Identified::by(parts, service).await?;
        if identified.scopes.is_none() && !identified.is_foreign {
            return Ok(Self(identified.player));
        }
        let why = "Only a guest, or somebody who has logged in here, can go on at another device by a code: log in there \
                   instead.";
        Err(Problem::new(Kind::NotTransferable, why))
    }
}

impl Identified {
    /// The caller, by the token that came with the request.
    async fn by(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Problem> {
        let client = Client::from_request_parts(parts, service).await?;
        let token = web::bearer::<Service>(&parts.headers)?;
        let claimed = Self::claimed_by(token, service).await?;
        service
            .allowances
            .player_request(client, &claimed.player.id)?;
        claimed.admitted(service).await
    }

    /// Refuses if the token has none of these scopes.
    fn check_scope(&self, allowing: &[Scope]) -> Result<(), Problem> {
        let has = |scopes: &Vec<Scope>| {
            let mut pairs = scopes
                .iter()
                .flat_map(|own| allowing.iter().map(move |one| (own, one)));
            pairs.any(|(own, one)| own.includes(*one))
        };
        if self.scopes.as_ref().is_none_or(has) {
            return Ok(());
        }
        let why = "The API token does not have the scope that this request needs.";
        Err(Problem::new(Kind::ScopeMissing, why))
    }
}

/// The player who reads what anyone may read, if a valid token came with the request.
pub(crate) struct Reader(pub(crate) Option<Player>);

impl FromRequestParts<Arc<Service>> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Infallible> {
        let caller = Caller::from_request_parts(parts, service).await;
        Ok(Self(caller.ok().map(|Caller(player)| player)))
    }
}

impl FromRequestParts<Arc<Service>> for Client {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let ConnectInfo(peer) = peer.ok_or_else(|| {
            tracing::error!("a request came without the address of its connection");
            Problem::new(Kind::Internal, "The connection has no address.")
        })?;
        let limits = &service.config.limits;
        let address = client_address(peer.ip(), &parts.headers, &limits.trusted_proxy);
        Ok(Self::at(address, limits))
    }
}

/// Upper bound on the reply's wait for an opponent: `?wait_ms=`.
pub(crate) struct Wait(pub(crate) Duration);

/// How long the reply may wait.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// Milliseconds by which the reply may be delayed, up to 20000.
    #[serde(default)]
    wait_ms: u64,
}

impl<S: Send + Sync> FromRequestParts<S> for Wait {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(query) = Query::<WaitQuery>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| {
                let why = rejection.body_text();
                Problem::new(
                    Kind::InvalidRequest,
                    format!(
                        "{}; wait_ms is a number of milliseconds, 0 to 20000.",
                        sentence(&why)
                    ),
                )
            })?;
        Ok(Self(Duration::from_millis(query.wait_ms).min(WAIT_MAX)))
    }
}
