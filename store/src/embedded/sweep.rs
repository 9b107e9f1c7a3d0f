//! Removal of expired data from the file: a bounded part in each transaction.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{MatchId, UnixMillis};
use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::heads::head;
use super::tables::{
    ABOVE_IDS, ARCHIVED, CHATS, CREDENTIAL_EXPIRIES, ENDED, ENDED_IDS_UNTIL, EXPIRIES, HEADS,
    HELD_UNTIL, LOG, OWNED, RATED_AT, RATED_BY_TIME, REQUESTS_UNTIL, REVOKED, SNAPSHOTS, TICKETS,
    TRANSFER_EXPIRIES, VOID,
};
use super::{
    accounts, archive, feed, holdings, idempotency, log, outbox, ratings, tickets, tournaments,
    transfers,
};
use crate::contract::{REVOCATION_KEPT, Retention, Room, Swept};
use crate::error::StoreError;
use crate::ownership::Status;
use crate::rating::{RATED_KEPT, RATING_KEPT};
use crate::tournament::TOURNAMENT_KEPT;

/// Matches that are removed in one transaction, at most.
const MATCHES_AT_ONCE: usize = 256;
/// Records that are removed with their matches in one transaction, about: some milliseconds.
const RECORDS_AT_ONCE: u32 = 2_000;
/// Tickets that are removed in one transaction.
const TICKETS_AT_ONCE: usize = 256;
/// Matches of the archive that are dated or removed in one transaction, and likewise entries of the feed.
const ARCHIVED_AT_ONCE: usize = 128;
/// Entries of what players hold that are removed in one transaction.
const HOLDINGS_AT_ONCE: usize = 256;
/// Requests with keys of clients' choice that are removed in one transaction.
const REQUESTS_AT_ONCE: usize = 256;
/// Ids of ended matches, and of rated ones, that are forgotten in one transaction.
const IDS_AT_ONCE: usize = 256;
/// Tournaments that are removed in one transaction: some have thousands of matches.
const TOURNAMENTS_AT_ONCE: usize = 4;
/// Players whose ratings are removed in one transaction: some have thousands.
const PLAYERS_AT_ONCE: usize = 4;

/// Credentials that are removed in one transaction, and likewise transfers.
const CREDENTIALS_AT_ONCE: usize = 256;

#[async_trait]
impl Retention for EmbeddedStore {
    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        let due = Due::at(now, self.live_keep, self.finished_keep);
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
    /// Matches whose outbox entries were done at this time or earlier are removed.
    ended_by: Option<u64>,
    /// Matches that were rated earlier are forgotten.
    rated_before: u64,
    /// The ratings of players who were last rated earlier are removed.
    last_rated_before: u64,
    /// What was archived or published at this time or earlier is removed.
    archived_by: u64,
    /// Tournaments that were last changed at this time or earlier are removed.
    tournaments_by: u64,
    /// Earlier revocations are removed.
    revoked_before: u64,
}

type Ended<'txn> = Table<'txn, (u64, &'static str), ()>;

impl Due {
    fn at(now: UnixMillis, live_keep: Duration, finished_keep: Duration) -> Self {
        let before = |age: Duration| {
            let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
            now.0.checked_sub(age_ms)
        };
        Self {
            now: now.0,
            ended_by: before(live_keep),
            archived_by: before(finished_keep).unwrap_or(0),
            rated_before: before(RATED_KEPT).unwrap_or(0),
            last_rated_before: before(RATING_KEPT).unwrap_or(0),
            tournaments_by: before(TOURNAMENT_KEPT).unwrap_or(0),
            revoked_before: before(REVOCATION_KEPT).unwrap_or(0),
        }
    }

    fn is_any(self, txn: &ReadTransaction) -> Result<bool, WriteFault> {
        let ended = txn.open_table(ENDED)?;
        let oldest = ended.first()?.map(|(key, _)| key.value().0);
        if oldest.is_some_and(|ended_at| Some(ended_at) <= self.ended_by) {
            return Ok(true);
        }
        for (times, before) in [
            (ENDED_IDS_UNTIL, self.now),
            (RATED_AT, self.rated_before),
            (RATED_BY_TIME, self.last_rated_before),
        ] {
            let times = txn.open_table(times)?;
            let oldest = times.first()?.map(|(key, _)| key.value().0);
            if oldest.is_some_and(|at| at < before) {
                return Ok(true);
            }
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
        let requests_until = txn.open_table(REQUESTS_UNTIL)?;
        let oldest = requests_until.first()?.map(|(key, _)| key.value().0);
        if oldest.is_some_and(|until| until < self.now) {
            return Ok(true);
        }
        let archived = txn.open_table(ARCHIVED)?;
        let oldest = archived.first()?.map(|(key, _)| key.value().0);
        if oldest.is_some_and(|archived_at| archived_at <= self.archived_by)
            || feed::has_old(txn, self.archived_by)?
            || tournaments::has_old(txn, self.tournaments_by)?
        {
            return Ok(true);
        }
        for expiries in [CREDENTIAL_EXPIRIES, TRANSFER_EXPIRIES] {
            let expiries = txn.open_table(expiries)?;
            let oldest = expiries.first()?.map(|(key, _)| key.value().0);
            if oldest.is_some_and(|expires_at| expires_at < self.now) {
                return Ok(true);
            }
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
        let transfers = transfers::remove_old(txn, now, CREDENTIALS_AT_ONCE)?;
        let holdings = holdings::remove_old(txn, now, HOLDINGS_AT_ONCE)?;
        let requests = idempotency::remove_old(txn, now, REQUESTS_AT_ONCE)?;
        let mut found = txn.open_table(TICKETS)?;
        tickets::remove_old(txn, &mut found, now, TICKETS_AT_ONCE)?;
        let tickets_left = tickets::has_old(txn, now)?;
        let mut ended = txn.open_table(ENDED)?;
        let archived = archive::remove_old(txn, now, self.archived_by, ARCHIVED_AT_ONCE)?;
        let published = feed::remove_old(txn, self.archived_by, ARCHIVED_AT_ONCE)?;
        let mut more = holdings == HOLDINGS_AT_ONCE
            || requests == REQUESTS_AT_ONCE
            || credentials == CREDENTIALS_AT_ONCE
            || transfers == CREDENTIALS_AT_ONCE;
        more |= outbox::remove_old_ids(txn, now, IDS_AT_ONCE)? == IDS_AT_ONCE;
        more |= ratings::forget_rated(txn, self.rated_before, IDS_AT_ONCE)? == IDS_AT_ONCE;
        let players = ratings::remove_old(txn, self.last_rated_before, PLAYERS_AT_ONCE)?;
        more |= players == PLAYERS_AT_ONCE;
        let removed = tournaments::remove_old(txn, self.tournaments_by, TOURNAMENTS_AT_ONCE)?;
        more |= removed == TOURNAMENTS_AT_ONCE;
        more |= archived.max(published) == ARCHIVED_AT_ONCE;
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

    /// Removes expired matches with all their data.
    fn remove_ended(
        self,
        txn: &WriteTransaction,
        ended: &mut Ended<'_>,
    ) -> Result<(usize, bool), WriteFault> {
        let Some(ended_by) = self.ended_by else {
            return Ok((0, false));
        };
        let old = first_ids(ended, ended_by, MATCHES_AT_ONCE)?;
        let mut heads = txn.open_table(HEADS)?;
        let mut snapshots = txn.open_table(SNAPSHOTS)?;
        let mut logs = txn.open_table(LOG)?;
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
            let head = match head(&heads, match_id) {
                Ok(Some(head)) if head.status == Status::Finished => head,
                // Named twice and removed before, or not to be read: that stays.
                Ok(_) | Err(WriteFault::Refused(_)) => continue,
                Err(fault) => return Err(fault),
            };
            records += 1 + log::len(&logs, match_id)?;
            logs.retain_in((id.as_str(), 0)..=(id.as_str(), u32::MAX), |_, _| false)?;
            let rooms = (id.as_str(), "", 0)..(id.as_str(), ABOVE_IDS, 0);
            chats.retain_in(rooms, |_, _| false)?;
            snapshots.remove(id.as_str())?;
            heads.remove(id.as_str())?;
            owned.remove((head.owner.to_string().as_str(), id.as_str()))?;
            removed += 1;
        }
        let more = looked_at < old.len() || old.len() == MATCHES_AT_ONCE;
        Ok((removed, more))
    }
}

/// The first entries of matches up to a moment.
fn first_ids(ended: &Ended<'_>, to: u64, limit: usize) -> Result<Vec<(u64, String)>, WriteFault> {
    let range = ended.range(..(to.saturating_add(1), ""))?;
    let entries = range.take(limit).map(|entry| {
        let (key, _) = entry?;
        let (ended_at, id) = key.value();
        Ok((ended_at, id.to_owned()))
    });
    entries.collect()
}
