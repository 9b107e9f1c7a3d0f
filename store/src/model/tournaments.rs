//! The tournaments of the model.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use game_core::{MatchId, UnixMillis};

use crate::tournament::{
    TOURNAMENT_KEPT, TOURNAMENTS_PAGE_MAX, Tournament, TournamentChange, TournamentChanged,
    TournamentId,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Tournaments {
    all: BTreeMap<TournamentId, Kept>,
    of: BTreeMap<MatchId, TournamentId>,
}

#[derive(Debug, Clone)]
struct Kept {
    revision: u64,
    body: Box<str>,
    is_pending: bool,
    changed_at: UnixMillis,
    results: BTreeMap<MatchId, Box<str>>,
}

impl Tournaments {
    pub(super) fn change(&mut self, change: &TournamentChange) -> TournamentChanged {
        let next = change.expected + 1;
        let known = self.all.get(&change.id);
        let revision = known.map_or(0, |known| known.revision);
        if revision == next && known.is_some_and(|known| known.body == change.body) {
            return TournamentChanged::Done;
        }
        if revision != change.expected {
            return TournamentChanged::Stale(revision);
        }
        let former = self.all.remove(&change.id);
        let kept = Kept {
            revision: next,
            body: change.body.clone(),
            is_pending: change.is_pending,
            changed_at: change.at,
            results: former.map(|former| former.results).unwrap_or_default(),
        };
        self.all.insert(change.id.clone(), kept);
        for id in &change.matches {
            self.of.entry(*id).or_insert_with(|| change.id.clone());
        }
        TournamentChanged::Done
    }

    pub(super) fn get(&self, id: &TournamentId) -> Option<Tournament> {
        self.all.get(id).map(|kept| Tournament {
            revision: kept.revision,
            body: kept.body.clone(),
            results: kept.results.clone().into_iter().collect(),
        })
    }

    pub(super) fn newest(&self, limit: usize) -> Vec<(TournamentId, UnixMillis)> {
        let all = self.all.iter();
        let mut all: Vec<_> = all
            .map(|(id, kept)| (id.clone(), kept.changed_at))
            .collect();
        all.sort_unstable_by_key(|(id, at)| Reverse((*at, id.clone())));
        all.truncate(limit.min(TOURNAMENTS_PAGE_MAX));
        all
    }

    pub(super) fn pending(&self) -> Vec<TournamentId> {
        let pending = self.all.iter().filter(|(_, kept)| kept.is_pending);
        let ids = pending.map(|(id, _)| id.clone());
        ids.take(TOURNAMENTS_PAGE_MAX).collect()
    }

    pub(super) fn of(&self, id: MatchId) -> Option<TournamentId> {
        self.of.get(&id).cloned()
    }

    pub(super) fn put_result(&mut self, tournament: &TournamentId, id: MatchId, result: &str) {
        if let Some(kept) = self.all.get_mut(tournament) {
            kept.results.entry(id).or_insert_with(|| result.into());
        }
    }

    pub(super) fn remove_old(&mut self, now: UnixMillis) {
        let kept_ms = u64::try_from(TOURNAMENT_KEPT.as_millis()).unwrap_or(u64::MAX);
        self.all
            .retain(|_, kept| kept.changed_at.0.saturating_add(kept_ms) > now.0);
        let all = &self.all;
        self.of.retain(|_, id| all.contains_key(id));
    }
}
