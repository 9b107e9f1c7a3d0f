//! Errors in words and in a stable code (RFC 9457).

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Status, code and title of a kind of problem.
pub type ProblemRow = (u16, &'static str, &'static str);

/// When a client may try again after a 503 that does not say so itself, in seconds: outages here end within a few.
const RETRY_AFTER_S: &str = "1";

/// What this crate refuses a request for; each server answers it with a kind of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFault {
    /// Query or body is not what the request takes.
    InvalidRequest,
    /// An id in the path is not of the form of such an id.
    InvalidId,
    /// No token came with the request.
    TokenMissing,
    /// The header that should hold a token does not.
    TokenInvalid,
    /// Nothing is served at this path.
    RouteNotFound,
    /// The path takes other methods.
    MethodNotAllowed,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body is longer than any request needs.
    BodyTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// As many requests are under way as may be.
    Overloaded,
    /// The request took too long.
    TimedOut,
}

/// A server's problem, made from a [`RequestFault`].
pub trait FromFault: IntoResponse + Send {
    /// The problem for a fault; `detail` says what is wrong with this request and what to do.
    fn refusal(fault: RequestFault, detail: String) -> Self;
}

/// An extension of each response that is a problem: its code, for logs and metrics.
#[derive(Debug, Clone, Copy)]
pub struct ProblemCode(pub &'static str);

/// Declares a server's kinds of problem, one row each as clients see it, and its problem: a kind, a detail and,
/// where a 429 or 503 has another time than one second, when to come back.
///
/// `realm` is the realm of the challenge of a 401 (RFC 9110 section 11.6.1). `body_timeout` and `timed_out` name the
/// kinds that answer these two faults; every other [`RequestFault`] is answered by the kind of the same name.
#[macro_export]
macro_rules! problems {
    (
        realm: $realm:literal,
        body_timeout: $body_timeout:ident,
        timed_out: $timed_out:ident,
        $vis:vis kinds { $($(#[$doc:meta])* $kind:ident = $status:literal $code:literal $title:literal;)* }
    ) => {
        /// The kinds of problem. The codes are stable: clients may rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind.
            #[allow(dead_code, reason = "not every server looks for a kind")]
            $vis const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Status, code and title.
            #[must_use]
            $vis const fn row(self) -> $crate::ProblemRow {
                match self { $(Self::$kind => ($status, $code, $title),)* }
            }
        }

        /// What is wrong with one request.
        #[derive(Debug, Clone, PartialEq, Eq)]
        $vis struct Problem {
            /// Which kind.
            $vis kind: Kind,
            /// What is wrong with this request and what to do.
            $vis detail: String,
            /// When to try again, if not after the usual time.
            $vis retry_after: Option<std::time::Duration>,
        }

        impl Problem {
            /// A problem in words.
            #[must_use]
            $vis fn new(kind: Kind, detail: impl Into<String>) -> Self {
                Self { kind, detail: detail.into(), retry_after: None }
            }

            /// The body of the answer.
            $vis fn body(&self) -> $crate::protocol::http::Problem {
                let (status, code, title) = self.kind.row();
                $crate::protocol::http::Problem {
                    code: code.to_owned(),
                    title: title.to_owned(),
                    detail: self.detail.clone(),
                    status,
                }
            }
        }

        impl $crate::FromFault for Problem {
            fn refusal(fault: $crate::RequestFault, detail: String) -> Self {
                let kind = match fault {
                    $crate::RequestFault::InvalidRequest => Kind::InvalidRequest,
                    $crate::RequestFault::InvalidId => Kind::InvalidId,
                    $crate::RequestFault::TokenMissing => Kind::TokenMissing,
                    $crate::RequestFault::TokenInvalid => Kind::TokenInvalid,
                    $crate::RequestFault::RouteNotFound => Kind::RouteNotFound,
                    $crate::RequestFault::MethodNotAllowed => Kind::MethodNotAllowed,
                    $crate::RequestFault::BodyTooLarge => Kind::BodyTooLarge,
                    $crate::RequestFault::UnsupportedMediaType => Kind::UnsupportedMediaType,
                    $crate::RequestFault::Overloaded => Kind::Overloaded,
                    $crate::RequestFault::BodyTimeout => Kind::$body_timeout,
                    $crate::RequestFault::TimedOut => Kind::$timed_out,
                };
                Self::new(kind, detail)
            }
        }

        impl $crate::axum::response::IntoResponse for Problem {
            fn into_response(self) -> $crate::axum::response::Response {
                // RFC 6750 section 3: no error code where no token was sent.
                let challenge = match self.kind {
                    Kind::TokenMissing => concat!("Bearer realm=\"", $realm, "\""),
                    _ => concat!("Bearer realm=\"", $realm, "\", error=\"invalid_token\""),
                };
                $crate::response(self.kind.row().1, self.body(), self.retry_after, challenge)
            }
        }
    };
}

/// A problem as an answer (RFC 9457 section 3). A 401 has the `challenge` (RFC 9110 section 11.6.1); a 503 always
/// says when to try again, any other only if `retry_after` does.
#[must_use]
pub fn response(
    code: &'static str,
    body: protocol::http::Problem,
    retry_after: Option<Duration>,
    challenge: &'static str,
) -> Response {
    let status = StatusCode::from_u16(body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, axum::Json(body)).into_response();
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, json);
    if let Some(wait) = retry_after {
        // Whole seconds (RFC 9110 section 10.2.3), and never too soon.
        let wait_s = wait.as_millis().div_ceil(1_000).max(1);
        let wait_s = HeaderValue::from(u64::try_from(wait_s).unwrap_or(u64::MAX));
        headers.insert(header::RETRY_AFTER, wait_s);
    } else if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
    }
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static(challenge);
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    // The rest of a body that is too long or too slow is not read.
    if matches!(
        status,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT
    ) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.extensions_mut().insert(ProblemCode(code));
    response
}
