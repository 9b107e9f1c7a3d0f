//! Removal of expired data from Redis, and its capacity left.
//!
//! Matches and tickets expire by themselves. The sweep removes old revocations and tags, takes old matches out of the
//! lists of the archive, trims the feed, and gives finished matches an outbox entry or an expiry if they have lost theirs.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};
use redis::{Cmd, InfoDict, Pipeline, Value, cmd};

use super::revocations::remove_old;
use super::{RedisStore, reply, script};
use crate::contract::{Retention, Room, ScanCursor, Swept};
use crate::error::StoreError;
use crate::ownership::Status;

/// Keys that one step reads: about a millisecond of Redis.
const STEP_LEN: usize = 500;
/// Between two steps of the whole installation, in milliseconds, so that many shards cost Redis as little as
/// one.
const STEP_EVERY_MS: u32 = 400;
/// Between the end of a pass over all keys and the beginning of the next, in milliseconds. Finished matches
/// have an entry or an expiry already, so little is found.
const PASS_EVERY_MS: u32 = 60 * 60 * 1_000;
/// How long the position of an abandoned pass is remembered, in milliseconds.
const PLACE_KEPT_MS: u32 = 24 * 60 * 60 * 1_000;

#[async_trait]
impl Retention for RedisStore {
    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        let more = self.sweep_archive(now).await?;
        let Some(from) = self.take_turn().await? else {
            return Ok(Swept { matches: 0, more });
        };
        let mut pipeline = Pipeline::new();
        if from.is_none() {
            self.forget_tags(now).await?;
            remove_old(&mut pipeline, &self.keys.revoked(), now);
            remove_old(&mut pipeline, &self.keys.void(), now);
        }
        let page = self.scan_matches(from, STEP_LEN).await?;
        let first_mended = pipeline.len();
        let ended = page.matches.iter();
        let ended = ended.filter(|(_, ownership)| ownership.status == Status::Finished);
        let ended: Vec<MatchId> = ended.map(|(id, _)| *id).collect();
        for &id in &ended {
            pipeline.add_command(self.mend_call(id));
        }
        let mut matches = 0;
        let mut tags = BTreeSet::new();
        if !pipeline.is_empty() {
            let answers = self.control.run(&pipeline).await?;
            for (id, answer) in ended.iter().zip(&answers[first_mended..]) {
                let mended = reply::parsed::<u8>(answer)?;
                matches += usize::from(mended == EXPIRY_GIVEN || mended == ENTRY_GIVEN);
                if mended == ENTRY_GIVEN || mended == ENTRY_WAITS {
                    tags.insert(id.tag());
                }
            }
        }
        if !tags.is_empty() {
            let mut name = Pipeline::with_capacity(tags.len());
            for tag in tags {
                name.add_command(self.name_tag(tag, now));
            }
            self.control.run(&name).await?;
        }
        // Afterwards, so that a step that fails is done again.
        let mut note = Pipeline::with_capacity(2);
        if let Some(next) = page.next {
            let at = note
                .cmd("SET")
                .arg(self.keys.sweep_at())
                .arg(written(next)?);
            at.arg("PX").arg(PLACE_KEPT_MS);
        } else {
            note.cmd("DEL").arg(self.keys.sweep_at());
            let rest = note.cmd("SET").arg(self.keys.sweep_turn()).arg("");
            rest.arg("PX").arg(PASS_EVERY_MS);
        }
        self.control.run(&note).await?;
        Ok(Swept {
            matches,
            more: more || page.next.is_some(),
        })
    }

    /// What Redis itself compares with its `maxmemory` before a write. Where an ACL forbids `INFO`,
    /// no limit is known. Of a Cluster, what the fullest primary says: it is the first to refuse writes.
    async fn room(&self) -> Result<Room, StoreError> {
        let mut ask = Pipeline::with_capacity(1);
        ask.add_command(cmd("INFO")).arg("memory");
        let answers = self.control.ask_all(&ask).await?;
        let rooms = answers
            .iter()
            .map(|answers| match answers.first().map(reply::text) {
                Some(Ok(text)) => room(text),
                _ => Room::default(),
            });
        Ok(rooms.max_by(by_fullness).unwrap_or_default())
    }
}

impl RedisStore {
    /// Gives a finished match what it lacks.
    fn mend_call(&self, id: MatchId) -> Cmd {
        let mut keys = self.keys.all(id).to_vec();
        keys.push(self.keys.outbox(id.tag()));
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let mut call = script::call(&self.scripts.outbox_mend, &keys);
        call.arg(id.as_str()).arg(&self.live_keep_ms);
        call
    }

    /// The cursor of the pass over all keys; `None` between passes, or while another process continues it.
    async fn take_turn(&self) -> Result<Option<Option<ScanCursor>>, StoreError> {
        let mut pipeline = Pipeline::with_capacity(2);
        let turn = pipeline.cmd("SET").arg(self.keys.sweep_turn()).arg("");
        turn.arg("NX").arg("PX").arg(STEP_EVERY_MS);
        pipeline.cmd("GET").arg(self.keys.sweep_at());
        match self.control.run(&pipeline).await?.as_slice() {
            [Value::Nil, _] => Ok(None),
            [_, Value::Nil] => Ok(Some(None)),
            // A place in another kind of server means nothing here: the pass begins anew.
            [_, at] => Ok(Some(
                read(reply::text(at)?).filter(|at| self.control.knows(*at)),
            )),
            _ => Err(reply::strange("a turn")),
        }
    }
}

/// Answers of `outbox_mend.lua`.
const EXPIRY_GIVEN: u8 = 1;
const ENTRY_WAITS: u8 = 2;
const ENTRY_GIVEN: u8 = 3;

/// A place in the keys, as it is stored.
fn written(at: ScanCursor) -> Result<String, StoreError> {
    match at {
        ScanCursor::Redis(cursor) => Ok(cursor.to_string()),
        ScanCursor::Cluster { map, node, cursor } => Ok(format!("{map} {node} {cursor}")),
        ScanCursor::After(_) => Err(ScanCursor::foreign()),
    }
}

fn read(text: &str) -> Option<ScanCursor> {
    let numbers: Vec<u64> = text
        .split(' ')
        .map(|word| word.parse().ok())
        .collect::<Option<_>>()?;
    match *numbers {
        [cursor] => Some(ScanCursor::Redis(cursor)),
        [map, node, cursor] => Some(ScanCursor::Cluster {
            map: map.try_into().ok()?,
            node: node.try_into().ok()?,
            cursor,
        }),
        _ => None,
    }
}

/// Which of two servers refuses writes first: one without a limit never does.
fn by_fullness(one: &Room, other: &Room) -> Ordering {
    let share = |room: &Room, of: &Room| {
        // Of both: each side times the other's limit, without divisions.
        u128::from(room.used_bytes) * u128::from(of.limit_bytes.unwrap_or(1))
    };
    match (one.limit_bytes, other.limit_bytes) {
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        _ => share(one, other).cmp(&share(other, one)),
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
    fn a_place_in_the_keys_is_read_as_it_was_written() {
        let (map, node, cursor) = (u32::MAX, u16::MAX, u64::MAX);
        for place in [
            ScanCursor::Redis(cursor),
            ScanCursor::Cluster { map, node, cursor },
        ] {
            assert_eq!(read(&written(place).unwrap()), Some(place));
        }
        for odd in ["", "1 2", "1 2 x", "1 65536 3"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }

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
        let fullest = |rooms: [Room; 3]| rooms.into_iter().max_by(by_fullness).unwrap();
        let of = |used_bytes, limit_bytes| Room {
            used_bytes,
            limit_bytes,
        };
        let (half, most, free) = (of(50, Some(100)), of(9, Some(10)), of(1_000, None));
        assert_eq!(fullest([half, most, free]), most);
        assert_eq!(fullest([most, free, half]), most);
        assert_eq!(fullest([free, half, free]), half);
        for (limit, is_for_new) in [(None, true), (Some(1_000), true), (Some(999), false)] {
            assert_eq!(with(limit).is_for_new(), is_for_new, "{limit:?}");
        }
    }
}
