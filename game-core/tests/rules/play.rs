//! Moves and the commands that end a match, what is refused, and what a repeat gets.

use game_core::{CommandKind, EventKind, Outcome, Refusal, Seat, Termination, WithMove};

use crate::table::Table;

const KIWIPETE: &str = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1";

fn a_move(position_seq: u32, uci: &str) -> CommandKind {
    CommandKind::Move {
        position_seq,
        uci: uci.parse().unwrap(),
        with: WithMove::Nothing,
    }
}

#[test]
fn a_move_is_one_event_with_its_command() {
    let mut table = Table::initial();
    let command = table.move_of("e2e4");
    assert_eq!(table.send_as(Seat::White, 77, command), Ok(1));
    let event = &table.events[0];
    assert_eq!((event.seq, event.seat), (1, Some(Seat::White)));
    assert_eq!(event.command_id.map(|id| id.0), Some(77));
    let uci = "e2e4".parse().unwrap();
    assert_eq!(
        event.kind,
        EventKind::Moved {
            uci,
            with: WithMove::Nothing
        }
    );
    assert_eq!((table.game.ply(), table.game.turn()), (1, Seat::Black));
    assert_eq!(
        table.game.fen(),
        "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1"
    );
}

#[test]
fn a_move_that_ends_the_match_is_followed_by_the_end() {
    let mut table = Table::initial();
    table.play_all("f2f3 e7e5 g2g4");
    let mate = table.move_of("d8h4");
    assert_eq!(table.send_as(Seat::Black, 9, mate), Ok(4));
    let authors: Vec<_> = table.events[3..]
        .iter()
        .map(|event| (event.seq, event.seat, event.command_id.map(|id| id.0)))
        .collect();
    assert_eq!(authors, [(4, Some(Seat::Black), Some(9)), (5, None, None)]);
    table.expect_end(Outcome::BlackWins, Termination::Checkmate);
}

#[test]
fn castling_is_understood_in_both_forms_and_recorded_in_one() {
    for (sent, recorded) in [
        ("e1g1", "e1g1"),
        ("e1h1", "e1g1"),
        ("e1c1", "e1c1"),
        ("e1a1", "e1c1"),
    ] {
        let mut table = Table::from_fen(KIWIPETE);
        assert!(table.game.is_legal(sent.parse().unwrap()));
        table.play(sent);
        let moves: Vec<_> = table.game.moves().map(|(uci, _)| uci.to_string()).collect();
        assert_eq!(moves, [recorded]);
        assert!(
            matches!(table.last(), EventKind::Moved { uci, .. } if uci.to_string() == recorded)
        );
    }
}

#[test]
fn a_king_may_step_beside_its_rook_without_castling() {
    let mut table = Table::from_fen("4k3/8/8/8/8/8/8/4K2R w - - 0 1");
    for castling in ["e1g1", "e1h1"] {
        assert!(!table.game.is_legal(castling.parse().unwrap()));
        let command = table.move_of(castling);
        assert_eq!(table.send(Seat::White, command), Err(Refusal::IllegalMove));
    }
}

#[test]
fn the_first_reason_that_holds_is_given() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5 g1f3");
    // Black is to move at ply 3.
    let cases = [
        (Seat::White, a_move(2, "g1f3"), Refusal::StalePosition),
        (Seat::Black, a_move(1, "e7e5"), Refusal::StalePosition),
        (Seat::White, a_move(4, "f1c4"), Refusal::StalePosition),
        (Seat::White, a_move(3, "f1c4"), Refusal::NotYourTurn),
        (Seat::Black, a_move(3, "e8e6"), Refusal::IllegalMove),
        (Seat::Black, a_move(3, "f1c4"), Refusal::IllegalMove),
        (Seat::Black, a_move(3, "a7a8q"), Refusal::IllegalMove),
        (Seat::Black, a_move(3, "Q@d4"), Refusal::IllegalMove),
        (Seat::Black, CommandKind::Abort, Refusal::TooLate),
        (Seat::White, CommandKind::AcceptDraw, Refusal::NoOffer),
        (Seat::White, CommandKind::DeclineDraw, Refusal::NoOffer),
    ];
    for (seat, kind, refusal) in cases {
        let before = table.game.snapshot();
        assert_eq!(table.send(seat, kind), Err(refusal), "{seat} {kind:?}");
        assert_eq!(table.game.snapshot(), before);
    }
    assert_eq!(table.events.len(), 3);
}

#[test]
fn a_promotion_must_name_its_piece() {
    let table = Table::from_fen("7k/P7/8/8/8/8/8/K7 w - - 0 1");
    let legal = |uci: &str| table.game.is_legal(uci.parse().unwrap());
    assert!(["a7a8q", "a7a8r", "a7a8b", "a7a8n"].into_iter().all(legal));
    assert!(!["a7a8", "a7a8k", "a7a8p"].into_iter().any(legal));
}

#[test]
fn before_ply_2_a_match_is_aborted_and_after_it_resigned() {
    for (moves, begun) in [("", false), ("e2e4", false), ("e2e4 e7e5", true)] {
        for seat in Seat::BOTH {
            let mut table = Table::initial();
            table.play_all(moves);
            assert_eq!(table.game.may_abort(), !begun);
            assert_eq!(table.game.may_resign(), begun);
            assert_eq!(table.game.may_offer_draw(seat), begun);
            if begun {
                assert_eq!(table.send(seat, CommandKind::Abort), Err(Refusal::TooLate));
                table.send(seat, CommandKind::Resign).unwrap();
                let outcome = Outcome::win_of(seat.opponent());
                table.expect_end(outcome, Termination::Resignation);
            } else {
                for early in [CommandKind::Resign, CommandKind::OfferDraw] {
                    assert_eq!(table.send(seat, early), Err(Refusal::TooEarly));
                }
                table.send(seat, CommandKind::Abort).unwrap();
                table.expect_end(Outcome::Aborted, Termination::Aborted);
            }
            let end = table.events.last().unwrap();
            assert_eq!(end.seat, Some(seat));
            assert!(end.command_id.is_some());
        }
    }
}

#[test]
fn a_match_timed_at_once_counts_at_once() {
    for seat in Seat::BOTH {
        let mut table = Table::at_once(KIWIPETE);
        assert!(!table.game.may_abort());
        assert_eq!(table.send(seat, CommandKind::Abort), Err(Refusal::TooLate));
        table.send(seat, CommandKind::Resign).unwrap();
        let outcome = Outcome::win_of(seat.opponent());
        table.expect_end(outcome, Termination::Resignation);
    }
    let mut table = Table::at_once(KIWIPETE);
    table.send(Seat::Black, CommandKind::OfferDraw).unwrap();
    table.send(Seat::White, CommandKind::AcceptDraw).unwrap();
    table.expect_end(Outcome::Draw, Termination::DrawAgreement);
}

#[test]
fn nothing_is_accepted_after_the_end() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    table.send(Seat::White, CommandKind::Resign).unwrap();
    let before = table.game.snapshot();
    for seat in Seat::BOTH {
        for kind in [
            table.move_of("g1f3"),
            CommandKind::Resign,
            CommandKind::Abort,
            CommandKind::OfferDraw,
            CommandKind::AcceptDraw,
            CommandKind::DeclineDraw,
        ] {
            assert_eq!(table.send(seat, kind), Err(Refusal::MatchOver));
        }
    }
    table.start_clock().wait(1_000_000).tick();
    assert_eq!(table.game.snapshot(), before);
    assert_eq!(table.events.len(), 3);
    assert!(!table.game.may_resign() && !table.game.may_abort());
}

#[test]
fn an_accepted_command_sent_again_has_one_effect_and_the_same_answer() {
    let mut table = Table::initial();
    let first = table.move_of("e2e4");
    assert_eq!(table.send_as(Seat::White, 5, first), Ok(1));
    table.start_clock();
    let reply = table.move_of("e7e5");
    // The other seat's ids are its own.
    assert_eq!(table.send_as(Seat::Black, 5, reply), Ok(2));
    table.start_clock();
    assert_eq!(table.send_as(Seat::White, 6, CommandKind::OfferDraw), Ok(3));
    assert_eq!(
        table.send_as(Seat::Black, 6, CommandKind::DeclineDraw),
        Ok(4)
    );
    assert_eq!(table.send_as(Seat::Black, 7, CommandKind::Resign), Ok(5));
    let before = table.game.snapshot();
    for (seat, id, kind, seq) in [
        (Seat::White, 5, first, 1),
        (Seat::Black, 5, reply, 2),
        (Seat::White, 6, CommandKind::OfferDraw, 3),
        (Seat::Black, 6, CommandKind::DeclineDraw, 4),
        (Seat::Black, 7, CommandKind::Resign, 5),
    ] {
        // Long after the end.
        table.wait(10_000_000);
        assert_eq!(table.send_as(seat, id, kind), Ok(seq));
    }
    // White never sent a 7.
    let unknown = table.send_as(Seat::White, 7, CommandKind::Resign);
    assert_eq!(unknown, Err(Refusal::MatchOver));
    assert_eq!(table.game.snapshot(), before);
    assert_eq!(table.events.len(), 5);
}

#[test]
fn a_repeat_does_not_let_time_act() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    table.wait(200_000);
    // White's flag has fallen, but only `tick` ends the match.
    assert_eq!(table.send_as(Seat::White, 1, a_move(0, "e2e4")), Ok(1));
    let reused = table.send_as(Seat::White, 1, CommandKind::Resign);
    assert_eq!(reused, Err(Refusal::CommandIdReused));
    assert_eq!(table.events.len(), 2);
}

#[test]
fn a_command_id_used_again_for_another_command_is_refused() {
    let with_offer = |position_seq, uci: &str| CommandKind::Move {
        position_seq,
        uci: uci.parse().unwrap(),
        with: WithMove::DrawOffer,
    };
    let mut table = Table::from_fen(KIWIPETE);
    // Castling has two names, and both are the same command.
    let sent = [
        (Seat::White, 1, a_move(0, "e1h1"), Ok(1)),
        (Seat::Black, 1, a_move(1, "e8c8"), Ok(2)),
        (
            Seat::White,
            2,
            CommandKind::AcceptDraw,
            Err(Refusal::NoOffer),
        ),
        (Seat::White, 3, with_offer(2, "a2a3"), Ok(3)),
        (Seat::Black, 3, CommandKind::OfferDraw, Ok(4)),
    ];
    for (seat, id, kind, answer) in sent {
        assert_eq!(table.send_as(seat, id, kind), answer);
        table.start_clock();
    }
    table.expect_end(Outcome::Draw, Termination::DrawAgreement);
    let others = [
        (Seat::White, 1, a_move(0, "e1d1")),
        (Seat::White, 1, a_move(0, "a1h1")),
        (Seat::White, 1, a_move(2, "e1h1")),
        (Seat::White, 1, with_offer(0, "e1h1")),
        (Seat::White, 1, CommandKind::Resign),
        (Seat::Black, 1, a_move(1, "e8h8")),
        (Seat::White, 3, a_move(2, "a2a3")),
        (Seat::White, 3, CommandKind::OfferDraw),
        (Seat::Black, 3, CommandKind::DeclineDraw),
        (Seat::Black, 3, CommandKind::Resign),
    ];
    let snapshot = table.game.snapshot();
    let mut restored = game_core::Match::restore(snapshot.clone(), &[]).unwrap();
    let refused = table.send_as(Seat::White, 2, CommandKind::DeclineDraw);
    assert_eq!(refused, Err(Refusal::CommandIdReused), "of a refusal");
    // The same before and after a takeover.
    for game in [&mut table.game, &mut restored] {
        let mut ask = |seat, id, kind| {
            let command = game_core::Command {
                id: game_core::CommandId(id),
                kind,
            };
            game.apply(seat, &command, table.now, &mut table.events)
        };
        for (seat, id, kind) in others {
            assert_eq!(
                ask(seat, id, kind),
                Err(Refusal::CommandIdReused),
                "{kind:?}"
            );
        }
        for (seat, id, kind, answer) in sent.into_iter().filter(|sent| sent.3.is_ok()) {
            assert_eq!(ask(seat, id, kind), answer, "{kind:?}");
        }
        assert_eq!(ask(Seat::White, 1, a_move(0, "e1g1")), Ok(1));
        assert_eq!(ask(Seat::Black, 1, a_move(1, "e8a8")), Ok(2));
        assert_eq!(game.snapshot(), snapshot);
    }
    assert_eq!(table.events.len(), 4);
}

#[test]
fn a_refused_command_sent_again_is_refused_alike() {
    let mut table = Table::initial();
    let early = a_move(0, "e7e5");
    assert_eq!(
        table.send_as(Seat::Black, 50, early),
        Err(Refusal::NotYourTurn)
    );
    table.play("e2e4");
    assert_eq!(
        table.send_as(Seat::Black, 50, early),
        Err(Refusal::NotYourTurn)
    );
    // It would be legal now, but its id stands for another command.
    let timely = a_move(1, "e7e5");
    assert_eq!(
        table.send_as(Seat::Black, 50, timely),
        Err(Refusal::CommandIdReused)
    );
    assert_eq!(table.send_as(Seat::Black, 51, timely), Ok(2));
}
