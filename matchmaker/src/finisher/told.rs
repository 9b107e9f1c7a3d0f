//! What the feed says of a match.

use std::time::Duration;

use game_core::UnixMillis;
use serde_json::json;
use store::{ArchivedMatch, FeedEntry, RatedMatch};

/// The entry of a match that has ended. It is public when its spectators have seen the end.
pub(super) fn feed_entry(archived: &ArchivedMatch, rated: Option<&RatedMatch>) -> FeedEntry {
    let delay = Duration::from_secs(archived.setup().spectator_delay_s.into());
    let public_at = archived.ended_at().0.saturating_add(delay.as_millis() as u64);
    let body = json!({ "match_id": archived.id(), "rated": rated.is_some() });
    FeedEntry {
        match_id: archived.id(),
        seq: archived.end_seq(),
        public_at: UnixMillis(public_at),
        body: body.to_string().into(),
    }
}
