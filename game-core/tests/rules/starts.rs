//! Rows "start", "nobody comes" and the term `start_at`: play begins at an agreed time.

use std::time::Duration;

use game_core::{CommandKind, Match, Outcome, Refusal, Rule, Seat, Termination, Variant};

use crate::table::{Table, setup};

/// A match whose play begins in 60 s, which its owner knows and has started the clock of.
fn waiting(at_once: bool) -> Table {
    let setup = setup().timed("180+2");
    let mut table = Table::new(if at_once { setup.at_once() } else { setup }.build());
    table.game.open_at(table.now + Duration::from_secs(60));
    table.start_clock();
    table
}

fn until_deadline(table: &Table) -> Option<Duration> {
    table.game.deadline().map(|at| at.since(table.now))
}

#[test]
fn start_at_accepts_no_move_before() {
    for at_once in [false, true] {
        let mut table = waiting(at_once);
        table.wait(59_999);
        let command = table.move_of("e2e4");
        table.expect_refusal(Seat::White, command, Refusal::NotStarted);
        table.expect_refusal(Seat::Black, command, Refusal::NotStarted);
        table.wait(1).play("e2e4");
        assert_eq!(
            table.clock_ms(Seat::White),
            if at_once { 182_000 } else { 180_000 }
        );
    }
}

#[test]
fn start_at_is_what_the_first_move_wait_counts_from() {
    let mut table = waiting(false);
    assert_eq!(until_deadline(&table), Some(Duration::from_secs(60 + 25)));
    assert_eq!(table.game.move_time(table.now), Duration::ZERO);
    table.wait(70_000);
    assert_eq!(table.game.move_time(table.now), Duration::from_secs(10));
    table.wait(14_999).tick();
    assert_eq!(table.game.outcome(), None);
    table.wait(1).tick();
    table.expect_end(Outcome::Aborted, Termination::WhiteNoStart);
}

#[test]
fn start_at_is_what_the_clock_counts_from_at_once() {
    let mut table = waiting(true);
    table.wait(60_000);
    assert_eq!(table.clock_ms(Seat::White), 180_000);
    table.wait(10_000);
    assert_eq!(table.clock_ms(Seat::White), 170_000);
    assert_eq!(until_deadline(&table), Some(Duration::from_secs(170)));
    table.play("e2e4");
    assert_eq!(table.clock_ms(Seat::White), 172_000);
}

#[test]
fn start_at_is_what_the_wait_for_somebody_counts_from() {
    let mut table = waiting(true);
    // Nobody has joined.
    table.game = Match::new(table.game.setup().clone());
    table.game.open_at(table.now + Duration::from_secs(60));
    table.start_clock();
    assert_eq!(until_deadline(&table), Some(Duration::from_secs(60 + 25)));
    table.wait(84_999).tick();
    assert_eq!(table.game.outcome(), None);
    table.wait(1).tick();
    table.expect_end(Outcome::Aborted, Termination::WhiteNoStart);
}

#[test]
fn start_at_leaves_the_abort() {
    let mut table = waiting(false);
    table.send(Seat::Black, CommandKind::Abort).unwrap();
    table.expect_end(Outcome::Aborted, Termination::Aborted);
}

/// An owner that resumes the match says so again, if the time has not come.
#[test]
fn start_at_is_the_owners_to_know() {
    let mut table = waiting(false);
    table.wait(20_000).resume();
    table.game.open_at(table.now + Duration::from_secs(40));
    table.start_clock();
    let command = table.move_of("e2e4");
    table.expect_refusal(Seat::White, command, Refusal::NotStarted);
    assert_eq!(until_deadline(&table), Some(Duration::from_secs(40 + 25)));
}

/// The time of a first move is a quarter longer in Chess960.
#[test]
fn first_move_of_chess960_has_a_quarter_more_time() {
    for (control, seconds) in [("180+2", 31.25), ("600+0", 37.5)] {
        let setup = setup().variant(Variant::Chess960).timed(control);
        let mut table = Table::new(setup.build());
        table.start_clock();
        assert_eq!(
            until_deadline(&table),
            Some(Duration::from_secs_f64(seconds))
        );
    }
}

#[test]
fn no_abort_leaves_the_match_to_its_end() {
    let mut table = Table::new(setup().rule(Rule::NoAbort).build());
    for moves in ["", "e2e4"] {
        table.play_all(moves);
        assert!(!table.game.may_abort());
        for seat in Seat::BOTH {
            table.expect_refusal(seat, CommandKind::Abort, Refusal::NotAllowed);
        }
    }
    // Nobody has to wait for somebody who does not come.
    table.wait(25_000).tick();
    table.expect_end(Outcome::Aborted, Termination::BlackNoStart);
}
