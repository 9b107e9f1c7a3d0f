//! The entries of outboxes in the file.

use game_core::{MatchId, Tag};
use redb::{ReadableTable, WriteTransaction};

use super::fault::WriteFault;
use super::tables::{ENDED, ENDED_IDS, OUTBOX, OUTBOX_LAST};

/// Adds an entry for a match that has ended.
pub(super) fn add(txn: &WriteTransaction, id: MatchId) -> Result<(), WriteFault> {
    let mut last = txn.open_table(OUTBOX_LAST)?;
    let number = last.get(())?.map_or(0, |number| number.value()) + 1;
    last.insert((), number)?;
    txn.open_table(OUTBOX)?
        .insert((id.tag().as_str(), number), id.as_str())?;
    Ok(())
}

/// Whether a match has an entry.
pub(super) fn has(txn: &WriteTransaction, id: &str) -> Result<bool, WriteFault> {
    let Some(tag) = id.get(..Tag::LEN) else {
        return Ok(false);
    };
    let outbox = txn.open_table(OUTBOX)?;
    for entry in outbox.range((tag, 0)..=(tag, u64::MAX))? {
        if entry?.1.value() == id {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Adds the outbox entries that a former version of the program did not write: of matches that have ended, and whose
/// ids are not marked.
pub(super) fn add_missing(txn: &WriteTransaction) -> Result<(), WriteFault> {
    let mut ended = txn.open_table(ENDED)?;
    let ids = txn.open_table(ENDED_IDS)?;
    let mut missing = Vec::new();
    for entry in ended.iter()? {
        let (key, _) = entry?;
        let (at, id) = key.value();
        if ids.get(id)?.is_none() {
            missing.push((at, id.to_owned()));
        }
    }
    for (at, id) in missing {
        ended.remove((at, id.as_str()))?;
        if let Ok(id) = id.parse() {
            add(txn, id)?;
        }
    }
    Ok(())
}
