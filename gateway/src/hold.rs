//! How long a request waits for a server that fails over.

use std::time::Duration;

use tokio::time::timeout;

use crate::refusal::Refusal;

/// Upper bound on the wait: the most impatient client gives a move up after one second.
pub(crate) const HOLD: Duration = Duration::from_millis(900);

/// What `work` comes to, or a refusal that makes the client ask again if it takes too long. The work is dropped then.
pub(crate) async fn held<T, E: Into<Refusal>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Refusal> {
    match timeout(HOLD, work).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(Refusal::unavailable()),
    }
}
