//! The ratings of the model.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use game_core::{BySeat, MatchId, PlayerId, Seat, UnixMillis};

use crate::contract::RatingApplied;
use crate::rating::{
    Category, RATED_KEPT, RATING_HISTORY_MAX, RATING_KEPT, RATING_PAGE_MAX, RatedMatch, Rating,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Ratings {
    /// The newest last; none of them is empty.
    history: BTreeMap<(PlayerId, Category), Vec<Rating>>,
    /// When each player was last rated.
    last_at: HashMap<PlayerId, UnixMillis>,
    by_last_at: BTreeSet<(UnixMillis, PlayerId)>,
    rated: HashMap<MatchId, RatedMatch>,
    by_rated_at: BTreeSet<(UnixMillis, MatchId)>,
}

impl Ratings {
    pub(super) fn get(&self, player: &PlayerId, category: Category) -> Option<Rating> {
        let history = self.history.get(&(player.clone(), category))?;
        history.last().cloned()
    }

    pub(super) fn all(&self, player: &PlayerId) -> Vec<(Category, Rating)> {
        let of = |category| Some((category, self.get(player, category)?));
        let mut ratings: Vec<_> = Category::all().filter_map(of).collect();
        ratings.sort_by_key(|(category, _)| *category);
        ratings
    }

    pub(super) fn apply(&mut self, rated: &RatedMatch) -> RatingApplied {
        if let Some(before) = self.rated.get(&rated.match_id) {
            return RatingApplied::Already(Box::new(before.clone()));
        }
        let has = |seat: Seat| self.get(&rated.players[seat], rated.category);
        let is_version = |seat: Seat| {
            let games = has(seat).map_or(0, |rating| rating.games);
            games == rated.expects(seat)
        };
        if !is_version(Seat::White) || !is_version(Seat::Black) {
            return RatingApplied::Stale(Box::new(BySeat {
                white: has(Seat::White),
                black: has(Seat::Black),
            }));
        }
        for seat in [Seat::White, Seat::Black] {
            let player = &rated.players[seat];
            let key = (player.clone(), rated.category);
            let history = self.history.entry(key).or_default();
            history.push(rated.rating(seat));
            let old = history.len().saturating_sub(RATING_HISTORY_MAX);
            history.drain(..old);
            if let Some(before) = self.last_at.insert(player.clone(), rated.at) {
                self.by_last_at.remove(&(before, player.clone()));
            }
            self.by_last_at.insert((rated.at, player.clone()));
        }
        self.rated.insert(rated.match_id, rated.clone());
        self.by_rated_at.insert((rated.at, rated.match_id));
        RatingApplied::Applied
    }

    pub(super) fn rated(&self, id: MatchId) -> Option<RatedMatch> {
        self.rated.get(&id).cloned()
    }

    pub(super) fn history(
        &self,
        player: &PlayerId,
        category: Category,
        before: Option<u32>,
        limit: usize,
    ) -> Vec<Rating> {
        let history = self.history.get(&(player.clone(), category));
        let newest_first = history.into_iter().flatten().rev();
        let older = newest_first.filter(|one| before.is_none_or(|before| one.games < before));
        older
            .take(limit.clamp(1, RATING_PAGE_MAX))
            .cloned()
            .collect()
    }

    /// Forgets what has reached its age. `waits` says whether a match has an outbox entry: it may be rated again.
    pub(super) fn remove_old(&mut self, now: UnixMillis, waits: impl Fn(MatchId) -> bool) {
        let before =
            |kept: std::time::Duration| UnixMillis(now.0.saturating_sub(kept.as_millis() as u64));
        while let Some(&(at, id)) = self.by_rated_at.first()
            && at < before(RATED_KEPT)
        {
            if waits(id) {
                break;
            }
            self.by_rated_at.pop_first();
            self.rated.remove(&id);
        }
        while let Some((at, player)) = self.by_last_at.first().cloned()
            && at < before(RATING_KEPT)
        {
            self.by_last_at.pop_first();
            self.last_at.remove(&player);
            self.history.retain(|(of, _), _| *of != player);
        }
    }
}
