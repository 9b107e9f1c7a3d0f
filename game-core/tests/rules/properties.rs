//! What holds for every match, whatever its seats do, in every variant and on all terms.

use std::collections::BTreeSet;

use game_core::{
    Command, CommandId, CommandKind, Event, EventKind, Match, MatchTime, Refusal, Seat, Variant,
    WithMove,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::course::{Course, Step, agreed, assert_same, new_step, step};

/// While no clock counts, a restored match equals the original.
#[track_caller]
fn assert_restored(restored: &Match, course: &Course) {
    let mut stopped = course.game.clone();
    if stopped.deadline().is_some() {
        // A live match whose clock counts differs by just that.
        stopped = Match::restore(stopped.snapshot(), &[]).unwrap();
    }
    assert_same(restored, &stopped, course.now);
    assert_eq!(restored.outcome(), course.game.outcome());
    assert_eq!(restored.deadline(), None);
    assert_eq!(restored.pgn("x"), course.game.pgn("x"));
    assert_eq!(restored.round_trips(), course.round_trips());
}

/// What is in no snapshot, so that a restored match and the original differ by it: who is gone, and when
/// a takeback was declined. Refusals of earlier commands are neither.
fn is_in_snapshots(step: &Step) -> bool {
    !matches!(
        step,
        Step::Left { .. }
            | Step::Repeat { .. }
            | Step::Answer { accepts: false }
            | Step::Send {
                kind: CommandKind::DeclineTakeback,
                ..
            }
    )
}

/// What is rebuilt of an event: all but what its clocks say of anything beside the mover's time.
#[track_caller]
fn assert_rebuilt(rebuilt: &[Event], original: &[Event]) {
    let told = |events: &[Event]| -> Vec<_> {
        let told = |event: &Event| {
            let by = (event.seat, event.command_id, event.round_trip);
            (event.seq, by, event.kind)
        };
        events.iter().map(told).collect()
    };
    assert_eq!(told(rebuilt), told(original));
    assert_eq!(rebuilt.last(), original.last());
    for (rebuilt, original) in rebuilt.iter().zip(original) {
        if let (EventKind::Moved { .. }, Some(seat)) = (rebuilt.kind, rebuilt.seat) {
            let millis = |event: &Event| event.clocks.remaining[seat].as_millis();
            assert_eq!(millis(rebuilt), millis(original));
        }
        if let EventKind::Ended { .. } = rebuilt.kind {
            assert_eq!(rebuilt.clocks, original.clocks);
        }
    }
}

/// The line of moves played without any detour.
fn replayed(game: &Match) -> Match {
    let mut plain = Course::new(game.setup().clone());
    for (uci, _) in game.moves() {
        let kind = CommandKind::Move {
            position_seq: plain.game.position_seq(),
            uci,
            with: WithMove::Nothing,
        };
        plain.send_new(plain.game.turn(), kind, 0).unwrap();
    }
    plain.game
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Gapless seqs, refusals without effect, repeats answered alike, time conserved, one result at most;
    /// and from any snapshot the rest of the log leads to the same match.
    #[test]
    fn any_course_of_a_match(setup in agreed(), steps in vec(step(), 1..120)) {
        let mut course = Course::new(setup);
        let mut snapshots = vec![course.game.snapshot()];
        for step in &steps {
            course.take(step);
            if snapshots.last().is_some_and(|last| last.seq() < course.game.seq()) {
                snapshots.push(course.game.snapshot());
            }
        }
        let seqs: Vec<u32> = course.events.iter().map(|event| event.seq).collect();
        prop_assert_eq!(seqs, (1..=course.game.seq()).collect::<Vec<u32>>());
        course.check_result();
        course.check_charges();
        for snapshot in snapshots {
            let tail = &course.events[snapshot.seq() as usize..];
            let mut restored = Match::restore(snapshot, tail).unwrap();
            assert_restored(&restored, &course);
            for seat in Seat::BOTH {
                for (command, answer) in &course.answers[seat] {
                    if answer.is_ok() {
                        let mut apply = |kind| {
                            let command = Command { kind, ..*command };
                            restored.apply(seat, &command, course.now, &mut Vec::new())
                        };
                        prop_assert_eq!(apply(command.kind), *answer);
                        if command.kind != CommandKind::Abort {
                            prop_assert_eq!(apply(CommandKind::Abort), Err(Refusal::CommandIdReused));
                        }
                    }
                }
            }
        }
    }

    /// A match that moves to another owner goes on as it would have.
    #[test]
    fn a_restored_match_goes_on_alike(
        setup in agreed(),
        before in vec(step().prop_filter("known", is_in_snapshots), 0..60),
        after in vec(new_step().prop_filter("known", is_in_snapshots), 0..60),
    ) {
        let mut course = Course::new(setup);
        for step in &before {
            course.take(step);
        }
        course.take(&Step::Wait { micros: 0, ticks: true });
        let mut original = course.clone();
        let mut restored = course;
        for step in &after {
            original.take(step);
            restored.take(step);
            // One of the two is restored whenever no clock counts.
            if restored.game.deadline().is_none() {
                restored.hand_over();
            }
        }
        prop_assert_eq!(&original.events, &restored.events);
        assert_same(&original.game, &restored.game, original.now);
        prop_assert_eq!(original.game.deadline(), restored.game.deadline());
    }

    /// The same in the middle of a move, whose time is carried over.
    #[test]
    fn a_match_handed_over_in_mid_move_goes_on_alike(
        setup in agreed(),
        steps in vec(new_step().prop_filter("known", is_in_snapshots), 0..80),
    ) {
        let mut original = Course::new(setup);
        let mut restored = original.clone();
        for step in &steps {
            // Time that stood still is known to the owner alone who counted it.
            if let Step::TurnBack { .. } = step {
                continue;
            }
            original.take(step);
            restored.take(step);
            // Whatever time has ended is ended first.
            for course in [&mut original, &mut restored] {
                course.take(&Step::Wait { micros: 0, ticks: true });
            }
            restored.hand_over();
        }
        prop_assert_eq!(&original.events, &restored.events);
        assert_same(&original.game, &restored.game, original.now);
        prop_assert_eq!(original.game.deadline(), restored.game.deadline());
    }

    /// The log made again from what a match keeps of it leads to the same match.
    #[test]
    fn events_made_again_are_the_events(
        setup in agreed(),
        steps in vec(step(), 1..120),
        seq in any::<prop::sample::Index>(),
    ) {
        let mut course = Course::new(setup.clone());
        for step in &steps {
            course.take(step);
        }
        let seq = seq.index(course.events.len() + 1);
        let rebuilt = course.game.events_after(seq as u32);
        assert_rebuilt(&rebuilt, &course.events[seq..]);
        let fresh = Match::new(setup).snapshot();
        let restored = Match::restore(fresh, &course.game.events_after(0)).unwrap();
        prop_assert_eq!(restored.snapshot(), course.game.snapshot());
    }

    /// Where moves were taken back, the match is as if they had never been made, and to make them again is
    /// the identity.
    #[test]
    fn takeback_then_replay_is_the_identity(
        mut setup in agreed(),
        steps in vec(step(), 1..120),
        seat in crate::course::seat(),
    ) {
        setup.rated = false;
        setup.start_at = None;
        let mut course = Course::new(setup);
        for step in &steps {
            course.take(step);
        }
        let before = course.clone();
        course.take(&Step::Wait { micros: 0, ticks: true });
        let asked = course.send_new(seat, CommandKind::OfferTakeback, 0);
        if asked.is_ok() {
            if course.game.takeback_offer().is_some() {
                course.send_new(seat.opponent(), CommandKind::AcceptTakeback, 0).unwrap();
            }
            prop_assert_eq!(course.game.fen(), replayed(&course.game).fen());
            for (uci, _) in before.game.moves().skip(course.game.ply().into()) {
                let kind = CommandKind::Move {
                    position_seq: course.game.position_seq(),
                    uci,
                    with: WithMove::Nothing,
                };
                course.send_new(course.game.turn(), kind, 0).unwrap();
            }
        }
        // With takebacks or without: the position, its repetitions and its quiet moves are those of the line.
        let (game, plain) = (&course.game, replayed(&course.game));
        prop_assert_eq!(game.fen(), before.game.fen());
        prop_assert_eq!(game.fen(), plain.fen());
        prop_assert_eq!(game.legal_moves(), plain.legal_moves());
        prop_assert_eq!(game.moves_in_san(), plain.moves_in_san());
        if game.outcome().is_none() {
            prop_assert_eq!(claim(game), claim(&plain));
        }
    }
}

/// Whether the side to move could claim a draw.
fn claim(game: &Match) -> Result<(), Refusal> {
    let mut stopped = Match::restore(game.snapshot(), &[]).unwrap();
    let command = Command {
        id: CommandId(u64::MAX),
        kind: CommandKind::ClaimDraw,
    };
    let now = MatchTime::default();
    let claimed = stopped.apply(game.turn(), &command, now, &mut Vec::new());
    claimed.map(|_| ())
}

/// The properties would show little if the courses were dull.
#[test]
fn courses_reach_every_event_and_end() {
    let mut runner = TestRunner::deterministic();
    let strategy = (agreed(), vec(step(), 1..120));
    let mut seen = BTreeSet::new();
    for _ in 0..1_500 {
        let (setup, steps) = strategy.new_tree(&mut runner).unwrap().current();
        seen.insert(setup.variant().code().to_owned());
        let mut course = Course::new(setup);
        for step in &steps {
            course.take(step);
        }
        for event in &course.events {
            seen.insert(match event.kind {
                EventKind::Ended { termination, .. } => termination.code().to_owned(),
                kind => format!("{kind:?}").split(' ').next().unwrap().to_owned(),
            });
        }
        let answers = course.answers.white.iter().chain(&course.answers.black);
        let refusals = answers.filter_map(|(_, answer)| answer.err());
        seen.extend(refusals.map(|refusal| refusal.code().to_owned()));
    }
    let events = "Moved DrawOffered DrawDeclined TakebackOffered TakebackDeclined TakenBack TimeGiven \
                  RematchOffered RematchDeclined RematchAgreed";
    let ends = "checkmate stalemate dead_position variant_end fivefold_repetition seventy_five_moves \
                threefold_repetition fifty_moves abandoned resignation draw_agreement time_forfeit \
                aborted white_no_start black_no_start";
    let variants = Variant::ALL.map(Variant::code);
    // Repeats are checked as they are sent, and no course is long enough for too many events.
    let elsewhere = [Refusal::CommandIdReused, Refusal::TooManyEvents];
    let refusals = Refusal::ALL.into_iter().filter(|r| !elsewhere.contains(r));
    for name in events
        .split_whitespace()
        .chain(ends.split_whitespace())
        .chain(variants)
        .chain(refusals.map(Refusal::code))
    {
        assert!(seen.contains(name), "no {name} in {seen:?}");
    }
}
