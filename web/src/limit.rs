//! Bounds on requests: their bodies, how many are under way, and how long each may take.

use std::sync::Arc;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::api::{Api, Bounds};
use crate::problem::{FromFault, RequestFault};

/// Middleware that reads the body of a request and answers with a problem where a bound is reached.
pub async fn limit<A: Api>(State(api): State<Arc<A>>, request: Request, next: Next) -> Response {
    let refused = |fault, detail: &str| A::Problem::refusal(fault, detail.to_owned());
    let bounds = api.bounds();
    // Before a permit is taken: who sends slowly holds up nobody but themselves.
    let request = match with_whole_body::<A>(request, bounds).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
    let Ok(_permit) = bounds.requests.try_acquire() else {
        let detail = "As many requests as may be are under way. Try again.";
        return refused(RequestFault::Overloaded, detail).into_response();
    };
    match timeout(bounds.answer_within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail =
                "The request took too long; it was carried out or not. Look, and try again.";
            refused(RequestFault::TimedOut, detail).into_response()
        }
    }
}

/// The request with its body in memory. One that says itself that it is too long is not read at all.
async fn with_whole_body<A: Api>(request: Request, bounds: &Bounds) -> Result<Request, A::Problem> {
    let refused = |fault, detail: String| A::Problem::refusal(fault, detail);
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return Ok(Request::from_parts(parts, body));
    }
    let max = bounds.body_len_max;
    let too_long = || {
        refused(
            RequestFault::BodyTooLarge,
            format!("A body may have {max} bytes."),
        )
    };
    if body.size_hint().lower() > max as u64 {
        return Err(too_long());
    }
    match timeout(bounds.body_within, to_bytes(body, max)).await {
        Ok(Ok(bytes)) => Ok(Request::from_parts(parts, Body::from(bytes))),
        Ok(Err(error)) if is_too_long(&error) => Err(too_long()),
        Ok(Err(_)) => {
            let detail = "The body ended too early.".to_owned();
            Err(refused(RequestFault::InvalidRequest, detail))
        }
        Err(_) => {
            let detail = "The body did not arrive in time.".to_owned();
            Err(refused(RequestFault::BodyTimeout, detail))
        }
    }
}

/// Whether a body was cut off at its greatest length.
fn is_too_long(error: &axum::Error) -> bool {
    let cause = std::error::Error::source(error);
    cause.is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>())
}

/// The fallback of a router.
pub async fn no_route<A: Api>(State(_): State<Arc<A>>, request: Request) -> A::Problem {
    let detail = format!("Nothing is served at {}.", request.uri().path());
    A::Problem::refusal(RequestFault::RouteNotFound, detail)
}

/// The fallback of a route for methods that it does not take.
pub async fn wrong_method<A: Api>(State(_): State<Arc<A>>, request: Request) -> A::Problem {
    let (method, path) = (request.method(), request.uri().path());
    let detail = format!("{path} does not take {method}; the Allow header says what it takes.");
    A::Problem::refusal(RequestFault::MethodNotAllowed, detail)
}
