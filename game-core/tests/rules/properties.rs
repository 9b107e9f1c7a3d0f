//! What holds for every match, whatever its seats do.

use std::time::Duration;

use game_core::{BySeat, Command, CommandKind, Match, Refusal, Seat};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::course::{Course, agreed, assert_same, new_step, step};

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
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Gapless seqs, refusals without effect, repeats answered alike, nobody charged more than has
    /// passed; and from any snapshot the rest of the log leads to the same match.
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
        before in vec(step(), 0..60),
        // A new owner does not know earlier refusals, and may decide a repeat anew.
        after in vec(new_step(), 0..60),
    ) {
        let mut course = Course::new(setup);
        for step in &before {
            course.take(step);
        }
        let stopped = Match::restore(course.game.snapshot(), &[]).unwrap();
        let mut lives = [stopped.clone(), stopped].map(|game| Course {
            game,
            now: course.now,
            elapsed: Duration::ZERO,
            events: course.events.clone(),
            answers: BySeat::default(),
            next_id: course.next_id,
        });
        for step in &after {
            for live in &mut lives {
                live.take(step);
            }
            // One of the two is restored whenever no clock counts.
            if lives[1].game.deadline().is_none() {
                lives[1].game = Match::restore(lives[1].game.snapshot(), &[]).unwrap();
                lives[1].game.attend();
            }
        }
        prop_assert_eq!(&lives[0].events, &lives[1].events);
        assert_same(&lives[0].game, &lives[1].game, course.now);
    }
}
