//! Which live matches are watched here, and what is known of each: one subscription for all who watch a match.
//!
//! It does no I/O: the [`Follower`](super::follower::Follower) asks the shards.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use admin::WatchedMatch;
use game_core::{Match, MatchId, Seat, ShardId};
use protocol::ClockView;
use store::{Ownership, Status};
use tokio::sync::watch;
use tokio::time::Instant;

/// Upper bound on matches that are watched at once, a few kilobytes each. Readers of further ones are answered from the
/// store.
const WATCHED_MAX: usize = 2_000;
/// Upper bound on matches in one request to a shard.
pub(super) const ASKED_MAX: usize = 256;
/// A subscription that nobody uses ends after this, so that readers who poll share one.
const UNUSED_KEPT: Duration = Duration::from_secs(10);
/// Interval at which the store is asked who owns a match that its owner does not have.
const LOCATE_EVERY: Duration = Duration::from_millis(500);

/// A match as the public sees it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The match after its last public event.
    pub(crate) game: Arc<Match>,
    /// The clocks at `at`.
    clock: ClockView,
    at: Instant,
    /// Whether play is paused because the store does not answer.
    paused: bool,
}

impl Seen {
    /// Both clocks at `now`.
    pub(crate) fn clock(&self, now: Instant) -> ClockView {
        if self.paused {
            return ClockView {
                running: None,
                ..self.clock
            };
        }
        let passed = now.saturating_duration_since(self.at).as_millis();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        let mut clock = self.clock;
        let counted = passed.saturating_sub(clock.delay_ms);
        clock.delay_ms = clock.delay_ms.saturating_sub(passed);
        match clock.running {
            Some(Seat::White) => clock.white_ms = clock.white_ms.saturating_sub(counted),
            Some(Seat::Black) => clock.black_ms = clock.black_ms.saturating_sub(counted),
            None => {}
        }
        clock
    }

    /// How long ago a shard was heard.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }

    /// Whether a reader who has seen `old` is to be told.
    pub(crate) fn is_news_to(&self, old: &Self) -> bool {
        self.game.seq() != old.game.seq()
            || (self.paused, self.clock.running) != (old.paused, old.clock.running)
    }
}

/// What is known of a watched match.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    /// No shard has answered yet.
    Nothing,
    /// Its owner does not have it in memory: nobody has joined it yet, or its owner is changing.
    Absent,
    /// As the public sees it.
    Seen(Seen),
}

#[derive(Debug)]
struct Subscription {
    known: watch::Sender<Known>,
    /// Who owns it, as far as is known.
    owner: Option<ShardId>,
    /// The store is asked who owns it, or a shard about it.
    is_asked: bool,
    /// The store is not asked again before.
    locate_at: Instant,
    /// Since when nobody watches it.
    unused_since: Option<Instant>,
}

/// The subscriptions of one matchmaker.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    matches: HashMap<MatchId, Subscription>,
}

impl Subscriptions {
    /// What is known of a match that is watched already.
    pub(super) fn get(&self, id: MatchId) -> Option<watch::Receiver<Known>> {
        self.matches.get(&id).map(|one| one.known.subscribe())
    }

    /// Watches a live match of this owner; `None` if as many are watched as may be.
    pub(super) fn add(
        &mut self,
        id: MatchId,
        owner: ShardId,
        now: Instant,
    ) -> Option<watch::Receiver<Known>> {
        if self.matches.len() >= WATCHED_MAX && !self.matches.contains_key(&id) {
            return None;
        }
        let subscription = self.matches.entry(id).or_insert_with(|| Subscription {
            known: watch::Sender::new(Known::Nothing),
            owner: Some(owner),
            is_asked: false,
            locate_at: now + LOCATE_EVERY,
            unused_since: None,
        });
        Some(subscription.known.subscribe())
    }

    /// The number of matches that are watched.
    pub(super) fn len(&self) -> usize {
        self.matches.len()
    }

    /// Ends the subscriptions that nobody has used for a while.
    pub(super) fn forget_unused(&mut self, now: Instant) {
        self.matches.retain(|_, one| {
            if one.known.receiver_count() > 0 {
                one.unused_since = None;
                return true;
            }
            let since = *one.unused_since.get_or_insert(now);
            one.is_asked || now - since < UNUSED_KEPT
        });
    }

    /// The matches whose owner the store is to be asked for, which are then being asked about.
    pub(super) fn begin_to_locate(&mut self, now: Instant) -> Vec<MatchId> {
        let mut wanted = Vec::new();
        for (id, one) in &mut self.matches {
            if one.owner.is_none() && !one.is_asked && now >= one.locate_at {
                one.is_asked = true;
                one.locate_at = now + LOCATE_EVERY;
                wanted.push(*id);
            }
        }
        wanted
    }

    /// The store has answered who owns a match; `None` if it could not.
    pub(super) fn located(&mut self, id: MatchId, answer: Option<Option<Ownership>>) {
        let Some(one) = self.matches.get_mut(&id) else {
            return;
        };
        one.is_asked = false;
        match answer {
            None => {}
            Some(Some(ownership)) if ownership.status == Status::Live => {
                one.owner = Some(ownership.owner);
            }
            // It has ended, and no shard has it in memory any more: who reads on finds it in the store.
            Some(_) => drop(self.matches.remove(&id)),
        }
    }

    /// What each shard is to be asked for, with the number of the last event that is known of each match. `reach`
    /// tells which shards can be asked; of those that are not alive any more, the matches are located again.
    pub(super) fn begin_to_ask(
        &mut self,
        reach: impl Fn(ShardId) -> Reach,
    ) -> HashMap<ShardId, Vec<(MatchId, Option<u32>)>> {
        let mut asked: HashMap<ShardId, Vec<_>> = HashMap::new();
        for (id, one) in &mut self.matches {
            let Some(owner) = one.owner.filter(|_| !one.is_asked) else {
                continue;
            };
            let known = match &*one.known.borrow() {
                Known::Seen(seen) if seen.game.outcome().is_some() => continue,
                Known::Seen(seen) => Some(seen.game.seq()),
                Known::Nothing | Known::Absent => None,
            };
            match reach(owner) {
                Reach::Free => {
                    let matches = asked.entry(owner).or_default();
                    if matches.len() < ASKED_MAX {
                        matches.push((*id, known));
                        one.is_asked = true;
                    }
                }
                Reach::Busy => {}
                Reach::Gone => {
                    one.owner = None;
                    one.miss();
                }
            }
        }
        asked
    }

    /// A shard has answered about the matches that it was asked for at `asked_at`; `None` if it did not.
    pub(super) fn answered(
        &mut self,
        asked: &[(MatchId, Option<u32>)],
        answer: Option<Vec<WatchedMatch>>,
        asked_at: Instant,
    ) {
        let mut told: HashMap<MatchId, WatchedMatch> = answer
            .into_iter()
            .flatten()
            .map(|watched| (watched.match_id, watched))
            .collect();
        for (id, _) in asked {
            let Some(one) = self.matches.get_mut(id) else {
                continue;
            };
            one.is_asked = false;
            match told.remove(id) {
                Some(watched) => one.hear(&watched, asked_at),
                None => {
                    one.owner = None;
                    one.miss();
                }
            }
        }
    }
}

/// Whether a shard can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// It can.
    Free,
    /// It is being asked.
    Busy,
    /// It is not alive, or has no admin endpoint.
    Gone,
}

impl Subscription {
    /// A shard has told of the match.
    fn hear(&mut self, watched: &WatchedMatch, asked_at: Instant) {
        self.known.send_if_modified(|known| {
            let old = match known {
                Known::Seen(old) => Some(&*old),
                _ => None,
            };
            let game = match (watched.game(), old) {
                // After a takeover, spectators with a delay see the match from its start again: what was shown stays.
                (Some(game), Some(old)) if game.seq() < old.game.seq() => Arc::clone(&old.game),
                (Some(game), _) => Arc::new(game),
                (None, Some(old)) => Arc::clone(&old.game),
                (None, None) => return false,
            };
            let seen = Seen {
                game,
                clock: watched.clock(),
                at: asked_at,
                paused: watched.paused,
            };
            let is_news = old.is_none_or(|old| seen.is_news_to(old));
            *known = Known::Seen(seen);
            is_news
        });
    }

    /// Nobody has told of the match: what was seen stays.
    fn miss(&mut self) {
        self.known.send_if_modified(|known| {
            let is_first = matches!(known, Known::Nothing);
            if is_first {
                *known = Known::Absent;
            }
            is_first
        });
    }
}

#[cfg(test)]
mod tests {
    use game_core::testing::SetupBuilder;
    use game_core::{BySeat, Epoch, Match, MatchTime};
    use shard_core::PublicMatch;

    use super::*;

    fn id() -> MatchId {
        MatchId::from_random(7)
    }

    fn shard(number: u128) -> ShardId {
        ShardId::from_random(number)
    }

    /// The match after so many moves, as its shard tells of it.
    fn told(moves: usize) -> WatchedMatch {
        let setup = SetupBuilder::new().id(id()).timed("60+0").at_once();
        let mut game = Match::new(setup.build());
        for (number, uci) in (1..).zip(["e2e4", "e7e5", "g1f3"]).take(moves) {
            let kind =
                game_core::CommandKind::plain_move(game.position_seq(), uci.parse().unwrap());
            let id = game_core::CommandId(number);
            let command = game_core::Command { id, kind };
            game.apply(game.turn(), &command, MatchTime::default(), &mut Vec::new())
                .unwrap();
        }
        let clocks = BySeat::new_with(|_| Duration::from_secs(60));
        let public = PublicMatch {
            seq: game.seq(),
            snapshot: Some(game.snapshot()),
            clock: ClockView::new(clocks, Some(game.turn()), Duration::ZERO),
            paused: false,
            spectators: 0,
        };
        WatchedMatch::new(id(), &public)
    }

    fn seq(known: &watch::Receiver<Known>) -> Option<u32> {
        match &*known.borrow() {
            Known::Seen(seen) => Some(seen.game.seq()),
            _ => None,
        }
    }

    /// Asks shard 1 about the one match and hears this answer.
    fn exchange(subscriptions: &mut Subscriptions, answer: Option<Vec<WatchedMatch>>) {
        let asked = subscriptions.begin_to_ask(|_| Reach::Free);
        let asked = &asked[&shard(1)];
        assert_eq!(asked.len(), 1);
        subscriptions.answered(asked, answer, Instant::now());
    }

    #[tokio::test]
    async fn all_who_watch_a_match_share_one_subscription() {
        let mut all = Subscriptions::default();
        let one = all.add(id(), shard(1), Instant::now()).unwrap();
        let other = all.add(id(), shard(1), Instant::now()).unwrap();
        exchange(&mut all, Some(vec![told(1)]));
        assert_eq!((seq(&one), seq(&other)), (Some(1), Some(1)));
        let asked = all.begin_to_ask(|_| Reach::Free);
        assert_eq!(
            asked[&shard(1)],
            [(id(), Some(1))],
            "what is known is not sent again"
        );
        assert!(
            all.begin_to_ask(|_| Reach::Free).is_empty(),
            "one request at a time"
        );
    }

    #[tokio::test]
    async fn what_was_shown_is_never_taken_back() {
        let mut all = Subscriptions::default();
        let known = all.add(id(), shard(1), Instant::now()).unwrap();
        exchange(&mut all, Some(vec![told(2)]));
        // The next owner does not know how old the events are, and shows none for a while.
        exchange(&mut all, Some(vec![told(0)]));
        assert_eq!(seq(&known), Some(2));
        exchange(&mut all, Some(vec![told(3)]));
        assert_eq!(seq(&known), Some(3));
    }

    #[tokio::test]
    async fn a_match_is_followed_to_its_next_owner() {
        let mut all = Subscriptions::default();
        let begin = Instant::now();
        let known = all.add(id(), shard(1), begin).unwrap();
        exchange(&mut all, Some(vec![told(1)]));
        assert!(all.begin_to_ask(|_| Reach::Gone).is_empty());
        assert_eq!(seq(&known), Some(1), "what was seen stays");
        assert!(all.begin_to_locate(begin).is_empty(), "not at once");
        let later = begin + LOCATE_EVERY;
        assert_eq!(all.begin_to_locate(later), [id()]);
        assert!(all.begin_to_locate(later).is_empty(), "it is being asked");
        all.located(id(), None);
        let later = later + LOCATE_EVERY;
        assert_eq!(all.begin_to_locate(later), [id()]);
        let ownership = Ownership {
            owner: shard(2),
            epoch: Epoch(2),
            status: Status::Live,
        };
        all.located(id(), Some(Some(ownership)));
        let asked = all.begin_to_ask(|_| Reach::Free);
        assert_eq!(asked[&shard(2)], [(id(), Some(1))]);
        all.answered(&asked[&shard(2)], None, later);
        let ended = Ownership {
            status: Status::Finished,
            ..ownership
        };
        assert_eq!(all.begin_to_locate(later + LOCATE_EVERY), [id()]);
        all.located(id(), Some(Some(ended)));
        assert!(all.matches.is_empty());
        assert!(known.has_changed().is_err(), "those who watch it are told");
    }

    #[tokio::test]
    async fn a_match_that_is_in_no_memory_is_absent() {
        let mut all = Subscriptions::default();
        let known = all.add(id(), shard(1), Instant::now()).unwrap();
        assert!(matches!(*known.borrow(), Known::Nothing));
        exchange(&mut all, Some(Vec::new()));
        assert!(matches!(*known.borrow(), Known::Absent));
    }

    #[tokio::test]
    async fn subscriptions_are_bounded_and_end_when_nobody_uses_them() {
        let mut all = Subscriptions::default();
        let begin = Instant::now();
        for number in 0..WATCHED_MAX as u128 {
            assert!(
                all.add(MatchId::from_random(number), shard(1), begin)
                    .is_some()
            );
        }
        let further = MatchId::from_random(u128::MAX);
        assert!(all.add(further, shard(1), begin).is_none());
        let asked = all.begin_to_ask(|_| Reach::Free);
        assert_eq!(asked[&shard(1)].len(), ASKED_MAX);
        all.answered(&asked[&shard(1)], Some(Vec::new()), begin);
        let kept = all.get(MatchId::from_random(0)).unwrap();
        all.forget_unused(begin);
        assert_eq!(all.matches.len(), WATCHED_MAX);
        all.forget_unused(begin + UNUSED_KEPT);
        assert_eq!(all.matches.len(), 1);
        drop(kept);
    }

    #[tokio::test]
    async fn a_running_clock_counts_on_after_its_delay() {
        let now = Instant::now();
        let seen = Seen {
            game: Arc::new(told(0).game().unwrap()),
            clock: ClockView {
                white_ms: 5_000,
                black_ms: 4_000,
                running: Some(Seat::White),
                delay_ms: 1_000,
            },
            at: now,
            paused: false,
        };
        let clock = seen.clock(now + Duration::from_millis(3_000));
        assert_eq!(
            (clock.white_ms, clock.black_ms, clock.delay_ms),
            (3_000, 4_000, 0)
        );
        assert_eq!(seen.clock(now + Duration::from_secs(9)).white_ms, 0);
        let paused = Seen {
            paused: true,
            ..seen
        };
        let clock = paused.clock(now + Duration::from_secs(9));
        assert_eq!((clock.white_ms, clock.running), (5_000, None));
    }
}
