//! Row "opponent gone": who is alone may claim the match after a while.

use std::time::Duration;

use game_core::{
    CommandKind, Match, MatchTime, Outcome, Refusal, Rule, Seat, Termination, TimeControl,
};

use crate::table::{Table, setup};

use CommandKind::{ClaimAbandonedDraw, ClaimWin};

const CLAIMS: [CommandKind; 2] = [ClaimWin, ClaimAbandonedDraw];

/// Both have moved and White is to move, its clock running.
fn begun(control: &str) -> Table {
    let mut table = Table::new(setup().timed(control).build());
    table.play_all("e2e4 e7e5");
    table
}

/// When Black may claim, as time from now.
fn claimable_in(table: &Table) -> Option<Duration> {
    let at: Option<MatchTime> = table.game.claimable_at(Seat::Black);
    at.map(|at| at.since(table.now))
}

/// 40 s, twice that in rapid and three times in classical matches; 10 s after a goodbye.
#[test]
fn opponent_gone_is_claimed_after_a_wait_by_speed() {
    for (control, wait_s) in [
        ("50+0", 40),
        ("60+1", 40),
        ("180+2", 40),
        ("600+0", 80),
        ("1800+20", 120),
    ] {
        for (said_goodbye, wait_s) in [(false, wait_s), (true, 10)] {
            for (claim, outcome) in [
                (ClaimWin, Outcome::BlackWins),
                (ClaimAbandonedDraw, Outcome::Draw),
            ] {
                let mut table = begun(control);
                table.game.left(Seat::White, said_goodbye, table.now);
                assert_eq!(claimable_in(&table), Some(Duration::from_secs(wait_s)));
                table.wait(wait_s * 1000 - 1);
                table.expect_refusal(Seat::Black, claim, Refusal::OpponentNotGone);
                table.wait(1);
                table.expect_refusal(Seat::White, claim, Refusal::OpponentNotGone);
                assert_eq!(table.send_as(Seat::Black, 900, claim), Ok(3));
                table.expect_end(outcome, Termination::Abandoned);
                assert_eq!(table.events[2].seat, Some(Seat::Black));
                // What the absentee has used is in the record.
                let used = Duration::from_secs(wait_s);
                let start = control.parse::<TimeControl>().unwrap().start();
                assert_eq!(table.events[2].clocks.remaining.white, start - used);
                table.resume();
                assert_eq!(table.send_as(Seat::Black, 900, claim), Ok(3));
            }
        }
    }
}

/// A win that was claimed is no claim of a draw, nor the other way round.
#[test]
fn opponent_gone_claims_are_told_apart_when_repeated() {
    for (claim, other) in [
        (ClaimWin, ClaimAbandonedDraw),
        (ClaimAbandonedDraw, ClaimWin),
    ] {
        let mut table = begun("180+2");
        table.game.left(Seat::White, true, table.now);
        table.wait(10_000).send_as(Seat::Black, 900, claim).unwrap();
        for _ in 0..2 {
            let reused = table.send_as(Seat::Black, 900, other);
            assert_eq!(reused, Err(Refusal::CommandIdReused));
            table.resume();
        }
    }
}

#[test]
fn opponent_gone_counts_only_while_the_absentee_is_to_move() {
    let mut table = begun("180+2");
    // Black is gone while White thinks.
    table.game.left(Seat::Black, false, table.now);
    table.wait(60_000);
    assert_eq!(table.game.claimable_at(Seat::White), None);
    for claim in CLAIMS {
        table.expect_refusal(Seat::White, claim, Refusal::OpponentNotGone);
    }
    // It counts from when the absentee was asked to move, as soon as its clock has started.
    let command = table.move_of("g1f3");
    table.send(Seat::White, command).unwrap();
    table.wait(3_000);
    assert_eq!(table.game.claimable_at(Seat::White), None);
    table.start_clock();
    let at = table.game.claimable_at(Seat::White);
    assert_eq!(at, Some(table.now + Duration::from_secs(40)));
    table.wait(40_000).send(Seat::White, ClaimWin).unwrap();
    table.expect_end(Outcome::WhiteWins, Termination::Abandoned);
}

#[test]
fn opponent_gone_is_not_claimed_before_both_have_moved() {
    for setup in [setup(), setup().at_once()] {
        for moves in ["", "e2e4"] {
            let mut table = Table::new(setup.clone().build());
            table.start_clock().play_all(moves);
            let absentee = table.game.turn();
            table.game.left(absentee, true, table.now);
            table.wait(15_000);
            assert_eq!(table.game.claimable_at(absentee.opponent()), None);
            for claim in CLAIMS {
                table.expect_refusal(absentee.opponent(), claim, Refusal::OpponentNotGone);
            }
        }
    }
}

#[test]
fn opponent_gone_and_back_is_not_gone() {
    let mut table = begun("180+2");
    assert_eq!(claimable_in(&table), None, "nobody is gone");
    table.game.left(Seat::White, false, table.now);
    table.wait(39_000);
    table.game.came(Seat::White);
    assert_eq!(claimable_in(&table), None);
    table.wait(10_000);
    table.expect_refusal(Seat::Black, ClaimWin, Refusal::OpponentNotGone);
    // The next absence counts by itself.
    table.game.left(Seat::White, false, table.now);
    assert_eq!(claimable_in(&table), Some(Duration::from_secs(40)));
    // That it is gone is heard again, and changes nothing.
    table.wait(5_000);
    table.game.left(Seat::White, false, table.now);
    assert_eq!(claimable_in(&table), Some(Duration::from_secs(35)));
    table.game.left(Seat::White, true, table.now);
    assert_eq!(claimable_in(&table), Some(Duration::from_secs(5)));
}

/// Who was there is in no snapshot: the new owner learns it anew, and the wait begins again.
#[test]
fn opponent_gone_counts_anew_at_a_resume() {
    let mut table = begun("180+2");
    table.game.left(Seat::White, false, table.now);
    table.wait(39_999).resume();
    // While nobody owned the match, nobody was gone from it.
    table.wait(100_000);
    assert_eq!(claimable_in(&table), None);
    table.game.left(Seat::White, false, table.now);
    assert_eq!(claimable_in(&table), None, "its clock has not started");
    table.expect_refusal(Seat::Black, ClaimWin, Refusal::OpponentNotGone);
    table.wait(5_000).start_clock();
    assert_eq!(claimable_in(&table), Some(Duration::from_secs(40)));
}

/// As for a flag: nobody wins who cannot mate.
#[test]
fn opponent_gone_is_a_draw_without_mating_material() {
    let mut table = Table::from_fen("8/8/8/4k3/8/8/8/3QK3 w - - 0 1");
    table.play_all("e1e2 e5e4 d1d2 e4e5");
    table.game.left(Seat::White, true, table.now);
    table
        .wait(10_000)
        .send_as(Seat::Black, 900, ClaimWin)
        .unwrap();
    table.expect_end(Outcome::Draw, Termination::Abandoned);
    table.resume();
    assert_eq!(table.send_as(Seat::Black, 900, ClaimWin), Ok(5));
}

#[test]
fn opponent_gone_is_not_claimed_with_no_claim_win() {
    let mut table = Table::new(setup().rule(Rule::NoClaimWin).build());
    table.play_all("e2e4 e7e5");
    table.game.left(Seat::White, true, table.now);
    table.wait(60_000);
    assert_eq!(claimable_in(&table), None);
    for claim in CLAIMS {
        table.expect_refusal(Seat::Black, claim, Refusal::NotAllowed);
    }
}

#[test]
fn opponent_gone_until_its_flag_falls_loses_by_time() {
    let mut table = begun("15+0");
    table.game.left(Seat::White, false, table.now);
    table.wait(40_000);
    assert_eq!(table.send(Seat::Black, ClaimWin), Err(Refusal::MatchOver));
    table.expect_end(Outcome::BlackWins, Termination::TimeForfeit);
    assert_eq!(table.game.claimable_at(Seat::Black), None);
}

#[test]
fn opponent_gone_claims_are_restored_if_a_match_can_have_seen_them() {
    let mut table = begun("180+2");
    table.game.left(Seat::White, true, table.now);
    table.wait(10_000).send(Seat::Black, ClaimWin).unwrap();
    let fresh = Match::new(setup().build()).snapshot();
    let restored = Match::restore(fresh.clone(), &table.events).unwrap();
    assert_eq!(restored.outcome(), table.game.outcome());
    // By the side to move, or for the absentee, it follows from nothing.
    type Spoil = fn(&mut game_core::Event);
    let spoils: [Spoil; 3] = [
        |end| end.seat = Some(Seat::White),
        |end| {
            end.kind = game_core::EventKind::Ended {
                outcome: Outcome::WhiteWins,
                termination: Termination::Abandoned,
            };
        },
        |end| (end.seat, end.command_id) = (None, None),
    ];
    for spoil in spoils {
        let mut log = table.events.clone();
        spoil(&mut log[2]);
        assert!(Match::restore(fresh.clone(), &log).is_err());
    }
}
