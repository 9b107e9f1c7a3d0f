//! The tables.

use redb::{Key, ReadableTable, TableDefinition, Value};

use super::fault::WriteFault;

/// The value of [`REQUESTS`].
type StoredRequest = (&'static [u8], &'static str, u64, &'static [u8]);
/// Match id → its owner, see [`Head`](crate::codec::Head).
pub(super) const HEADS: TableDefinition<&str, &[u8]> = TableDefinition::new("heads");
/// Match id → the newest snapshot.
pub(super) const SNAPSHOTS: TableDefinition<&str, &[u8]> = TableDefinition::new("snapshots");
/// Match id and the seq of the first record of a chunk → the chunk. The newest records of live matches are in the
/// [`journal`](super::journal) instead.
pub(super) const LOG: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("chunks");
/// Match id and seq → record, in the former layout.
pub(super) const FORMER_LOG: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("log");
/// One entry: lineage and first generation of the rows of the journal that the tables need; none if they are complete
/// without it.
pub(super) const JOURNAL: TableDefinition<(), (u64, u32)> = TableDefinition::new("journal");
/// Match id, room and number of a line of its chat → the line.
pub(super) const CHATS: TableDefinition<(&str, &str, u64), &[u8]> = TableDefinition::new("chats");
/// Shard id → its record.
pub(super) const SHARDS: TableDefinition<&str, &[u8]> = TableDefinition::new("shards");
/// Shard id and match id: the shard may own the match.
pub(super) const OWNED: TableDefinition<(&str, &str), ()> = TableDefinition::new("owned");
/// Shard id: the shard has left for good, or ended with an earlier process.
pub(super) const LEFT: TableDefinition<&str, ()> = TableDefinition::new("left");
/// Ticket id → ticket.
pub(super) const TICKETS: TableDefinition<&str, &[u8]> = TableDefinition::new("tickets");
/// Pool, time of the last request in Unix milliseconds, and id of a ticket that waits there.
pub(super) const POOLS: TableDefinition<(&str, u64, &str), ()> = TableDefinition::new("pools");
/// List other than a pool, when a ticket there expires in Unix milliseconds, and the id of the ticket that waits there.
pub(super) const LISTS: TableDefinition<(&str, u64, &str), ()> = TableDefinition::new("lists");
/// When a ticket may be removed, in Unix milliseconds, and its id.
pub(super) const EXPIRIES: TableDefinition<(u64, &str), ()> = TableDefinition::new("expiries");
/// Player id, kind and id of what the player holds → since when, in Unix milliseconds.
pub(super) const HELD: TableDefinition<(&str, &str, &str), u64> = TableDefinition::new("held");
/// When an entry of [`HELD`] may be removed, in Unix milliseconds, and its key.
pub(super) const HELD_UNTIL: TableDefinition<(u64, &str, &str, &str), ()> =
    TableDefinition::new("held_until");
/// Key of a client's choice → digest of the request, id of what it creates, until when it counts as running in Unix
/// milliseconds, and the response, which is empty as long as there is none.
pub(super) const REQUESTS: TableDefinition<&str, StoredRequest> = TableDefinition::new("requests");
/// When an entry of [`REQUESTS`] may be removed, in Unix milliseconds, and its key.
pub(super) const REQUESTS_UNTIL: TableDefinition<(u64, &str), ()> =
    TableDefinition::new("requests_until");
/// Player id → when the player was revoked, in Unix milliseconds.
pub(super) const REVOKED: TableDefinition<&str, u64> = TableDefinition::new("revoked");

/// Player id → up to when the player's tokens are void, in Unix milliseconds.
pub(super) const VOID: TableDefinition<&str, u64> = TableDefinition::new("void");
/// Player id → account.
pub(super) const ACCOUNTS: TableDefinition<&str, &[u8]> = TableDefinition::new("accounts");
/// Key of a name → the id of its account.
pub(super) const ACCOUNT_NAMES: TableDefinition<&str, &str> = TableDefinition::new("account_names");
/// Kind and digest of a credential → credential.
pub(super) const CREDENTIALS: TableDefinition<(&str, &str), &[u8]> =
    TableDefinition::new("credentials");
/// Player id, kind and digest of a credential of that player.
pub(super) const CREDENTIALS_OF: TableDefinition<(&str, &str, &str), ()> =
    TableDefinition::new("credentials_of");
/// When a credential may be removed, in Unix milliseconds, its kind and its digest.
pub(super) const CREDENTIAL_EXPIRIES: TableDefinition<(u64, &str, &str), ()> =
    TableDefinition::new("credential_expiries");
/// Digest of a transfer → transfer.
pub(super) const TRANSFERS: TableDefinition<&str, &[u8]> = TableDefinition::new("transfers");
/// Player id → when the player's transfer may be removed, in Unix milliseconds, and its digest.
pub(super) const TRANSFER_OF: TableDefinition<&str, (u64, &str)> =
    TableDefinition::new("transfer_of");
/// When a transfer may be removed, in Unix milliseconds, its digest and its player's id.
pub(super) const TRANSFER_EXPIRIES: TableDefinition<(u64, &str, &str), ()> =
    TableDefinition::new("transfer_expiries");
/// Match id → the archived match.
pub(super) const ARCHIVE: TableDefinition<&str, &[u8]> = TableDefinition::new("archive");
/// Name of a list of the archive, and place of a match in it.
pub(super) const ARCHIVE_LISTS: TableDefinition<(&str, &str), ()> =
    TableDefinition::new("archive_lists");
/// Since when a match is archived, in Unix milliseconds, and its id; 0 until [`sweep`](super::sweep) has dated it.
pub(super) const ARCHIVED: TableDefinition<(u64, &str), ()> = TableDefinition::new("archived");
/// Number of an entry of the feed → the entry.
pub(super) const FEED: TableDefinition<u64, &[u8]> = TableDefinition::new("feed");
/// Match id → the number of its entry in [`FEED`].
pub(super) const FEED_OF: TableDefinition<&str, u64> = TableDefinition::new("feed_of");
/// One entry: the number of the newest entry of the feed that was removed.
pub(super) const FEED_REMOVED: TableDefinition<(), u64> = TableDefinition::new("feed_removed");
/// A subscriber of the feed → epoch and holder of the right to deliver to it, until when, in Unix milliseconds, and
/// the number of the last entry that was delivered.
pub(super) const HOOKS: TableDefinition<&str, (u64, &str, u64, u64)> =
    TableDefinition::new("hooks");

/// Id of a tournament → revision, when it was last changed, in Unix milliseconds, and its document.
pub(super) const TOURNAMENTS: TableDefinition<&str, (u64, u64, &str)> =
    TableDefinition::new("tournaments");
/// When a tournament was last changed, in Unix milliseconds, and its id.
pub(super) const TOURNAMENTS_BY_TIME: TableDefinition<(u64, &str), ()> =
    TableDefinition::new("tournaments_by_time");
/// Id of a tournament of which matches are to be created.
pub(super) const TOURNAMENTS_PENDING: TableDefinition<&str, ()> =
    TableDefinition::new("tournaments_pending");
/// Match id → the id of the tournament that it belongs to.
pub(super) const TOURNAMENT_OF: TableDefinition<&str, &str> = TableDefinition::new("tournament_of");
/// Ids of a tournament and of a match of it → how the match ended; empty until it has.
pub(super) const TOURNAMENT_RESULTS: TableDefinition<(&str, &str), &str> =
    TableDefinition::new("tournament_results");

/// One entry: the layout of the tables.
pub(super) const LAYOUT: TableDefinition<(), u32> = TableDefinition::new("layout");
/// The layout that these definitions describe.
pub(super) const LAYOUT_VERSION: u32 = 3;
/// The one before, which is migrated when the store is opened: each record has a row of its own there, and there is no
/// journal. The one before that, which had no such entry, is not read.
pub(super) const FORMER_VERSION: u32 = 2;

/// When the outbox entry of a match was done, in Unix milliseconds, and the match's id.
pub(super) const ENDED: TableDefinition<(u64, &str), ()> = TableDefinition::new("ended");
/// Tag and number of an outbox entry → the id of the match.
pub(super) const OUTBOX: TableDefinition<(&str, u64), &str> = TableDefinition::new("outbox");
/// One entry: the number of the newest outbox entry of all.
pub(super) const OUTBOX_LAST: TableDefinition<(), u64> = TableDefinition::new("outbox_last");
/// Tag → who takes entries from its outbox: worker, epoch, and until when in Unix milliseconds.
pub(super) const LEASES: TableDefinition<&str, (u64, u64, u64)> = TableDefinition::new("leases");
/// Id of an ended match, which is not to be used again → its head as it was at the end.
pub(super) const ENDED_IDS: TableDefinition<&str, &[u8]> = TableDefinition::new("ended_ids");
/// When an entry of [`ENDED_IDS`] may be removed, in Unix milliseconds, and its key.
pub(super) const ENDED_IDS_UNTIL: TableDefinition<(u64, &str), ()> =
    TableDefinition::new("ended_ids_until");
/// Player id, category and number of games → the rating after that game. The newest is the present one.
pub(super) const RATINGS: TableDefinition<(&str, &str, u32), &[u8]> =
    TableDefinition::new("ratings");
/// Player id → when the player was last rated, in Unix milliseconds.
pub(super) const RATED_LAST: TableDefinition<&str, u64> = TableDefinition::new("rated_last");
/// The same by time.
pub(super) const RATED_BY_TIME: TableDefinition<(u64, &str), ()> =
    TableDefinition::new("rated_by_time");
/// Match id → how the match changed its players' ratings.
pub(super) const RATED: TableDefinition<&str, &[u8]> = TableDefinition::new("rated");
/// When a match was rated, in Unix milliseconds, and its id.
pub(super) const RATED_AT: TableDefinition<(u64, &str), ()> = TableDefinition::new("rated_at");

/// Above every id, whose characters are ASCII.
pub(super) const ABOVE_IDS: &str = "\u{7f}";

/// What is done with every table.
pub(super) trait TableVisitor {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<(), WriteFault>;
}

/// Visits every table once. A table that is missing here is neither created nor part of a backup, which then fails.
pub(super) fn visit(visitor: &mut impl TableVisitor) -> Result<(), WriteFault> {
    visitor.table(LAYOUT)?;
    visitor.table(JOURNAL)?;
    visitor.table(HEADS)?;
    visitor.table(SNAPSHOTS)?;
    visitor.table(LOG)?;
    visitor.table(CHATS)?;
    visitor.table(SHARDS)?;
    visitor.table(OWNED)?;
    visitor.table(LEFT)?;
    visitor.table(TICKETS)?;
    visitor.table(POOLS)?;
    visitor.table(LISTS)?;
    visitor.table(EXPIRIES)?;
    visitor.table(HELD)?;
    visitor.table(HELD_UNTIL)?;
    visitor.table(REQUESTS)?;
    visitor.table(REQUESTS_UNTIL)?;
    visitor.table(REVOKED)?;
    visitor.table(ENDED)?;
    visitor.table(OUTBOX)?;
    visitor.table(OUTBOX_LAST)?;
    visitor.table(LEASES)?;
    visitor.table(ENDED_IDS)?;
    visitor.table(ENDED_IDS_UNTIL)?;
    visitor.table(RATINGS)?;
    visitor.table(RATED_LAST)?;
    visitor.table(RATED_BY_TIME)?;
    visitor.table(RATED)?;
    visitor.table(RATED_AT)?;
    visitor.table(ARCHIVE)?;
    visitor.table(ARCHIVE_LISTS)?;
    visitor.table(ARCHIVED)?;
    visitor.table(FEED)?;
    visitor.table(FEED_OF)?;
    visitor.table(FEED_REMOVED)?;
    visitor.table(HOOKS)?;
    visitor.table(VOID)?;
    visitor.table(ACCOUNTS)?;
    visitor.table(ACCOUNT_NAMES)?;
    visitor.table(CREDENTIALS)?;
    visitor.table(CREDENTIALS_OF)?;
    visitor.table(CREDENTIAL_EXPIRIES)?;
    visitor.table(TOURNAMENTS)?;
    visitor.table(TOURNAMENTS_BY_TIME)?;
    visitor.table(TOURNAMENTS_PENDING)?;
    visitor.table(TOURNAMENT_OF)?;
    visitor.table(TOURNAMENT_RESULTS)?;
    visitor.table(TRANSFERS)?;
    visitor.table(TRANSFER_OF)?;
    visitor.table(TRANSFER_EXPIRIES)
}

/// The shards whose sets are not empty, by one read for each.
pub(super) fn owners(
    owned: &impl ReadableTable<(&'static str, &'static str), ()>,
) -> Result<Vec<String>, WriteFault> {
    let mut owners: Vec<String> = Vec::new();
    loop {
        let after = owners.last().map_or("", String::as_str);
        let Some(entry) = owned.range((after, ABOVE_IDS)..)?.next() else {
            return Ok(owners);
        };
        let owner = entry?.0.value().0.to_owned();
        owners.push(owner);
    }
}
