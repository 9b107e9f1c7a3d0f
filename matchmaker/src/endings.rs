//! What the public may read of matches that spectators see with a delay.
//!
//! The delay holds for every public read. How old a stored event is cannot be read from the store, so such a match is
//! shown from there without its moves until it has ended and the delay has passed: since its end by the calendar, if it
//! is archived, or since this matchmaker first read it as ended. While its shard has it in memory, it is shown as
//! spectators see it (`watching`).

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use game_core::{Match, MatchId, UnixMillis};
use lru::LruCache;
use tokio::time::Instant;

use crate::clock;

/// Upper bound on remembered endings, about 100 bytes each. The delay of one that is forgotten is counted again.
const ENDINGS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// When ended matches with a delay become public.
pub(crate) struct Endings {
    public_from: Mutex<LruCache<MatchId, Instant>>,
}

impl Default for Endings {
    fn default() -> Self {
        Self {
            public_from: Mutex::new(LruCache::new(ENDINGS_MAX)),
        }
    }
}

impl Endings {
    /// Whether the moves and the result of a match, which the archive says has ended then, are withheld from the public.
    pub(crate) fn withhold(&self, game: &Match, archived: Option<UnixMillis>) -> bool {
        let setup = game.setup();
        let delay = Duration::from_secs(setup.spectator_delay_s.into());
        if delay.is_zero() {
            return false;
        }
        if game.outcome().is_none() {
            return true;
        }
        let delay_ms = delay.as_millis() as u64;
        if archived.is_some_and(|ended| ended.0.saturating_add(delay_ms) <= clock::now().0) {
            return false;
        }
        let now = Instant::now();
        now < *self.lock().get_or_insert(setup.id, || now + delay)
    }

    /// A shard has shown the end of this match to the public.
    pub(crate) fn shown(&self, game: &Match) {
        let setup = game.setup();
        if setup.spectator_delay_s > 0 && game.outcome().is_some() {
            self.lock().put(setup.id, Instant::now());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<MatchId, Instant>> {
        self.public_from
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
