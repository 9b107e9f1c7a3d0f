//! The scan over all matches on Redis.

use redis::{Pipeline, Value};

use super::matches::read_head;
use super::{RedisStore, reply};
use crate::contract::{MatchPage, SCAN_LIMIT_MAX, ScanCursor};
use crate::error::StoreError;

impl RedisStore {
    /// Two round trips: the names of heads, then the heads. One that is removed in between is left out.
    pub(super) async fn scan_matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        let limit = limit.clamp(1, SCAN_LIMIT_MAX);
        let (names, next) = self.control.keys(after, &self.keys.heads(), limit).await?;
        let named = names.iter().filter_map(|name| {
            let key = reply::text(name).ok()?;
            self.keys.match_of_head(key).map(|id| (id, key))
        });
        let (ids, keys): (Vec<_>, Vec<_>) = named.unzip();
        let mut page = MatchPage {
            next,
            ..MatchPage::default()
        };
        if ids.is_empty() {
            return Ok(page);
        }
        let mut read = Pipeline::with_capacity(keys.len());
        for key in keys {
            read.add_command(read_head(key));
        }
        // One key of the wrong type does not hide the others.
        for (id, answer) in ids.into_iter().zip(self.control.send(&read).await?) {
            if let Value::ServerError(error) = &answer
                && let error @ StoreError::Unavailable(_) = reply::server_error(error)
            {
                return Err(error);
            }
            match reply::head(&answer) {
                Ok(found) => page.matches.extend(found.map(|ownership| (id, ownership))),
                Err(error) => tracing::warn!(match_id = %id, %error, "a match is skipped"),
            }
        }
        Ok(page)
    }
}
