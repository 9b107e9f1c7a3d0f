//! The feed on Redis: one stream, which other programs may read too.

use std::collections::HashMap;

use async_trait::async_trait;
use game_core::UnixMillis;
use redis::{Pipeline, Value};

use super::{RedisStore, reply, script};
use crate::contract::{FEED_PAGE_MAX, Feed, HOOK_KEPT};
use crate::error::StoreError;
use crate::feed::{FeedCursor, FeedEntry, FeedPage, HookLease};

#[async_trait]
impl Feed for RedisStore {
    async fn publish_match(&self, entry: &FeedEntry) -> Result<FeedCursor, StoreError> {
        entry.check()?;
        let keys = [self.keys.feed(), self.keys.feed_of(entry.match_id)];
        let mut call = script::call(&self.scripts.publish, &keys.each_ref().map(String::as_str));
        call.arg(entry.match_id.as_str()).arg(entry.seq);
        call.arg(entry.public_at.0).arg(&*entry.body);
        call.arg(&self.finished_keep_ms);
        reply::parsed(&self.one_kept(call).await?)
    }

    async fn feed_after(&self, after: FeedCursor, limit: usize) -> Result<FeedPage, StoreError> {
        let mut pipeline = Pipeline::with_capacity(2);
        let read = pipeline.cmd("XRANGE").arg(self.keys.feed());
        // Nothing is after the last place that there can be, which Redis refuses to go beyond.
        let is_last = after.major == u64::MAX && after.minor == u64::MAX;
        let from = if is_last {
            "+".to_owned()
        } else {
            format!("({after}")
        };
        read.arg(from).arg("+");
        read.arg("COUNT").arg(limit.clamp(1, FEED_PAGE_MAX));
        pipeline.cmd("GET").arg(self.keys.feed_removed());
        let answers = self.control.run(&pipeline).await?;
        let [found, removed] = answers.as_slice() else {
            return Err(reply::strange("a feed"));
        };
        let removed = match removed {
            Value::Nil => FeedCursor::START,
            removed => reply::parsed(removed)?,
        };
        let mut page = FeedPage {
            entries: Vec::new(),
            next: after,
            missed: after != FeedCursor::START && after < removed,
        };
        for found in reply::array(found)? {
            let [place, fields] = reply::array(found)? else {
                return Err(reply::strange("an entry of the feed"));
            };
            let place = reply::parsed(place)?;
            page.next = place;
            match entry(fields) {
                Ok(entry) => page.entries.push((place, entry)),
                Err(error) => {
                    tracing::warn!(%place, %error, "an entry of the feed is skipped");
                }
            }
        }
        Ok(page)
    }

    async fn feed_end(&self) -> Result<FeedCursor, StoreError> {
        let mut pipeline = Pipeline::with_capacity(2);
        let newest = pipeline.cmd("XREVRANGE").arg(self.keys.feed());
        newest.arg("+").arg("-").arg("COUNT").arg(1);
        pipeline.cmd("GET").arg(self.keys.feed_removed());
        let answers = self.control.run(&pipeline).await?;
        let [newest, removed] = answers.as_slice() else {
            return Err(reply::strange("a feed"));
        };
        match (reply::array(newest)?, removed) {
            ([newest], _) => match reply::array(newest)? {
                [place, _] => reply::parsed(place),
                _ => Err(reply::strange("an entry of the feed")),
            },
            (_, Value::Nil) => Ok(FeedCursor::START),
            (_, removed) => reply::parsed(removed),
        }
    }

    async fn take_hook(
        &self,
        hook: &str,
        holder: &str,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<Option<HookLease>, StoreError> {
        let keys = [
            self.keys.hook(hook),
            self.keys.feed(),
            self.keys.feed_removed(),
        ];
        let mut call = script::call(
            &self.scripts.hook_take,
            &keys.each_ref().map(String::as_str),
        );
        call.arg(holder).arg(now.0).arg(until.0);
        call.arg(HOOK_KEPT.as_millis() as u64);
        match reply::array(&self.one(call).await?)? {
            [] => Ok(None),
            [epoch, position] => Ok(Some(HookLease {
                epoch: reply::parsed(epoch)?,
                position: reply::parsed(position)?,
            })),
            _ => Err(reply::strange("a subscriber")),
        }
    }

    async fn hook_done(
        &self,
        hook: &str,
        epoch: u64,
        position: FeedCursor,
    ) -> Result<bool, StoreError> {
        let mut call = script::call(&self.scripts.hook_done, &[&self.keys.hook(hook)]);
        call.arg(epoch).arg(position.to_string());
        Ok(reply::parsed::<u8>(&self.one(call).await?)? == 1)
    }
}

/// An entry from its fields.
fn entry(fields: &Value) -> Result<FeedEntry, StoreError> {
    let (pairs, _) = reply::array(fields)?.as_chunks::<2>();
    let mut known = HashMap::with_capacity(pairs.len());
    for [name, value] in pairs {
        known.insert(reply::text(name)?, value);
    }
    let field = |name: &str| {
        let field = known.get(name).copied();
        field.ok_or_else(|| reply::strange("an entry of the feed"))
    };
    Ok(FeedEntry {
        match_id: reply::parsed(field("match")?)?,
        seq: reply::parsed(field("seq")?)?,
        public_at: UnixMillis(reply::parsed(field("public_at")?)?),
        body: reply::text(field("json")?)?.into(),
    })
}
