//! Readers of a match join its subscription.

use std::time::Duration;

use game_core::MatchId;
use store::{Ownership, Status};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::follower::admin_of;
use super::subscriptions::{Known, Seen};
use crate::problem::Problem;
use crate::service::Service;

/// A reader waits for the first answer of a shard for at most this, and is then answered from the store.
const FIRST_WITHIN: Duration = Duration::from_millis(700);
/// What a shard has told is shown up to this age: longer than it takes to find the next owner of a match.
const FRESH: Duration = Duration::from_secs(3);

impl Service {
    /// Watches a match; `None` if no shard can be asked for it.
    pub(super) async fn subscribe(
        &self,
        id: MatchId,
    ) -> Result<Option<watch::Receiver<Known>>, Problem> {
        let watching = &self.watching;
        if watching.client.get().is_none() {
            return Ok(None);
        }
        if let Some(known) = watching.subscriptions().get(id) {
            return Ok(Some(known));
        }
        let ownership = self.store.ownership(id).await?;
        let live = ownership.filter(|ownership| ownership.status == Status::Live);
        let can_be_asked =
            |ownership: &Ownership| admin_of(&self.view(), ownership.owner).is_some();
        let Some(ownership) = live.filter(can_be_asked) else {
            return Ok(None);
        };
        let added = watching
            .subscriptions()
            .add(id, ownership.owner, Instant::now());
        watching.wake.notify_one();
        Ok(added)
    }

    /// A live match as the public sees it; `None` if no shard tells of it now.
    pub(crate) async fn seen(&self, id: MatchId) -> Result<Option<Seen>, Problem> {
        let Some(mut known) = self.subscribe(id).await? else {
            return Ok(None);
        };
        let answered = known.wait_for(|known| !matches!(known, Known::Nothing));
        let seen = match timeout(FIRST_WITHIN, answered).await {
            Ok(Ok(known)) => match &*known {
                Known::Seen(seen) => Some(seen.clone()),
                Known::Nothing | Known::Absent => None,
            },
            Ok(Err(_)) | Err(_) => None,
        };
        let is_fresh =
            |seen: &Seen| seen.game.outcome().is_some() || seen.age(Instant::now()) < FRESH;
        Ok(seen.filter(is_fresh))
    }
}
