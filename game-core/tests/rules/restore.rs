//! A match restored from its snapshot and records: what it knows, and what is refused.

use std::time::Duration;

use game_core::{
    ClockState, CommandId, CommandKind, Event, EventKind, Match, MatchTime, Outcome, Receipt,
    Refusal, RestoreError, RoundTrip, Seat, Snapshot, Termination, WithMove,
};

use crate::table::{Table, setup};

/// A match with moves, offers, answers and an end.
fn told_in_full() -> Table {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5").wait(1_500).play("g1f3");
    table.send(Seat::White, CommandKind::OfferDraw).unwrap();
    table.wait(700);
    table.send(Seat::Black, CommandKind::DeclineDraw).unwrap();
    let command = table.move_with("b8c6", WithMove::DrawOffer);
    table.send(Seat::Black, command).unwrap();
    table.start_clock().wait(3_000).play("f1c4");
    table.send(Seat::White, CommandKind::Resign).unwrap();
    table
}

fn fresh() -> Snapshot {
    Match::new(setup().build()).snapshot()
}

#[test]
fn a_log_alone_makes_the_match_again() {
    let table = told_in_full();
    let restored = Match::restore(fresh(), &table.events).unwrap();
    assert_eq!(restored.snapshot(), table.game.snapshot());
    assert_eq!(restored.fen(), table.game.fen());
    assert_eq!(restored.outcome(), table.game.outcome());
    assert_eq!(restored.clocks(table.now), table.game.clocks(table.now));
    assert_eq!(restored.pgn("here"), table.game.pgn("here"));
}

#[test]
fn events_are_made_again_from_what_a_match_keeps_of_them() {
    let table = told_in_full();
    let last = table.events.len() - 1;
    for seq in 0..=table.game.seq() {
        let again = table.game.events_after(seq);
        assert_eq!(again.len(), table.events.len() - seq as usize);
        for event in &again {
            let index = event.seq as usize - 1;
            let original = &table.events[index];
            let mut expected = original.clone();
            if index < last && !matches!(original.kind, EventKind::Moved { .. }) {
                expected.clocks = table.events[index - 1].clocks;
                if let EventKind::DrawDeclined = original.kind {
                    expected.clocks = table.events[index - 2].clocks;
                }
            }
            if index < last {
                expected.clocks = remaining_only(&expected);
                expected.at = MatchTime::default();
            }
            assert_eq!(*event, expected, "of whole milliseconds all the way");
        }
    }
    let again = Match::restore(fresh(), &table.game.events_after(0)).unwrap();
    assert_eq!(again.snapshot(), table.game.snapshot());
    assert_eq!(again.pgn("here"), table.game.pgn("here"));
}

/// What is rebuilt of the clocks of an event before the last.
fn remaining_only(event: &Event) -> ClockState {
    ClockState {
        remaining: event.clocks.remaining,
        ..ClockState::default()
    }
}

#[test]
fn what_counted_under_a_former_owner_is_in_no_event() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5 g1f3");
    let mut loaded = Match::restore(fresh(), &table.events).unwrap();
    loaded.carry_over(Duration::from_secs(2));
    let rebuilt = loaded.events_after(0);
    let clocks = |events: &[Event]| -> Vec<_> { events.iter().map(remaining_only).collect() };
    assert_eq!(clocks(&rebuilt), clocks(&table.events));
    assert_eq!(rebuilt.last(), table.events.last());
}

#[test]
fn a_snapshot_knows_how_far_the_match_is() {
    let table = told_in_full();
    let snapshot = table.game.snapshot();
    assert_eq!(snapshot.seq(), table.game.seq());
    assert_eq!(snapshot.outcome(), table.game.outcome());
}

/// A restored match knows what follows from its events: offers, repeated commands and repetitions.
#[test]
fn offers_repeats_and_repetitions_come_back() {
    let mut table = Table::initial();
    for _ in 0..3 {
        table.play_all("g1f3 g8f6 f3g1 f6g8");
    }
    table
        .send_as(Seat::White, 900, CommandKind::OfferDraw)
        .unwrap();
    table.game = Match::restore(table.game.snapshot(), &[]).unwrap();
    assert_eq!(table.game.running(), None);
    assert_eq!(table.game.draw_offer(), Some(Seat::White));
    assert_eq!(
        table.send_as(Seat::White, 900, CommandKind::OfferDraw),
        Ok(13)
    );
    assert_eq!(
        table.send(Seat::White, CommandKind::OfferDraw),
        Err(Refusal::OfferTooSoon)
    );
    let first = CommandKind::Move {
        position_seq: 1,
        uci: "g8f6".parse().unwrap(),
        with: WithMove::Nothing,
    };
    assert_eq!(table.send_as(Seat::Black, 2, first), Ok(2));
    table.play_all("g1f3 g8f6 f3g1");
    assert_eq!(table.game.outcome(), None);
    table.play("f6g8");
    table.expect_end(Outcome::Draw, Termination::FivefoldRepetition);
}

#[test]
fn the_clock_stands_still_until_it_is_started_again() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5").wait(5_000);
    table.game = Match::restore(table.game.snapshot(), &[]).unwrap();
    assert_eq!(table.game.deadline(), None);
    // What White used since the last event is not in the snapshot.
    assert_eq!(table.clock_ms(Seat::White), 180_000);
    table.wait(5_000).start_clock().wait(1_000);
    assert_eq!(table.clock_ms(Seat::White), 179_000);
}

/// The log was cut between a mating move and the end of the match.
#[test]
fn an_end_that_is_missing_from_the_log_is_added() {
    let mut table = Table::initial();
    table.play_all("f2f3 e7e5 g2g4 d8h4");
    let whole = table.game.snapshot();
    let cut = &table.events[..4];
    let mut restored = Match::restore(fresh(), cut).unwrap();
    assert_eq!(restored.outcome(), None);
    assert!(restored.deadline().is_some_and(|at| at <= table.now));
    assert!(!restored.may_resign());
    restored.start_clock(table.now);
    assert_eq!(restored.running(), None);
    let mut events = Vec::new();
    restored.tick(table.now, &mut events);
    assert_eq!(events, table.events[4..]);
    assert_eq!(restored.snapshot(), whole);
    // The snapshot from before the tick restores the same match.
    let early = Match::restore(fresh(), cut).unwrap().snapshot();
    let restored = Match::restore(early, &table.events[4..]).unwrap();
    assert_eq!(restored.snapshot(), whole);
}

fn ended(outcome: Outcome, termination: Termination) -> EventKind {
    EventKind::Ended {
        outcome,
        termination,
    }
}

/// The log of [`told_in_full`], spoilt in one way each.
#[test]
fn a_log_that_no_match_wrote_is_refused() {
    type Spoil = fn(&mut Vec<Event>);
    let cases: &[(&str, Spoil, RestoreError)] = &[
        (
            "a record is missing",
            |log| {
                log.remove(2);
            },
            RestoreError::Seq {
                expected: 3,
                found: 4,
            },
        ),
        (
            "a record stands twice",
            |log| log.insert(3, log[2].clone()),
            RestoreError::Seq {
                expected: 4,
                found: 3,
            },
        ),
        (
            "an illegal move",
            |log| log[0].kind = moved("e2e5", WithMove::Nothing),
            RestoreError::Refused {
                seq: 1,
                refusal: Refusal::IllegalMove,
            },
        ),
        (
            "a move of the wrong side",
            |log| log[0].seat = Some(Seat::Black),
            RestoreError::Refused {
                seq: 1,
                refusal: Refusal::NotYourTurn,
            },
        ),
        (
            "an offer with the first move",
            |log| log[0].kind = moved("e2e4", WithMove::DrawOffer),
            RestoreError::Refused {
                seq: 1,
                refusal: Refusal::TooEarly,
            },
        ),
        (
            "a move without a command",
            |log| log[1].command_id = None,
            RestoreError::Author { seq: 2 },
        ),
        (
            "a move without an author",
            |log| (log[1].seat, log[1].command_id) = (None, None),
            RestoreError::Author { seq: 2 },
        ),
        (
            "a command that was used before",
            |log| log[2].command_id = log[0].command_id,
            RestoreError::Repeated { seq: 3 },
        ),
        (
            "a clock beyond all bounds",
            |log| log[2].clocks.remaining.black = Duration::MAX,
            RestoreError::Clock { seq: 3 },
        ),
        (
            "a clock finer than a microsecond",
            |log| log[2].clocks.remaining.black = Duration::from_nanos(1_500),
            RestoreError::Clock { seq: 3 },
        ),
        (
            "an answer to no offer",
            |log| log[3].kind = EventKind::DrawDeclined,
            RestoreError::Refused {
                seq: 4,
                refusal: Refusal::NoOffer,
            },
        ),
        (
            "an offer that would have been an acceptance",
            |log| log[4].kind = EventKind::DrawOffered,
            RestoreError::Unfounded { seq: 5 },
        ),
        (
            "a resignation that wins",
            |log| log[7].kind = ended(Outcome::WhiteWins, Termination::Resignation),
            RestoreError::Unfounded { seq: 8 },
        ),
        (
            "a resignation by nobody",
            |log| (log[7].seat, log[7].command_id) = (None, None),
            RestoreError::Unfounded { seq: 8 },
        ),
        (
            "a mate by command",
            |log| log[7].kind = ended(Outcome::BlackWins, Termination::Checkmate),
            RestoreError::Author { seq: 8 },
        ),
        (
            "an agreement without an offer",
            |log| log[7].kind = ended(Outcome::Draw, Termination::DrawAgreement),
            RestoreError::Refused {
                seq: 8,
                refusal: Refusal::NoOffer,
            },
        ),
        (
            "an abort of a match that has begun",
            |log| log[7].kind = ended(Outcome::Aborted, Termination::Aborted),
            RestoreError::Refused {
                seq: 8,
                refusal: Refusal::TooLate,
            },
        ),
        (
            "a record after the end",
            |log| {
                let mut more = log[7].clone();
                more.seq = 9;
                more.command_id = Some(CommandId(999));
                log.push(more);
            },
            RestoreError::Refused {
                seq: 9,
                refusal: Refusal::MatchOver,
            },
        ),
    ];
    for (name, spoil, error) in cases {
        let mut log = told_in_full().events;
        spoil(&mut log);
        let refused = Match::restore(fresh(), &log).map(|_| ());
        assert_eq!(refused.as_ref(), Err(error), "{name}");
    }
}

fn moved(uci: &str, with: WithMove) -> EventKind {
    EventKind::Moved {
        uci: uci.parse().unwrap(),
        with,
    }
}

/// Ends without a seat, of which only those may be restored that follow from the position and clocks.
#[test]
fn an_end_by_itself_must_follow() {
    let outcomes = [
        Outcome::WhiteWins,
        Outcome::BlackWins,
        Outcome::Draw,
        Outcome::Aborted,
    ];
    let terminations = [
        Termination::Checkmate,
        Termination::Stalemate,
        Termination::DeadPosition,
        Termination::FivefoldRepetition,
        Termination::SeventyFiveMoves,
        Termination::MaxLength,
        Termination::Resignation,
        Termination::DrawAgreement,
        Termination::TimeForfeit,
        Termination::Aborted,
        Termination::WhiteNoStart,
        Termination::BlackNoStart,
    ];
    for (moves, white_ms, possible) in [
        (
            "e2e4 e7e5",
            0,
            Some((Outcome::BlackWins, Termination::TimeForfeit)),
        ),
        // Its flag has not fallen.
        ("e2e4 e7e5", 1, None),
        (
            "e2e4",
            0,
            Some((Outcome::Aborted, Termination::BlackNoStart)),
        ),
        ("", 0, Some((Outcome::Aborted, Termination::WhiteNoStart))),
        (
            "f2f3 e7e5 g2g4 d8h4",
            0,
            Some((Outcome::BlackWins, Termination::Checkmate)),
        ),
    ] {
        let mut table = Table::initial();
        table.play_all(moves);
        let made = moves.split_whitespace().count();
        for outcome in outcomes {
            for termination in terminations {
                let mut log = table.events[..made].to_vec();
                let mut clocks = table.game.snapshot().clocks;
                clocks.remaining.white = Duration::from_millis(white_ms);
                log.push(Event {
                    seq: made as u32 + 1,
                    seat: None,
                    command_id: None,
                    clocks,
                    at: table.now,
                    round_trip: None,
                    kind: ended(outcome, termination),
                });
                let restored = Match::restore(fresh(), &log).is_ok();
                let follows = possible == Some((outcome, termination));
                assert_eq!(restored, follows, "{moves}: {outcome:?} {termination:?}");
            }
        }
    }
}

/// Where clocks count at once, "no start" means that no player ever joined, so it follows no event.
#[test]
fn a_match_that_counts_at_once_has_no_late_first_move() {
    let mut table = Table::at_once(game_core::StartPosition::INITIAL.fen().as_str());
    let fresh = table.game.snapshot();
    table.play("e2e4");
    let mut log = table.events.clone();
    log.push(Event {
        seq: 2,
        seat: None,
        command_id: None,
        clocks: table.game.snapshot().clocks,
        at: table.now,
        round_trip: None,
        kind: ended(Outcome::Aborted, Termination::BlackNoStart),
    });
    let refused = Match::restore(fresh, &log).map(|_| ());
    assert_eq!(refused, Err(RestoreError::Unfounded { seq: 2 }));
}

#[test]
fn a_snapshot_with_impossible_clocks_is_refused() {
    for (secs, nanos) in [(u64::MAX, 0), (1, 500)] {
        let mut snapshot = told_in_full().game.snapshot();
        snapshot.clocks.remaining.black = Duration::new(secs, nanos);
        let refused = Match::restore(snapshot, &[]).map(|_| ());
        assert_eq!(refused, Err(RestoreError::Clock { seq: 7 }));
    }
}

/// Each move tells the connection that it came over; what else is said tells none, and a takeback takes the
/// round trips of its moves with it. A match that is restored at any event tells the same.
#[test]
fn the_round_trip_of_each_move_is_kept() {
    let mut table = Table::initial();
    let send = |table: &mut Table, kind, ms: Option<u16>| {
        let receipt = Receipt {
            at: table.now,
            round_trip: ms.map(RoundTrip::from_millis),
            ..Receipt::default()
        };
        let id = 500 + u64::from(table.game.seq());
        table
            .send_with(table.game.turn(), id, kind, receipt)
            .unwrap();
        table.start_clock();
    };
    for (uci, ms) in [("e2e4", Some(38)), ("e7e5", Some(0)), ("g1f3", None)] {
        let kind = table.move_of(uci);
        send(&mut table, kind, ms);
    }
    send(&mut table, CommandKind::OfferDraw, Some(40));
    let kind = table.move_of("b8c6");
    send(&mut table, kind, Some(65_534));
    let ms = |game: &Match| -> Vec<_> {
        let round_trips = game.round_trips().into_iter();
        round_trips
            .map(|one| one.map(RoundTrip::as_millis))
            .collect()
    };
    let four = [Some(38), Some(0), None, Some(65_534)];
    assert_eq!(ms(&table.game), four);
    table.send(Seat::Black, CommandKind::OfferTakeback).unwrap();
    send(&mut table, CommandKind::AcceptTakeback, Some(41));
    assert_eq!(ms(&table.game), four[..3]);
    let kind = table.move_of("g8f6");
    send(&mut table, kind, Some(7));
    let five = [Some(38), Some(0), None, Some(7)];
    assert_eq!(ms(&table.game), five);
    for seq in 0..=table.events.len() {
        let (before, after) = table.events.split_at(seq);
        let snapshot = Match::restore(fresh(), before).unwrap().snapshot();
        let restored = Match::restore(snapshot, after).unwrap();
        assert_eq!(ms(&restored), five);
        // An earlier state of the same match, as what is not confirmed is left out.
        let Some(last) = before.last() else { continue };
        let earlier = table.game.snapshot_at(last.seq, last.clocks, last.at);
        assert_eq!(earlier, Match::restore(fresh(), before).unwrap().snapshot());
    }
}

#[test]
fn a_snapshot_without_one_round_trip_for_each_move_is_refused() {
    let whole = told_in_full().game.snapshot();
    assert_eq!(whole.round_trips, vec![None; 5]);
    for (len, seq) in [(0, 0), (4, 6), (6, 7)] {
        let mut snapshot = whole.clone();
        snapshot.round_trips.resize(len, None);
        let refused = Match::restore(snapshot, &[]).map(|_| ());
        assert_eq!(refused, Err(RestoreError::RoundTrips { seq }), "{len}");
    }
}

#[test]
fn castling_is_restored_only_in_its_recorded_form() {
    let fen = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1";
    let mut table = Table::from_fen(fen);
    table.play("e1g1");
    let start = Match::new(setup().start(fen).build()).snapshot();
    assert!(Match::restore(start.clone(), &table.events).is_ok());
    table.events[0].kind = moved("e1h1", WithMove::Nothing);
    let refused = Match::restore(start, &table.events).map(|_| ());
    assert_eq!(refused, Err(RestoreError::Unfounded { seq: 1 }));
}

#[test]
fn records_that_the_snapshot_holds_already_are_refused() {
    let table = told_in_full();
    for seq in 1..table.events.len() {
        let (before, after) = table.events.split_at(seq);
        let snapshot = Match::restore(fresh(), before).unwrap().snapshot();
        assert!(Match::restore(snapshot.clone(), after).is_ok());
        let refused = Match::restore(snapshot, &table.events).map(|_| ());
        let expected = seq as u32 + 1;
        assert_eq!(refused, Err(RestoreError::Seq { expected, found: 1 }));
    }
}
