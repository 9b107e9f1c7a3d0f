//! No seat can make the log of a match grow without end.

use game_core::{CommandKind, Match, MatchId, Receipt, Refusal, SIDE_EVENTS_MAX, Seat, WithMove};

use crate::table::{Table, setup};

use CommandKind::{AcceptTakeback, OfferTakeback};

/// A table whose log has all the events beside moves that it may have.
fn full() -> Table {
    let mut table = Table::new(setup().timed("10800+180").build());
    table.play_all("e2e4 e7e5");
    for _ in 0..SIDE_EVENTS_MAX {
        let gift = CommandKind::GiveTime { seconds: 60 };
        table.send(Seat::White, gift).unwrap();
    }
    table
}

#[test]
fn a_full_log_takes_moves_and_ends_only() {
    let mut table = full();
    for seat in Seat::BOTH {
        for kind in [
            CommandKind::GiveTime { seconds: 5 },
            CommandKind::OfferDraw,
            OfferTakeback,
        ] {
            table.expect_refusal(seat, kind, Refusal::TooManyEvents);
        }
    }
    let offer = table.move_with("g1f3", WithMove::DrawOffer);
    table.expect_refusal(Seat::White, offer, Refusal::TooManyEvents);
    table.play_all("g1f3 b8c6 f1c4");
    // A move takes no room of the others, and makes none.
    table.expect_refusal(Seat::White, OfferTakeback, Refusal::TooManyEvents);
    table.resume();
    table.send(Seat::White, CommandKind::Resign).unwrap();
    table.expect_refusal(
        Seat::White,
        CommandKind::OfferRematch,
        Refusal::TooManyEvents,
    );
    let fresh = Match::new(table.game.setup().clone()).snapshot();
    assert!(Match::restore(fresh, &table.events).is_ok());
}

/// Taking moves back and making them again adds events and no half-moves.
#[test]
fn takebacks_end_when_the_log_is_full() {
    let mut table = Table::new(setup().timed("10800+180").build());
    table.play_all("e2e4 e7e5");
    loop {
        match table.send(Seat::White, OfferTakeback) {
            Ok(_) => table.send(Seat::Black, AcceptTakeback).unwrap(),
            Err(refusal) => {
                assert_eq!(refusal, Refusal::TooManyEvents);
                break;
            }
        };
        table.play_all("e2e4 e7e5");
    }
    // The last offer may have found room for itself, and its answer and the moves for none.
    let beside_moves = table.game.seq() - u32::from(table.game.ply());
    assert!(beside_moves < SIDE_EVENTS_MAX + 4, "{beside_moves}");
}

/// The answers that follow an offer are few, too.
#[test]
fn rematch_offers_end_when_the_log_is_full() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    table.send(Seat::White, CommandKind::Resign).unwrap();
    let mut id = 1_000;
    let refusal = loop {
        let receipt = Receipt {
            next_match: Some(MatchId::from_random(5)),
            ..table.now.into()
        };
        id += 1;
        let offer = CommandKind::OfferRematch;
        if let Err(refusal) = table.send_with(Seat::White, id, offer, receipt) {
            break refusal;
        }
        let decline = CommandKind::DeclineRematch;
        table.send_with(Seat::Black, id, decline, receipt).unwrap();
    };
    assert_eq!(refusal, Refusal::TooManyEvents);
    let beside_moves = table.game.seq() - u32::from(table.game.ply());
    assert!(beside_moves <= SIDE_EVENTS_MAX + 1, "{beside_moves}");
    table.resume();
}
