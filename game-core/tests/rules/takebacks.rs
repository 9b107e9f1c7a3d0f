//! Moves that are taken back.

use game_core::{
    CommandKind, EventKind, Match, Refusal, Rule, Seat, Termination, Variant, WithMove,
};

use crate::table::{Table, setup};

use CommandKind::{AcceptTakeback, DeclineTakeback, OfferTakeback};

const OPENING: &str = "e2e4 e7e5 g1f3 b8c6";

fn opened() -> Table {
    let mut table = Table::initial();
    table.play_all(OPENING);
    table
}

/// `seat` asks for a takeback, which is granted.
fn take_back(table: &mut Table, seat: Seat) {
    table.send(seat, OfferTakeback).unwrap();
    table.send(seat.opponent(), AcceptTakeback).unwrap();
}

#[test]
fn takeback_returns_the_requesters_last_move() {
    // White is to move at ply 4: its own last move was the one before Black's.
    for (seat, plies) in [(Seat::White, 2), (Seat::Black, 1)] {
        let mut table = opened();
        assert_eq!(table.send(seat, OfferTakeback), Ok(5));
        assert_eq!(table.last(), EventKind::TakebackOffered);
        assert_eq!(table.game.takeback_offer(), Some(seat));
        assert_eq!(table.game.ply(), 4, "nothing is taken back yet");
        assert_eq!(table.send(seat.opponent(), AcceptTakeback), Ok(6));
        assert_eq!(table.last(), EventKind::TakenBack { plies });
        assert_eq!(table.events[5].seat, Some(seat.opponent()));
        assert_eq!(table.game.takeback_offer(), None);
        assert_eq!(table.game.ply(), 4 - u16::from(plies));
        assert_eq!(table.game.turn(), seat, "it moves again");
        let mut again = Table::initial();
        let kept = 4 - usize::from(plies);
        for uci in OPENING.split_whitespace().take(kept) {
            again.play(uci);
        }
        assert_eq!(table.game.fen(), again.game.fen());
        let moves = table.game.moves().map(|(uci, _)| uci);
        assert!(moves.eq(again.game.moves().map(|(uci, _)| uci)));
        assert_eq!(table.game.moves_in_san(), again.game.moves_in_san());
    }
}

#[test]
fn takeback_that_both_ask_for_is_granted() {
    let mut table = opened();
    table.send(Seat::White, OfferTakeback).unwrap();
    assert_eq!(table.send_as(Seat::Black, 900, OfferTakeback), Ok(6));
    assert_eq!(table.last(), EventKind::TakenBack { plies: 2 });
    assert_eq!(table.send_as(Seat::Black, 900, OfferTakeback), Ok(6));
}

#[test]
fn takeback_is_of_casual_matches_only_and_where_the_terms_allow_it() {
    for setup in [setup().rated(), setup().rule(Rule::NoTakeback)] {
        let mut table = Table::new(setup.build());
        table.play_all(OPENING);
        for seat in Seat::BOTH {
            table.expect_refusal(seat, OfferTakeback, Refusal::NotAllowed);
            table.expect_refusal(seat, AcceptTakeback, Refusal::NoOffer);
        }
    }
}

#[test]
fn takeback_needs_a_move_to_take_back() {
    let mut table = Table::initial();
    for seat in Seat::BOTH {
        table.expect_refusal(seat, OfferTakeback, Refusal::TooEarly);
    }
    table.play("e2e4");
    table.expect_refusal(Seat::Black, OfferTakeback, Refusal::TooEarly);
    take_back(&mut table, Seat::White);
    assert_eq!(table.game.ply(), 0);
    // Black may be the side that began.
    let mut table = Table::from_fen("4k3/8/8/8/8/8/4P3/4K3 b - - 0 1");
    table.play("e8e7");
    table.expect_refusal(Seat::White, OfferTakeback, Refusal::TooEarly);
    take_back(&mut table, Seat::Black);
    assert_eq!(table.game.turn(), Seat::Black);
}

#[test]
fn takeback_is_answered_by_the_other_seat_and_once() {
    let mut table = opened();
    for seat in Seat::BOTH {
        for answer in [AcceptTakeback, DeclineTakeback] {
            table.expect_refusal(seat, answer, Refusal::NoOffer);
        }
    }
    table.send(Seat::White, OfferTakeback).unwrap();
    for own in [AcceptTakeback, DeclineTakeback] {
        table.expect_refusal(Seat::White, own, Refusal::NoOffer);
    }
    table.expect_refusal(Seat::White, OfferTakeback, Refusal::OfferTooSoon);
    table.send(Seat::Black, DeclineTakeback).unwrap();
    assert_eq!(table.last(), EventKind::TakebackDeclined);
    assert_eq!(table.game.takeback_offer(), None);
    table.expect_refusal(Seat::Black, AcceptTakeback, Refusal::NoOffer);
}

#[test]
fn takeback_offers_die_with_a_move_of_either_side() {
    for seat in Seat::BOTH {
        let mut table = opened();
        table.send(seat, OfferTakeback).unwrap();
        table.play("f1c4");
        assert_eq!(table.game.takeback_offer(), None);
        table.expect_refusal(seat.opponent(), AcceptTakeback, Refusal::NoOffer);
        // It was not declined, so there is no wait.
        table.send(seat, OfferTakeback).unwrap();
    }
}

#[test]
fn takeback_offers_end_with_the_match() {
    let mut table = opened();
    table.send(Seat::White, OfferTakeback).unwrap();
    table.send(Seat::Black, CommandKind::Resign).unwrap();
    assert_eq!(table.game.takeback_offer(), None);
    for kind in [OfferTakeback, AcceptTakeback, DeclineTakeback] {
        table.expect_refusal(Seat::Black, kind, Refusal::MatchOver);
    }
}

/// Asks and is declined at once.
fn decline(table: &mut Table) {
    table.send(Seat::White, OfferTakeback).unwrap();
    table.send(Seat::Black, DeclineTakeback).unwrap();
}

/// After n declines 10·n² s, n ≤ 10.
#[test]
fn takeback_may_be_asked_for_again_after_a_wait_that_grows() {
    let mut table = Table::new(setup().timed("10800+180").build());
    table.play_all(OPENING);
    for wait_s in [
        10, 40, 90, 160, 250, 360, 490, 640, 810, 1_000, 1_000, 1_000,
    ] {
        decline(&mut table);
        table.wait(wait_s * 1_000 - 1);
        table.expect_refusal(Seat::White, OfferTakeback, Refusal::OfferTooSoon);
        // The other seat has its own count.
        assert_eq!(table.game.takeback_offer(), None);
        table.wait(1);
    }
    table.send(Seat::White, OfferTakeback).unwrap();
}

#[test]
fn takeback_waits_are_each_seats_own() {
    let mut table = opened();
    decline(&mut table);
    take_back(&mut table, Seat::Black);
    table.expect_refusal(Seat::White, OfferTakeback, Refusal::OfferTooSoon);
}

/// A snapshot has no time of a decline, so the whole wait begins again.
#[test]
fn takeback_waits_begin_again_at_a_resume() {
    let mut table = opened();
    decline(&mut table);
    table.wait(9_000).resume();
    table.expect_refusal(Seat::White, OfferTakeback, Refusal::OfferTooSoon);
    table.wait(60_000).start_clock().wait(9_999);
    table.expect_refusal(Seat::White, OfferTakeback, Refusal::OfferTooSoon);
    table.wait(1);
    table.send(Seat::White, OfferTakeback).unwrap();
}

#[test]
fn takeback_sets_the_clocks_to_what_they_were() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5").wait(10_000).play("g1f3");
    let after_white = table.game.clocks(table.now);
    table.wait(20_000).play("b8c6");
    let after_black = table.game.clocks(table.now);
    table.wait(30_000).play("f1c4").wait(7_000);
    take_back(&mut table, Seat::White);
    assert_eq!(table.game.clocks(table.now), after_black);
    assert_eq!(table.events.last().unwrap().clocks.remaining, after_black);
    // No clock counts until the owner starts it.
    assert_eq!((table.game.running(), table.game.deadline()), (None, None));
    table.wait(5_000).start_clock().wait(4_000);
    assert_eq!(table.clock_ms(Seat::White), 172_000 - 4_000);
    take_back(&mut table, Seat::Black);
    assert_eq!(table.game.clocks(table.now), after_white);
    assert_eq!(table.game.turn(), Seat::Black);
}

/// What was given before the position that comes back stays given; what was given since goes.
#[test]
fn takeback_keeps_the_time_that_was_given_before() {
    let gift = |seconds| CommandKind::GiveTime { seconds };
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5");
    table.send(Seat::White, gift(60)).unwrap();
    table.play("g1f3");
    table.send(Seat::Black, gift(15)).unwrap();
    table.play("b8c6");
    take_back(&mut table, Seat::Black);
    assert_eq!(table.clock_ms(Seat::White), 182_000);
    assert_eq!(table.clock_ms(Seat::Black), 240_000);
    table.resume();
    assert_eq!(table.clock_ms(Seat::Black), 240_000);
}

#[test]
fn takeback_clears_every_offer_made_since() {
    let mut table = opened();
    table.send(Seat::White, CommandKind::OfferDraw).unwrap();
    table.play("f1c4");
    assert_eq!(table.game.draw_offer(), Some(Seat::White));
    take_back(&mut table, Seat::White);
    assert_eq!(table.game.ply(), 4);
    assert_eq!(table.game.draw_offer(), None);
    // It counts as never made, so White may offer.
    assert!(table.game.may_offer_draw(Seat::White));
}

/// An offer that came with a move which stands is part of what comes back.
#[test]
fn takeback_brings_back_the_offer_of_the_move_that_stands() {
    let mut table = opened();
    let command = table.move_with("f1c4", WithMove::DrawOffer);
    table.send(Seat::White, command).unwrap();
    table.start_clock().play("f8c5");
    assert_eq!(table.game.draw_offer(), None, "the move declined it");
    take_back(&mut table, Seat::Black);
    assert_eq!(table.game.draw_offer(), Some(Seat::White));
    assert!(!table.game.may_offer_draw(Seat::White), "20 plies");
    table.resume();
    assert_eq!(table.game.draw_offer(), Some(Seat::White));
    table.send(Seat::Black, CommandKind::AcceptDraw).unwrap();
}

/// A position that was taken back has not occurred.
#[test]
fn takeback_sets_repetitions_back() {
    let mut table = Table::initial();
    table.play_all("g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1");
    for _ in 0..4 {
        // The third time, again and again.
        table.play("f6g8");
        assert_eq!(table.game.outcome(), None, "neither the fourth nor fifth");
        take_back(&mut table, Seat::Black);
        table.expect_refusal(Seat::Black, CommandKind::ClaimDraw, Refusal::NoClaim);
    }
    let command = table.move_with("f6g8", WithMove::DrawClaim);
    table.send(Seat::Black, command).unwrap();
    let (_, termination) = table.game.outcome().unwrap();
    assert_eq!(termination, Termination::ThreefoldRepetition);
}

/// Positions before a move that changes more than two squares or more than the board.
const SPECIAL: &[(Variant, &str, &str)] = &[
    // En passant.
    (
        Variant::Standard,
        "4k3/8/8/8/3p4/8/4P3/4K3 w - - 0 1",
        "e2e4 d4e3",
    ),
    // Castling on both sides, a promotion with a capture, a lost right to castle.
    (
        Variant::Standard,
        "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 3 9",
        "e1g1 e8c8",
    ),
    (
        Variant::Standard,
        "rn2k3/P7/8/8/8/8/8/R3K3 w Qq - 3 9",
        "a7b8q a8b8",
    ),
    (
        Variant::Chess960,
        "1r2kr2/pppppppp/8/8/8/8/PPPPPPPP/1R2KR2 w BFbf - 0 1",
        "e1f1 e8b8",
    ),
    // Pockets: a capture that fills one, a drop that empties it, a promoted piece that is captured.
    (
        Variant::Crazyhouse,
        "rnbqkbnr/ppp1pppp/8/3p4/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2",
        "e4d5 d8d5",
    ),
    (
        Variant::Crazyhouse,
        "4k3/8/8/8/8/8/4P3/4K3[Nq] w - - 0 1",
        "N@f3 Q@d4",
    ),
    (
        Variant::Crazyhouse,
        "1r2k3/P7/8/8/8/8/8/4K3[] w - - 0 1",
        "a7a8q b8a8",
    ),
    // Explosions, checks that are counted.
    (
        Variant::Atomic,
        "rnbqkbnr/ppp1pppp/8/3p4/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2",
        "e4d5 g8f6",
    ),
    (
        Variant::ThreeCheck,
        "4k3/8/8/8/8/8/8/R3K3 w Q - 3+3 0 1",
        "a1a8 e8e7",
    ),
    (
        Variant::Antichess,
        "7k/1p6/8/8/8/8/P6P/8 w - - 0 1",
        "a2a4 b7b5",
    ),
];

#[test]
fn takeback_brings_back_the_whole_position() {
    for (variant, fen, moves) in SPECIAL {
        let mut table = Table::new(setup().variant(*variant).start(fen).build());
        let (first, second) = moves.split_once(' ').unwrap();
        let at = |table: &Table| (table.game.fen(), table.game.legal_moves());
        let before = at(&table);
        table.play(first);
        let between = at(&table);
        table.play(second);
        take_back(&mut table, Seat::Black);
        assert_eq!(at(&table), between, "{variant} {fen} {first}");
        table.play(second);
        take_back(&mut table, Seat::White);
        assert_eq!(at(&table), before, "{variant} {fen}");
        table.play_all(moves);
        table.resume();
    }
}

#[test]
fn takeback_then_replay_is_the_identity() {
    for (variant, fen, moves) in SPECIAL {
        let setup = setup().variant(*variant).start(fen).build();
        let mut plain = Table::new(setup.clone());
        plain.play_all(moves);
        for seat in Seat::BOTH {
            let mut table = Table::new(setup.clone());
            table.play_all(moves);
            let plies = usize::from(seat == Seat::White) + 1;
            take_back(&mut table, seat);
            for uci in moves.split_whitespace().skip(2 - plies) {
                table.play(uci);
            }
            assert_eq!(table.game.fen(), plain.game.fen());
            assert_eq!(table.game.pgn("?"), plain.game.pgn("?"));
            assert!(table.game.moves().eq(plain.game.moves()));
            assert_eq!(table.game.clocks(table.now), plain.game.clocks(plain.now));
            assert_eq!(table.game.legal_moves(), plain.game.legal_moves());
        }
    }
}

/// The match is again before both first moves: they are not timed, and it can be aborted.
#[test]
fn takeback_of_a_first_move_lets_the_match_begin_anew() {
    let mut table = Table::initial();
    table.play_all("e2e4 e7e5").wait(3_000);
    take_back(&mut table, Seat::White);
    assert_eq!(table.game.timed_seat(), None);
    assert!(table.game.may_abort() && !table.game.may_resign());
    table.start_clock();
    assert_eq!(table.game.running(), None);
    let wait = table.game.deadline().map(|at| at.since(table.now));
    assert_eq!(wait.map(|wait| wait.as_secs()), Some(25));
    table.wait(10_000).play("d2d4");
    assert_eq!(table.clock_ms(Seat::White), 180_000);
}

/// A move names the last event that changed the line of moves, so one for the line before the takeback
/// is known as stale.
#[test]
fn takeback_makes_moves_in_flight_stale() {
    let mut table = opened();
    assert_eq!(table.game.position_seq(), 4);
    let in_flight = table.move_of("f1c4");
    table.send(Seat::Black, OfferTakeback).unwrap();
    assert_eq!(table.game.position_seq(), 4, "an offer changes no line");
    table.send(Seat::White, AcceptTakeback).unwrap();
    assert_eq!(table.game.position_seq(), 6);
    table.expect_refusal(Seat::White, in_flight, Refusal::StalePosition);
    // Also one that would be legal, and of the side to move.
    let former = CommandKind::Move {
        position_seq: 3,
        uci: "g8f6".parse().unwrap(),
        with: WithMove::Nothing,
    };
    table.expect_refusal(Seat::Black, former, Refusal::StalePosition);
    table.play("g8f6");
    assert_eq!(table.game.position_seq(), 7);
}

/// Commands that were accepted before keep their answers, whatever was taken back since.
#[test]
fn takeback_leaves_the_answers_to_earlier_commands() {
    let fen = "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 3 9";
    let mut table = Table::from_fen(fen);
    let castling = |uci: &str| CommandKind::Move {
        position_seq: 0,
        uci: uci.parse().unwrap(),
        with: WithMove::Nothing,
    };
    assert_eq!(table.send_as(Seat::White, 800, castling("e1h1")), Ok(1));
    table.start_clock().play("e8c8");
    take_back(&mut table, Seat::White);
    table.play("a1b1");
    for _ in 0..2 {
        for uci in ["e1h1", "e1g1"] {
            assert_eq!(table.send_as(Seat::White, 800, castling(uci)), Ok(1));
        }
        let other = table.send_as(Seat::White, 800, castling("a1b1"));
        assert_eq!(other, Err(Refusal::CommandIdReused));
        table.resume();
    }
}

#[test]
fn takeback_is_restored_from_the_log() {
    let mut table = opened();
    take_back(&mut table, Seat::White);
    table.play("d2d4");
    take_back(&mut table, Seat::White);
    decline(&mut table);
    table.play("f1c4");
    let fresh = Match::new(setup().build()).snapshot();
    let restored = Match::restore(fresh, &table.events).unwrap();
    assert_eq!(restored.snapshot(), table.game.snapshot());
    assert_eq!(restored.pgn("?"), table.game.pgn("?"));
    for seq in 0..table.game.seq() {
        let rebuilt = table.game.events_after(seq);
        let kinds = |events: &[game_core::Event]| -> Vec<_> {
            events.iter().map(|e| (e.seq, e.seat, e.kind)).collect()
        };
        assert_eq!(kinds(&rebuilt), kinds(&table.events[seq as usize..]));
    }
}
