//! What requests bring, checked before a handler sees it.

use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::problem::{Kind, Problem};

/// The longest body of a request, in bytes.
pub(crate) const BODY_LEN_MAX: usize = 1_024;
/// A body must be there within this after its head.
const BODY_WITHIN: Duration = Duration::from_secs(5);

/// The one id in the path.
pub(crate) struct PathId<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for PathId<T>
where
    T: FromStr,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await.ok();
        let id = text.and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| {
            let why = "The id in the path is not of the form of such an id.";
            Problem::new(Kind::InvalidId, why)
        })
    }
}

/// The JSON body; none, or `null`, is `{}`.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        let late = |_| Problem::new(Kind::InvalidRequest, "The body did not arrive in time.");
        let bytes = timeout(BODY_WITHIN, Bytes::from_request(request, state))
            .await
            .map_err(late)?
            .map_err(|rejection| match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
                    Kind::BodyTooLarge,
                    format!("A body may have {BODY_LEN_MAX} bytes."),
                ),
                _ => Problem::new(Kind::InvalidRequest, "The body ended too early."),
            })?;
        let json: &[u8] = match &*bytes {
            b"" | b"null" => b"{}",
            bytes => bytes,
        };
        serde_json::from_slice(json).map(Self).map_err(|error| {
            let why = format!("The body is not as it must be: {error}.");
            Problem::new(Kind::InvalidRequest, why)
        })
    }
}

/// No content type is taken for JSON.
fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(());
    };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Problem::new(
            Kind::UnsupportedMediaType,
            "The body must be JSON, with Content-Type: application/json.",
        ))
    }
}
