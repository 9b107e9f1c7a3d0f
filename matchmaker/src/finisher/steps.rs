//! What follows from the end of one match, as a plain state machine: which step comes next, and what an answer leads to.
//!
//! The steps are archive, tournament, rating, feed, and removal of the outbox entry, in this order: a subscriber who reads
//! of a match finds it in the archive, its result in its tournament, and its ratings changed. Each step has no effect when it is repeated, so a worker that ends anywhere
//! is replaced by one that begins anew.

use std::time::Duration;

use game_core::{BySeat, Match, Outcome, PlayerId, Seat, UnixMillis};
use store::{
    ArchivedMatch, Category, OutboxEntry, RATED_KEPT, RatedMatch, Rating, RatingApplied,
    RatingChange,
};

use crate::glicko;

/// Matches with fewer plies are not rated.
const RATED_PLIES_MIN: u16 = 2;

/// An entry that is older is not rated any more, as the store may have forgotten that it was. A day before the store forgets.
const RATED_WITHIN: Duration = Duration::from_secs(RATED_KEPT.as_secs() - 24 * 60 * 60);

/// What has to be done next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Read the match, and pass it to [`Finishing::loaded`].
    Load,
    /// Keep it in the archive; then [`Finishing::archived`].
    Archive(Box<ArchivedMatch>),
    /// Keep the result with the tournament that the match may belong to; then [`Finishing::recorded`].
    Record(Box<ArchivedMatch>),
    /// Read the ratings of both players, and pass them to [`Finishing::ratings`].
    ReadRatings(BySeat<PlayerId>, Category),
    /// Change them, and pass the answer to [`Finishing::applied`].
    Rate(Box<RatedMatch>),
    /// Publish the match, with the change of ratings; then [`Finishing::published`].
    Publish(Box<ArchivedMatch>, Option<Box<RatedMatch>>),
    /// Remove the entry: nothing is left to do.
    Done,
}

/// Why a match is not rated although its terms say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unrated {
    /// It has no result, or is too short.
    NoResult,
    /// One player had both seats.
    OnePlayer,
    /// It ended so long ago that nobody knows whether it was rated.
    TooOld,
}

/// One entry on its way.
#[derive(Debug)]
pub(crate) struct Finishing {
    entry: OutboxEntry,
    /// When the worker began, by the calendar.
    now: UnixMillis,
    ended: Option<Ended>,
    next: Next,
}

/// What is known of a match that has ended.
#[derive(Debug)]
struct Ended {
    archived: ArchivedMatch,
    rating: Result<Category, Option<Unrated>>,
    rated: Option<Box<RatedMatch>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Next {
    Load,
    Archive,
    Record,
    ReadRatings(Category),
    Rate(Box<RatedMatch>),
    Publish,
    Done,
}

impl Finishing {
    pub(crate) const fn new(entry: OutboxEntry, now: UnixMillis) -> Self {
        Self {
            entry,
            now,
            ended: None,
            next: Next::Load,
        }
    }

    /// What has to be done next; the same until an answer is passed.
    pub(crate) fn step(&self) -> Step {
        let Some(ended) = &self.ended else {
            return match self.next {
                Next::Done => Step::Done,
                _ => Step::Load,
            };
        };
        match &self.next {
            Next::Load => Step::Load,
            Next::Archive => Step::Archive(Box::new(ended.archived.clone())),
            Next::Record => Step::Record(Box::new(ended.archived.clone())),
            Next::ReadRatings(category) => Step::ReadRatings(ended.players(), *category),
            Next::Rate(rated) => Step::Rate(rated.clone()),
            Next::Publish => Step::Publish(Box::new(ended.archived.clone()), ended.rated.clone()),
            Next::Done => Step::Done,
        }
    }

    /// The match as stored; `None` if there is none. Nothing follows from one that is missing, or that has not ended: the store
    /// went back to before its end, which will be written again, with an entry of its own.
    pub(crate) fn loaded(&mut self, game: Option<&Match>) {
        let ended_at = self.entry.added_at.unwrap_or(self.now);
        let archived = game.and_then(|game| {
            let archived = ArchivedMatch::of(game, ended_at)?;
            Some((archived, self.rating_of(game)))
        });
        self.next = if archived.is_some() {
            Next::Archive
        } else {
            Next::Done
        };
        self.ended = archived.map(|(archived, rating)| Ended {
            archived,
            rating,
            rated: None,
        });
    }

    /// The match is in the archive.
    pub(crate) fn archived(&mut self) {
        // The matches of tournaments are of an event, and few others are.
        let tags = |ended: &Ended| ended.archived.setup().tags.clone();
        let tags = self.ended.as_ref().and_then(tags);
        if tags.is_some_and(|tags| tags.event.is_some()) {
            self.next = Next::Record;
        } else {
            self.recorded();
        }
    }

    /// The tournament has the result, or there is none.
    pub(crate) fn recorded(&mut self) {
        let rating = self.ended.as_ref().map(|ended| ended.rating);
        self.next = match rating {
            Some(Ok(category)) => Next::ReadRatings(category),
            _ => Next::Publish,
        };
    }

    /// The ratings of both players before the match.
    pub(crate) fn ratings(&mut self, before: &BySeat<Option<Rating>>) {
        let rated = self.ended.as_ref().and_then(|ended| {
            let category = ended.rating.ok()?;
            rate(&ended.archived, category, before, self.now)
        });
        self.next = rated.map_or(Next::Publish, |rated| Next::Rate(Box::new(rated)));
    }

    /// The answer to the change of ratings. If a player's rating has changed meanwhile, the change is computed again.
    pub(crate) fn applied(&mut self, answer: RatingApplied) {
        let rated = match answer {
            RatingApplied::Stale(newest) => return self.ratings(&newest),
            RatingApplied::Already(rated) => Some(rated),
            RatingApplied::Applied => match &self.next {
                Next::Rate(rated) => Some(rated.clone()),
                _ => None,
            },
        };
        if let Some(ended) = &mut self.ended {
            ended.rated = rated;
        }
        self.next = Next::Publish;
    }

    /// The match is in the feed.
    pub(crate) fn published(&mut self) {
        self.next = Next::Done;
    }

    /// Why a rated match is not rated, for the log.
    pub(crate) fn unrated(&self) -> Option<Unrated> {
        self.ended.as_ref()?.rating.err()?
    }

    /// The category that the match counts in, or why it does not; no reason for a casual match.
    fn rating_of(&self, game: &Match) -> Result<Category, Option<Unrated>> {
        let setup = game.setup();
        if !setup.rated {
            return Err(None);
        }
        let outcome = game.outcome().map(|(outcome, _)| outcome);
        let has_result = outcome.is_some_and(|outcome| outcome != Outcome::Aborted);
        if !has_result || game.ply() < RATED_PLIES_MIN {
            return Err(Some(Unrated::NoResult));
        }
        if setup.players.white.id == setup.players.black.id {
            return Err(Some(Unrated::OnePlayer));
        }
        let age_ms = |added: UnixMillis| self.now.0.saturating_sub(added.0);
        let age_ms = self.entry.added_at.map_or(0, age_ms);
        if u128::from(age_ms) > RATED_WITHIN.as_millis() {
            return Err(Some(Unrated::TooOld));
        }
        Ok(Category::of(setup))
    }
}

impl Ended {
    fn players(&self) -> BySeat<PlayerId> {
        let players = &self.archived.setup().players;
        BySeat {
            white: players.white.id.clone(),
            black: players.black.id.clone(),
        }
    }
}

/// How a match changes these ratings; `None` if it has no result.
fn rate(
    archived: &ArchivedMatch,
    category: Category,
    before: &BySeat<Option<Rating>>,
    now: UnixMillis,
) -> Option<RatedMatch> {
    let players = &archived.setup().players;
    let strengths = BySeat {
        white: glicko::strength_at(before.white.as_ref(), now),
        black: glicko::strength_at(before.black.as_ref(), now),
    };
    let after = glicko::after_match(strengths, archived.outcome().0)?;
    let change = |seat: Seat| RatingChange {
        before: strengths[seat],
        after: after[seat],
        games: before[seat].as_ref().map_or(0, |rating| rating.games) + 1,
    };
    Some(RatedMatch {
        match_id: archived.id(),
        category,
        at: now,
        players: BySeat {
            white: players.white.id.clone(),
            black: players.black.id.clone(),
        },
        changes: BySeat {
            white: change(Seat::White),
            black: change(Seat::Black),
        },
    })
}

#[cfg(test)]
mod tests {
    use game_core::testing::SetupBuilder;
    use game_core::{Command, CommandId, CommandKind, MatchSetup, MatchTags, MatchTime, WithMove};
    use store::{OutboxPosition, Strength};

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_800_000_000_000);

    fn entry(game: &Match, age: Duration) -> OutboxEntry {
        OutboxEntry {
            position: OutboxPosition(1, 0),
            match_id: game.setup().id,
            added_at: Some(UnixMillis(NOW.0 - age.as_millis() as u64)),
        }
    }

    fn setup() -> SetupBuilder {
        SetupBuilder::new().named("ada", "bob").timed("180+2")
    }

    /// A match with these moves, which White resigns or, before ply 2, aborts.
    fn game(setup: MatchSetup, moves: &[&str]) -> Match {
        let mut game = Match::new(setup);
        let say = |game: &mut Match, id, seat, kind| {
            let command = Command {
                id: CommandId(id),
                kind,
            };
            game.apply(seat, &command, MatchTime::default(), &mut Vec::new())
                .unwrap();
        };
        for (id, text) in (1..).zip(moves) {
            let kind = CommandKind::Move {
                position_seq: game.position_seq(),
                uci: text.parse().unwrap(),
                with: WithMove::Nothing,
            };
            let seat = game.turn();
            say(&mut game, id, seat, kind);
        }
        let end = if game.may_abort() {
            CommandKind::Abort
        } else {
            CommandKind::Resign
        };
        say(&mut game, 100, Seat::White, end);
        game
    }

    fn archived(finishing: &mut Finishing, game: &Match) {
        assert_eq!(finishing.step(), Step::Load);
        finishing.loaded(Some(game));
        let Step::Archive(archived) = finishing.step() else {
            panic!("{finishing:?}");
        };
        assert_eq!(archived.id(), game.setup().id);
        assert_eq!(finishing.step(), Step::Archive(archived), "asked again");
        finishing.archived();
    }

    const NONE: BySeat<Option<Rating>> = BySeat {
        white: None,
        black: None,
    };

    #[test]
    fn a_rated_match_is_archived_rated_and_published_in_this_order() {
        let game = game(setup().rated().build(), &["e2e4", "e7e5"]);
        let mut finishing = Finishing::new(entry(&game, Duration::ZERO), NOW);
        archived(&mut finishing, &game);
        let category = "standard-blitz".parse().unwrap();
        let Step::ReadRatings(players, asked) = finishing.step() else {
            panic!("{finishing:?}");
        };
        assert_eq!((players.white.as_str(), asked), ("ada", category));
        finishing.ratings(&NONE);
        let Step::Rate(first) = finishing.step() else {
            panic!("{finishing:?}");
        };
        assert_eq!(
            (first.match_id, first.category),
            (game.setup().id, category)
        );
        let BySeat { white, black } = first.changes;
        assert_eq!((white.before, black.before), (glicko::NEW, glicko::NEW));
        assert!(white.after.rating < 1_500.0 && black.after.rating > 1_500.0);
        assert_eq!((white.games, black.games), (1, 1));

        // Another match was rated meanwhile.
        let newest = BySeat {
            white: Some(first.rating(Seat::White)),
            black: None,
        };
        finishing.applied(RatingApplied::Stale(Box::new(newest)));
        let Step::Rate(second) = finishing.step() else {
            panic!("{finishing:?}");
        };
        assert_eq!(
            (second.changes.white.games, second.changes.black.games),
            (2, 1)
        );
        finishing.applied(RatingApplied::Applied);
        let Step::Publish(_, rated) = finishing.step() else {
            panic!("{finishing:?}");
        };
        assert_eq!(rated, Some(second));
        finishing.published();
        assert_eq!(finishing.step(), Step::Done);
    }

    #[test]
    fn the_result_of_a_match_of_an_event_goes_to_its_tournament_first() {
        let tags = MatchTags {
            event: Some("Open".into()),
            ..MatchTags::default()
        };
        let setup = MatchSetup {
            tags: Some(Box::new(tags)),
            ..setup().rated().build()
        };
        let game = game(setup, &["e2e4", "e7e5"]);
        let mut finishing = Finishing::new(entry(&game, Duration::ZERO), NOW);
        archived(&mut finishing, &game);
        let Step::Record(ended) = finishing.step() else {
            panic!("{finishing:?}");
        };
        assert_eq!(ended.id(), game.setup().id);
        finishing.recorded();
        assert!(matches!(finishing.step(), Step::ReadRatings(..)));
    }

    #[test]
    fn what_was_rated_before_is_published_as_it_was_rated() {
        let game = game(setup().rated().build(), &["e2e4", "e7e5"]);
        let mut finishing = Finishing::new(entry(&game, Duration::ZERO), NOW);
        archived(&mut finishing, &game);
        finishing.ratings(&NONE);
        let Step::Rate(rated) = finishing.step() else {
            panic!("{finishing:?}");
        };
        let mut before = *rated;
        before.changes.white.games = 17;
        finishing.applied(RatingApplied::Already(Box::new(before.clone())));
        let Step::Publish(_, rated) = finishing.step() else {
            panic!("{finishing:?}");
        };
        assert_eq!(rated.as_deref(), Some(&before));
    }

    #[test]
    fn casual_short_aborted_and_old_matches_are_published_without_a_rating() {
        let moves = ["e2e4", "e7e5"];
        let month = Duration::from_secs(30 * 24 * 60 * 60);
        let of_one = SetupBuilder::new()
            .named("ada", "ada")
            .timed("180+2")
            .rated();
        for (game, age, why) in [
            (game(setup().build(), &moves), Duration::ZERO, None),
            (
                game(setup().rated().build(), &moves[..1]),
                Duration::ZERO,
                Some(Unrated::NoResult),
            ),
            (
                game(setup().rated().at_once().build(), &moves[..1]),
                Duration::ZERO,
                Some(Unrated::NoResult),
            ),
            (
                game(of_one.build(), &moves),
                Duration::ZERO,
                Some(Unrated::OnePlayer),
            ),
            (
                game(setup().rated().build(), &moves),
                month,
                Some(Unrated::TooOld),
            ),
        ] {
            let mut finishing = Finishing::new(entry(&game, age), NOW);
            archived(&mut finishing, &game);
            assert_eq!(finishing.unrated(), why);
            let step = finishing.step();
            assert!(matches!(step, Step::Publish(_, None)), "{why:?}: {step:?}");
        }
    }

    #[test]
    fn nothing_follows_from_a_match_that_is_missing_or_goes_on() {
        let ended = game(setup().build(), &["e2e4", "e7e5"]);
        let live = Match::new(setup().build());
        for stored in [None, Some(&live)] {
            let mut finishing = Finishing::new(entry(&ended, Duration::ZERO), NOW);
            finishing.loaded(stored);
            assert_eq!(finishing.step(), Step::Done);
        }
    }

    #[test]
    fn a_player_who_comes_back_after_a_year_counts_as_less_known() {
        let game = game(setup().rated().build(), &["e2e4", "e7e5"]);
        let known = Strength {
            rating: 1_800.0,
            deviation: 60.0,
            volatility: 0.06,
        };
        let rating = |away: Duration| {
            Some(Rating {
                strength: known,
                games: 40,
                at: UnixMillis(NOW.0 - away.as_millis() as u64),
                match_id: "other0000000".parse().unwrap(),
                opponent: "eve".parse().unwrap(),
            })
        };
        let change = |away| {
            let mut finishing = Finishing::new(entry(&game, Duration::ZERO), NOW);
            archived(&mut finishing, &game);
            finishing.ratings(&BySeat {
                white: rating(away),
                black: rating(Duration::ZERO),
            });
            let Step::Rate(rated) = finishing.step() else {
                panic!("{finishing:?}");
            };
            rated.changes.white
        };
        let (back, present) = (
            change(Duration::from_secs(366 * 86_400)),
            change(Duration::ZERO),
        );
        assert!(back.before.deviation > 100.0, "{back:?}");
        assert_eq!(present.before, known);
        assert!(back.after.rating < present.after.rating, "it lost more");
        assert_eq!(back.games, 41);
    }
}
