//! One line for each request.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;
use tracing::{Level, enabled, event};

use crate::problem::ProblemCode;

/// How the requests of one route are logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// The template of the path: ids in the log would make every line its own kind.
    pub(crate) route: &'static str,
    /// Probes come every few seconds, so they are logged at a lower level.
    pub(crate) is_probe: bool,
}

/// Logs a request once it is answered.
pub(crate) async fn log(
    State(Line { route, is_probe }): State<Line>,
    request: Request,
    next: Next,
) -> Response {
    if is_probe && !enabled!(Level::DEBUG) {
        return next.run(request).await;
    }
    let method = request.method().clone();
    let begin = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let duration_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    let problem = response
        .extensions()
        .get::<ProblemCode>()
        .map(|code| code.0);
    if is_probe {
        event!(Level::DEBUG, %method, route, status, duration_ms, problem, "request");
    } else {
        event!(Level::INFO, %method, route, status, duration_ms, problem, "request");
    }
    response
}
