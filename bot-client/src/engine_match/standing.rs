//! What the games that are over say of the engines.

use std::collections::HashMap;
use std::fmt::Write as _;

use game_core::Outcome;

use super::elo::{Estimate, Sample};
use super::schedule::Scheduled;
use super::sprt::{Decision, Sprt};

/// Results of all games so far, in the order in which they ended.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    names: Vec<String>,
    /// Games lost, drawn and won by the first of two engines.
    games: HashMap<(usize, usize), [u32; 3]>,
    /// Pairs by the score of the first of two engines, in half points.
    pairs: HashMap<(usize, usize), [u32; 5]>,
    /// Of the pairs of which one game is over, its score in half points.
    half: HashMap<u32, usize>,
    has_pairs: bool,
    sprt: Option<Sprt>,
    /// What the test accepted, when it first did.
    decision: Option<Decision>,
}

impl Standing {
    /// Before the first game.
    pub(super) fn new(names: Vec<String>, has_pairs: bool, sprt: Option<Sprt>) -> Self {
        Self {
            names,
            games: HashMap::new(),
            pairs: HashMap::new(),
            half: HashMap::new(),
            has_pairs,
            sprt,
            decision: None,
        }
    }

    /// Adds a game that is over.
    pub(super) fn add(&mut self, game: &Scheduled, outcome: Outcome) {
        let engines = game.engines();
        let of_white = match outcome {
            Outcome::WhiteWins => 2,
            Outcome::Draw => 1,
            Outcome::BlackWins => 0,
            Outcome::Aborted => return,
        };
        let points = if game.white == engines.0 {
            of_white
        } else {
            2 - of_white
        };
        self.games.entry(engines).or_default()[points] += 1;
        if let Some(pair) = game.pair {
            match self.half.remove(&pair) {
                None => {
                    self.half.insert(pair, points);
                }
                Some(first) => self.pairs.entry(engines).or_default()[first + points] += 1,
            }
        }
        if self.decision.is_none() {
            let sample = self.sample(engines);
            self.decision = self.sprt.and_then(|sprt| sprt.decision(&sample));
        }
    }

    /// Number of games.
    pub(super) fn count(&self) -> u32 {
        self.games.values().flatten().sum()
    }

    /// What the test has accepted.
    pub(super) const fn decision(&self) -> Option<Decision> {
        self.decision
    }

    fn sample(&self, engines: (usize, usize)) -> Sample {
        if self.has_pairs {
            Sample::Pairs(self.pairs.get(&engines).copied().unwrap_or_default())
        } else {
            Sample::Games(self.games.get(&engines).copied().unwrap_or_default())
        }
    }

    /// The standing in words: of two engines their score and difference, of more a table.
    pub(super) fn text(&self) -> String {
        if self.names.len() == 2 {
            self.of_two()
        } else {
            self.table()
        }
    }

    fn of_two(&self) -> String {
        let (first, second) = (&self.names[0], &self.names[1]);
        let [lost, drawn, won] = self.games.get(&(0, 1)).copied().unwrap_or_default();
        let games = lost + drawn + won;
        let share = (f64::from(won) + f64::from(drawn) / 2.0) / f64::from(games.max(1));
        let mut text = format!(
            "Score of {first} vs {second}: {won} - {lost} - {drawn}  [{share:.3}] {games}\n"
        );
        let sample = self.sample((0, 1));
        let _ = writeln!(
            text,
            "Elo: {}, nElo: {}, LOS: {}, drawn: {:.1} %",
            shown(sample.elo()),
            shown(sample.normalized_elo()),
            sample
                .superiority()
                .map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share)),
            100.0 * f64::from(drawn) / f64::from(games.max(1)),
        );
        if let Sample::Pairs(pairs) = sample {
            let _ = writeln!(text, "Pairs (0, 1/2, 1, 3/2, 2 points): {pairs:?}");
        }
        if let Some(sprt) = &self.sprt {
            let (lower, upper) = sprt.bounds();
            let decided = match self.decision {
                None => "",
                Some(Decision::H0) => ", H0 accepted",
                Some(Decision::H1) => ", H1 accepted",
            };
            let _ = writeln!(
                text,
                "SPRT: LLR {:.3} ({lower:.3}, {upper:.3}) [{:.2}, {:.2}]{decided}",
                sprt.llr(&sample),
                sprt.elo0,
                sprt.elo1,
            );
        }
        text.trim_end().to_owned()
    }

    fn table(&self) -> String {
        let mut rows: Vec<_> = (0..self.names.len())
            .map(|engine| self.row(engine))
            .collect();
        rows.sort_by(|one, other| other.share.total_cmp(&one.share));
        let width = self
            .names
            .iter()
            .map(|name| name.chars().count())
            .max()
            .unwrap_or(0);
        let mut text = format!("Rank {:width$} {:>20} Games  Score  Drawn\n", "Name", "Elo");
        for (index, row) in rows.iter().enumerate() {
            let name = &self.names[row.engine];
            let _ = writeln!(
                text,
                "{:>4} {name:width$} {:>20} {:>5} {:>5.1} % {:>4.1} %",
                index + 1,
                shown(row.elo),
                row.games,
                100.0 * row.share,
                100.0 * row.drawn,
            );
        }
        text.trim_end().to_owned()
    }

    fn row(&self, engine: usize) -> Row {
        let mut games = [0; 3];
        let mut pairs = [0; 5];
        for other in 0..self.names.len() {
            let is_first = engine < other;
            let engines = (engine.min(other), engine.max(other));
            let mut of_games = self.games.get(&engines).copied().unwrap_or_default();
            let mut of_pairs = self.pairs.get(&engines).copied().unwrap_or_default();
            if !is_first {
                of_games.reverse();
                of_pairs.reverse();
            }
            games
                .iter_mut()
                .zip(of_games)
                .for_each(|(sum, more)| *sum += more);
            pairs
                .iter_mut()
                .zip(of_pairs)
                .for_each(|(sum, more)| *sum += more);
        }
        let count: u32 = games.iter().sum();
        let played = f64::from(count.max(1));
        let sample = if self.has_pairs {
            Sample::Pairs(pairs)
        } else {
            Sample::Games(games)
        };
        Row {
            engine,
            elo: sample.elo(),
            games: count,
            share: (f64::from(games[2]) + f64::from(games[1]) / 2.0) / played,
            drawn: f64::from(games[1]) / played,
        }
    }
}

/// One engine against all others.
struct Row {
    engine: usize,
    elo: Option<Estimate>,
    games: u32,
    share: f64,
    drawn: f64,
}

fn shown(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(
        || "-".to_owned(),
        |estimate| format!("{:.2} +/- {:.2}", estimate.value, estimate.error),
    )
}

#[cfg(test)]
mod tests {
    use super::super::schedule::{Schedule, Tournament};
    use super::*;

    fn play(standing: &mut Standing, schedule: &Schedule, results: &[(u32, Outcome)]) {
        for (number, outcome) in results {
            standing.add(&schedule.game(*number).unwrap(), *outcome);
        }
    }

    #[test]
    fn games_and_pairs_are_counted_for_the_first_engine() {
        use Outcome::{BlackWins, Draw, WhiteWins};
        let schedule = Schedule::new(Tournament::RoundRobin, 2, 10, 2, 2, true);
        let mut standing = Standing::new(vec!["a".into(), "b".into()], true, None);
        // Of the third pair only one game is over, and it does not count as a pair.
        play(
            &mut standing,
            &schedule,
            &[
                (2, BlackWins),
                (3, WhiteWins),
                (1, Draw),
                (5, Draw),
                (4, WhiteWins),
            ],
        );
        assert_eq!(standing.games[&(0, 1)], [1, 2, 2]);
        assert_eq!(standing.pairs[&(0, 1)], [0, 0, 1, 1, 0]);
        assert_eq!(standing.count(), 5);
        let text = standing.text();
        assert!(
            text.starts_with("Score of a vs b: 2 - 1 - 2  [0.600] 5\n"),
            "{text}"
        );
        assert!(text.contains("[0, 0, 1, 1, 0]"), "{text}");
    }

    #[test]
    fn a_test_stays_decided_by_the_game_that_decided_it() {
        let schedule = Schedule::new(Tournament::RoundRobin, 2, 500, 1, 1, false);
        let sprt = Sprt {
            elo0: 0.0,
            elo1: 100.0,
            alpha: 0.05,
            beta: 0.05,
            model: super::super::sprt::Model::Logistic,
        };
        let mut standing = Standing::new(vec!["a".into(), "b".into()], false, Some(sprt));
        let mut number = 0;
        while standing.decision().is_none() {
            number += 1;
            let outcome = if number % 4 == 0 {
                Outcome::Draw
            } else {
                Outcome::WhiteWins
            };
            play(&mut standing, &schedule, &[(number, outcome)]);
        }
        assert_eq!(standing.decision(), Some(Decision::H1));
        for number in number + 1..number + 40 {
            play(&mut standing, &schedule, &[(number, Outcome::BlackWins)]);
        }
        assert_eq!(standing.decision(), Some(Decision::H1));
        assert!(standing.text().ends_with("H1 accepted"));
    }

    #[test]
    fn many_engines_make_a_table_by_score() {
        let schedule = Schedule::new(Tournament::RoundRobin, 3, 2, 2, 2, true);
        let names = ["one", "two", "three"].map(str::to_owned).to_vec();
        let mut standing = Standing::new(names, true, None);
        for number in 1..=schedule.total() {
            let game = schedule.game(number).unwrap();
            // The third wins every game, the others draw.
            let outcome = match (game.white, game.black) {
                (2, _) => Outcome::WhiteWins,
                (_, 2) => Outcome::BlackWins,
                _ => Outcome::Draw,
            };
            standing.add(&game, outcome);
        }
        let text = standing.text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(
            lines[1].contains("three") && lines[1].contains("100.0 %"),
            "{text}"
        );
        assert!(lines[2].contains("25.0 %"), "{text}");
    }
}
