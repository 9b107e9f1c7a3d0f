//! What requests bring, checked before a handler sees it.

use std::str::FromStr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use crate::api::Api;
use crate::problem::{FromFault, RequestFault};

/// The one id in the path.
#[derive(Debug, Clone)]
pub struct PathId<T>(pub T);

impl<T, A> FromRequestParts<Arc<A>> for PathId<T>
where
    T: FromStr,
    A: Api,
{
    type Rejection = A::Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<A>) -> Result<Self, A::Problem> {
        // What is not even text is refused by the first, text of the wrong form by the second.
        let text = Path::<String>::from_request_parts(parts, state).await.ok();
        let id = text.and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| {
            let detail = "The id in the path is not of the form of such an id.";
            A::Problem::refusal(RequestFault::InvalidId, detail.to_owned())
        })
    }
}

/// The query.
#[derive(Debug, Clone)]
pub struct QueryOf<T>(pub T);

impl<T: DeserializeOwned, A: Api> FromRequestParts<Arc<A>> for QueryOf<T> {
    type Rejection = A::Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<A>) -> Result<Self, A::Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(query)| Self(query)).map_err(|rejection| {
            let detail = format!("The query is not as it must be: {}.", rejection.body_text());
            A::Problem::refusal(RequestFault::InvalidRequest, detail)
        })
    }
}

/// The JSON body; no body is `{}`. [`limit`](crate::limit) has read it already, within its bounds.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, A: Api> FromRequest<Arc<A>> for Body<T> {
    type Rejection = A::Problem;

    async fn from_request(request: Request, state: &Arc<A>) -> Result<Self, A::Problem> {
        let refused = |detail: String| A::Problem::refusal(RequestFault::InvalidRequest, detail);
        if !is_json(request.headers()) {
            let detail = "The body must be JSON, with Content-Type: application/json.";
            let fault = RequestFault::UnsupportedMediaType;
            return Err(A::Problem::refusal(fault, detail.to_owned()));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|_| refused("The body ended too early.".to_owned()))?;
        let json: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(json)
            .map(Self)
            .map_err(|error| refused(format!("The body is not as it must be: {error}.")))
    }
}

/// Whether a body says that it is JSON; one without a content type counts as JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return true;
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// The token of a request (RFC 6750 section 2.1).
///
/// # Errors
///
/// The server's problem for [`RequestFault::TokenMissing`] if there is no `Authorization` header, and for
/// [`RequestFault::TokenInvalid`] if it holds no bearer token.
pub fn bearer<A: Api>(headers: &HeaderMap) -> Result<&str, A::Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        let detail = A::TOKEN_NEEDED.to_owned();
        return Err(A::Problem::refusal(RequestFault::TokenMissing, detail));
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.ok_or_else(|| {
        let detail = "The header must be \"Authorization: Bearer TOKEN\".";
        A::Problem::refusal(RequestFault::TokenInvalid, detail.to_owned())
    })
}

/// `text` with a capital first letter.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(rest).collect()
    })
}
