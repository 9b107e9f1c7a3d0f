//! Beats over Redis.

use std::sync::{MutexGuard, PoisonError};

use async_trait::async_trait;

use super::RedisStore;
use crate::beat::{Beat, Board, Heard, StoreConnection};
use crate::contract::Beats;
use crate::error::StoreError;

#[async_trait]
impl Beats for RedisStore {
    async fn publish(&self, _beat: &Beat) -> Result<(), StoreError> {
        Ok(())
    }

    fn heard(&self) -> Heard {
        self.board().heard()
    }

    fn connections(&self) -> Vec<StoreConnection> {
        Vec::new()
    }

    async fn are_connected(&self, _connections: &[StoreConnection]) -> Option<bool> {
        None
    }
}

impl RedisStore {
    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
