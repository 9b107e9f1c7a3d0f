//! The heads of matches in their table.

use game_core::MatchId;
use redb::ReadableTable;

use super::fault::WriteFault;
use crate::codec::{self, Head};
use crate::error::StoreError;

/// The head of a match, if there is one.
pub(super) fn head(
    heads: &impl ReadableTable<&'static str, &'static [u8]>,
    id: MatchId,
) -> Result<Option<Head>, WriteFault> {
    let Some(bytes) = heads.get(id.as_str())? else {
        return Ok(None);
    };
    let head = codec::decode_head(bytes.value())
        .map_err(|error| StoreError::Corrupt(format!("the head of match {id}: {error}")))?;
    Ok(Some(head))
}
