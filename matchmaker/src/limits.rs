//! What peers may ask of this process: every bound on a request or a connection, with its reason.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::extract::Wait;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// The longest body of a request, in bytes: a challenge with its position is about 400.
pub(crate) const BODY_LEN_MAX: usize = 4 * 1_024;

/// A body must be there within this after its head.
pub(crate) const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The longest head of a request, in bytes: the longest token with room for what proxies add.
pub(crate) const HEAD_LEN_MAX: usize = 16 * 1_024;

/// A head must be complete within this after the connection or the last answer; so it also closes
/// connections that nobody uses.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// A connection is closed after the answer under way when it is so old, so that clients spread over
/// matchmakers that were added, and a peer that never reads an answer holds its place no longer.
pub(crate) const CONNECTION_AGE_MAX: Duration = Duration::from_secs(600);

/// A request must be answered within this, the wait for an opponent included.
pub(crate) const ANSWER_WITHIN: Duration = Wait::MAX.saturating_add(Duration::from_secs(10));

/// Answers with a problem where the limits on requests are reached.
pub(crate) async fn limit(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(_permit) = service.requests.try_acquire() else {
        let detail = "As many requests as may be are under way. Try again.";
        return Problem::new(Kind::Overloaded, detail).into_response();
    };
    match timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = "The request took too long; it was carried out or not. Try again.";
            Problem::new(Kind::TimedOut, detail).into_response()
        }
    }
}
