//! Errors in words and in a stable code (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// Declares the kinds of problem: one row each, as clients see it.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $status:literal $code:literal $title:literal;)*) => {
        /// The kinds of problem. The codes are stable: clients may rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            const fn row(self) -> (u16, &'static str, &'static str) {
                match self { $(Self::$kind => ($status, $code, $title),)* }
            }

            /// Whether trying again may help.
            pub(crate) const fn is_passing(self) -> bool {
                self.row().0 == 503
            }

            /// The kind of a code, for who passes on what another endpoint answered.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                [$(Self::$kind,)*].into_iter().find(|kind| kind.row().1 == code)
            }
        }
    };
}

kinds! {
    /// Query or body is not what the request takes.
    InvalidRequest = 400 "invalid_request" "Invalid request";
    /// An id in the path is not of the form of such an id.
    InvalidId = 400 "invalid_id" "Invalid id";
    /// No token came with the request.
    TokenMissing = 401 "token_missing" "Token missing";
    /// The token is none of this endpoint's.
    TokenInvalid = 401 "token_invalid" "Token invalid";
    /// Nothing is served at this path.
    RouteNotFound = 404 "route_not_found" "No such route";
    /// No match has this id here.
    MatchNotFound = 404 "match_not_found" "No such match";
    /// No shard has this id.
    ShardNotFound = 404 "shard_not_found" "No such shard";
    /// The path takes other methods.
    MethodNotAllowed = 405 "method_not_allowed" "Method not allowed";
    /// What is over cannot be changed.
    MatchOver = 409 "match_over" "Match over";
    /// The match is on its way to another shard.
    MatchLeaving = 409 "match_leaving" "Match leaving";
    /// No live shard can take the match.
    NoHeir = 409 "no_heir" "No shard to take it";
    /// This process cannot do that; the detail says who can.
    NotPossible = 409 "not_possible" "Not possible here";
    /// The body is longer than any request needs.
    BodyTooLarge = 413 "body_too_large" "Body too large";
    /// The body is not JSON.
    UnsupportedMediaType = 415 "unsupported_media_type" "Unsupported media type";
    /// A fault of the server.
    Internal = 500 "internal" "Internal error";
    /// The store does not answer.
    StoreUnavailable = 503 "store_unavailable" "Store unavailable";
    /// The shard does not answer, or is stopping.
    ShardUnavailable = 503 "shard_unavailable" "Shard unavailable";
    /// As many requests are under way as may be.
    Overloaded = 503 "overloaded" "Overloaded";
    /// It was asked for and is not confirmed yet: it will be or not.
    Unconfirmed = 503 "unconfirmed" "Not confirmed yet";
}

/// When a client may try again after a 503, in seconds: outages here end within a few.
const RETRY_AFTER_S: &str = "1";

/// What is wrong with one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub kind: Kind,
    /// What is wrong with this request and what to do.
    pub detail: String,
}

impl Problem {
    /// A problem in words.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.row().1
    }

    /// As it stands in an answer.
    pub(crate) fn as_body(&self) -> protocol::http::Problem {
        let (status, code, title) = self.kind.row();
        protocol::http::Problem {
            code: code.to_owned(),
            title: title.to_owned(),
            detail: self.detail.clone(),
            status,
        }
    }
}

impl From<store::StoreError> for Problem {
    /// What the store said goes to the log and no further: it may name addresses.
    fn from(error: store::StoreError) -> Self {
        match error {
            store::StoreError::Unavailable(_) | store::StoreError::Unfit(_) => {
                tracing::debug!(%error, "an admin request failed for want of the store");
                Self::new(
                    Kind::StoreUnavailable,
                    "The store does not answer. Try again.",
                )
            }
            store::StoreError::Corrupt(_) => {
                tracing::error!(%error, "the store holds what cannot be read");
                Self::new(Kind::Internal, "What is stored here cannot be read.")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // RFC 6750 section 3: no error code where no token was sent.
        let challenge = match self.kind {
            Kind::TokenMissing => Some(r#"Bearer realm="rookery admin""#),
            Kind::TokenInvalid => Some(r#"Bearer realm="rookery admin", error="invalid_token""#),
            _ => None,
        };
        problem_response(self.as_body(), challenge)
    }
}

/// A problem as an answer (RFC 9457 section 3), with the `challenge` that a 401 makes (RFC 9110 section
/// 11.6.1).
#[must_use]
pub fn problem_response(
    body: protocol::http::Problem,
    challenge: Option<&'static str>,
) -> Response {
    let status = StatusCode::from_u16(body.status);
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, json);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    if let Some(challenge) = challenge {
        let value = HeaderValue::from_static(challenge);
        headers.insert(header::WWW_AUTHENTICATE, value);
    }
    response
}

/// [`protocol::http::Problem`] as the OpenAPI document describes it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// The stable code.
    code: String,
    /// The kind of problem, for people.
    title: String,
    /// What is wrong with this request and what to do.
    detail: String,
    /// The HTTP status.
    status: u16,
}

/// The problems that a request with a token may have.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes what another type answers")]
pub(crate) enum Problems {
    /// The request is not as it must be.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemBody),
    /// No token, or a wrong one.
    #[response(status = 401, content_type = "application/problem+json")]
    Token(ProblemBody),
    /// There is no such thing.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// The path takes other methods.
    #[response(status = 405, content_type = "application/problem+json")]
    Method(ProblemBody),
    /// A fault of the server.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemBody),
    /// Try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody),
}

/// The problems that a change may have besides [`Problems`].
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it describes what another type answers")]
pub(crate) enum ChangeProblems {
    /// What is asked for cannot be done now.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody),
    /// The body is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    Body(ProblemBody),
    /// The body is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(ProblemBody),
}
