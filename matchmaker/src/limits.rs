//! What peers may ask of this process: every bound on a request or a connection, with its reason.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::extract::Wait;
use crate::places::Place;
use crate::problem::{Kind, Problem};

/// The longest body of a request, in bytes: a challenge with its position is about 400.
pub(crate) const BODY_LEN_MAX: usize = 4 * 1_024;

/// A body must be there within this after its head.
pub(crate) const BODY_WITHIN: Duration = Duration::from_secs(10);

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

/// So many connections may be open where the process may have `open_files` files open.
pub(crate) fn connections_that_fit(wanted: usize, open_files: u64) -> usize {
    let kept = FILES_KEPT.min(open_files / 2);
    wanted.min(usize::try_from(open_files - kept).unwrap_or(usize::MAX))
}

/// Refuses what comes on a connection that is for probes alone.
pub(crate) async fn refuse_beyond_probes(request: Request, next: Next) -> Response {
    let place = request.extensions().get::<Arc<Place>>();
    if place.is_some_and(|place| place.is_reserved()) {
        let detail = "As many connections as may be are open. Try again.";
        return Problem::new(Kind::Overloaded, detail).into_response();
    }
    next.run(request).await
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
