//! Follows both players of a match into its rematch.

use std::sync::Arc;
use std::time::Duration;

use game_core::MatchId;
use protocol::Role;
use tokio::time::{Instant, timeout};

use super::oracle::{Breach, Promise};
use super::world::{BotSeat, World};
use client::SeatSession;

/// A rematch that is not there after this is missing, and is made by the shard of the former match.
const MADE_WITHIN: Duration = Duration::from_secs(4);
/// How long it takes at the most to join the former match again.
const REJOINED_WITHIN: Duration = Duration::from_secs(15);

/// Waits until the rematch `next` of the match `former` exists, in which the player with `token` has White. Who finds
/// none joins the former match again, whose shard makes the rematch.
///
/// # Errors
///
/// [`Breach`] if there is none, or the player has another place in it.
pub(super) async fn follow(
    world: &Arc<World>,
    token: &str,
    former: MatchId,
    next: MatchId,
) -> Result<(), Breach> {
    let breach = |got: String| Breach {
        promise: Promise::Rematch,
        expected: format!("the rematch {next}, in which colours are exchanged"),
        got,
    };
    let end = Instant::now() + world.config.patience;
    loop {
        let seat = timeout(MADE_WITHIN, world.matchmaker().seat(token, next)).await;
        let why = match seat {
            Ok(Ok(reply)) if reply.role == Role::White => return Ok(()),
            Ok(Ok(reply)) => return Err(breach(format!("the place of {}", reply.role))),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        if Instant::now() > end {
            return Err(breach(format!("none, long after both agreed: {why}")));
        }
        let source = BotSeat {
            world: Arc::clone(world),
            matchmaker: 0,
            token: token.to_owned(),
            role: Role::Black,
        };
        let connector = Arc::clone(&world.connector);
        let joined = SeatSession::join(connector, Arc::new(source), former, world.session);
        // It is enough to have been there.
        let _ = timeout(REJOINED_WITHIN, joined).await;
    }
}
