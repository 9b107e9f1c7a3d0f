//! The open event streams by player.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use game_core::{MatchId, PlayerId, UnixMillis};
use tokio_util::sync::CancellationToken;

/// The games that a player was told of, with when they were made.
pub(crate) type Games = Arc<Mutex<HashMap<MatchId, UnixMillis>>>;

/// The open event streams, one for each player.
#[derive(Default)]
pub(crate) struct Streams(Mutex<HashMap<PlayerId, Slot>>);

pub(crate) struct Slot {
    /// Ends the stream, when another one takes its place.
    pub(crate) replaced: CancellationToken,
    /// The games that the player was told of, with when they were made.
    pub(crate) games: Games,
}

impl Streams {
    /// Whether the player has a stream open here: is online, whatever the matchmaker knows.
    pub(crate) fn is_open(&self, player: &PlayerId) -> bool {
        self.all().contains_key(player)
    }

    /// When a game was made, if its player was told of it.
    pub(crate) fn made_at(&self, player: &PlayerId, id: MatchId) -> Option<UnixMillis> {
        let games = Arc::clone(&self.all().get(player)?.games);
        let games = games.lock().unwrap_or_else(PoisonError::into_inner);
        games.get(&id).copied()
    }

    pub(crate) fn all(&self) -> MutexGuard<'_, HashMap<PlayerId, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
