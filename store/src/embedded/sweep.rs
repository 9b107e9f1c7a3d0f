//! Removal of expired data from the file: a bounded part in each transaction.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};
use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};

use super::EmbeddedStore;
use super::tables::{
    ABOVE_IDS, CHATS, CREDENTIAL_EXPIRIES, ENDED, EXPIRIES, HEADS, HELD_UNTIL, LOG, OWNED, REVOKED,
    SNAPSHOTS, TICKETS, VOID,
};
use super::writer::WriteFault;
use super::{accounts, holdings, matches, tickets};
use crate::contract::{REVOCATION_KEPT, Retention, Room, Swept};
use crate::error::StoreError;
use crate::ownership::Status;

/// Matches whose end is dated in one transaction, and heads that are read for that.
const DATED_AT_ONCE: usize = 256;
/// Records that are removed with their matches in one transaction, about: some milliseconds.
const RECORDS_AT_ONCE: u32 = 2_000;
/// Tickets that are removed in one transaction.
const TICKETS_AT_ONCE: usize = 256;
/// Entries of what players hold that are removed in one transaction.
const HOLDINGS_AT_ONCE: usize = 256;

/// Credentials that are removed in one transaction.
const CREDENTIALS_AT_ONCE: usize = 256;

#[async_trait]
impl Retention for EmbeddedStore {
    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        let due = Due::at(now, self.finished_keep);
        // A commit costs a flush.
        if !self.writer.read(move |txn| due.is_any(txn)).await? {
            return Ok(Swept::default());
        }
        self.writer.write(move |txn| due.sweep(txn)).await
    }

    /// A file has no limit that the store knows of.
    async fn room(&self) -> Result<Room, StoreError> {
        Ok(Room::default())
    }
}

/// What is due at one moment.
#[derive(Debug, Clone, Copy)]
struct Due {
    now: u64,
    /// Matches that ended at this time or earlier are removed.
    ended_by: u64,
    /// Earlier revocations are removed.
    revoked_before: u64,
}

type Ended<'txn> = Table<'txn, (u64, &'static str), ()>;

impl Due {
    fn at(now: UnixMillis, finished_keep: Duration) -> Self {
        let before = |age: Duration| {
            let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            now.0.checked_sub(age_ms)
        };
        Self {
            now: now.0,
            // 0 means an end that is not dated yet.
            ended_by: before(finished_keep).unwrap_or(0),
            revoked_before: before(REVOCATION_KEPT).unwrap_or(0),
        }
    }

    fn is_any(self, txn: &ReadTransaction) -> Result<bool, WriteFault> {
        let ended = txn.open_table(ENDED)?;
        let oldest = ended.first()?.map(|(key, _)| key.value().0);
        if oldest.is_some_and(|ended_at| ended_at <= self.ended_by) {
            return Ok(true);
        }
        let expiries = txn.open_table(EXPIRIES)?;
        let oldest = expiries.first()?.map(|(key, _)| key.value().0);
        if oldest.is_some_and(|expires_at| expires_at < self.now) {
            return Ok(true);
        }
        let held_until = txn.open_table(HELD_UNTIL)?;
        let oldest = held_until.first()?.map(|(key, _)| key.value().0);
        if oldest.is_some_and(|until| until < self.now) {
            return Ok(true);
        }
        let expiries = txn.open_table(CREDENTIAL_EXPIRIES)?;
        let oldest = expiries.first()?.map(|(key, _)| key.value().0);
        if oldest.is_some_and(|expires_at| expires_at < self.now) {
            return Ok(true);
        }
        for times in [REVOKED, VOID] {
            for entry in txn.open_table(times)?.iter()? {
                if entry?.1.value() < self.revoked_before {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Tickets before matches: whoever reads a ticket creates its match if it is missing.
    fn sweep(self, txn: &WriteTransaction) -> Result<Swept, WriteFault> {
        let now = UnixMillis(self.now);
        for times in [REVOKED, VOID] {
            txn.open_table(times)?
                .retain(|_, at| at >= self.revoked_before)?;
        }
        let credentials = accounts::remove_old(txn, now, CREDENTIALS_AT_ONCE)?;
        let holdings = holdings::remove_old(txn, now, HOLDINGS_AT_ONCE)?;
        let mut found = txn.open_table(TICKETS)?;
        tickets::remove_old(txn, &mut found, now, TICKETS_AT_ONCE)?;
        let tickets_left = tickets::has_old(txn, now)?;
        let mut ended = txn.open_table(ENDED)?;
        let mut more = holdings == HOLDINGS_AT_ONCE || credentials == CREDENTIALS_AT_ONCE;
        more |= self.date(&mut ended)?;
        if tickets_left {
            return Ok(Swept {
                matches: 0,
                more: true,
            });
        }
        let (matches, matches_left) = self.remove_ended(txn, &mut ended)?;
        more |= matches_left;
        Ok(Swept { matches, more })
    }

    /// Dates matches that have ended since the last sweep: they ended now, at the latest.
    fn date(self, ended: &mut Ended<'_>) -> Result<bool, WriteFault> {
        let undated = first_ids(ended, (0, 0), DATED_AT_ONCE)?;
        for (_, id) in &undated {
            ended.remove((0, id.as_str()))?;
            ended.insert((self.now, id.as_str()), ())?;
        }
        Ok(undated.len() == DATED_AT_ONCE)
    }

    /// Removes expired matches with all their data.
    fn remove_ended(
        self,
        txn: &WriteTransaction,
        ended: &mut Ended<'_>,
    ) -> Result<(usize, bool), WriteFault> {
        // From 1 on: 0 is no date.
        let old = first_ids(ended, (1, self.ended_by), DATED_AT_ONCE)?;
        let mut heads = txn.open_table(HEADS)?;
        let mut snapshots = txn.open_table(SNAPSHOTS)?;
        let mut log = txn.open_table(LOG)?;
        let mut chats = txn.open_table(CHATS)?;
        let mut owned = txn.open_table(OWNED)?;
        let (mut removed, mut looked_at, mut records) = (0, 0, 0);
        for (ended_at, id) in &old {
            if records >= RECORDS_AT_ONCE {
                break;
            }
            looked_at += 1;
            ended.remove((*ended_at, id.as_str()))?;
            let Ok(match_id) = id.parse::<MatchId>() else {
                continue;
            };
            let head = match matches::head(&heads, match_id) {
                Ok(Some(head)) if head.status == Status::Finished => head,
                // Named twice and removed before, or not to be read: that stays.
                Ok(_) | Err(WriteFault::Refused(_)) => continue,
                Err(fault) => return Err(fault),
            };
            records += 1 + matches::len(&log, match_id)?;
            log.retain_in((id.as_str(), 0)..=(id.as_str(), u32::MAX), |_, _| false)?;
            let rooms = (id.as_str(), "", 0)..(id.as_str(), ABOVE_IDS, 0);
            chats.retain_in(rooms, |_, _| false)?;
            snapshots.remove(id.as_str())?;
            heads.remove(id.as_str())?;
            owned.remove((head.owner.to_string().as_str(), id.as_str()))?;
            removed += 1;
        }
        let more = looked_at < old.len() || old.len() == DATED_AT_ONCE;
        Ok((removed, more))
    }
}

/// The first entries of matches that ended between two moments, both included.
fn first_ids(
    ended: &Ended<'_>,
    (from, to): (u64, u64),
    limit: usize,
) -> Result<Vec<(u64, String)>, WriteFault> {
    let range = ended.range((from, "")..(to.saturating_add(1), ""))?;
    let entries = range.take(limit).map(|entry| {
        let (key, _) = entry?;
        let (ended_at, id) = key.value();
        Ok((ended_at, id.to_owned()))
    });
    entries.collect()
}
