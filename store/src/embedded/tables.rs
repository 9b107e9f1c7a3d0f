//! The tables, and their preparation when the store is opened.

use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, Value, WriteTransaction};

use super::writer::WriteFault;
use crate::error::StoreError;

/// Match id → its owner, see [`Head`](crate::codec::Head).
pub(super) const HEADS: TableDefinition<&str, &[u8]> = TableDefinition::new("heads");
/// Match id → the newest snapshot.
pub(super) const SNAPSHOTS: TableDefinition<&str, &[u8]> = TableDefinition::new("snapshots");
/// Match id and seq → record.
pub(super) const LOG: TableDefinition<(&str, u32), &[u8]> = TableDefinition::new("log");
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
/// When a ticket may be removed, in Unix milliseconds, and its id.
pub(super) const EXPIRIES: TableDefinition<(u64, &str), ()> = TableDefinition::new("expiries");
/// Player id, kind and id of what the player holds → since when, in Unix milliseconds.
pub(super) const HELD: TableDefinition<(&str, &str, &str), u64> = TableDefinition::new("held");
/// When an entry of [`HELD`] may be removed, in Unix milliseconds, and its key.
pub(super) const HELD_UNTIL: TableDefinition<(u64, &str, &str, &str), ()> =
    TableDefinition::new("held_until");
/// Player id → when the player was revoked, in Unix milliseconds.
pub(super) const REVOKED: TableDefinition<&str, u64> = TableDefinition::new("revoked");

/// One entry: the layout of the tables.
const LAYOUT: TableDefinition<(), u32> = TableDefinition::new("layout");
/// The layout that these definitions describe. The one before it, which had no such entry, is not read.
const LAYOUT_VERSION: u32 = 2;

/// When a match ended, in Unix milliseconds, and its id; 0 until [`sweep`](super::sweep) has dated it.
pub(super) const ENDED: TableDefinition<(u64, &str), ()> = TableDefinition::new("ended");

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
    visitor.table(HEADS)?;
    visitor.table(SNAPSHOTS)?;
    visitor.table(LOG)?;
    visitor.table(CHATS)?;
    visitor.table(SHARDS)?;
    visitor.table(OWNED)?;
    visitor.table(LEFT)?;
    visitor.table(TICKETS)?;
    visitor.table(POOLS)?;
    visitor.table(EXPIRIES)?;
    visitor.table(HELD)?;
    visitor.table(HELD_UNTIL)?;
    visitor.table(REVOKED)?;
    visitor.table(ENDED)
}

/// Creates the tables that are missing.
struct Creation<'a>(&'a WriteTransaction);

impl TableVisitor for Creation<'_> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        table: TableDefinition<'static, K, V>,
    ) -> Result<(), WriteFault> {
        self.0.open_table(table)?;
        Ok(())
    }
}

/// Creates the tables that are missing. The file's lock proves that no earlier process is running: all
/// records are removed, and shards whose sets are not empty are known to have ended.
///
/// Refuses a file whose tables are laid out otherwise, and leaves it as it is.
pub(super) fn prepare(txn: &WriteTransaction) -> Result<(), WriteFault> {
    check_layout(txn)?;
    visit(&mut Creation(txn))?;
    txn.open_table(SHARDS)?.retain(|_, _| false)?;
    let owners = owners(&txn.open_table(OWNED)?)?;
    let mut left = txn.open_table(LEFT)?;
    left.retain(|_, ()| false)?;
    for owner in &owners {
        left.insert(owner.as_str(), ())?;
    }
    Ok(())
}

fn check_layout(txn: &WriteTransaction) -> Result<(), WriteFault> {
    let is_used = txn.list_tables()?.next().is_some();
    let mut layout = txn.open_table(LAYOUT)?;
    let found = layout.get(())?.map(|version| version.value());
    if found.is_none() && !is_used {
        layout.insert((), LAYOUT_VERSION)?;
        return Ok(());
    }
    check_version(found)
}

/// The same for a file that is only read, and whose tables must be there.
pub(super) fn check_written_layout(txn: &ReadTransaction) -> Result<(), WriteFault> {
    let found = match txn.open_table(LAYOUT) {
        Ok(layout) => layout.get(())?.map(|version| version.value()),
        Err(redb::TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    check_version(found)
}

fn check_version(found: Option<u32>) -> Result<(), WriteFault> {
    let why = match found {
        Some(LAYOUT_VERSION) => return Ok(()),
        None => "its file is of a version before 2, which this program does not read: move the \
                 directory away to begin with an empty store, or give another one"
            .to_owned(),
        Some(version) => format!(
            "its file is laid out as version {version} and this program reads version {LAYOUT_VERSION}: \
             run the version of Rookery that wrote it, or give another directory"
        ),
    };
    Err(WriteFault::Refused(StoreError::Unfit(why)))
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
