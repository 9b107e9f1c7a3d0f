//! What the public may read of matches that spectators see with a delay.
//!
//! The delay holds for every public read. How old a stored event is cannot be read from the store, so such a match is
//! shown without its moves until it has ended and the delay has passed since this matchmaker first read it as ended.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use game_core::{Match, MatchId};
use lru::LruCache;
use tokio::time::Instant;

/// Upper bound on remembered endings, about 100 bytes each. The delay of one that is forgotten is counted again.
const ENDINGS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// When ended matches with a delay were first read as such.
pub(crate) struct Endings {
    first_read: Mutex<LruCache<MatchId, Instant>>,
}

impl Default for Endings {
    fn default() -> Self {
        Self {
            first_read: Mutex::new(LruCache::new(ENDINGS_MAX)),
        }
    }
}

impl Endings {
    /// Whether the moves and the result of a match are withheld from the public.
    pub(crate) fn withhold(&self, game: &Match) -> bool {
        let setup = game.setup();
        let delay = Duration::from_secs(setup.spectator_delay_s.into());
        if delay.is_zero() {
            return false;
        }
        if game.outcome().is_none() {
            return true;
        }
        let mut first_read = self
            .first_read
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        first_read.get_or_insert(setup.id, Instant::now).elapsed() < delay
    }
}
