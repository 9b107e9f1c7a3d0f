//! What an arbiter does in a match that goes on: stop and resume, set clocks, take back.

use std::time::Duration;

use game_core::{
    CommandKind, EventKind, Match, MatchSetup, Order, Outcome, Refusal, SIDE_EVENTS_MAX, Seat,
    Termination,
};

use crate::table::{Table, setup};

fn order(table: &mut Table, order: Order) -> Result<u32, Refusal> {
    table.game.arbitrate(order, table.now, &mut table.events)
}

/// A rated match without takebacks: an arbiter may do what its players may not.
fn table() -> Table {
    let mut table = Table::new(setup().rated().build());
    table.start_clock();
    table
}

/// What is restored of the log, of each snapshot and of what is rebuilt of the log is the same match.
fn check_restored(table: &Table, setup: &MatchSetup) {
    let fresh = || Match::new(setup.clone()).snapshot();
    let of_log = Match::restore(fresh(), &table.events).unwrap();
    let of_snapshot = Match::restore(table.game.snapshot(), &[]).unwrap();
    let of_rebuilt = Match::restore(fresh(), &table.game.events_after(0)).unwrap();
    for restored in [&of_log, &of_snapshot, &of_rebuilt] {
        assert_eq!(restored.snapshot(), table.game.snapshot());
        assert_eq!(restored.is_stopped(), table.game.is_stopped());
        assert_eq!(restored.fen(), table.game.fen());
        assert_eq!(restored.position_seq(), table.game.position_seq());
    }
}

#[test]
fn stopped_clocks_stand_and_no_move_is_accepted_until_play_goes_on() {
    let mut table = table();
    table.play_all("e2e4 e7e5").start_clock();
    table.wait(5_000);
    let seq = table.game.seq();
    assert_eq!(order(&mut table, Order::Stop), Ok(seq + 1));
    assert_eq!(table.last(), EventKind::Stopped);
    assert_eq!(table.events.last().unwrap().seat, None);
    table.start_clock();
    assert_eq!(
        (table.game.deadline(), table.game.timed_seat()),
        (None, None)
    );
    table.wait(600_000).tick();
    assert_eq!(table.clock_ms(Seat::White), 175_000);
    let knight = table.move_of("g1f3");
    table.expect_refusal(Seat::White, knight, Refusal::NotStarted);
    // Said again, it is done already.
    assert_eq!(order(&mut table, Order::Stop), Ok(seq + 1));
    check_restored(&table, &setup().rated().build());
    assert_eq!(order(&mut table, Order::Resume), Ok(seq + 2));
    assert_eq!(order(&mut table, Order::Resume), Ok(seq + 2));
    table.start_clock();
    table.wait(5_000);
    assert_eq!(table.clock_ms(Seat::White), 170_000);
    table.play("g1f3");
    check_restored(&table, &setup().rated().build());
}

#[test]
fn a_stopped_match_can_be_resigned_and_adjudicated() {
    let mut table = table();
    table.play_all("e2e4 e7e5");
    order(&mut table, Order::Stop).unwrap();
    let mut adjudicated = table.game.clone();
    adjudicated
        .adjudicate(Outcome::Draw, table.now, &mut Vec::new())
        .unwrap();
    table.send(Seat::White, CommandKind::Resign).unwrap();
    table.expect_end(Outcome::BlackWins, Termination::Resignation);
    for of in [Order::Stop, Order::Resume, Order::Undo { plies: 1 }] {
        assert_eq!(order(&mut table, of), Err(Refusal::MatchOver));
    }
}

#[test]
fn a_clock_is_set_and_runs_on_from_there() {
    let mut table = table();
    table.play_all("e2e4 e7e5").start_clock();
    table.wait(5_000);
    let remaining = Duration::from_micros(60_000_900);
    let seat = Seat::White;
    order(&mut table, Order::SetClock { seat, remaining }).unwrap();
    assert_eq!(table.last(), EventKind::ClockSet { seat });
    assert_eq!(table.clock_ms(Seat::White), 60_000);
    table.wait(10_000);
    assert_eq!(table.clock_ms(Seat::White), 50_000);
    let (seat, time) = (Seat::Black, Duration::from_secs(90));
    order(&mut table, Order::AddTime { seat, time }).unwrap();
    assert_eq!(table.clock_ms(Seat::Black), 270_000);
    assert_eq!(table.clock_ms(Seat::White), 50_000);
    check_restored(&table, &setup().rated().build());
    // Its flag falls by the new time.
    table.wait(52_100).tick();
    table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
}

#[test]
fn moves_are_taken_back_with_their_clocks() {
    let mut table = table();
    table.play_all("e2e4 e7e5").start_clock();
    let (seat, remaining) = (Seat::Black, Duration::from_secs(100));
    order(&mut table, Order::SetClock { seat, remaining }).unwrap();
    table.play("g1f3").start_clock();
    table.wait(30_000).play("b8c6").start_clock();
    let fen = table.game.fen();
    table.play("f1b5").start_clock();
    let seq = table.game.seq() + 1;
    assert_eq!(order(&mut table, Order::Undo { plies: 1 }), Ok(seq));
    assert_eq!(table.last(), EventKind::TakenBack { plies: 1 });
    assert_eq!((table.game.fen(), table.game.position_seq()), (fen, seq));
    assert_eq!(table.clock_ms(Seat::Black), 72_000, "with the increment");
    check_restored(&table, &setup().rated().build());
    order(&mut table, Order::Undo { plies: 2 }).unwrap();
    assert_eq!(
        (table.game.ply(), table.clock_ms(Seat::Black)),
        (2, 180_000)
    );
    order(&mut table, Order::Undo { plies: 2 }).unwrap();
    assert_eq!((table.game.ply(), table.game.turn()), (0, Seat::White));
    check_restored(&table, &setup().rated().build());
    table.play_all("d2d4 d7d5");
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut table = table();
    table.play_all("e2e4 e7e5");
    let before = table.game.snapshot();
    let seat = Seat::White;
    for of in [
        Order::Undo { plies: 0 },
        Order::Undo { plies: 3 },
        Order::SetClock {
            seat,
            remaining: Duration::from_micros(999),
        },
        Order::SetClock {
            seat,
            remaining: Duration::from_secs(50 * 24 * 60 * 60),
        },
        Order::AddTime {
            seat,
            time: Duration::MAX,
        },
    ] {
        assert_eq!(
            order(&mut table, of),
            Err(Refusal::AmountOutOfBounds),
            "{of:?}"
        );
    }
    assert_eq!(table.game.snapshot(), before);
}

#[test]
fn a_log_that_orders_cannot_have_written_is_refused() {
    let mut table = table();
    table.play_all("e2e4 e7e5");
    order(&mut table, Order::Stop).unwrap();
    let fresh = || Match::new(setup().rated().build()).snapshot();
    let stopped = table.events.last().unwrap().clone();
    for kind in [
        EventKind::Stopped,
        EventKind::TakenBack { plies: 3 },
        EventKind::TakenBack { plies: 0 },
        EventKind::DrawOffered,
    ] {
        let mut events = table.events.clone();
        let mut wrong = stopped.clone();
        wrong.seq += 1;
        wrong.kind = kind;
        events.push(wrong);
        assert!(Match::restore(fresh(), &events).is_err(), "{kind:?}");
    }
    // And none that a seat cannot have caused.
    let mut events = table.events.clone();
    events.last_mut().unwrap().seat = Some(Seat::White);
    events.last_mut().unwrap().command_id = Some(game_core::CommandId(77));
    assert!(Match::restore(fresh(), &events).is_err());
}

#[test]
fn orders_cannot_fill_a_log() {
    let mut table = table();
    let mut given = 0;
    loop {
        let next = if table.game.is_stopped() {
            Order::Resume
        } else {
            Order::Stop
        };
        match order(&mut table, next) {
            Ok(_) => given += 1,
            Err(refusal) => break assert_eq!(refusal, Refusal::TooManyEvents),
        }
    }
    assert_eq!(given, SIDE_EVENTS_MAX);
}
