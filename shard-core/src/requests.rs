//! Requests about many matches, collected while a round of inputs is applied, and made in a few round trips.
//!
//! What a player waits for goes first; what a takeover or a scan of a set needs goes in bulk behind it, and only a
//! part of that is in flight at a time.

use std::collections::{BTreeMap, VecDeque};

use game_core::{Epoch, MatchId, ShardId};
use store::{Claiming, MANY_MAX};

use super::Output;

/// Requests that no output contains yet.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Matches whose heads players wait for.
    wanted: Vec<MatchId>,
    /// Matches whose heads are to be read in bulk.
    bulk: VecDeque<MatchId>,
    /// Matches of a bulk that are not in memory yet.
    bulk_under_way: usize,
    claims: Vec<Claiming>,
    /// Matches to be removed from sets, each up to an epoch.
    disowned: BTreeMap<ShardId, Vec<(MatchId, Epoch)>>,
}

impl Requests {
    /// Upper bound on the matches of a bulk that are being read and claimed at a time: some requests, so that the
    /// store always has one to work on, and few enough that a player's request does not wait behind them.
    const BULK_UNDER_WAY_MAX: usize = 4 * MANY_MAX;

    /// A player waits for this match.
    pub(super) fn want(&mut self, id: MatchId) {
        self.wanted.push(id);
    }

    /// This match is to be loaded, and nobody waits for it.
    pub(super) fn want_in_bulk(&mut self, id: MatchId) {
        self.bulk.push_back(id);
    }

    /// A match of a bulk is in memory, or is not to be.
    pub(super) fn bulk_done(&mut self) {
        self.bulk_under_way = self.bulk_under_way.saturating_sub(1);
    }

    pub(super) fn claim(&mut self, claim: Claiming) {
        self.claims.push(claim);
    }

    pub(super) fn disown(&mut self, shard: ShardId, id: MatchId, up_to: Epoch) {
        self.disowned.entry(shard).or_default().push((id, up_to));
    }

    /// The next request. `begin` is called for each match of a bulk, and returns whether it still is to be read.
    pub(super) fn next(&mut self, mut begin: impl FnMut(MatchId) -> bool) -> Option<Output> {
        if let Some(claims) = chunk(&mut self.claims) {
            return Some(Output::Claim(claims));
        }
        if let Some(wanted) = chunk(&mut self.wanted) {
            return Some(Output::ReadHeads(wanted));
        }
        let mut heads = Vec::new();
        while heads.len() < MANY_MAX
            && self.bulk_under_way < Self::BULK_UNDER_WAY_MAX
            && let Some(id) = self.bulk.pop_front()
        {
            if begin(id) {
                self.bulk_under_way += 1;
                heads.push(id);
            }
        }
        if !heads.is_empty() {
            return Some(Output::ReadHeads(heads));
        }
        let mut entry = self.disowned.first_entry()?;
        let (shard, matches) = (*entry.key(), chunk(entry.get_mut())?);
        if entry.get().is_empty() {
            entry.remove();
        }
        Some(Output::Disown(shard, matches))
    }
}

/// As many of `all` as one request may contain, in their order; `None` if there are none.
fn chunk<T>(all: &mut Vec<T>) -> Option<Vec<T>> {
    let rest = all.split_off(all.len().min(MANY_MAX));
    let chunk = std::mem::replace(all, rest);
    (!chunk.is_empty()).then_some(chunk)
}
