//! Who players are, and how strong: looked up at the matchmaker, and remembered for a while.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client::{Matchmaker, MatchmakerError};
use game_core::PlayerId;
use lru::LruCache;
use protocol::http::{CategoryRating, PlayerLookup, PublicPlayer};
use tokio::time::Instant;

/// How long a rating is believed: it changes with each rated game.
const RATED_FOR: Duration = Duration::from_secs(10);
/// How long a name is believed.
const NAMED_FOR: Duration = Duration::from_secs(300);
/// Upper bound on players that are remembered, about 1 kB each.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");
/// Upper bound on players in one lookup at the matchmaker, each by name and by id.
pub(crate) const LOOKED_UP_MAX: usize = 50;

/// A player's ratings, one for each category.
pub(crate) type Ratings = Arc<[CategoryRating]>;

/// What is known of players.
pub(crate) struct People {
    matchmaker: Matchmaker,
    named: Mutex<LruCache<PlayerId, (PublicPlayer, Instant)>>,
    rated: Mutex<LruCache<PlayerId, (Ratings, Instant)>>,
}

impl People {
    pub(crate) fn new(matchmaker: Matchmaker) -> Self {
        Self {
            matchmaker,
            named: Mutex::new(LruCache::new(REMEMBERED_MAX)),
            rated: Mutex::new(LruCache::new(REMEMBERED_MAX)),
        }
    }

    /// The accounts with these names, or these ids where nobody has the name.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub(crate) async fn named(
        &self,
        names: Vec<String>,
    ) -> Result<Vec<Option<PublicPlayer>>, MatchmakerError> {
        let as_id = |name: &String| name.parse::<PlayerId>().ok();
        let lookup = PlayerLookup {
            players: names.iter().filter_map(as_id).collect(),
            names: names.clone(),
        };
        let ids = lookup.players.clone();
        let found = self.matchmaker.look_up(&lookup).await?;
        let by_id = |name: &String| {
            let id = as_id(name)?;
            let place = ids.iter().position(|other| *other == id)?;
            found.players.get(place).cloned().flatten()
        };
        let found = names
            .iter()
            .zip(&found.names)
            .map(|(name, player)| player.clone().or_else(|| by_id(name)));
        Ok(found.collect())
    }

    /// An account by its id; `None` for a guest.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError`].
    pub(crate) async fn account(
        &self,
        id: &PlayerId,
    ) -> Result<Option<PublicPlayer>, MatchmakerError> {
        let known = locked(&self.named).get(id).cloned();
        if let Some((player, at)) = known
            && at.elapsed() < NAMED_FOR
        {
            return Ok(Some(player));
        }
        let lookup = PlayerLookup {
            players: vec![id.clone()],
            names: Vec::new(),
        };
        let player = self.matchmaker.look_up(&lookup).await?.players.pop();
        let player = player.flatten();
        if let Some(player) = &player {
            locked(&self.named).put(id.clone(), (player.clone(), Instant::now()));
        }
        Ok(player)
    }

    /// A player's ratings; those that were known, or none, if the matchmaker does not tell.
    pub(crate) async fn ratings(&self, id: &PlayerId) -> Ratings {
        let known = locked(&self.rated).get(id).cloned();
        if let Some((ratings, at)) = &known
            && at.elapsed() < RATED_FOR
        {
            return Arc::clone(ratings);
        }
        match self.matchmaker.ratings(id).await {
            Ok(reply) => {
                let ratings: Ratings = reply.ratings.into();
                let now = (Arc::clone(&ratings), Instant::now());
                locked(&self.rated).put(id.clone(), now);
                ratings
            }
            Err(error) => {
                tracing::debug!(%error, %id, "no ratings of a player");
                known.map_or_else(|| Ratings::from([]), |(ratings, _)| ratings)
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
