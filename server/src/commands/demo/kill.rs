//! The kill in the middle of the game: its time, and what the audience sees of it.

use std::time::{Duration, Instant};

use game_core::{Epoch, ShardId};
use tokio::sync::watch;

use super::Failure;
use super::stage::Stage;

/// Who owns the match, and who did.
#[derive(Debug, Clone, Default)]
pub(super) struct News {
    /// The owner and its epoch; `None` from the kill to the takeover.
    pub(super) owner: Option<(ShardId, Epoch)>,
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
    pub(super) takeover: Option<NewOwner>,
}

/// Another shard owns the match.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewOwner {
    /// The number under which it owns the match.
    pub(super) epoch: Epoch,
    /// From the kill until the first of players and audience had it from the new owner.
    pub(super) after: Duration,
}

impl Kill {
    /// How long the match has had, or had, no owner.
    pub(super) fn gap(&self) -> Duration {
        self.takeover
            .map_or_else(|| self.at.elapsed(), |takeover| takeover.after)
    }
}

/// What players and audience have seen of the match.
#[derive(Debug, Clone)]
pub(super) struct Sights {
    pub(super) plies: watch::Receiver<usize>,
    /// The highest number of an owner that any of them has heard of.
    pub(super) epoch: watch::Receiver<Epoch>,
}

/// Records that an owner with this epoch was seen.
pub(super) fn heard_of(epoch: Epoch, told: &watch::Sender<Epoch>) {
    told.send_if_modified(|highest| {
        let is_higher = epoch > *highest;
        *highest = epoch.max(*highest);
        is_higher
    });
}

/// Waits until the audience has seen `middle` plies, kills the shard that owns the match, and reports which
/// shard takes over. Returns the kill.
pub(super) async fn kill_the_owner(
    middle: usize,
    stage: &mut Stage,
    mut sights: Sights,
    owner: impl AsyncFn() -> Result<ShardId, Failure>,
    news: &watch::Sender<News>,
) -> Result<Kill, Failure> {
    let in_time = sights.plies.wait_for(|&plies| plies >= middle).await;
    in_time.map_err(|_| "the game ended before its middle")?;
    let epoch = *sights.epoch.borrow();
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
    let after = sights.epoch.wait_for(|&heard| heard > epoch).await;
    // If no player ever comes back, the sessions report why.
    if let Ok(epoch) = after.map(|epoch| *epoch) {
        let after = at.elapsed();
        kill.takeover = Some(NewOwner { epoch, after });
        tell(None, &kill);
        tell(Some((owner().await?, epoch)), &kill);
    }
    Ok(kill)
}
