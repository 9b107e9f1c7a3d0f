//! The waves of pools: leases in memory, as all that hold them end with this process; pairs in the file.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use game_core::PlayerId;

use super::{EmbeddedStore, tickets};
use crate::contract::Waves;
use crate::error::StoreError;
use crate::ticket::{Assignment, TicketId};
use crate::wave::{Paired, Wave, WaveBoard};

#[async_trait]
impl Waves for EmbeddedStore {
    async fn hold_wave(
        &self,
        pool: &str,
        holder: u64,
        lease: Duration,
    ) -> Result<Option<Wave>, StoreError> {
        let now = self.began.elapsed();
        Ok(self.waves().hold(pool, holder, lease, now))
    }

    async fn release_wave(&self, wave: &Wave) -> Result<(), StoreError> {
        self.waves().release(wave);
        Ok(())
    }

    async fn assign_pair(
        &self,
        wave: &Wave,
        pair: [TicketId; 2],
        assignment: &Assignment,
    ) -> Result<Paired, StoreError> {
        let (waves, began) = (Arc::clone(&self.waves), self.began);
        let (of, given) = (wave.clone(), assignment.clone());
        let paired = self
            .writer
            .write(move |txn| {
                let is_held = || {
                    let waves = waves.lock().unwrap_or_else(PoisonError::into_inner);
                    waves.is_held(&of, began.elapsed())
                };
                tickets::assign_pair(txn, pair, &given, is_held)
            })
            .await?;
        if paired == Paired::Done {
            let (white, black) = (&assignment.players.white.id, &assignment.players.black.id);
            self.waves().note_pair(white, black, self.began.elapsed());
        }
        Ok(paired)
    }

    async fn last_opponent(&self, player: &PlayerId) -> Result<Option<PlayerId>, StoreError> {
        let now = self.began.elapsed();
        Ok(self.waves().last_opponent(player, now))
    }

    async fn note_waits(&self, pool: &str, waits_ms: &[u32]) -> Result<(), StoreError> {
        self.waves()
            .note_waits(pool, waits_ms, self.began.elapsed());
        Ok(())
    }

    async fn waits(&self, pools: &[Box<str>]) -> Result<Vec<Vec<u32>>, StoreError> {
        let (waves, now) = (self.waves(), self.began.elapsed());
        Ok(pools.iter().map(|pool| waves.waits(pool, now)).collect())
    }
}

impl EmbeddedStore {
    /// Locked for one operation, and never across a wait.
    fn waves(&self) -> MutexGuard<'_, WaveBoard> {
        self.waves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
