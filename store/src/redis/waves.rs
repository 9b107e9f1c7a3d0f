//! The waves of pools on Redis. A lease is a key that expires.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, PlayerId};
use redis::{Pipeline, Value, cmd};

use super::{RedisStore, reply, script};
use crate::codec;
use crate::contract::Waves;
use crate::error::StoreError;
use crate::ticket::{Assignment, ENDED_KEPT, TicketId};
use crate::wave::{LAST_OPPONENT_KEPT, Paired, WAITS_KEPT, WAITS_MAX, Wave};

#[async_trait]
impl Waves for RedisStore {
    async fn hold_wave(
        &self,
        pool: &str,
        holder: u64,
        lease: Duration,
    ) -> Result<Option<Wave>, StoreError> {
        let keys = [&*self.keys.wave(pool), &*self.keys.wave_epoch()];
        let mut call = script::call(&self.scripts.wave_hold, &keys);
        call.arg(holder)
            .arg(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX).max(1));
        let epoch: u64 = reply::parsed(&self.one(call).await?)?;
        Ok((epoch > 0).then(|| Wave {
            pool: pool.into(),
            holder,
            epoch: Epoch(epoch),
        }))
    }

    async fn release_wave(&self, wave: &Wave) -> Result<(), StoreError> {
        let keys = [&*self.keys.wave(&wave.pool)];
        let mut call = script::call(&self.scripts.wave_release, &keys);
        call.arg(wave.holder).arg(wave.epoch.0);
        self.one(call).await.map(|_| ())
    }

    async fn assign_pair(
        &self,
        wave: &Wave,
        tickets: [TicketId; 2],
        assignment: &Assignment,
    ) -> Result<Paired, StoreError> {
        let [one, other] = tickets.map(|id| self.keys.ticket(id));
        let keys = [
            &*self.keys.tickets(),
            &*self.keys.wave(&wave.pool),
            &*one,
            &*other,
        ];
        let players = &assignment.players;
        let mut call = script::call(&self.scripts.wave_assign, &keys);
        call.arg(wave.holder)
            .arg(wave.epoch.0)
            .arg(assignment.match_id.as_str())
            .arg(codec::encode_assignment(assignment).as_ref())
            .arg(ENDED_KEPT.as_secs())
            .arg(players.white.id.as_str())
            .arg(players.black.id.as_str())
            .arg(LAST_OPPONENT_KEPT.as_secs());
        match reply::text(&self.one_kept(call).await?)? {
            "done" => Ok(Paired::Done),
            "taken" => Ok(Paired::Taken),
            "fenced" => Ok(Paired::Fenced),
            _ => Err(reply::strange("an answer")),
        }
    }

    async fn last_opponent(&self, player: &PlayerId) -> Result<Option<PlayerId>, StoreError> {
        let mut read = cmd("GET");
        read.arg(self.keys.last_opponent(player));
        match self.one(read).await? {
            Value::Nil => Ok(None),
            opponent => reply::parsed(&opponent).map(Some),
        }
    }

    async fn note_waits(&self, pool: &str, waits_ms: &[u32]) -> Result<(), StoreError> {
        if waits_ms.is_empty() {
            return Ok(());
        }
        let key = self.keys.waits(pool);
        let mut pipeline = Pipeline::with_capacity(3);
        pipeline.cmd("LPUSH").arg(&key).arg(waits_ms);
        pipeline.cmd("LTRIM").arg(&key).arg(0).arg(WAITS_MAX - 1);
        pipeline.cmd("EXPIRE").arg(&key).arg(WAITS_KEPT.as_secs());
        self.control.run(&pipeline).await.map(|_| ())
    }

    async fn waits(&self, pools: &[Box<str>]) -> Result<Vec<Vec<u32>>, StoreError> {
        if pools.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(pools.len());
        for pool in pools {
            let read = pipeline.cmd("LRANGE").arg(self.keys.waits(pool));
            read.arg(0).arg(WAITS_MAX - 1);
        }
        let lists = self.control.run(&pipeline).await?;
        let waits = |list: &Value| reply::array(list)?.iter().map(reply::parsed).collect();
        lists.iter().map(waits).collect()
    }
}
