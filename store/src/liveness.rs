//! Which shards are live, as one observer sees them.

use std::collections::HashMap;
use std::time::Duration;

use game_core::{MatchId, MatchTime, ShardId};

use crate::heirs::Heirs;
use crate::shard::{Registered, ShardRecord};

/// Watches the registry: a shard is dead when it has left, or when its sign of life has stood still for
/// [`Liveness::DEAD_AFTER`] of the observer's own monotonic time *while the store was answering*. The sign
/// is its heartbeat counter; of a record that cannot be read, whatever changes in it; and of a shard
/// without a record, that a record appears.
///
/// No wall clock and no expiry in the store is involved, so a slow or restarted store makes no shard look
/// dead. What was never observed is not dead: an observer that has just started knows nothing yet.
#[derive(Debug, Default)]
pub struct Liveness {
    shards: HashMap<ShardId, Observed>,
    /// Queried shards that the registry does not name, and for how long it has not.
    unnamed: HashMap<ShardId, Duration>,
    /// The last observation succeeded; the time between two successes is what counts.
    last_answer: Option<Duration>,
    /// How long the registry was watched.
    watched_for: Duration,
    has_observed: bool,
}

#[derive(Debug)]
struct Observed {
    seen: Registered,
    /// How long the sign of life has been unchanged while the store was answering.
    still_for: Duration,
    /// The newest reading of its play clock.
    clock: Option<MatchTime>,
}

impl Observed {
    fn is_dead(&self) -> bool {
        matches!(self.seen, Registered::Left(_)) || self.still_for >= Liveness::DEAD_AFTER
    }
}

/// The value that changes while a shard is live.
fn sign_of_life(seen: &Registered) -> Option<u64> {
    match seen {
        Registered::Recorded(record) => Some(record.heartbeat),
        Registered::Unreadable { sign, .. } => Some(*sign),
        Registered::Left(_) | Registered::Absent(_) => None,
    }
}

impl Liveness {
    /// A shard whose counter is unchanged for this long is dead: six missed heartbeats.
    pub const DEAD_AFTER: Duration = Duration::from_secs(3);
    /// A shard whose counter is unchanged for this long may be dead: callers that can wait for certainty
    /// should.
    pub const SUSPECT_AFTER: Duration = Duration::from_millis(1_500);
    /// How often a shard raises its counter, and an observer reads it.
    pub const HEARTBEAT_EVERY: Duration = Duration::from_millis(500);
    /// Upper bound on the time counted between two observations: an observer that was itself paused does not
    /// mistake that for the silence of others.
    const STEP_MAX: Duration = Duration::from_secs(1);
    /// Upper bound on the shards that are watched although the registry does not name them; beyond it, the
    /// observation of all of them begins again.
    const UNNAMED_MAX: usize = 1_024;

    /// The registry as read at `now`, a point on the observer's monotonic clock.
    pub fn observe(&mut self, registry: &[Registered], now: Duration) {
        let step = self
            .last_answer
            .map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let step = step.min(Self::STEP_MAX);
        self.last_answer = Some(now);
        self.watched_for += step;
        self.has_observed = true;
        let mut before = std::mem::take(&mut self.shards);
        for seen in registry {
            let before = before.remove(&seen.id());
            let still_for = match &before {
                Some(old) if sign_of_life(&old.seen) == sign_of_life(seen) => old.still_for + step,
                _ => Duration::ZERO,
            };
            let known = before.and_then(|old| old.clock);
            let observed = Observed {
                seen: seen.clone(),
                still_for,
                clock: seen.record().map(|record| record.clock).max(known),
            };
            self.shards.insert(seen.id(), observed);
        }
        self.unnamed.retain(|id, _| !self.shards.contains_key(id));
        self.unnamed.values_mut().for_each(|absent| *absent += step);
    }

    /// The store did not answer: the time until it does counts against no shard.
    pub fn store_was_down(&mut self) {
        self.last_answer = None;
    }

    /// Whether the registry was ever read.
    #[must_use]
    pub fn has_observed(&self) -> bool {
        self.has_observed
    }

    /// For how long the registry was watched, without the time in which the store did not answer.
    #[must_use]
    pub fn watched_for(&self) -> Duration {
        self.watched_for
    }

    /// Whether a shard is known to be dead. A shard that the registry does not name is known to be dead once
    /// it has not been named for the whole time since the first query: it may have registered since the
    /// registry was read.
    pub fn is_dead(&mut self, id: ShardId) -> bool {
        if let Some(observed) = self.shards.get(&id) {
            return observed.is_dead();
        }
        if self.unnamed.len() >= Self::UNNAMED_MAX && !self.unnamed.contains_key(&id) {
            self.unnamed.clear();
        }
        *self.unnamed.entry(id).or_default() >= Self::DEAD_AFTER
    }

    /// The shards that may be dead by the number of missed heartbeats, and those without a record.
    pub fn suspects(&self) -> impl Iterator<Item = ShardId> {
        self.shards
            .values()
            .filter(|observed| !observed.is_dead())
            .filter(|observed| {
                let is_absent = matches!(observed.seen, Registered::Absent(_));
                is_absent || observed.still_for >= Self::SUSPECT_AFTER
            })
            .map(|observed| observed.seen.id())
    }

    /// The record of a shard that is not dead.
    #[must_use]
    pub fn live(&self, id: ShardId) -> Option<&ShardRecord> {
        let observed = self.shards.get(&id)?;
        observed.seen.record().filter(|_| !observed.is_dead())
    }

    /// The records of all shards that are not dead, as far as they can be read.
    pub fn lives(&self) -> impl Iterator<Item = &ShardRecord> {
        self.all()
            .filter(|(_, is_dead)| !is_dead)
            .map(|(record, _)| record)
    }

    /// Every shard of the registry that has a record, and whether it is dead.
    pub fn all(&self) -> impl Iterator<Item = (&ShardRecord, bool)> {
        let observed = self.shards.values();
        observed.filter_map(|observed| Some((observed.seen.record()?, observed.is_dead())))
    }

    /// The shards that take over the matches of one that is gone: see [`Heirs`].
    #[must_use]
    pub fn heirs(&self, gone: ShardId) -> Heirs<'_> {
        Heirs::of(gone, self.lives().map(|record| (record, record.has_room())))
    }

    /// The shard that should take over a match of one that is gone.
    #[must_use]
    pub fn heir(&self, match_id: MatchId, gone: ShardId) -> Option<ShardId> {
        self.heirs(gone).of_match(match_id).map(|record| record.id)
    }

    /// The newest reading of a shard's play clock that this observer knows, by its beats and its record, while
    /// it is alive and after its death.
    #[must_use]
    pub fn last_clock(&self, id: ShardId) -> Option<MatchTime> {
        self.shards.get(&id)?.clock
    }

    /// The shards that the registry names and that are dead, each with the heartbeat that it was last
    /// heard with, if its record can be read.
    pub fn dead(&self) -> impl Iterator<Item = (ShardId, Option<u64>)> {
        let dead = self.shards.values().filter(|observed| observed.is_dead());
        dead.map(|observed| {
            let heartbeat = observed.seen.record().map(|record| record.heartbeat);
            (observed.seen.id(), heartbeat)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: u128, heartbeat: u64) -> Registered {
        shard(id, heartbeat).into()
    }

    fn shard(id: u128, heartbeat: u64) -> ShardRecord {
        ShardRecord {
            id: ShardId::from_random(id),
            heartbeat,
            address: "127.0.0.1:1".parse().unwrap(),
            certificate_sha256: None,
            capacity: 10,
            live: 0,
            load: 0,
            cpu_share: 1_000,
            draining: false,
            admin: None,
            clock: game_core::MatchTime::default(),
            liveness: None,
            connections: Vec::new(),
        }
    }

    /// A shard that the registry does not name.
    fn gone() -> ShardId {
        ShardId::from_random(1_000)
    }

    fn half_seconds(n: u32) -> Duration {
        Duration::from_millis(500) * n
    }

    #[test]
    fn a_counter_that_stands_still_for_three_seconds_is_death() {
        let mut liveness = Liveness::default();
        let (alive, dead) = (ShardId::from_random(1), ShardId::from_random(2));
        for n in 0..=6 {
            assert!(!liveness.is_dead(dead), "at {n}");
            liveness.observe(&[record(1, u64::from(n)), record(2, 7)], half_seconds(n));
        }
        assert!(liveness.is_dead(dead) && !liveness.is_dead(alive));
        assert_eq!(liveness.suspects().count(), 0, "that one is certain");
        assert_eq!(liveness.dead().collect::<Vec<_>>(), [(dead, Some(7))]);
        assert_eq!(liveness.lives().count(), 1);
    }

    #[test]
    fn a_counter_that_has_missed_three_beats_is_suspicious() {
        let mut liveness = Liveness::default();
        for n in 0..=3 {
            assert_eq!(liveness.suspects().count(), 0, "at {n}");
            liveness.observe(&[record(1, u64::from(n)), record(2, 7)], half_seconds(n));
        }
        let suspects: Vec<_> = liveness.suspects().collect();
        assert_eq!(suspects, [ShardId::from_random(2)]);
    }

    #[test]
    fn a_store_that_does_not_answer_kills_nobody() {
        let mut liveness = Liveness::default();
        liveness.observe(&[record(1, 7)], half_seconds(0));
        liveness.store_was_down();
        liveness.observe(&[record(1, 7)], half_seconds(100));
        assert!(!liveness.is_dead(ShardId::from_random(1)));
    }

    #[test]
    fn an_observer_that_was_paused_kills_nobody() {
        let mut liveness = Liveness::default();
        liveness.observe(&[record(1, 7)], half_seconds(0));
        liveness.observe(&[record(1, 7)], half_seconds(100));
        assert!(!liveness.is_dead(ShardId::from_random(1)));
    }

    #[test]
    fn who_has_left_is_dead_at_once() {
        let mut liveness = Liveness::default();
        let left = ShardId::from_random(1);
        assert!(!liveness.is_dead(left), "nothing is known yet");
        liveness.observe(&[Registered::Left(left)], half_seconds(0));
        assert!(liveness.is_dead(left));
        assert_eq!(liveness.dead().collect::<Vec<_>>(), [(left, None)]);
        assert_eq!(liveness.suspects().count(), 0, "that one is certain");
    }

    #[test]
    fn who_has_no_record_is_dead_once_it_had_none_for_three_seconds() {
        let mut liveness = Liveness::default();
        let absent = ShardId::from_random(1);
        for n in 0..6 {
            liveness.observe(&[Registered::Absent(absent)], half_seconds(n));
            assert!(!liveness.is_dead(absent), "at {n}");
            assert_eq!(liveness.suspects().collect::<Vec<_>>(), [absent]);
            assert_eq!(liveness.heir(MatchId::from_random(1), gone()), None);
        }
        let mut registers = Liveness::default();
        registers.observe(&[Registered::Absent(absent)], half_seconds(0));
        for n in 1..20 {
            registers.observe(&[record(1, u64::from(n))], half_seconds(n));
            assert!(!registers.is_dead(absent), "it has registered");
        }
        liveness.observe(&[Registered::Absent(absent)], half_seconds(6));
        assert!(liveness.is_dead(absent));
    }

    #[test]
    fn whose_record_vanishes_is_not_dead_at_once() {
        let mut liveness = Liveness::default();
        let id = ShardId::from_random(1);
        liveness.observe(&[record(1, 7)], half_seconds(0));
        for n in 1..7 {
            liveness.observe(&[Registered::Absent(id)], half_seconds(n));
            assert!(!liveness.is_dead(id), "at {n}");
        }
        liveness.observe(&[Registered::Absent(id)], half_seconds(7));
        assert!(liveness.is_dead(id));
    }

    #[test]
    fn who_is_not_named_is_dead_once_it_was_not_for_three_seconds_since_it_was_asked_about() {
        let mut liveness = Liveness::default();
        let id = ShardId::from_random(1);
        liveness.observe(&[], half_seconds(0));
        liveness.observe(&[], half_seconds(20));
        for n in 20..26 {
            liveness.observe(&[], half_seconds(n));
            assert!(!liveness.is_dead(id), "at {n}");
        }
        liveness.observe(&[], half_seconds(26));
        assert!(liveness.is_dead(id));
        liveness.observe(&[record(1, 1)], half_seconds(27));
        assert!(!liveness.is_dead(id));
        liveness.observe(&[], half_seconds(28));
        assert!(!liveness.is_dead(id), "the wait begins anew");
    }

    #[test]
    fn a_record_that_cannot_be_read_is_alive_as_long_as_it_changes() {
        let mut liveness = Liveness::default();
        let id = ShardId::from_random(1);
        let unreadable = |sign| [Registered::Unreadable { id, sign }];
        for n in 0..20 {
            liveness.observe(&unreadable(n.into()), half_seconds(n));
            assert!(!liveness.is_dead(id), "at {n}");
            assert_eq!(liveness.lives().count(), 0, "its address is not known");
        }
        for n in 20..26 {
            liveness.observe(&unreadable(20), half_seconds(n));
            assert!(!liveness.is_dead(id), "at {n}");
        }
        liveness.observe(&unreadable(20), half_seconds(26));
        assert!(liveness.is_dead(id));
    }

    #[test]
    fn a_full_shard_is_no_heir_while_another_has_room() {
        let full = |id| {
            Registered::from(ShardRecord {
                live: 10,
                ..shard(id, 1)
            })
        };
        let of = |registry: &[Registered]| {
            let mut liveness = Liveness::default();
            liveness.observe(registry, Duration::ZERO);
            let ids = (0..200).map(MatchId::from_random);
            let heirs = ids.map(|id| liveness.heir(id, gone()).unwrap());
            heirs.collect::<std::collections::HashSet<_>>()
        };
        let [one, two, three] = [1, 2, 3].map(ShardId::from_random);
        assert_eq!(
            of(&[full(1), record(2, 1), record(3, 1)]),
            [two, three].into()
        );
        assert_eq!(of(&[full(1), full(2), record(3, 1)]), [three].into());
        assert_eq!(
            of(&[full(1), full(2), full(3)]),
            [one, two, three].into(),
            "where nobody has room, all share the burden"
        );
    }

    #[test]
    fn matches_of_the_dead_spread_over_those_that_live_and_do_not_drain() {
        let mut liveness = Liveness::default();
        let draining = ShardRecord {
            draining: true,
            ..shard(4, 1)
        };
        liveness.observe(
            &[record(1, 1), record(2, 1), record(3, 1), draining.into()],
            Duration::ZERO,
        );
        let mut heirs: HashMap<ShardId, u32> = HashMap::new();
        for n in 0..3_000_u128 {
            let id =
                MatchId::from_random(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
            *heirs.entry(liveness.heir(id, gone()).unwrap()).or_default() += 1;
            let heir = liveness.heir(id, gone()).unwrap();
            assert_ne!(liveness.heir(id, heir), Some(heir));
        }
        assert_eq!(heirs.len(), 3);
        assert!(
            heirs.values().all(|&n| (850..1_150).contains(&n)),
            "{heirs:?}"
        );
    }

    #[test]
    fn a_sign_of_life_brings_a_shard_back() {
        let mut liveness = Liveness::default();
        for n in 0..10 {
            liveness.observe(&[record(1, 7)], half_seconds(n));
        }
        liveness.observe(&[record(1, 8)], half_seconds(10));
        assert!(!liveness.is_dead(ShardId::from_random(1)));
    }
}
