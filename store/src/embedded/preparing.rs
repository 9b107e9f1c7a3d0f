//! The preparation of the tables when the store is opened: those that are missing, and the former layout.

use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, Value, WriteTransaction};

use super::fault::WriteFault;
use super::log::Migration;
use super::tables::{
    FORMER_LOG, FORMER_VERSION, LAYOUT, LAYOUT_VERSION, LEASES, LEFT, LOG, OWNED, REQUESTS, SHARDS,
    TableVisitor, owners, visit,
};
use crate::error::StoreError;

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
/// A file of the former layout is migrated. Refuses a file whose tables are laid out otherwise, and leaves it as it is.
pub(super) fn prepare(txn: &WriteTransaction) -> Result<(), WriteFault> {
    let found = check_layout(txn)?;
    visit(&mut Creation(txn))?;
    if found == FORMER_VERSION {
        migrate(txn)?;
    }
    txn.open_table(SHARDS)?.retain(|_, _| false)?;
    let owners = owners(&txn.open_table(OWNED)?)?;
    let mut left = txn.open_table(LEFT)?;
    left.retain(|_, ()| false)?;
    for owner in &owners {
        left.insert(owner.as_str(), ())?;
    }
    // No worker of an earlier process is running.
    txn.open_table(LEASES)?.retain(|_, _| false)?;
    end_requests(txn)?;
    Ok(())
}

/// No request of an earlier process is being carried out: whoever repeats one need not wait for it.
fn end_requests(txn: &WriteTransaction) -> Result<(), WriteFault> {
    let mut requests = txn.open_table(REQUESTS)?;
    let mut begun = Vec::new();
    for row in requests.iter()? {
        let (key, request) = row?;
        let (digest, id, until, response) = request.value();
        if response.is_empty() && until > 0 {
            begun.push((key.value().to_owned(), digest.to_vec(), id.to_owned()));
        }
    }
    for (key, digest, id) in begun {
        requests.insert(
            key.as_str(),
            (digest.as_slice(), id.as_str(), 0, &[] as &[u8]),
        )?;
    }
    Ok(())
}

/// Makes the present layout of the former one.
fn migrate(txn: &WriteTransaction) -> Result<(), WriteFault> {
    let matches = {
        let former = txn.open_table(FORMER_LOG)?;
        let mut log = txn.open_table(LOG)?;
        let mut migration = Migration::into(&mut log);
        for row in former.iter()? {
            let (key, record) = row?;
            let (id, seq) = key.value();
            migration.take(id, seq, record.value())?;
        }
        migration.finish()?;
        migration.matches
    };
    txn.delete_table(FORMER_LOG)?;
    txn.open_table(LAYOUT)?.insert((), LAYOUT_VERSION)?;
    tracing::info!(
        matches,
        from = FORMER_VERSION,
        to = LAYOUT_VERSION,
        "the store's file is migrated to the layout of this version; no earlier program reads it then"
    );
    Ok(())
}

/// The layout, which is one that is read.
fn check_layout(txn: &WriteTransaction) -> Result<u32, WriteFault> {
    let is_used = txn.list_tables()?.next().is_some();
    let mut layout = txn.open_table(LAYOUT)?;
    let found = layout.get(())?.map(|version| version.value());
    if found.is_none() && !is_used {
        layout.insert((), LAYOUT_VERSION)?;
        return Ok(LAYOUT_VERSION);
    }
    check_version(found)
}

/// The same for a file that is only read, and whose tables must be there.
pub(super) fn check_written_layout(txn: &ReadTransaction) -> Result<u32, WriteFault> {
    let found = match txn.open_table(LAYOUT) {
        Ok(layout) => layout.get(())?.map(|version| version.value()),
        Err(redb::TableError::TableDoesNotExist(_)) => None,
        Err(error) => return Err(error.into()),
    };
    check_version(found)
}

fn check_version(found: Option<u32>) -> Result<u32, WriteFault> {
    let why = match found {
        Some(read @ (LAYOUT_VERSION | FORMER_VERSION)) => return Ok(read),
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
