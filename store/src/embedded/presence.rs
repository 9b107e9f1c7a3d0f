//! Who is online, and hints between the parts of this process: in memory, as all of them end with it.

use std::sync::{MutexGuard, PoisonError};

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};

use super::EmbeddedStore;
use crate::contract::Presence;
use crate::error::StoreError;
use crate::presence::{Hint, HintBoard, Hints, Online, OnlineBoard};

#[async_trait]
impl Presence for EmbeddedStore {
    async fn put_online(&self, players: &[Online], now: UnixMillis) -> Result<(), StoreError> {
        self.online_board().put(players, now);
        Ok(())
    }

    async fn online(
        &self,
        bots: bool,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<PlayerId>, StoreError> {
        Ok(self.online_board().list(bots, now, limit))
    }

    async fn are_online(
        &self,
        players: &[PlayerId],
        now: UnixMillis,
    ) -> Result<Vec<bool>, StoreError> {
        Ok(self.online_board().have(players, now))
    }

    async fn hint(&self, hint: &Hint) -> Result<(), StoreError> {
        self.hint_board().hear(hint.clone());
        Ok(())
    }

    fn hints_after(&self, place: u64) -> Hints {
        self.hint_board().after(place)
    }
}

impl EmbeddedStore {
    fn online_board(&self) -> MutexGuard<'_, OnlineBoard> {
        self.online.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hint_board(&self) -> MutexGuard<'_, HintBoard> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
