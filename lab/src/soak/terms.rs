//! The terms of the matches of a soak: one after the other everything that can be agreed on.

use std::time::Duration;

use game_core::{BySeat, Delay, Rule, Rules, Stage, TimeControl, Variant};
use protocol::http::{Start, Terms};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::args::SoakConfig;

/// Half of the matches have the usual control and no delay for spectators.
const SPECTATOR_DELAYS_S: [u8; 8] = [0, 0, 0, 0, 0, 3, 4, 5];
/// One match in so many has each of the rules that a soak plays by.
const RULES_EVERY: u32 = 6;
/// The rules that a soak plays by, beside the usual ones.
const RULES: [Rule; 5] = [
    Rule::NoTakeback,
    Rule::NoGiveTime,
    Rule::NoEarlyDraw,
    Rule::AutoClaim,
    Rule::CompensateBots,
];
/// Of the moves of a first stage, which a match is to reach.
const STAGE_MOVES: [u16; 4] = [2, 5, 10, 20];

/// The terms of the next match.
pub(super) fn draw(config: &SoakConfig, dice: &mut StdRng) -> Terms {
    let mut terms = Terms {
        clock_start: config.clock_start,
        ..Terms::usual(config.time_control)
    };
    if config.plays_all {
        terms.variant = *Variant::ALL.choose(dice).unwrap_or(&Variant::Standard);
        if terms.variant == Variant::Chess960 {
            terms.start = Start::Number(dice.random_range(0..Terms::START_NUMBERS));
        }
        terms.controls = controls(config.time_control, dice);
        terms.rules = rules(dice);
        terms.chat = dice.random_range(0..8) != 0;
        terms.spectator_delay_s = *SPECTATOR_DELAYS_S.choose(dice).unwrap_or(&0);
    }
    terms
}

fn rules(dice: &mut StdRng) -> Rules {
    let drawn = RULES
        .into_iter()
        .filter(|_| dice.random_range(0..RULES_EVERY) == 0);
    drawn.collect()
}

/// Controls under which both sides have at least as much time as under `control`, so that who has plenty of it still
/// has.
fn controls(control: TimeControl, dice: &mut StdRng) -> BySeat<TimeControl> {
    let stage = control.first_stage();
    let delay = Duration::from_millis(dice.random_range(50..=3_000));
    let other = match dice.random_range(0..6) {
        0 => control.with_delay(Delay::Simple(delay)),
        1 => control.with_delay(Delay::Bronstein(delay)),
        2 if !control.is_staged() => {
            let moves = STAGE_MOVES.choose(dice).copied();
            let increment = stage.increment + Duration::from_millis(100);
            TimeControl::from_stages(&[
                Stage { moves, ..stage },
                Stage {
                    time: Duration::from_secs(30),
                    increment,
                    ..stage
                },
            ])
        }
        3 => TimeControl::from_stages(&[Stage {
            moves: None,
            time: (2 * stage.time).min(TimeControl::INITIAL_MAX),
            ..stage
        }]),
        _ => Ok(control),
    };
    let other = other.unwrap_or(control);
    // The same for both, or for one.
    let both = match dice.random_range(0..3) {
        0 => [other, control],
        1 => [control, other],
        _ => [other, other],
    };
    let [white, black] = both;
    BySeat { white, black }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;

    use super::*;

    #[test]
    fn controls_are_of_every_kind_and_never_poorer() {
        let control = TimeControl::from_millis(60_000, 0).unwrap();
        let mut dice = StdRng::seed_from_u64(1);
        let (mut kinds, mut unequal) = (HashSet::new(), 0);
        for _ in 0..300 {
            let BySeat { white, black } = controls(control, &mut dice);
            assert!(white.initial() >= control.initial() && black.initial() >= control.initial());
            unequal += u32::from(white != black);
            let delay = std::mem::discriminant(&white.delay());
            kinds.insert((white.is_staged(), delay));
        }
        assert_eq!(kinds.len(), 4, "plain, staged and both delays");
        assert!(unequal > 50);
    }
}
