//! The kill in the middle of the game: when it comes, and what the audience is told of it.

use std::time::{Duration, Instant};

use game_core::{Epoch, ShardId};
use tokio::sync::watch;

use super::Failure;
use super::stage::Stage;

/// How far the audience has seen the match come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) plies: usize,
    pub(super) epoch: Epoch,
}

/// Who owns the match, and who did.
#[derive(Debug, Clone, Default)]
pub(super) struct News {
    /// Nobody, from the kill to the takeover.
    pub(super) owner: Option<ShardId>,
    pub(super) kill: Option<Kill>,
}

/// A shard that was killed.
#[derive(Debug, Clone)]
pub(super) struct Kill {
    pub(super) shard: ShardId,
    pub(super) how: String,
    pub(super) at: Instant,
    /// The number under which it owned the match.
    pub(super) epoch: Epoch,
    pub(super) takeover: Option<Takeover>,
}

/// Another shard owns the match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Takeover {
    /// The number under which it owns the match.
    pub(super) epoch: Epoch,
    /// From the kill until the audience had it from the new owner.
    pub(super) after: Duration,
}

impl Kill {
    /// How long nobody has owned the match, or did.
    pub(super) fn gap(&self) -> Duration {
        self.takeover
            .map_or_else(|| self.at.elapsed(), |takeover| takeover.after)
    }
}

/// Waits until the audience has seen `middle` plies, kills the shard that owns the match, and tells who
/// takes over. Returns the kill.
pub(super) async fn kill_the_owner(
    middle: usize,
    stage: &mut Stage,
    mut seen: watch::Receiver<Seen>,
    owner: impl AsyncFn() -> Result<ShardId, Failure>,
    news: &watch::Sender<News>,
) -> Result<Kill, Failure> {
    let in_time = seen.wait_for(|seen| seen.plies >= middle).await;
    let epoch = in_time
        .map_err(|_| "the game ended before its middle")?
        .epoch;
    let shard = owner().await?;
    let at = Instant::now();
    let mut kill = Kill {
        shard,
        how: stage.kill(shard)?,
        at,
        epoch,
        takeover: None,
    };
    let tell = |owner, kill: &Kill| {
        let kill = Some(kill.clone());
        news.send_replace(News { owner, kill });
    };
    tell(None, &kill);
    // If the audience never comes back, it is told why by its own session.
    if let Ok(after) = seen
        .wait_for(|seen| seen.epoch > epoch)
        .await
        .map(|seen| *seen)
    {
        kill.takeover = Some(Takeover {
            epoch: after.epoch,
            after: at.elapsed(),
        });
        tell(None, &kill);
        tell(Some(owner().await?), &kill);
    }
    Ok(kill)
}
