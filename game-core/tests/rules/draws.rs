//! Draw offers and the answers to them.

use game_core::{CommandKind, EventKind, Outcome, Refusal, Rule, Seat, Termination, WithMove};

use crate::table::{Table, quiet_moves, setup};

use CommandKind::{AcceptDraw, DeclineDraw, OfferDraw};

const OPENING: &str = "e2e4 e7e5 g1f3 b8c6";

fn opened() -> Table {
    let mut table = Table::initial();
    table.play_all(OPENING);
    table
}

/// Goes on from the opening for so many plies, after `done` of them.
fn develop(table: &mut Table, done: usize, plies: usize) {
    let moves = "a2a3 a7a6 h2h3 h7h6 b2b3 b7b6 g2g3 g7g6 c2c3 d7d6 \
                 d2d3 f8g7 f1g2 g8e7 e1g1 e8g8 a3a4 a6a5 h3h4 h6h5";
    for uci in moves.split_whitespace().skip(done).take(plies) {
        table.play(uci);
    }
}

#[test]
fn an_offer_stands_until_it_is_answered() {
    for seat in Seat::BOTH {
        let mut table = opened();
        assert_eq!(table.send(seat, OfferDraw), Ok(5));
        assert_eq!(table.last(), EventKind::DrawOffered);
        assert_eq!(table.game.draw_offer(), Some(seat));
        // Nobody answers their own offer.
        for own in [AcceptDraw, DeclineDraw] {
            assert_eq!(table.send(seat, own), Err(Refusal::NoOffer));
        }
        assert_eq!(table.send(seat.opponent(), DeclineDraw), Ok(6));
        assert_eq!(table.last(), EventKind::DrawDeclined);
        assert_eq!(table.game.draw_offer(), None);
        assert_eq!(
            table.send(seat.opponent(), AcceptDraw),
            Err(Refusal::NoOffer)
        );
    }
}

#[test]
fn an_accepted_offer_is_a_draw() {
    for answer in [AcceptDraw, OfferDraw] {
        for seat in Seat::BOTH {
            let mut table = opened();
            table.send(seat, OfferDraw).unwrap();
            assert!(table.game.may_offer_draw(seat.opponent()));
            assert_eq!(table.send(seat.opponent(), answer), Ok(6));
            table.expect_end(Outcome::Draw, Termination::DrawAgreement);
            let end = table.events.last().unwrap();
            assert_eq!(end.seat, Some(seat.opponent()));
            assert!(end.command_id.is_some());
            assert_eq!(table.game.draw_offer(), None);
        }
    }
}

#[test]
fn a_move_declines_the_opponents_offer_and_keeps_ones_own() {
    let mut table = opened();
    table.send(Seat::White, OfferDraw).unwrap();
    table.play("f1c4");
    assert_eq!(table.game.draw_offer(), Some(Seat::White));
    table.play("f8c5");
    assert_eq!(table.game.draw_offer(), None);
    // One event says both: the move.
    assert!(matches!(table.last(), EventKind::Moved { .. }));
    assert_eq!(table.events.len(), 7);
}

#[test]
fn an_offer_may_travel_with_a_move() {
    let mut table = opened();
    let command = table.move_with("f1c4", WithMove::DrawOffer);
    table.send(Seat::White, command).unwrap();
    assert!(matches!(
        table.last(),
        EventKind::Moved {
            with: WithMove::DrawOffer,
            ..
        }
    ));
    assert_eq!(table.game.draw_offer(), Some(Seat::White));
    table.send(Seat::Black, AcceptDraw).unwrap();
    table.expect_end(Outcome::Draw, Termination::DrawAgreement);
}

#[test]
fn an_offer_with_a_move_declines_the_one_it_meets() {
    let mut table = opened();
    table.send(Seat::Black, OfferDraw).unwrap();
    let command = table.move_with("f1c4", WithMove::DrawOffer);
    table.send(Seat::White, command).unwrap();
    assert_eq!(table.game.outcome(), None);
    assert_eq!(table.game.draw_offer(), Some(Seat::White));
}

#[test]
fn an_offer_with_a_mating_move_does_not_matter() {
    let mut table = Table::initial();
    table.play_all("f2f3 e7e5 g2g4");
    let command = table.move_with("d8h4", WithMove::DrawOffer);
    table.send(Seat::Black, command).unwrap();
    table.expect_end(Outcome::BlackWins, Termination::Checkmate);
    assert_eq!(table.game.draw_offer(), None);
}

#[test]
fn a_move_whose_offer_is_refused_is_not_made() {
    let mut table = Table::initial();
    let command = table.move_with("e2e4", WithMove::DrawOffer);
    assert_eq!(table.send(Seat::White, command), Err(Refusal::TooEarly));
    assert_eq!(table.game.ply(), 0);
    table.play("e2e4");
    // After Black's first move both are made.
    let command = table.move_with("e7e5", WithMove::DrawOffer);
    table.send(Seat::Black, command).unwrap();
    table.start_clock().play("g1f3");
    let command = table.move_with("b8c6", WithMove::DrawOffer);
    assert_eq!(table.send(Seat::Black, command), Err(Refusal::OfferTooSoon));
    assert_eq!(table.game.ply(), 3);
    // An illegal move is refused as such.
    let command = table.move_with("b8b1", WithMove::DrawOffer);
    assert_eq!(table.send(Seat::Black, command), Err(Refusal::IllegalMove));
}

#[test]
fn a_seat_offers_once_in_20_plies() {
    let mut table = opened();
    assert_eq!(table.send(Seat::White, OfferDraw), Ok(5));
    // It stands already.
    assert_eq!(
        table.send(Seat::White, OfferDraw),
        Err(Refusal::OfferTooSoon)
    );
    develop(&mut table, 0, 2);
    assert_eq!(table.game.draw_offer(), None);
    develop(&mut table, 2, 17);
    // 19 plies later it is too soon, by whichever command.
    assert_eq!(table.game.ply(), 4 + 19);
    assert!(!table.game.may_offer_draw(Seat::White));
    assert_eq!(
        table.send(Seat::White, OfferDraw),
        Err(Refusal::OfferTooSoon)
    );
    // The other seat has its own count.
    assert!(table.game.may_offer_draw(Seat::Black));
    develop(&mut table, 19, 1);
    assert_eq!(table.send(Seat::White, OfferDraw), Ok(4 + 1 + 20 + 1));
}

#[test]
fn resigning_settles_an_offer_too() {
    let mut table = opened();
    table.send(Seat::White, OfferDraw).unwrap();
    table.send(Seat::Black, CommandKind::Resign).unwrap();
    table.expect_end(Outcome::WhiteWins, Termination::Resignation);
    assert_eq!(table.game.draw_offer(), None);
}

/// None before move 30, by whichever command; what the rules give can be claimed.
#[test]
fn no_early_draw_refuses_offers_before_move_30() {
    let mut table = Table::new(setup().rule(Rule::NoEarlyDraw).build());
    let mut moves = quiet_moves();
    while table.game.ply() < 57 {
        for seat in Seat::BOTH {
            table.expect_refusal(seat, OfferDraw, Refusal::TooEarly);
            assert!(!table.game.may_offer_draw(seat));
        }
        let uci = moves.next().unwrap();
        // The offer would be made on the position after the move.
        let with_offer = table.move_with(&uci, WithMove::DrawOffer);
        if table.game.ply() < 56 {
            table.expect_refusal(table.game.turn(), with_offer, Refusal::TooEarly);
        }
        table.play(&uci);
    }
    // Black's 29th move leads to move 30.
    let uci = moves.next().unwrap();
    let with_offer = table.move_with(&uci, WithMove::DrawOffer);
    table.send(Seat::Black, with_offer).unwrap();
    assert_eq!(table.game.draw_offer(), Some(Seat::Black));
    table.send(Seat::White, AcceptDraw).unwrap();
    table.expect_end(Outcome::Draw, Termination::DrawAgreement);

    let mut table = Table::new(setup().rule(Rule::NoEarlyDraw).build());
    table.play_all("g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8");
    table.send(Seat::White, CommandKind::ClaimDraw).unwrap();
    table.expect_end(Outcome::Draw, Termination::ThreefoldRepetition);
}

/// It lives through its maker's own move and dies by the opponent's, also at another owner.
#[test]
fn a_draw_offer_lives_through_its_makers_own_move() {
    for resumes in [false, true] {
        let mut table = opened();
        let resume = |table: &mut Table| {
            if resumes {
                table.resume().start_clock();
            }
        };
        table.send(Seat::White, OfferDraw).unwrap();
        resume(&mut table);
        table.play("f1c4");
        resume(&mut table);
        assert_eq!(table.game.draw_offer(), Some(Seat::White));
        let mut accepted = table.clone();
        accepted.send(Seat::Black, AcceptDraw).unwrap();
        accepted.expect_end(Outcome::Draw, Termination::DrawAgreement);
        table.play("f8c5");
        resume(&mut table);
        assert_eq!(table.game.draw_offer(), None);
        table.expect_refusal(Seat::Black, AcceptDraw, Refusal::NoOffer);
    }
}

/// A draw offered with a move is declined as any other, and counts for the 20 plies.
#[test]
fn a_draw_offer_with_a_move_counts_from_the_position_after_it() {
    let mut table = opened();
    let with_offer = table.move_with("a2a3", WithMove::DrawOffer);
    table.send(Seat::White, with_offer).unwrap();
    table.start_clock();
    assert_eq!(table.send(Seat::Black, DeclineDraw), Ok(6));
    develop(&mut table, 1, 19);
    assert_eq!(table.game.ply(), 5 + 19);
    table.expect_refusal(Seat::White, OfferDraw, Refusal::OfferTooSoon);
    table.play("f1e1");
    assert_eq!(table.game.ply(), 5 + 20);
    table.send(Seat::White, OfferDraw).unwrap();
}
