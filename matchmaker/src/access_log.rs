//! One log line and the metrics of each request.

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;
use tracing::{Level, event};
use web::ProblemCode;

use crate::request_metrics::RequestMetrics;

/// The route in the log of requests that match none.
const UNMATCHED: &str = "unmatched";

/// How the requests of some routes are logged.
#[derive(Clone)]
pub(crate) struct AccessLine {
    /// Probes come every few seconds, so they are logged at a lower level.
    pub(crate) is_probe: bool,
    /// Counts requests.
    pub(crate) metrics: RequestMetrics,
}

/// Counts and logs a request once it is answered, under the template of its path: with ids in it, no two lines would
/// have the same route.
pub(crate) async fn log(State(line): State<AccessLine>, request: Request, next: Next) -> Response {
    let AccessLine { is_probe, metrics } = line;
    let template = request.extensions().get::<MatchedPath>().cloned();
    let route = template.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let method = request.method().clone();
    let begin = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let took = begin.elapsed();
    let problem = response.extensions().get::<ProblemCode>().copied();
    metrics.answered(route, &method, status, took, problem);
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let problem = problem.map(|code| code.0);
    if is_probe {
        event!(Level::DEBUG, %method, route, status, duration_ms, problem, "request");
    } else {
        event!(Level::INFO, %method, route, status, duration_ms, problem, "request");
    }
    response
}
