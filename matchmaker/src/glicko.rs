//! Ratings by Glicko-2 (Glickman, "Example of the Glicko-2 system"): pure arithmetic.
//!
//! A match is a rating period of one game for both players. Before it, the deviation of each grows with the time since the
//! player's last one, as nobody knows what an absent player has learned. The figures are those of Lichess.

use std::time::Duration;

use game_core::{BySeat, Outcome, UnixMillis};
use skillratings::Outcomes;
use skillratings::glicko2::{Glicko2Config, Glicko2Rating, glicko2_rating_period};
use store::{Rating, Strength};

/// The strength of a player without a match in the category.
pub(crate) const NEW: Strength = Strength {
    rating: 1_500.0,
    deviation: DEVIATION_MAX,
    volatility: 0.09,
};

/// Bounds on ratings.
const RATING_MIN: f64 = 400.0;
const RATING_MAX: f64 = 4_000.0;
/// Bounds on deviations: nobody's strength is known better, and a new player's is not known at all.
const DEVIATION_MIN: f64 = 45.0;
const DEVIATION_MAX: f64 = 500.0;
/// From this deviation on a rating is provisional.
const PROVISIONAL_FROM: f64 = 110.0;
/// Upper bound on volatilities.
const VOLATILITY_MAX: f64 = 0.1;
/// How fast volatilities change.
const TAU: f64 = 0.75;
/// Rating periods of an absent player in a day: a well known player is provisional after about a year.
const PERIODS_PER_DAY: f64 = 0.214_36;
/// From Glicko-2's own scale to Elo's.
const SCALE: f64 = 173.717_8;

const DAY_S: f64 = 86_400.0;

/// Whether a rating says little yet, or no more.
pub(crate) fn is_provisional(strength: &Strength) -> bool {
    strength.deviation >= PROVISIONAL_FROM
}

/// A strength after a time without matches.
pub(crate) fn after_absence(strength: Strength, time: Duration) -> Strength {
    let periods = time.as_secs_f64() / DAY_S * PERIODS_PER_DAY;
    let growth = strength.volatility * SCALE;
    let variance = strength.deviation.powi(2) + periods * growth.powi(2);
    Strength {
        deviation: variance.sqrt().clamp(DEVIATION_MIN, DEVIATION_MAX),
        ..strength
    }
}

/// A player's strength at `now`: that of the last match, which says less the longer ago it was.
pub(crate) fn strength_at(rating: Option<&Rating>, now: UnixMillis) -> Strength {
    rating.map_or(NEW, |rating| {
        let away = Duration::from_millis(now.0.saturating_sub(rating.at.0));
        after_absence(rating.strength, away)
    })
}

/// The strengths of both players after a match between them; `None` for a match without a result.
pub(crate) fn after_match(players: BySeat<Strength>, outcome: Outcome) -> Option<BySeat<Strength>> {
    let (white, black) = match outcome {
        Outcome::WhiteWins => (Outcomes::WIN, Outcomes::LOSS),
        Outcome::BlackWins => (Outcomes::LOSS, Outcomes::WIN),
        Outcome::Draw => (Outcomes::DRAW, Outcomes::DRAW),
        Outcome::Aborted => return None,
    };
    Some(BySeat {
        white: bounded(after_period(players.white, &[(players.black, white)], TAU)),
        black: bounded(after_period(players.black, &[(players.white, black)], TAU)),
    })
}

/// A strength after a rating period with these results.
fn after_period(strength: Strength, results: &[(Strength, Outcomes)], tau: f64) -> Strength {
    let config = Glicko2Config {
        tau,
        ..Glicko2Config::default()
    };
    let results: Vec<_> = results
        .iter()
        .map(|(opponent, outcome)| (crate_form(*opponent), *outcome))
        .collect();
    let after = glicko2_rating_period(&crate_form(strength), &results, &config);
    Strength {
        rating: after.rating,
        deviation: after.deviation,
        volatility: after.volatility,
    }
}

fn crate_form(strength: Strength) -> Glicko2Rating {
    Glicko2Rating {
        rating: strength.rating,
        deviation: strength.deviation,
        volatility: strength.volatility,
    }
}

fn bounded(strength: Strength) -> Strength {
    Strength {
        rating: strength.rating.clamp(RATING_MIN, RATING_MAX),
        deviation: strength.deviation.clamp(DEVIATION_MIN, DEVIATION_MAX),
        volatility: strength.volatility.min(VOLATILITY_MAX),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    fn strength(rating: f64, deviation: f64, volatility: f64) -> Strength {
        Strength {
            rating,
            deviation,
            volatility,
        }
    }

    fn near(value: f64, expected: f64, by: f64) -> bool {
        (value - expected).abs() <= by
    }

    /// The worked example of Glickman's paper: one period of three games, τ 0.5. Its figures are rounded as printed there.
    #[test]
    fn ratings_are_those_of_glickman_s_worked_example() {
        let player = strength(1_500.0, 200.0, 0.06);
        let results = [
            (strength(1_400.0, 30.0, 0.06), Outcomes::WIN),
            (strength(1_550.0, 100.0, 0.06), Outcomes::LOSS),
            (strength(1_700.0, 300.0, 0.06), Outcomes::LOSS),
        ];
        let after = after_period(player, &results, 0.5);
        assert!(near(after.rating, 1_464.06, 0.01), "{after:?}");
        assert!(near(after.deviation, 151.52, 0.01), "{after:?}");
        assert!(near(after.volatility, 0.059_99, 0.000_01), "{after:?}");
    }

    #[test]
    fn a_match_without_a_result_changes_nothing() {
        let new = BySeat {
            white: NEW,
            black: NEW,
        };
        assert_eq!(after_match(new, Outcome::Aborted), None);
    }

    #[test]
    fn the_bounds_hold_and_a_rating_becomes_provisional_in_absence() {
        assert!(is_provisional(&NEW));
        let known = strength(1_800.0, DEVIATION_MIN, 0.06);
        assert!(!is_provisional(&known));
        let days = |days: u64| after_absence(known, Duration::from_secs(days * 86_400));
        assert_eq!(days(0), known);
        assert!(!is_provisional(&days(7)));
        assert!(is_provisional(&days(2 * 366)));
        assert_eq!(after_absence(NEW, Duration::MAX).deviation, DEVIATION_MAX);
        let strong = strength(RATING_MAX, DEVIATION_MIN, 0.5);
        let weak = strength(RATING_MIN, DEVIATION_MIN, 0.5);
        let both = BySeat {
            white: strong,
            black: weak,
        };
        for outcome in [Outcome::WhiteWins, Outcome::BlackWins, Outcome::Draw] {
            let after = after_match(both, outcome).unwrap();
            for after in [after.white, after.black] {
                assert!(
                    (RATING_MIN..=RATING_MAX).contains(&after.rating),
                    "{after:?}"
                );
                assert!((DEVIATION_MIN..=DEVIATION_MAX).contains(&after.deviation));
                assert!(after.volatility <= VOLATILITY_MAX);
            }
        }
    }

    /// A stream of numbers that is the same everywhere (Knuth's MMIX generator).
    struct Numbers(u64);

    impl Numbers {
        /// Evenly from 0 to 1.
        fn next(&mut self) -> f64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }

        fn strength(&mut self) -> Strength {
            let mut between = |from: f64, to: f64| from + (to - from) * self.next();
            strength(
                between(RATING_MIN, RATING_MAX),
                between(DEVIATION_MIN, DEVIATION_MAX),
                between(0.03, VOLATILITY_MAX),
            )
        }
    }

    /// The other one is written from the paper alone, in another language.
    #[test]
    fn ratings_agree_with_an_independent_implementation_on_ten_thousand_matches() {
        const MATCHES: usize = 10_000;
        let mut numbers = Numbers(1);
        let (mut questions, mut ours) = (String::new(), Vec::new());
        for _ in 0..MATCHES {
            let players = [numbers.strength(), numbers.strength()];
            let away_s = [(); 2].map(|()| (numbers.next() * 400.0 * DAY_S).floor());
            let (outcome, score) = match (numbers.next() * 3.0) as u32 {
                0 => (Outcome::WhiteWins, 1.0),
                1 => (Outcome::BlackWins, 0.0),
                _ => (Outcome::Draw, 0.5),
            };
            let [white, black] = [0, 1].map(|seat| {
                let away = Duration::from_secs(away_s[seat] as u64);
                after_absence(players[seat], away)
            });
            ours.push(after_match(BySeat { white, black }, outcome).unwrap());
            for (player, away_s) in players.iter().zip(away_s) {
                let Strength {
                    rating,
                    deviation,
                    volatility,
                } = player;
                write!(questions, "{rating} {deviation} {volatility} {away_s} ").unwrap();
            }
            writeln!(questions, "{score}").unwrap();
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/glicko2.py");
        let mut python = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = python.stdin.take().unwrap();
        // On a thread of its own: both pipes may be full.
        let asking = std::thread::spawn(move || stdin.write_all(questions.as_bytes()));
        let output = python.wait_with_output().unwrap();
        asking.join().unwrap().unwrap();
        assert!(output.status.success());
        let answers = String::from_utf8(output.stdout).unwrap();
        let mut compared = 0;
        for (answer, ours) in answers.lines().zip(&ours) {
            let theirs: Vec<f64> = answer.split(' ').map(|n| n.parse().unwrap()).collect();
            let both = [ours.white, ours.black];
            let ours = both.map(|one| [one.rating, one.deviation, one.volatility]);
            // Both iterate until the volatility is known to a millionth.
            for (ours, theirs) in ours.as_flattened().iter().zip(&theirs) {
                assert!(near(*ours, *theirs, 1e-3), "{ours} {theirs}: {both:?}");
            }
            compared += 1;
        }
        assert_eq!(compared, MATCHES);
    }
}
