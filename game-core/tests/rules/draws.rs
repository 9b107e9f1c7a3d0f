//! Draw offers and the answers to them.

use game_core::{CommandKind, EventKind, Outcome, Refusal, Seat, Termination, WithMove};

use crate::table::Table;

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
