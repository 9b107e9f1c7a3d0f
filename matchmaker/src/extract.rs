//! What requests bring, checked before a handler sees it.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use game_core::{InvalidId, Player};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokens::TokenError;

use crate::problem::{Kind, Problem};
use crate::service::{Service, now};
use protocol::name;

/// The player whose token came with the request.
pub(crate) struct Caller(pub(crate) Player);

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?;
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
        // A token does not say when it was signed, and no player is given a second one: all of them are
        // void until the last has expired.
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
        }))
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Problem::new(
            Kind::TokenMissing,
            "Send \"Authorization: Bearer TOKEN\" with a player token from POST /v1/players.",
        ));
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.ok_or_else(|| {
        Problem::new(
            Kind::TokenInvalid,
            "The header must be \"Authorization: Bearer TOKEN\".",
        )
    })
}

/// The one id in the path.
pub(crate) struct PathId<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for PathId<T>
where
    T: FromStr<Err = InvalidId>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What is not even text is refused by the first, the wrong text by the second. Tickets and
        // matches have ids of one form.
        let text = Path::<String>::from_request_parts(parts, state).await.ok();
        let id = text.and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| {
            let why = "The id in the path must be 12 characters of 0-9, A-Z and a-z.";
            Problem::new(Kind::InvalidId, why)
        })
    }
}

/// How long the reply may wait for an opponent: `?wait_ms=`, bounded.
pub(crate) struct Wait(pub(crate) Duration);

impl Wait {
    /// Load balancers and browsers give up on a silent request after 30 s.
    pub(crate) const MAX: Duration = Duration::from_secs(20);
}

#[derive(Deserialize)]
struct WaitQuery {
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
        Ok(Self(Duration::from_millis(query.wait_ms).min(Self::MAX)))
    }
}

/// The JSON body; no body is `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        // It is there already: `limits` reads it before a permit is taken.
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| Problem::new(Kind::InvalidRequest, "The body ended too early."))?;
        let json: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(json).map(Self).map_err(|error| {
            Problem::new(
                Kind::InvalidRequest,
                format!("The body is not as it must be: {error}."),
            )
        })
    }
}

/// No content type is taken for JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Problem::new(
            Kind::UnsupportedMediaType,
            "The body must be JSON, with Content-Type: application/json.",
        ))
    }
}

/// `text` with a capital first letter.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}
