//! Whether the server behind a connection holds what was confirmed on an earlier one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// What identifies the data that a server holds, as its `INFO` reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// Fresh for each start of a server.
    pub(super) run_id: String,
    /// Fresh for each promotion, and for each replica that was given other data.
    pub(super) replication_id: String,
    /// Bytes of its replication stream, which only grows while it keeps its data.
    pub(super) offset: u64,
}

/// The servers that connections have led to, by address, and how often one of them may have lost data.
#[derive(Debug, Default)]
pub(super) struct Behind {
    known: Mutex<HashMap<String, Holder>>,
    regressions: AtomicU64,
    /// The first connections are being made: nothing was confirmed on earlier ones.
    is_opening: AtomicBool,
}

impl Behind {
    /// Upper bound on the addresses; beyond it all are forgotten, which counts as a loss when they come again.
    const KNOWN_MAX: usize = 1_024;

    /// A connection to `address` found this server; `None` if it tells nothing about itself, so that nothing
    /// can be concluded but that the connection is new.
    pub(super) fn found(&self, address: &str, holder: Option<Holder>, is_new_connection: bool) {
        // Nothing panics while it is held.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::KNOWN_MAX {
            known.clear();
        }
        let keeps = match holder {
            None => !is_new_connection,
            Some(holder) => match known.insert(address.to_owned(), holder.clone()) {
                Some(before) => {
                    let is_same = before.run_id == holder.run_id
                        && before.replication_id == holder.replication_id;
                    is_same && holder.offset >= before.offset
                }
                // The first server of all had nothing to lose.
                None => known.len() == 1,
            },
        };
        if !keeps && !self.is_opening.load(Ordering::Acquire) {
            tracing::warn!(
                address,
                "another Redis answers there than before, or it was restarted: it may have lost what was confirmed"
            );
            self.regressions.fetch_add(1, Ordering::Release);
        }
    }

    /// The first connections begin to be made, to the servers of a Cluster; or all of them were tried.
    pub(super) fn set_opening(&self, is_opening: bool) {
        self.is_opening.store(is_opening, Ordering::Release);
    }

    pub(super) fn regressions(&self) -> u64 {
        self.regressions.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(run: &str, replication: &str, offset: u64) -> Option<Holder> {
        Some(Holder {
            run_id: run.to_owned(),
            replication_id: replication.to_owned(),
            offset,
        })
    }

    #[test]
    fn a_server_that_may_have_lost_data_is_noticed() {
        let cases = [
            ("the same, further on", holder("a", "r", 11), false),
            ("the same, as far", holder("a", "r", 10), false),
            ("restarted", holder("b", "r", 12), true),
            ("was a replica in between", holder("a", "s", 12), true),
            ("went back", holder("a", "r", 9), true),
        ];
        for (what, next, expected) in cases {
            let behind = Behind::default();
            behind.found("one", holder("a", "r", 10), true);
            assert_eq!(behind.regressions(), 0, "nothing was confirmed before");
            behind.found("one", next, true);
            assert_eq!(behind.regressions() == 1, expected, "{what}");
        }
    }

    #[test]
    fn another_address_is_another_server() {
        let behind = Behind::default();
        behind.found("one", holder("a", "r", 10), true);
        behind.found("two", holder("b", "r", 10), true);
        assert_eq!(behind.regressions(), 1);
        behind.found("one", holder("a", "r", 10), false);
        assert_eq!(behind.regressions(), 1, "it is as it was");
    }

    #[test]
    fn the_nodes_that_a_store_begins_with_have_lost_nothing() {
        let behind = Behind::default();
        behind.set_opening(true);
        behind.found("one", holder("a", "r", 10), true);
        behind.found("two", holder("b", "r", 10), true);
        behind.set_opening(false);
        behind.found("two", holder("b", "r", 11), true);
        assert_eq!(behind.regressions(), 0);
        behind.found("three", holder("c", "r", 10), true);
        assert_eq!(behind.regressions(), 1, "it was promoted");
    }

    #[test]
    fn a_server_that_says_nothing_of_itself_is_doubted_at_each_connection() {
        let behind = Behind::default();
        behind.found("one", None, true);
        behind.found("one", None, false);
        assert_eq!(behind.regressions(), 1);
    }
}
