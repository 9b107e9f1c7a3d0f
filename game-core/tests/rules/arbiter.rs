//! Decisions of an arbiter about a match in play.

use game_core::{Match, Outcome, Refusal, Seat, Termination};

use crate::table::{Table, setup};

const OUTCOMES: [Outcome; 4] = [
    Outcome::WhiteWins,
    Outcome::BlackWins,
    Outcome::Draw,
    Outcome::Aborted,
];

fn fresh() -> game_core::Snapshot {
    Match::new(setup().build()).snapshot()
}

fn decide(table: &mut Table, outcome: Outcome) -> Result<u32, Refusal> {
    table.game.adjudicate(outcome, table.now, &mut table.events)
}

#[test]
fn an_arbiter_may_end_a_match_at_any_ply_with_any_result() {
    for moves in ["", "e2e4", "e2e4 e7e5 g1f3"] {
        for outcome in OUTCOMES {
            let mut table = Table::initial();
            table.play_all(moves);
            let seq = table.game.seq() + 1;
            assert_eq!(decide(&mut table, outcome), Ok(seq));
            table.expect_end(outcome, Termination::Adjudicated);
            let event = table.events.last().unwrap();
            assert_eq!((event.seat, event.command_id), (None, None));
        }
    }
}

#[test]
fn the_decision_is_restored_from_the_log_and_from_a_snapshot() {
    for outcome in OUTCOMES {
        let mut table = Table::initial();
        table.play_all("e2e4 e7e5 g1f3");
        decide(&mut table, outcome).unwrap();
        let of_log = Match::restore(fresh(), &table.events).unwrap();
        let of_snapshot = Match::restore(table.game.snapshot(), &[]).unwrap();
        for restored in [of_log, of_snapshot] {
            assert_eq!(
                restored.outcome(),
                Some((outcome, Termination::Adjudicated))
            );
            assert_eq!(restored.snapshot(), table.game.snapshot());
        }
    }
}

#[test]
fn what_has_ended_is_left_as_it_is() {
    let mut table = Table::initial();
    table.play_all("f2f3 e7e5 g2g4 d8h4");
    assert_eq!(decide(&mut table, Outcome::Draw), Err(Refusal::MatchOver));
    table.expect_end(Outcome::BlackWins, Termination::Checkmate);
}

#[test]
fn a_flag_that_fell_before_the_decision_stands() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    table.wait(181_000);
    assert_eq!(decide(&mut table, Outcome::Draw), Err(Refusal::MatchOver));
    table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
}

#[test]
fn the_time_until_the_decision_is_charged() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    table.wait(5_000);
    decide(&mut table, Outcome::Draw).unwrap();
    assert_eq!(table.clock_ms(Seat::White), 175_000);
}

#[test]
fn the_record_names_the_arbiter() {
    for (outcome, words) in [
        (Outcome::Draw, "Adjudication"),
        (Outcome::Aborted, "Abandoned"),
    ] {
        let mut table = Table::initial();
        table.play("e2e4");
        decide(&mut table, outcome).unwrap();
        let tag = format!("[Termination \"{words}\"]");
        assert!(table.game.pgn("?").contains(&tag), "{outcome:?}");
    }
}

#[test]
fn an_earlier_state_is_the_one_that_the_log_has_up_to_it() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5 g1f3");
    decide(&mut table, Outcome::WhiteWins).unwrap();
    for seq in 0..=table.game.seq() {
        let log = &table.events[..seq as usize];
        let fresh_one = fresh();
        let (clocks, at) = log
            .last()
            .map_or((fresh_one.clocks, fresh_one.at), |e| (e.clocks, e.at));
        let earlier = Match::restore(table.game.snapshot_at(seq, clocks, at), &[]).unwrap();
        let of_log = Match::restore(fresh(), log).unwrap();
        assert_eq!(earlier.snapshot(), of_log.snapshot(), "{seq}");
    }
    let last = table.events.last().unwrap();
    let whole = table.game.snapshot_at(u32::MAX, last.clocks, last.at);
    assert_eq!(whole, table.game.snapshot());
}
