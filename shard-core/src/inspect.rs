//! Queries of operators. They change nothing and reveal nothing unconfirmed.

use std::time::Duration;

use crate::shown::{
    Inspection, MatchQuery, MatchRow, Page, PageSelection, PublicMatch, ShardStatus,
};
use game_core::{BySeat, MatchId};
use store::ShardRecord;

use super::{LiveMatch, Now, PeerKey, Shard};

/// Times that were taken since the last look, for histograms.
#[derive(Debug, Default)]
pub struct ShardSamples {
    /// From the receipt of a command to its confirmation.
    pub acks: Vec<Duration>,
    /// From the moment that a shard began to take a match over to the moment it could be played.
    pub takeovers: Vec<Duration>,
    /// Matches in each batch that was confirmed.
    pub batches: Vec<usize>,
}

impl Shard {
    /// One page of the matches in memory; bounded by the query's limit and the number of matches.
    #[must_use]
    pub fn list(&self, query: &MatchQuery, now: Now) -> Page<MatchRow> {
        let mut selection = PageSelection::new(query);
        for live in self.matches.values() {
            selection.offer(&live.facts(query.public), live);
        }
        let Page {
            entries,
            has_more,
            total,
            counts,
        } = selection.into_page();
        let time = self.clock.at(now.uptime);
        let row = |live: &LiveMatch| {
            if query.public {
                live.public_row(time)
            } else {
                live.row(time)
            }
        };
        Page {
            entries: entries
                .into_iter()
                .map(|(position, live)| (position, row(live)))
                .collect(),
            has_more,
            total,
            counts,
        }
    }

    /// The matches in memory.
    #[must_use]
    pub fn held(&self) -> Vec<MatchId> {
        self.by_id.keys().copied().collect()
    }

    /// One match in memory as the public sees it; without its state if the asker has that of event `known`.
    #[must_use]
    pub fn as_public(&self, id: MatchId, known: Option<u32>, now: Now) -> Option<PublicMatch> {
        let live = self.matches.get(*self.by_id.get(&id)?)?;
        let public = live.as_public(known, self.clock.at(now.uptime));
        Some(PublicMatch {
            paused: self.clock.is_frozen(),
            ..public
        })
    }

    /// Asks for one [`Output::Changed`](crate::Output::Changed) when the match next changes, or is no longer in memory; returns whether it is.
    pub fn follow(&mut self, id: MatchId) -> bool {
        let is_here = self.by_id.contains_key(&id);
        if is_here {
            self.followed.insert(id);
        }
        is_here
    }

    /// One match in memory, and who sits in it.
    #[must_use]
    pub fn inspect(&self, id: MatchId, now: Now) -> Option<(Inspection, BySeat<Option<PeerKey>>)> {
        let live = self.matches.get(*self.by_id.get(&id)?)?;
        let mut inspection = live.inspect(self.clock.at(now.uptime), now.uptime);
        inspection.paused = self.clock.is_frozen();
        inspection.owner_fenced = self.counters.fenced;
        Some((inspection, live.seated()))
    }

    /// The shard as a whole.
    #[must_use]
    pub fn status(&self) -> ShardStatus {
        let count = |len| u32::try_from(len).unwrap_or(u32::MAX);
        ShardStatus {
            live: self.live(),
            in_memory: count(self.matches.len()),
            peers: count(self.peers.len()),
            paused: self.clock.is_frozen(),
            pause_reason: self.pause_reason().map(str::to_owned),
            address_taken_by: None,
            draining: self.takeover.is_draining(),
        }
    }

    /// Every shard of the registry as last read, and whether it is dead.
    pub fn registry(&self) -> impl Iterator<Item = (&ShardRecord, bool)> {
        self.registry.all()
    }

    /// How often each refusal was given.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.refusals.iter().map(|(&code, &count)| (code, count))
    }

    /// Matches whose output waits for the store.
    #[must_use]
    pub fn gated(&self) -> usize {
        self.writing.waiting()
    }

    /// How long the oldest write under way has waited for its answer.
    #[must_use]
    pub fn checkpoint_lag(&self, now: Now) -> Duration {
        let since = self.writing.in_flight_since();
        since.map_or(Duration::ZERO, |since| now.uptime.since(since))
    }

    /// The times taken since the last call.
    pub fn take_measured(&mut self) -> ShardSamples {
        std::mem::take(&mut self.measured)
    }
}
