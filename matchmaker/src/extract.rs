//! Extractors of the matchmaker: the caller, and how long to wait.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts, Query};
use axum::http::request::Parts;
use game_core::Player;
use protocol::name;
use serde::Deserialize;
use tokens::TokenError;
use utoipa::IntoParams;
use web::{client_address, sentence};

use crate::allowances::Client;
use crate::limits::WAIT_MAX;
use crate::problem::{Kind, Problem};
use crate::service::{Service, now};

/// The player whose token came with the request.
pub(crate) struct Caller(pub(crate) Player);

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let token = web::bearer::<Service>(&parts.headers)?;
        let claims = service
            .verifying_key
            .player(token, now())
            .map_err(|error| match error {
                TokenError::Invalid(_) | TokenError::Early => Problem::new(
                    Kind::TokenInvalid,
                    format!("{}.", sentence(&error.to_string())),
                ),
                TokenError::Expired => Problem::new(
                    Kind::TokenExpired,
                    "The player token has expired: get a new one with POST /v1/players.",
                ),
            })?;
        // A token does not say when it was signed, and no player gets a second one: a revocation voids all of a
        // player's tokens until the last has expired.
        if service.store.revoked_at(&claims.player).await?.is_some() {
            let why = "An operator of this installation has shut this player out.";
            return Err(Problem::new(Kind::TokenRevoked, why));
        }
        let name = name::clean(&claims.name).unwrap_or_else(|| {
            let id = claims.player.as_str();
            id.chars().take(name::LEN_MAX).collect()
        });
        Ok(Self(Player {
            id: claims.player,
            name: name.into(),
            rating: None,
            is_bot: claims.bot,
        }))
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
