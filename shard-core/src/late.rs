//! Writes that one server of several has not answered: they are repeated among the others until it does, so that the
//! matches of the other servers do not wait for it.

use std::collections::VecDeque;

use store::Append;

use super::MatchKey;
use crate::Uptime;

/// The writes that wait to be repeated, in the order in which they are due.
///
/// There is at most one for each match, as a match with a write in flight begins no other.
#[derive(Debug, Default)]
pub(super) struct LateWrites {
    writes: VecDeque<(MatchKey, Append, Uptime)>,
    /// Why the newest one was not answered.
    why: String,
    /// Whether operators were told of them.
    told: bool,
}

impl LateWrites {
    /// A write was not answered. `retry_at` is not before that of any other.
    pub(super) fn add(&mut self, key: MatchKey, append: Append, retry_at: Uptime, why: &str) {
        why.clone_into(&mut self.why);
        self.writes.push_back((key, append, retry_at));
    }

    /// Logs that there are writes that are not answered, or that there are none any more. For when a batch was
    /// answered: none of them is in flight then.
    pub(super) fn tell(&mut self) {
        let are_some = !self.writes.is_empty();
        if are_some && !self.told {
            let (matches, why) = (self.writes.len(), &self.why);
            tracing::warn!(
                matches,
                why,
                "a part of the store does not answer: its matches wait"
            );
        } else if self.told && !are_some {
            tracing::info!("all parts of the store answer again");
        }
        self.told = are_some;
    }

    /// When the next one is to be repeated.
    pub(super) fn next(&self) -> Option<Uptime> {
        self.writes.front().map(|(_, _, at)| *at)
    }

    /// Takes one that is to be repeated now.
    pub(super) fn due(&mut self, now: Uptime) -> Option<(MatchKey, Append)> {
        let due = self.writes.pop_front_if(|(_, _, at)| *at <= now)?;
        Some((due.0, due.1))
    }

    pub(super) fn len(&self) -> usize {
        self.writes.len()
    }
}
