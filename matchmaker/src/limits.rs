//! What peers may ask of this process: every bound on a request or a connection, with its reason.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
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

/// So many files and sockets are not for connections: the store, the admin endpoint with its own
/// connections, the places for probes, logs. Where so few may be open, half of them.
const FILES_KEPT: u64 = 512;

/// A connection that is for probes alone must bring its head within this, and is closed after one answer.
pub(crate) const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// Marks the requests on a connection that is for probes alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProbesOnly;

/// So many connections may be open where the process may have `open_files` files open.
pub(crate) fn connections_that_fit(wanted: usize, open_files: u64) -> usize {
    let kept = FILES_KEPT.min(open_files / 2);
    wanted.min(usize::try_from(open_files - kept).unwrap_or(usize::MAX))
}

/// The request with its body read: within [`BODY_LEN_MAX`] and [`BODY_WITHIN`], and not begun if it says
/// itself that it is longer.
async fn with_whole_body(request: Request) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    if body.is_end_stream() {
        return Ok(Request::from_parts(parts, body));
    }
    if body.size_hint().lower() > BODY_LEN_MAX as u64 {
        return Err(too_long());
    }
    let late = |_| Problem::new(Kind::BodyTimeout, "The body did not arrive in time.");
    let bytes = timeout(BODY_WITHIN, read(body)).await.map_err(late)??;
    Ok(Request::from_parts(parts, bytes.into()))
}

async fn read(mut body: Body) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let early = |_| Problem::new(Kind::InvalidRequest, "The body ended too early.");
        if let Some(data) = frame.map_err(early)?.data_ref() {
            if bytes.len() + data.len() > BODY_LEN_MAX {
                return Err(too_long());
            }
            bytes.extend_from_slice(data);
        }
    }
    Ok(bytes)
}

fn too_long() -> Problem {
    let detail = format!("A body may have {BODY_LEN_MAX} bytes.");
    Problem::new(Kind::BodyTooLarge, detail)
}

/// Answers with a problem where the limits on requests are reached.
pub(crate) async fn limit(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    if request.extensions().get::<ProbesOnly>().is_some() {
        let detail = "As many connections as may be are open. Try again.";
        return Problem::new(Kind::Overloaded, detail).into_response();
    }
    // Before a permit is taken: who sends slowly holds up nobody but themselves.
    let request = match with_whole_body(request).await {
        Ok(request) => request,
        Err(problem) => return problem.into_response(),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        for (wanted, open_files, expected) in [
            (20_000, 1_048_576, 20_000),
            (20_000, u64::MAX, 20_000),
            (20_000, 4_096, 3_584),
            (20_000, 1_024, 512),
            (20_000, 256, 128),
            (20_000, 3, 2),
            (20_000, 0, 0),
            (100, 1_024, 100),
        ] {
            assert_eq!(
                connections_that_fit(wanted, open_files),
                expected,
                "{open_files}"
            );
        }
    }
}
