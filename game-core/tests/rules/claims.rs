//! Claims of threefold repetition and fifty moves, and the term `auto_claim`.

use game_core::{
    CommandKind, EventKind, Match, Outcome, Refusal, Rule, Seat, StartPosition, Termination,
    Variant, WithMove,
};

use crate::table::{Table, setup};

use CommandKind::ClaimDraw;

/// The knights go out and come back.
const TOUR: &str = "g1f3 g8f6 f3g1 f6g8";

/// The initial position is about to be on the board for the third time.
fn before_the_third() -> Table {
    let mut table = Table::initial();
    table.play_all(TOUR).play_all("g1f3 g8f6 f3g1");
    table
}

/// A rook and two kings, with so many quiet half-moves behind them.
fn quiet(plies: u32) -> Table {
    Table::from_fen(&format!("8/8/4k3/8/8/8/8/R3K3 w - - {plies} 100"))
}

/// FIDE 9.2.2.
#[test]
fn threefold_repetition_is_claimed_by_the_side_to_move() {
    let mut table = before_the_third();
    table.expect_refusal(Seat::Black, ClaimDraw, Refusal::NoClaim);
    table.play("f6g8");
    assert_eq!(table.game.outcome(), None, "nobody has claimed yet");
    table.expect_refusal(Seat::Black, ClaimDraw, Refusal::NotYourTurn);
    assert_eq!(table.send_as(Seat::White, 900, ClaimDraw), Ok(9));
    table.expect_end(Outcome::Draw, Termination::ThreefoldRepetition);
    let end = table.events.last().unwrap();
    assert_eq!(end.seat, Some(Seat::White));
    assert_eq!(end.command_id.map(|id| id.0), Some(900));
    // Sent again it has the same answer, and its id serves no other command.
    assert_eq!(table.send_as(Seat::White, 900, ClaimDraw), Ok(9));
    let other = table.send_as(Seat::White, 900, CommandKind::Resign);
    assert_eq!(other, Err(Refusal::CommandIdReused));
    table.resume();
    assert_eq!(table.send_as(Seat::White, 900, ClaimDraw), Ok(9));
}

/// FIDE 9.4: who moves without a claim loses the right to it on that move.
#[test]
fn threefold_repetition_is_claimed_before_the_position_is_left() {
    let mut table = before_the_third();
    table.play_all("f6g8 e2e4");
    table.expect_refusal(Seat::Black, ClaimDraw, Refusal::NoClaim);
}

/// FIDE 9.2.1.
#[test]
fn threefold_repetition_is_claimed_with_the_move_that_brings_it_about() {
    let mut table = before_the_third();
    let command = table.move_with("f6g8", WithMove::DrawClaim);
    assert_eq!(table.send(Seat::Black, command), Ok(8));
    let EventKind::Moved { with, .. } = table.events[7].kind else {
        panic!("{:?}", table.events[7]);
    };
    assert_eq!(with, WithMove::DrawClaim);
    table.expect_end(Outcome::Draw, Termination::ThreefoldRepetition);
    assert_eq!(table.events.len(), 9);
}

/// FIDE 9.5.3: the move is played; beyond that, a claim that does not hold has no effect here.
#[test]
fn a_claim_with_a_move_that_does_not_hold_costs_nothing_else() {
    let play = |with| {
        let mut table = Table::initial();
        table.play_all("g1f3 g8f6 f3g1").wait(2_500);
        let command = table.move_with("f6g8", with);
        assert_eq!(table.send(Seat::Black, command), Ok(4));
        table.start_clock().wait(1_000);
        table
    };
    let (mut claimed, plain) = (play(WithMove::DrawClaim), play(WithMove::Nothing));
    assert_eq!(claimed.game.outcome(), None);
    assert_eq!(claimed.game.fen(), plain.game.fen());
    assert_eq!(
        claimed.game.clocks(claimed.now),
        plain.game.clocks(plain.now)
    );
    assert_eq!(claimed.game.draw_offer(), None);
    assert_eq!(claimed.game.deadline(), plain.game.deadline());
    assert!(claimed.game.may_offer_draw(Seat::Black));
    // It is of that move only: the third time, nobody claims.
    claimed.play_all(TOUR);
    assert_eq!(claimed.game.outcome(), None);
    claimed.send(Seat::White, ClaimDraw).unwrap();
    claimed.expect_end(Outcome::Draw, Termination::ThreefoldRepetition);
}

#[test]
fn a_claim_alone_that_does_not_hold_is_refused_and_costs_nothing() {
    let mut table = Table::initial();
    table.expect_refusal(Seat::White, ClaimDraw, Refusal::NoClaim);
    table.expect_refusal(Seat::Black, ClaimDraw, Refusal::NotYourTurn);
    table.play_all("e2e4 e7e5").wait(5_000);
    table.expect_refusal(Seat::White, ClaimDraw, Refusal::NoClaim);
    assert_eq!(table.clock_ms(Seat::White), 175_000);
}

/// FIDE 9.3.
#[test]
fn fifty_moves_are_claimed_alone_or_with_the_move() {
    let mut table = quiet(98);
    table.play("a1a2");
    table.expect_refusal(Seat::Black, ClaimDraw, Refusal::NoClaim);
    table.play("e6e7");
    table.expect_refusal(Seat::Black, ClaimDraw, Refusal::NotYourTurn);
    table.send(Seat::White, ClaimDraw).unwrap();
    table.expect_end(Outcome::Draw, Termination::FiftyMoves);

    let mut table = quiet(98);
    table.play("a1a2");
    let command = table.move_with("e6e7", WithMove::DrawClaim);
    table.send(Seat::Black, command).unwrap();
    table.expect_end(Outcome::Draw, Termination::FiftyMoves);

    // A half-move too early.
    let mut table = quiet(98);
    let command = table.move_with("a1a2", WithMove::DrawClaim);
    table.send(Seat::White, command).unwrap();
    assert_eq!(table.game.outcome(), None);
}

#[test]
fn fifty_moves_that_the_start_position_has_behind_it_are_claimed() {
    let mut table = quiet(100);
    table.send(Seat::White, ClaimDraw).unwrap();
    table.expect_end(Outcome::Draw, Termination::FiftyMoves);
    table.resume();
}

#[test]
fn fifty_moves_are_broken_by_a_capture_or_a_pawn() {
    for (fen, uci) in [
        ("8/8/4k3/8/8/8/r7/R3K3 w - - 99 100", "a1a2"),
        ("8/8/4k3/8/8/8/4P3/R3K3 w - - 99 100", "e2e3"),
    ] {
        let mut table = Table::from_fen(fen);
        let command = table.move_with(uci, WithMove::DrawClaim);
        table.send(Seat::White, command).unwrap();
        assert_eq!(table.game.outcome(), None, "{fen}");
    }
}

#[test]
fn mate_prevails_over_a_claim_with_the_mating_move() {
    let mut table = Table::from_fen("4k3/8/4K3/8/8/8/8/R7 w - - 99 100");
    let command = table.move_with("a1a8", WithMove::DrawClaim);
    table.send(Seat::White, command).unwrap();
    table.expect_end(Outcome::WhiteWins, Termination::Checkmate);
}

#[test]
fn auto_claim_ends_the_match_at_the_third_repetition() {
    let mut table = Table::new(setup().rule(Rule::AutoClaim).build());
    table.play_all(TOUR).play_all("g1f3 g8f6 f3g1");
    assert_eq!(table.game.outcome(), None);
    table.play("f6g8");
    table.expect_end(Outcome::Draw, Termination::ThreefoldRepetition);
    let end = table.events.last().unwrap();
    assert_eq!((end.seat, end.command_id), (None, None));
    table.resume();
}

#[test]
fn auto_claim_ends_the_match_at_fifty_moves() {
    let fen = "8/8/4k3/8/8/8/8/R3K3 w - - 98 100";
    let mut table = Table::new(setup().start(fen).rule(Rule::AutoClaim).build());
    table.play("a1a2");
    assert_eq!(table.game.outcome(), None);
    table.play("e6e7");
    table.expect_end(Outcome::Draw, Termination::FiftyMoves);
}

/// The log was cut between a move with a claim, or under `auto_claim`, and the end that follows.
#[test]
fn a_claim_whose_end_is_missing_from_the_log_ends_the_match_at_the_resume() {
    for rule in [None, Some(Rule::AutoClaim)] {
        let setup = rule.map_or_else(setup, |rule| setup().rule(rule)).build();
        let mut table = Table::new(setup.clone());
        table.play_all(TOUR).play_all("g1f3 g8f6 f3g1");
        let with = match rule {
            None => WithMove::DrawClaim,
            Some(_) => WithMove::Nothing,
        };
        let command = table.move_with("f6g8", with);
        table.send(Seat::Black, command).unwrap();
        table.expect_end(Outcome::Draw, Termination::ThreefoldRepetition);

        let fresh = Match::new(setup).snapshot();
        let mut cut = Match::restore(fresh, &table.events[..8]).unwrap();
        for game in [cut.clone(), Match::restore(cut.snapshot(), &[]).unwrap()] {
            assert_eq!(game.snapshot(), cut.snapshot());
            assert!(game.deadline().is_some_and(|at| at <= table.now));
        }
        assert_eq!(cut.outcome(), None);
        assert!(!cut.may_resign(), "it is decided");
        let mut events = Vec::new();
        cut.tick(table.now, &mut events);
        assert_eq!(events, table.events[8..]);
        assert_eq!(cut.snapshot(), table.game.snapshot());
    }
}

/// What repeats is the position by the rules of the variant. A horde has no move back.
#[test]
fn threefold_repetition_is_claimed_in_every_variant() {
    for variant in Variant::ALL {
        let tour = match variant {
            Variant::RacingKings => "e2g3 d2b3 g3e2 b3d2",
            Variant::Horde => "a1b1 b8c6 b1a1 c6b8",
            _ => TOUR,
        };
        let fen = match variant {
            Variant::Horde => "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/R7 w kq - 0 1".to_owned(),
            _ => StartPosition::initial(variant).fen(),
        };
        let mut table = Table::new(setup().variant(variant).start(&fen).build());
        for _ in 0..2 {
            let early = table.game.turn();
            table.expect_refusal(early, ClaimDraw, Refusal::NoClaim);
            table.play_all(tour);
        }
        assert_eq!(table.game.outcome(), None, "{variant}");
        table.resume();
        table.send(Seat::White, ClaimDraw).unwrap();
        table.expect_end(Outcome::Draw, Termination::ThreefoldRepetition);
    }
}
