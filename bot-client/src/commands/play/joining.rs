//! Taking a seat, also in a match that was only just agreed on.

use std::sync::Arc;
use std::time::Duration;

use game_core::MatchId;
use tokio::time::{Instant, sleep};

use client::seat::{SeatError, SeatSession, SeatSource, SessionConfig};
use client::{Connector, MatchmakerError};

/// Takes a seat. A match that was only just agreed on may not be there yet.
pub(super) async fn join(
    connector: Arc<Connector>,
    source: Arc<dyn SeatSource>,
    id: MatchId,
    config: SessionConfig,
) -> Result<SeatSession, SeatError> {
    /// A rematch is made at once; past this it was not.
    const MADE_WITHIN: Duration = Duration::from_secs(5);
    const LOOK_EVERY: Duration = Duration::from_millis(250);
    let end = Instant::now() + MADE_WITHIN;
    loop {
        let (connector, source) = (Arc::clone(&connector), Arc::clone(&source));
        match SeatSession::join(connector, source, id, config).await {
            Err(SeatError::Matchmaker(MatchmakerError::Problem(problem)))
                if problem.code == "match_not_found" && Instant::now() < end =>
            {
                sleep(LOOK_EVERY).await;
            }
            joined => return joined,
        }
    }
}
