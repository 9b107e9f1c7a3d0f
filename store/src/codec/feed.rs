//! The stored entry of the feed.

use game_core::UnixMillis;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{StoredId, id_from_stored, id_to_stored};
use crate::feed::FeedEntry;

/// A [`FeedEntry`], version 1.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FeedEntryV1 {
    match_id: StoredId,
    seq: u32,
    public_at_ms: u64,
    body: String,
}

impl Layout for FeedEntryV1 {
    const FORMAT: Format = Format::FeedEntry;
    const VERSION: u8 = 1;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<&FeedEntry> for FeedEntryV1 {
    fn from(entry: &FeedEntry) -> Self {
        let FeedEntry {
            match_id,
            seq,
            public_at,
            body,
        } = entry;
        Self {
            match_id: id_to_stored(match_id),
            seq: *seq,
            public_at_ms: public_at.0,
            body: body.to_string(),
        }
    }
}

impl TryFrom<FeedEntryV1> for FeedEntry {
    type Error = String;

    fn try_from(stored: FeedEntryV1) -> Result<Self, String> {
        Ok(Self {
            match_id: id_from_stored(stored.match_id)?,
            seq: stored.seq,
            public_at: UnixMillis(stored.public_at_ms),
            body: stored.body.into_boxed_str(),
        })
    }
}
