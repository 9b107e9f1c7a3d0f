//! Who is online, on Redis, and hints over the channel of beats.

use async_trait::async_trait;
use game_core::{PlayerId, UnixMillis};
use redis::{Pipeline, Value, cmd};

use super::{RedisStore, reply};
use crate::contract::Presence;
use crate::error::StoreError;
use crate::presence::{Hint, Hints, ONLINE_MAX, Online};

/// The lists go by themselves once nobody has come for this long, in seconds: longer than anybody is online without being
/// put again.
const LIST_KEPT_S: u64 = 600;

#[async_trait]
impl Presence for RedisStore {
    async fn put_online(&self, players: &[Online], now: UnixMillis) -> Result<(), StoreError> {
        let mut pipeline = Pipeline::new();
        for is_bot in [false, true] {
            let mut of_kind = players.iter().filter(|one| one.is_bot == is_bot).peekable();
            if of_kind.peek().is_none() {
                continue;
            }
            let key = self.keys.online(is_bot);
            let put = pipeline.cmd("ZADD").arg(&key);
            for one in of_kind {
                put.arg(one.until.0).arg(one.player.as_str());
            }
            let over = pipeline.cmd("ZREMRANGEBYSCORE").arg(&key);
            over.arg("-inf").arg(now.0);
            let beyond = pipeline.cmd("ZREMRANGEBYRANK").arg(&key);
            beyond.arg(0).arg(-(ONLINE_MAX as i64) - 1);
            pipeline.cmd("EXPIRE").arg(&key).arg(LIST_KEPT_S);
        }
        if pipeline.is_empty() {
            return Ok(());
        }
        reply::refuse_errors(&self.control.run(&pipeline).await?)
    }

    async fn online(
        &self,
        bots: bool,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<PlayerId>, StoreError> {
        let mut read = cmd("ZRANGE");
        read.arg(self.keys.online(bots)).arg(format!("({}", now.0));
        read.arg("+inf")
            .arg("BYSCORE")
            .arg("LIMIT")
            .arg(0)
            .arg(limit);
        let answer = self.one(read).await?;
        let ids = reply::array(&answer)?.iter().map(reply::parsed);
        ids.collect()
    }

    async fn are_online(
        &self,
        players: &[PlayerId],
        now: UnixMillis,
    ) -> Result<Vec<bool>, StoreError> {
        if players.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(2);
        for is_bot in [false, true] {
            let read = pipeline.cmd("ZMSCORE").arg(self.keys.online(is_bot));
            for player in players {
                read.arg(player.as_str());
            }
        }
        let mut are_online = vec![false; players.len()];
        for answer in self.control.run(&pipeline).await? {
            let times = reply::array(&answer)?;
            if times.len() != players.len() {
                return Err(reply::strange("who is online"));
            }
            for (is_online, until) in are_online.iter_mut().zip(times) {
                *is_online |= match until {
                    Value::Nil => false,
                    until => reply::parsed::<u64>(until)? > now.0,
                };
            }
        }
        Ok(are_online)
    }

    async fn hint(&self, hint: &Hint) -> Result<(), StoreError> {
        self.beats.hint(hint).await
    }

    fn hints_after(&self, place: u64) -> Hints {
        self.beats.hints_after(place)
    }
}
