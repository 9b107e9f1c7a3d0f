//! What goes after its time on Redis, and how much room there is.
//!
//! Matches and tickets expire by themselves. What is left to be swept are finished matches that were
//! stored without an expiry, by a program that knew of none, and old revocations.

use std::sync::PoisonError;
use std::time::Duration;

use game_core::UnixMillis;
use redis::{InfoDict, Pipeline, cmd};

use super::revocations::remove_old;
use super::{RedisStore, reply, script};
use crate::contract::{Room, ScanCursor, Status, StoreError, Swept};

/// Keys that one step looks at: about a millisecond of Redis.
const STEP_LEN: usize = 500;
/// Between the end of a look at all keys and the beginning of the next: all that stores matches now gives
/// them an expiry, so that little is found.
const PASS_EVERY: Duration = Duration::from_secs(60 * 60);

/// How far the look at all keys has come.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Where it goes on; `None` before its beginning.
    at: Option<ScanCursor>,
    /// It does not begin before.
    rests_until: UnixMillis,
}

impl RedisStore {
    pub(super) async fn sweep_a_part(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        let from = {
            let sweep = self.sweep.lock().unwrap_or_else(PoisonError::into_inner);
            if sweep.at.is_none() && now < sweep.rests_until {
                return Ok(Swept::default());
            }
            sweep.at
        };
        if from.is_none() {
            let mut remove = Pipeline::with_capacity(1);
            remove_old(&mut remove, &self.keys.revoked(), now);
            self.control.run(&remove).await?;
        }
        let page = self.scan_matches(from, STEP_LEN).await?;
        let mut expire = Pipeline::new();
        for (id, ownership) in &page.matches {
            if ownership.status == Status::Finished {
                let keys = [self.keys.head(*id), self.keys.log(*id)];
                let keys = keys.each_ref().map(String::as_str);
                let mut call = script::call(&self.scripts.expire, &keys);
                call.arg(&self.finished_keep_ms);
                expire.add_command(call);
            }
        }
        let mut matches = 0;
        if !expire.is_empty() {
            for answer in self.control.run(&expire).await? {
                matches += reply::parsed::<usize>(&answer)?;
            }
        }
        let mut sweep = self.sweep.lock().unwrap_or_else(PoisonError::into_inner);
        sweep.at = page.next;
        if sweep.at.is_none() {
            let pause_ms = PASS_EVERY.as_millis() as u64;
            sweep.rests_until = UnixMillis(now.0.saturating_add(pause_ms));
        }
        Ok(Swept {
            matches,
            more: sweep.at.is_some(),
        })
    }

    /// What Redis itself compares with its `maxmemory` before a write. Where an ACL forbids `INFO`,
    /// no limit is known.
    pub(super) async fn read_room(&self) -> Result<Room, StoreError> {
        let mut ask = Pipeline::with_capacity(1);
        ask.add_command(cmd("INFO")).arg("memory");
        let answers = self.control.send(&ask).await?;
        let Some(Ok(text)) = answers.first().map(reply::text) else {
            return Ok(Room::default());
        };
        Ok(room(text))
    }
}

fn room(info: &str) -> Room {
    let info = InfoDict::new(info);
    let said = |key: &str| info.get::<u64>(key).unwrap_or(0);
    let uncounted = said("mem_not_counted_for_evict");
    Room {
        used_bytes: said("used_memory").saturating_sub(uncounted),
        limit_bytes: Some(said("maxmemory")).filter(|limit| *limit > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_redis_compares_before_a_write() {
        let info = |maxmemory: u64| {
            format!(
                "# Memory\r\nused_memory:900\r\nused_memory_human:900B\r\nmaxmemory:{maxmemory}\r\n\
                 mem_not_counted_for_evict:100\r\n"
            )
        };
        let with = |limit_bytes| Room {
            used_bytes: 800,
            limit_bytes,
        };
        assert_eq!(room(&info(1_000)), with(Some(1_000)));
        assert_eq!(room(&info(0)), with(None));
        assert_eq!(room(""), Room::default());
        for (limit, is_for_new) in [(None, true), (Some(1_000), true), (Some(999), false)] {
            assert_eq!(with(limit).is_for_new(), is_for_new, "{limit:?}");
        }
    }
}
