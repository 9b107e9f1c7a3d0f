//! The archive on Redis.
//!
//! A match is one value in the slot of its tag, so that a Cluster spreads matches over its nodes. Each list is a key of its
//! own, whose entries are places: Redis orders entries of one score by their texts. The value is written first: an entry
//! of a list whose match is missing belongs to a match that has gone.

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};
use redis::{Pipeline, Value, cmd};

use super::{RedisStore, reply, script};
use crate::archived::{ArchiveCursor, ArchiveFilter, ArchivePage, ArchivedMatch, Pager};
use crate::codec::{self, DecodeError};
use crate::contract::Archive;
use crate::error::StoreError;

/// A match stays for this long after it should have left the lists, in milliseconds: whoever takes it out needs to know
/// in which lists it is.
const STAYS_MS: u64 = 60 * 60 * 1_000;
/// Entries of a list that are read in one request.
const READ_AT_ONCE: usize = 100;
/// Matches that leave the archive in one step of a sweep: about a millisecond of Redis.
const SWEPT_AT_ONCE: usize = 64;

#[async_trait]
impl Archive for RedisStore {
    async fn put(&self, finished: &ArchivedMatch) -> Result<bool, StoreError> {
        let id = finished.id();
        let stays_ms = self.keep_ms()?.saturating_add(STAYS_MS);
        let mut keep = script::call(&self.scripts.archive, &[&self.keys.archived(id)]);
        keep.arg(codec::encode_archived(finished).as_ref());
        keep.arg(stays_ms).arg(STAYS_MS);
        let answer = self.one_kept(keep).await?;
        let [due, kept] = reply::array(&answer)? else {
            return Err(reply::strange("an archived match"));
        };
        let kept = match kept {
            Value::Nil => None,
            kept => Some(read(id, reply::bytes(kept)?)?),
        };
        if let Some(kept) = &kept {
            kept.check_same(finished)?;
        }
        // Also when it was kept before: whoever kept it may have died before it was in every list.
        let listed = kept.as_ref().unwrap_or(finished);
        let (place, due) = (listed.cursor().order(), reply::text(due)?);
        let mut pipeline = Pipeline::new();
        for list in listed.lists() {
            let key = self.keys.archive_list(&list);
            pipeline.add_command(self.in_list(&key, &place, "0", stays_ms));
        }
        pipeline.add_command(self.in_list(&self.keys.archive_due(), id.as_str(), due, stays_ms));
        self.control.run_kept(&pipeline).await?;
        Ok(kept.is_none())
    }

    async fn get(&self, id: MatchId) -> Result<Option<ArchivedMatch>, StoreError> {
        let mut ask = cmd("GET");
        ask.arg(self.keys.archived(id));
        match self.one(ask).await? {
            Value::Nil => Ok(None),
            kept => read(id, reply::bytes(&kept)?).map(Some),
        }
    }

    async fn list(
        &self,
        filter: &ArchiveFilter,
        after: Option<ArchiveCursor>,
        limit: usize,
    ) -> Result<ArchivePage, StoreError> {
        let key = self.keys.archive_list(&filter.list());
        let from = format!("[{}", filter.from().order());
        let before = filter.before(after);
        let mut before = before.map_or("+".to_owned(), |place| format!("({}", place.order()));
        let mut pager = Pager::new(filter, limit);
        loop {
            let wanted = pager.wants().min(READ_AT_ONCE);
            // One more, to know whether the list goes on.
            let mut ask = cmd("ZREVRANGEBYLEX");
            ask.arg(&key).arg(&before).arg(&from);
            ask.arg("LIMIT").arg(0).arg(wanted + 1);
            let answer = self.one(ask).await?;
            let mut places = reply::array(&answer)?
                .iter()
                .map(reply::text)
                .collect::<Result<Vec<_>, StoreError>>()?;
            let has_more = places.len() > wanted;
            places.truncate(wanted);
            self.examine(&key, &places, &mut pager).await?;
            match places.last() {
                Some(last) if has_more && pager.wants() > 0 => before = format!("({last}"),
                _ => return Ok(pager.finish(has_more)),
            }
        }
    }
}

impl RedisStore {
    fn keep_ms(&self) -> Result<u64, StoreError> {
        let keep = self.finished_keep_ms.parse();
        keep.map_err(|_| StoreError::Unfit("finished matches are kept for too long".to_owned()))
    }

    fn in_list(&self, key: &str, entry: &str, score: &str, stays_ms: u64) -> redis::Cmd {
        let mut add = script::call(&self.scripts.list, &[key]);
        add.arg(entry).arg(score).arg(stays_ms);
        add
    }

    /// Reads the matches of some places of a list, and removes the places of those that have gone.
    async fn examine(
        &self,
        key: &str,
        places: &[&str],
        pager: &mut Pager<'_>,
    ) -> Result<(), StoreError> {
        let known = places.iter().filter_map(|text| {
            let place = ArchiveCursor::from_order(text)?;
            Some((*text, place))
        });
        let known: Vec<(&str, ArchiveCursor)> = known.collect();
        let mut pipeline = Pipeline::with_capacity(known.len());
        for (_, place) in &known {
            pipeline.cmd("GET").arg(self.keys.archived(place.parts().1));
        }
        if known.is_empty() {
            return Ok(());
        }
        let mut gone = Vec::new();
        for ((text, place), kept) in known.iter().zip(self.control.run(&pipeline).await?) {
            let found = match &kept {
                Value::Nil => {
                    gone.push(*text);
                    None
                }
                kept => codec::readable_archived(place.parts().1.as_str(), reply::bytes(kept)?),
            };
            pager.examine(*place, found);
        }
        if !gone.is_empty() {
            let mut remove = cmd("ZREM");
            remove.arg(key).arg(&gone);
            self.one(remove).await?;
        }
        Ok(())
    }

    /// Takes matches out of the archive whose time has come, and trims the feed; returns whether more is due.
    pub(super) async fn sweep_archive(&self, now: UnixMillis) -> Result<bool, StoreError> {
        let due_key = self.keys.archive_due();
        let mut pipeline = Pipeline::with_capacity(2);
        let due = pipeline.cmd("ZRANGEBYSCORE").arg(&due_key).arg("-inf");
        due.arg(now.0).arg("LIMIT").arg(0).arg(SWEPT_AT_ONCE);
        let keys = [self.keys.feed(), self.keys.feed_removed()];
        let mut trim = script::call(&self.scripts.trim, &keys.each_ref().map(String::as_str));
        trim.arg(&self.finished_keep_ms);
        pipeline.add_command(trim);
        let answers = self.control.run(&pipeline).await?;
        let due = answers.first().ok_or_else(|| reply::strange("no answer"))?;
        let due: Vec<MatchId> = reply::array(due)?
            .iter()
            .map(reply::parsed)
            .collect::<Result<_, _>>()?;
        if due.is_empty() {
            return Ok(false);
        }
        let mut ask = Pipeline::with_capacity(due.len());
        for id in &due {
            ask.cmd("GET").arg(self.keys.archived(*id));
        }
        let mut remove = Pipeline::new();
        for (id, kept) in due.iter().zip(self.control.run(&ask).await?) {
            let kept = match &kept {
                Value::Nil => None,
                kept => codec::readable_archived(id.as_str(), reply::bytes(kept)?),
            };
            for list in kept.iter().flat_map(ArchivedMatch::lists) {
                let place = kept.as_ref().map(|kept| kept.cursor().order());
                let key = self.keys.archive_list(&list);
                remove.cmd("ZREM").arg(key).arg(place);
            }
            remove.cmd("DEL").arg(self.keys.archived(*id));
        }
        self.control.run(&remove).await?;
        // Afterwards, so that a step that fails is done again.
        let mut done = cmd("ZREM");
        done.arg(&due_key);
        for id in &due {
            done.arg(id.as_str());
        }
        self.one(done).await?;
        Ok(due.len() == SWEPT_AT_ONCE)
    }
}

fn read(id: MatchId, kept: &[u8]) -> Result<ArchivedMatch, StoreError> {
    let unreadable =
        |error: DecodeError| StoreError::Corrupt(format!("archived match {id}: {error}"));
    codec::decode_archived(kept).map_err(unreadable)
}
