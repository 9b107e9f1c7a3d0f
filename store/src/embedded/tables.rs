//! The tables, and their preparation when the store is opened.

use redb::{ReadableTable, TableDefinition, WriteTransaction};

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

/// One entry: the layout of the tables.
const LAYOUT: TableDefinition<(), u32> = TableDefinition::new("layout");
/// The layout that these definitions describe. The one before it, which had no such entry, is not read.
const LAYOUT_VERSION: u32 = 2;

/// When a match ended, in Unix milliseconds, and its id; 0 until [`sweep`](super::sweep) has dated it.
pub(super) const ENDED: TableDefinition<(u64, &str), ()> = TableDefinition::new("ended");

/// Above every id, whose characters are ASCII.
pub(super) const ABOVE_IDS: &str = "\u{7f}";

/// Creates the tables that are missing. The file's lock proves that no earlier process is running: all
/// records are removed, and shards whose sets are not empty are known to have ended.
///
/// Refuses a file whose tables are laid out otherwise, and leaves it as it is.
pub(super) fn prepare(txn: &WriteTransaction) -> Result<(), WriteFault> {
    check_layout(txn)?;
    txn.open_table(HEADS)?;
    txn.open_table(SNAPSHOTS)?;
    txn.open_table(LOG)?;
    txn.open_table(CHATS)?;
    txn.open_table(SHARDS)?.retain(|_, _| false)?;
    let owners = owners(&txn.open_table(OWNED)?)?;
    let mut left = txn.open_table(LEFT)?;
    left.retain(|_, ()| false)?;
    for owner in &owners {
        left.insert(owner.as_str(), ())?;
    }
    txn.open_table(TICKETS)?;
    txn.open_table(POOLS)?;
    txn.open_table(EXPIRIES)?;
    txn.open_table(HELD)?;
    txn.open_table(HELD_UNTIL)?;
    txn.open_table(REVOKED)?;
    txn.open_table(VOID)?;
    txn.open_table(ACCOUNTS)?;
    txn.open_table(ACCOUNT_NAMES)?;
    txn.open_table(CREDENTIALS)?;
    txn.open_table(CREDENTIALS_OF)?;
    txn.open_table(CREDENTIAL_EXPIRIES)?;
    txn.open_table(ENDED)?;
    Ok(())
}

fn check_layout(txn: &WriteTransaction) -> Result<(), WriteFault> {
    let is_used = txn.list_tables()?.next().is_some();
    let mut layout = txn.open_table(LAYOUT)?;
    let found = layout.get(())?.map(|version| version.value());
    let why = match found {
        Some(LAYOUT_VERSION) => return Ok(()),
        None if !is_used => {
            layout.insert((), LAYOUT_VERSION)?;
            return Ok(());
        }
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
