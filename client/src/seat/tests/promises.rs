//! What a shard says is checked: epochs, gaps, rules, acknowledgements.

use game_core::{CommandId, CommandKind, EventKind, Outcome, Seat, Termination};
use protocol::{CatchUp, ClientFrame, ServerBody};

use crate::Violation;
use crate::seat::{Loss, SeatTimes, Update};
use crate::testing::script::{
    ack, clock, ended, event, frame, joined, moved, said, seconds, state, uci, whole,
};
use crate::testing::seated::{FIRST, Seated, move_of};

#[test]
fn a_move_is_sent_once_and_acknowledged_once() {
    let mut seat = Seated::after("");
    let id = seat.play(0, "e2e4");
    let kind = move_of(0, "e2e4");
    assert_eq!(id, FIRST);
    assert_eq!(seat.sends(), [ClientFrame::Command { id, kind }]);
    assert!(matches!(
        seat.hear(event(1, moved(1, "e2e4")))[..],
        [Update::Event { seq: 1, .. }]
    ));
    seat.now += seconds(1);
    let updates = seat.hear(ack(1, 1, id, 1));
    let [Update::Acked { acked, after }] = updates[..] else {
        panic!("{updates:?}");
    };
    assert_eq!((acked.id, acked.event, acked.kind), (id, 1, kind));
    assert_eq!(after, seconds(1));
    assert_eq!(seat.machine.acked(), [acked]);
    assert_eq!(seat.machine.unanswered(), 0);
    assert!(seat.hear(ack(1, 1, id, 1)).is_empty());
}

#[test]
fn events_seen_before_are_not_seen_again() {
    let mut seat = Seated::after("e2e4");
    assert!(seat.hear(event(1, moved(1, "e2e4"))).is_empty());
    assert_eq!(seat.hear(event(1, moved(2, "e7e5"))).len(), 1);
    assert!(seat.hear(event(1, moved(2, "e7e5"))).is_empty());
    assert_eq!(seat.moves(), ["e2e4", "e7e5"]);
}

/// A name goes to terminals, logs and reports: it holds nothing that they would act on, and rejoining a match
/// finds the same players.
#[test]
fn a_name_that_acts_on_terminals_is_escaped() {
    let mut state = state("");
    state.players.black.name = "\x1b[2JBob\u{9b}31m\u{202e}".into();
    let frame = joined(1, 0, CatchUp::State(state));
    let mut seat = Seated::apart(SeatTimes::default());
    seat.connect();
    seat.hear(frame.clone());
    let name = |seat: &Seated| {
        let players = seat.machine.view().unwrap().players();
        players.black.name.clone()
    };
    assert_eq!(name(&seat), "\\u{1b}[2JBob\\u{9b}31m\\u{202e}");
    seat.machine.lost(Loss::Silent, seat.now);
    seat.connect();
    seat.hear(frame);
    assert_eq!(name(&seat), "\\u{1b}[2JBob\\u{9b}31m\\u{202e}");
}

#[test]
fn a_gap_is_a_violation() {
    let mut seat = Seated::after("e2e4");
    let gap = Violation::Gap { seen: 1, got: 3 };
    assert_eq!(seat.refuses(event(1, moved(3, "e7e5"))), gap);
}

#[test]
fn lower_epochs_are_not_listened_to() {
    let mut seat = Seated::after("e2e4");
    assert_eq!(seat.hear(event(3, moved(2, "e7e5"))).len(), 1);
    for stale in [
        event(2, moved(3, "g1f3")),
        event(2, moved(9, "g1f3")),
        frame(2, 2, ServerBody::Paused),
        ack(2, 2, CommandId(7), 2),
    ] {
        assert!(seat.hear(stale).is_empty());
    }
    assert_eq!(seat.moves(), ["e2e4", "e7e5"]);
    assert_eq!(seat.machine.view().unwrap().epoch().0, 3);
}

#[test]
fn a_full_state_at_the_return_must_continue_what_was_seen() {
    let lost = Violation::Lost { seen: 2, has: 1 };
    let after = Violation::AckBroken {
        uci: uci("g1f3"),
        event: 3,
        has: Some(uci("b1c3")),
    };
    for (moves, expected) in [
        ("e2e4 e7e5", Ok(())),
        ("e2e4 e7e5 g1f3", Ok(())),
        ("e2e4", Err(lost)),
        ("e2e4 c7c5 g1f3", Err(Violation::Rewritten)),
        ("e2e4 e7e5 b1c3", Err(after)),
    ] {
        let mut seat = Seated::after("e2e4 e7e5");
        let id = seat.play(2, "g1f3");
        seat.sends();
        // Acknowledged before its event was seen, which is then lost on the way.
        seat.hear(ack(1, 3, id, 3));
        seat.machine.lost(Loss::Silent, seat.now);
        seat.updates();
        seat.connect();
        assert_eq!(
            seat.try_hear(whole(2, moves)).map(drop),
            expected,
            "{moves}"
        );
    }
}

#[test]
fn missed_events_must_reach_what_the_shard_has() {
    let mut seat = Seated::after("e2e4");
    seat.machine.lost(Loss::Silent, seat.now);
    seat.connect();
    let short = joined(1, 3, CatchUp::Events(vec![moved(2, "e7e5")]));
    assert_eq!(seat.refuses(short), Violation::Gap { seen: 2, got: 3 });
    let mut seat = Seated::after("e2e4 e7e5");
    seat.machine.lost(Loss::Silent, seat.now);
    seat.connect();
    let rolled_back = joined(2, 1, CatchUp::Events(Vec::new()));
    assert_eq!(
        seat.refuses(rolled_back),
        Violation::Lost { seen: 2, has: 1 }
    );
}

#[test]
fn what_the_rules_forbid_is_a_violation() {
    let mut seat = Seated::after("");
    assert!(matches!(
        seat.refuses(event(1, moved(1, "e2e5"))),
        Violation::IllegalMove { .. }
    ));
    let mut seat = Seated::after("");
    let (seq, mut other) = moved(1, "e2e4");
    other.seat = Some(Seat::Black);
    assert_eq!(
        seat.refuses(event(1, (seq, other))),
        Violation::WrongTurn { seq: 1 }
    );
    let mut seat = Seated::after("");
    let mate = ended(1, Outcome::WhiteWins, Termination::Checkmate);
    assert!(matches!(
        seat.refuses(event(1, mate)),
        Violation::WrongEnding { .. }
    ));
    let mut seat = Seated::after("f2f3 e7e5 g2g4 d8h4");
    let resigned = ended(5, Outcome::BlackWins, Termination::Resignation);
    assert!(matches!(
        seat.refuses(event(1, resigned)),
        Violation::WrongEnding { .. }
    ));
    let mut seat = Seated::after("f2f3 e7e5 g2g4 d8h4");
    let mate = ended(5, Outcome::BlackWins, Termination::Checkmate);
    assert_eq!(seat.hear(event(1, mate)).len(), 1);
    let after = event(1, ended(6, Outcome::Draw, Termination::DrawAgreement));
    assert_eq!(seat.refuses(after), Violation::AfterTheEnd { seq: 6 });
}

#[test]
fn a_state_that_contradicts_itself_is_a_violation() {
    let mut seat = Seated::apart(SeatTimes::default());
    seat.connect();
    let mut state = state("e2e4");
    state.fen = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1".into();
    let contradiction = joined(1, 1, CatchUp::State(state));
    assert!(matches!(
        seat.refuses(contradiction),
        Violation::OtherPosition { .. }
    ));
}

#[test]
fn answers_that_change_are_violations() {
    let mut seat = Seated::after("e2e4 e7e5");
    let first = seat.play(2, "g1f3");
    let second = seat
        .machine
        .command(CommandKind::OfferDraw, seat.now)
        .unwrap();
    assert_eq!(seat.hear(ack(1, 3, first, 3)).len(), 1);
    let changed = Violation::AnswerChanged {
        id: first,
        first: 3,
        now: 4,
    };
    assert_eq!(seat.refuses(ack(1, 4, first, 4)), changed);
    let shared = Violation::SharedEvent {
        event: 3,
        first,
        second,
    };
    assert_eq!(seat.refuses(ack(1, 4, second, 3)), shared);
    let future = Violation::FutureEvent { event: 6, has: 5 };
    assert_eq!(seat.refuses(ack(1, 5, second, 6)), future);
    let unknown = CommandId(7);
    assert_eq!(
        seat.refuses(ack(1, 5, unknown, 5)),
        Violation::UnknownCommand(unknown)
    );
}

#[test]
fn an_acknowledged_move_must_be_the_one_that_happens() {
    let mut seat = Seated::after("");
    let id = seat.play(0, "e2e4");
    seat.hear(ack(1, 1, id, 1));
    let broken = Violation::AckBroken {
        uci: uci("e2e4"),
        event: 1,
        has: Some(uci("d2d4")),
    };
    assert_eq!(seat.refuses(event(1, moved(1, "d2d4"))), broken);
}

#[test]
fn castling_is_named_as_the_shard_names_it() {
    let mut seat = Seated::after("e2e4 e7e5 g1f3 b8c6 f1c4 g8f6");
    seat.play(6, "e1h1");
    let id = FIRST;
    let kind = move_of(6, "e1g1");
    assert_eq!(seat.sends(), [ClientFrame::Command { id, kind }]);
}

#[test]
fn an_answer_before_the_seat_is_taken_is_out_of_place_and_news_is_not() {
    let mut seat = Seated::apart(SeatTimes::default());
    seat.connect();
    let connected = true;
    let news = ServerBody::Presence {
        seat: Seat::White,
        connected,
    };
    assert!(seat.hear(frame(1, 0, news)).is_empty());
    assert!(matches!(
        seat.refuses(event(1, moved(1, "e2e4"))),
        Violation::OutOfPlace(_)
    ));
    let mut seat = Seated::after("");
    assert!(matches!(
        seat.refuses(whole(1, "")),
        Violation::OutOfPlace(_)
    ));
}

/// MATCH.md: an offer stands until the opponent answers or moves, and lives through its maker's own move.
#[test]
fn offers_stand_through_their_makers_move_and_fall_with_the_opponents() {
    let said = |seq, seat, kind| event(1, (seq, said(Some(seat), kind, clock(None))));
    let move_at = |seq, ply, text| {
        let (_, moved) = moved(ply, text);
        event(1, (seq, moved))
    };
    let standing = |seat: &Seated| seat.machine.view().unwrap().draw_offer();
    let mut seat = Seated::after("e2e4 e7e5");
    seat.hear(said(3, Seat::Black, EventKind::DrawOffered));
    assert_eq!(standing(&seat), Some(Seat::Black));
    seat.hear(said(4, Seat::White, EventKind::DrawDeclined));
    assert_eq!(standing(&seat), None);
    seat.hear(said(5, Seat::White, EventKind::DrawOffered));
    seat.hear(move_at(6, 3, "g1f3"));
    assert_eq!(standing(&seat), Some(Seat::White), "the maker moves");
    seat.hear(move_at(7, 4, "b8c6"));
    assert_eq!(standing(&seat), None, "the opponent moves");
}

#[test]
fn answers_to_offers_that_do_not_stand_are_violations() {
    let said = |seq, seat, kind| event(1, (seq, said(seat, kind, clock(None))));
    let agreed = EventKind::Ended {
        outcome: Outcome::Draw,
        termination: Termination::DrawAgreement,
    };
    let (white, black) = (Some(Seat::White), Some(Seat::Black));
    let after = || Seated::after("e2e4 e7e5");
    let declined = said(3, white, EventKind::DrawDeclined);
    assert_eq!(after().refuses(declined), Violation::NoOffer { seq: 3 });
    assert!(matches!(
        after().refuses(said(3, white, agreed)),
        Violation::WrongEnding { .. }
    ));
    // One's own offer is not one's own to accept.
    for (by, is_wrong) in [(white, false), (black, true), (None, true)] {
        let mut seat = after();
        seat.hear(said(3, black, EventKind::DrawOffered));
        let heard = seat.try_hear(said(4, by, agreed));
        assert_eq!(heard.is_err(), is_wrong, "{by:?}: {heard:?}");
    }
    // The flag of who faces an offer makes it a draw.
    let flag = |outcome| EventKind::Ended {
        outcome,
        termination: Termination::TimeForfeit,
    };
    for (outcome, is_wrong) in [(Outcome::Draw, false), (Outcome::BlackWins, true)] {
        let mut seat = after();
        seat.hear(said(3, black, EventKind::DrawOffered));
        let heard = seat.try_hear(said(4, None, flag(outcome)));
        assert_eq!(heard.is_err(), is_wrong, "{outcome}: {heard:?}");
    }
}

#[test]
fn a_full_state_with_another_offer_at_the_same_event_is_a_violation() {
    for (offer, expected) in [
        (None, Ok(())),
        (Some(Seat::Black), Err(Violation::Rewritten)),
    ] {
        let mut seat = Seated::after("e2e4 e7e5");
        seat.machine.lost(Loss::Silent, seat.now);
        seat.connect();
        let mut state = state("e2e4 e7e5");
        state.draw_offer = offer;
        let back = seat.try_hear(joined(2, 2, CatchUp::State(state)));
        assert_eq!(back.map(drop), expected, "{offer:?}");
    }
}
