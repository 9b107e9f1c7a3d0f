//! Whatever happens in mid-move, a move costs what it costs in one go.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::Delay;

/// What happens during a move, with the microseconds before it.
#[derive(Debug, Clone, Copy)]
enum Happens {
    /// An event in mid-move.
    Charge(u64),
    /// The owner finds that its clock had stood still, and asks for an earlier time.
    Back(u64),
    /// A look at the clocks, which changes nothing.
    Look(u64),
    /// A new owner goes on from a record, charged with all time that counted.
    Takeover(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let micros = prop_oneof![Just(0), 1..2_000_u64, 1..20_000_000_u64];
    (0..4, micros).prop_map(|(kind, micros)| match kind {
        0 => Happens::Charge(micros),
        1 => Happens::Back(micros),
        2 => Happens::Look(micros),
        _ => Happens::Takeover(micros),
    })
}

fn delay() -> impl Strategy<Value = Delay> {
    (0..3, 1..10_000_u64).prop_map(|(kind, millis)| match kind {
        0 => Delay::None,
        1 => Delay::Simple(ms(millis)),
        _ => Delay::Bronstein(ms(millis)),
    })
}

/// One to three short stages.
fn any_control() -> impl Strategy<Value = TimeControl> {
    let stage = (2..5_u16, 1..90_000_u64, 0..5_000_u64, delay());
    vec(stage, 1..=3).prop_map(|stages| {
        let last = stages.len() - 1;
        let stage = |(index, (moves, time, increment, delay))| Stage {
            moves: Some(moves).filter(|_| index < last),
            time: ms(time),
            increment: ms(increment),
            delay,
        };
        let stages: Vec<Stage> = stages.into_iter().enumerate().map(stage).collect();
        TimeControl::from_stages(&stages).unwrap()
    })
}

#[derive(Debug, Clone)]
struct Turn {
    happens: Vec<Happens>,
    /// Microseconds from the last of them to the move.
    then: u64,
    lag_us: u64,
}

fn turn() -> impl Strategy<Value = Turn> {
    let then = prop_oneof![0..3_000_000_u64, 0..100_000_000_u64];
    let turn = (vec(happens(), 0..6), then, 0..1_500_000_u64);
    turn.prop_map(|(happens, then, lag_us)| Turn {
        happens,
        then,
        lag_us,
    })
}

/// The rule in one go, in integers: what a side has left after a move that used `used` of `left`, and its
/// quota; `None` if its flag has fallen by then. All in microseconds.
fn rule(
    control: &TimeControl,
    moves_before: u16,
    (left, quota): (u128, u128),
    (used, lag): (u128, u128),
) -> Option<(u128, u128)> {
    let stage = control.stage_at(moves_before);
    let (simple, bronstein) = match stage.delay {
        Delay::None => (0, 0),
        Delay::Simple(delay) => (delay.as_micros(), 0),
        Delay::Bronstein(delay) => (0, delay.as_micros()),
    };
    let cost = used.saturating_sub(simple);
    if cost >= left + quota.min(2_000_000) {
        return None;
    }
    let gain = control.lag_gain_max().as_micros();
    let compensation = lag.min(gain).min(quota).min(cost) / 1_000 * 1_000;
    let charged = cost - compensation;
    if charged >= left {
        return None;
    }
    let next = control.stage_ended_by(moves_before + 1);
    let added = stage.increment.as_micros()
        + bronstein.min(charged)
        + next.map_or(0, |stage| stage.time.as_micros());
    let quota = match quota {
        0 => 0,
        quota => (quota + gain - compensation).min(7 * gain),
    };
    Some((left - charged + added, quota))
}

/// Plays `turn` for White in pieces, over several owners; returns the last owner's clock before its move,
/// the time of the move, and all time used.
fn in_pieces(
    mut clock: Clock,
    turn: &Turn,
    controls: &BySeat<TimeControl>,
    moves: BySeat<u16>,
) -> (Clock, MatchTime, Duration) {
    let start = at(50);
    let (mut now, mut used) = (start, Duration::ZERO);
    clock.start(Seat::White, now);
    let mut shown = clock.shown(now).white;
    for happens in &turn.happens {
        let (Happens::Charge(micros)
        | Happens::Back(micros)
        | Happens::Look(micros)
        | Happens::Takeover(micros)) = *happens;
        let passed = Duration::from_micros(micros);
        if let Happens::Back(_) = happens {
            // Charged up to here, and then asked for a time before it.
            clock.charge_until(now);
            clock.charge_until(at(49));
            continue;
        }
        now = now + passed;
        used += passed;
        match happens {
            Happens::Charge(_) => clock.charge_until(now),
            Happens::Takeover(_) => {
                let recorded = clock.state();
                let counted = clock.spent(now) - recorded.spent;
                let mut next = Clock::new(controls, both(false));
                next.set(recorded, controls, moves);
                assert_eq!(next.state(), recorded);
                next.charge(Seat::White, counted);
                // Another origin of time.
                now = at(50 + micros % 7);
                next.start(Seat::White, now);
                clock = next;
            }
            Happens::Look(_) | Happens::Back(_) => {}
        }
        let shows = clock.shown(now).white;
        assert!(shows <= shown, "a clock goes up in mid-move");
        shown = shows;
        assert_eq!(clock.spent(now), used);
    }
    let passed = Duration::from_micros(turn.then);
    (clock, now + passed, used + passed)
}

proptest! {
    #[test]
    fn a_move_costs_the_same_in_pieces_and_in_one_go(
        control in any_control(),
        is_compensated: bool,
        turns in vec(turn(), 1..12),
    ) {
        let controls = both(control);
        let mut clock = Clock::new(&controls, both(is_compensated));
        for (moves_before, turn) in (0..).zip(&turns) {
            let moves = BySeat { white: moves_before, black: 0 };
            let before = clock.state();
            let black = before.remaining.black;
            let (mut last, now, used) = in_pieces(clock.clone(), turn, &controls, moves);
            let lag = Duration::from_micros(turn.lag_us);
            let expected = rule(
                &control,
                moves_before,
                (before.remaining.white.as_micros(), before.quota.white.as_micros()),
                (used.as_micros(), lag.as_micros()),
            );

            clock.start(Seat::White, at(1));
            let flag = clock.flag_at().map(|flag| flag.since(at(1)));
            let has_fallen = last.flag_at() <= Some(now)
                || last.is_too_late(Seat::White, now, lag, &control);
            prop_assert_eq!(has_fallen, expected.is_none());
            if last.flag_at() > Some(now) {
                let left = last.flag_at().unwrap().since(now);
                prop_assert_eq!(flag, Some(used + left), "the flag falls at the same time");
            }
            let Some((left, quota)) = expected else { break };

            clock.move_made(Seat::White, at(1) + used, lag, &control, moves_before, true);
            last.move_made(Seat::White, now, lag, &control, moves_before, true);
            prop_assert_eq!(last.state(), clock.state());
            prop_assert_eq!(clock.state().remaining.white.as_micros(), left);
            prop_assert_eq!(clock.state().quota.white.as_micros(), quota);
            prop_assert_eq!(clock.state().remaining.black, black);
            prop_assert_eq!((clock.state().spent, clock.running()), (Duration::ZERO, None));
            prop_assert!(clock.state().is_possible());
        }
    }

    /// A record may come from an untrusted source.
    #[test]
    fn no_state_makes_a_clock_panic(
        times in vec(any::<Duration>(), 6),
        control in any_control(),
        moves: u16,
        micros: u64,
        lag: Duration,
    ) {
        let state = ClockState {
            remaining: BySeat { white: times[0], black: times[1] },
            quota: BySeat { white: times[2], black: times[3] },
            spent: times[4],
            overrun: times[5],
        };
        let mut clock = Clock::new(&both(control), both(true));
        clock.set(state, &both(control), both(moves));
        prop_assert_eq!(clock.state(), state);
        clock.charge(Seat::White, lag);
        clock.start(Seat::White, MatchTime::from_micros(micros));
        let now = MatchTime::from_micros(u64::MAX);
        let _ = (state.is_possible(), clock.flag_at(), clock.shown(now), clock.spent(now));
        let _ = clock.is_too_late(Seat::White, now, lag, &control);
        clock.give(Seat::White, lag);
        clock.charge_until(now);
        clock.move_made(Seat::White, now, lag, &control, moves, true);
        prop_assert!(clock.remaining().white <= Clock::MAX);
    }
}
