//! Which games a run consists of: who plays whom, with which colours, from which opening.

/// How engines are paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tournament {
    /// Everyone against everyone.
    #[default]
    RoundRobin,
    /// The first against everyone else.
    Gauntlet,
}

/// All games of a run, by number.
///
/// It is a function of the command line alone, so that a run that is continued has the same games.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    /// Who meets in a round, the lower number first.
    encounters: Vec<(usize, usize)>,
    rounds: u32,
    /// Games in an encounter.
    games: u32,
    /// How many games in a row have the same opening.
    repeat: u32,
    /// Whether colours change from game to game.
    swaps: bool,
}

/// One game of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scheduled {
    /// Its number in the run, from 1.
    pub(super) number: u32,
    /// Its round, from 1.
    pub(super) round: u32,
    /// Its number in the round, from 1.
    pub(super) in_round: u32,
    /// The engine with the white pieces.
    pub(super) white: usize,
    /// The engine with the black pieces.
    pub(super) black: usize,
    /// Which opening, counted from 0 without end.
    pub(super) opening: u32,
    /// The pair of games that it is part of: the same engines and opening, with colours swapped.
    pub(super) pair: Option<u32>,
}

impl Scheduled {
    /// The two engines, the lower number first.
    pub(super) const fn engines(&self) -> (usize, usize) {
        if self.white < self.black {
            (self.white, self.black)
        } else {
            (self.black, self.white)
        }
    }
}

impl Schedule {
    /// The schedule of so many engines; `games` is of an encounter, `repeat` of an opening.
    pub(super) fn new(
        tournament: Tournament,
        engines: usize,
        rounds: u32,
        games: u32,
        repeat: u32,
        swaps: bool,
    ) -> Self {
        let firsts = match tournament {
            Tournament::RoundRobin => engines,
            Tournament::Gauntlet => engines.min(1),
        };
        let encounters = (0..firsts).flat_map(|first| {
            let others = first + 1..engines;
            others.map(move |second| (first, second))
        });
        Self {
            encounters: encounters.collect(),
            rounds,
            games: games.max(1),
            repeat: repeat.max(1),
            swaps,
        }
    }

    /// What makes each game what it is, in words: all but the number of rounds, as rounds may be added.
    pub(super) fn kind(&self) -> String {
        let Self {
            encounters,
            rounds: _,
            games,
            repeat,
            swaps,
        } = self;
        format!("{encounters:?} {games} {repeat} {swaps}")
    }

    /// Number of games in all.
    pub(super) fn total(&self) -> u32 {
        self.rounds.saturating_mul(self.in_a_round())
    }

    /// The games of one round.
    fn in_a_round(&self) -> u32 {
        let encounters = u32::try_from(self.encounters.len()).unwrap_or(u32::MAX);
        encounters.saturating_mul(self.games)
    }

    /// A game by its number, from 1; `None` beyond the last.
    pub(super) fn game(&self, number: u32) -> Option<Scheduled> {
        let index = number.checked_sub(1).filter(|_| number <= self.total())?;
        let (round, in_round) = (index / self.in_a_round(), index % self.in_a_round());
        let encounter = usize::try_from(in_round / self.games).ok()?;
        let (first, second) = *self.encounters.get(encounter)?;
        // Where an encounter has an odd number of games, colours change from round to round too.
        let before = in_round % self.games + if self.games % 2 == 1 { round } else { 0 };
        let is_swapped = self.swaps && before % 2 == 1;
        let (white, black) = if is_swapped {
            (second, first)
        } else {
            (first, second)
        };
        Some(Scheduled {
            number,
            round: round + 1,
            in_round: in_round + 1,
            white,
            black,
            opening: index / self.repeat,
            pair: self.has_pairs().then_some(index / 2),
        })
    }

    /// Whether games come in pairs of one opening with colours swapped.
    pub(super) fn has_pairs(&self) -> bool {
        let in_a_row = self.games.is_multiple_of(2) || self.encounters.len() == 1;
        self.swaps && self.repeat == 2 && in_a_row
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn all(schedule: &Schedule) -> Vec<Scheduled> {
        let games = (1..=schedule.total()).map(|number| schedule.game(number).unwrap());
        games.collect()
    }

    #[test]
    fn two_engines_play_every_opening_with_both_colours() {
        let schedule = Schedule::new(Tournament::RoundRobin, 2, 3, 2, 2, true);
        let games = all(&schedule);
        let seen: Vec<_> = games
            .iter()
            .map(|game| {
                (
                    game.round,
                    game.in_round,
                    game.white,
                    game.opening,
                    game.pair,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                (1, 1, 0, 0, Some(0)),
                (1, 2, 1, 0, Some(0)),
                (2, 1, 0, 1, Some(1)),
                (2, 2, 1, 1, Some(1)),
                (3, 1, 0, 2, Some(2)),
                (3, 2, 1, 2, Some(2)),
            ]
        );
        assert_eq!(schedule.game(0), None);
        assert_eq!(schedule.game(7), None);
    }

    #[test]
    fn a_pair_has_the_same_engines_and_opening_with_colours_swapped() {
        for tournament in [Tournament::RoundRobin, Tournament::Gauntlet] {
            for (engines, games) in [(2, 1), (2, 2), (2, 3), (3, 2), (5, 4)] {
                let schedule = Schedule::new(tournament, engines, 4, games, 2, true);
                assert!(schedule.has_pairs());
                let mut pairs: HashMap<u32, Vec<Scheduled>> = HashMap::new();
                for game in all(&schedule) {
                    pairs.entry(game.pair.unwrap()).or_default().push(game);
                }
                for pair in pairs.values() {
                    let [one, two] = pair[..] else {
                        panic!("{pair:?}");
                    };
                    assert_eq!((one.white, one.black), (two.black, two.white));
                    assert_eq!(one.opening, two.opening);
                }
            }
        }
        for (repeat, swaps, games, engines) in [
            (1, true, 2, 2),
            (2, false, 2, 2),
            (2, true, 1, 3),
            (2, true, 3, 3),
        ] {
            let schedule = Schedule::new(Tournament::RoundRobin, engines, 2, games, repeat, swaps);
            assert!(!schedule.has_pairs(), "{schedule:?}");
        }
    }

    #[test]
    fn rounds_are_added_without_a_change_of_those_before() {
        let short = Schedule::new(Tournament::RoundRobin, 3, 2, 3, 2, true);
        let long = Schedule::new(Tournament::RoundRobin, 3, 7, 3, 2, true);
        assert_eq!(short.kind(), long.kind());
        assert!((1..=short.total()).all(|number| short.game(number) == long.game(number)));
        assert_ne!(
            short.kind(),
            Schedule::new(Tournament::Gauntlet, 3, 2, 3, 2, true).kind()
        );
    }

    #[test]
    fn everyone_meets_everyone_or_the_first() {
        let met = |tournament| {
            let schedule = Schedule::new(tournament, 4, 1, 1, 1, true);
            let games = all(&schedule).into_iter();
            games.map(|game| game.engines()).collect::<Vec<_>>()
        };
        let all = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
        assert_eq!(met(Tournament::RoundRobin), all);
        assert_eq!(met(Tournament::Gauntlet), all[..3]);
        let alone = Schedule::new(Tournament::RoundRobin, 1, 9, 9, 1, true);
        assert_eq!(alone.total(), 0);
    }
}
