//! How the rules end a match.

use game_core::{Outcome, Refusal, Termination};

use crate::table::Table;

/// Start position, moves, and the end that the last of them brings about.
const ENDINGS: &[(&str, &str, Outcome, Termination)] = &[
    // Back-rank mate, smothered mate, mate by castling and by promotion.
    (
        "6k1/5ppp/8/8/8/8/8/R3K3 w - - 0 1",
        "a1a8",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    (
        "6rk/6pp/8/6N1/8/8/8/K7 w - - 0 1",
        "g5f7",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    (
        "2rkr3/2p1p3/2P1P3/8/8/8/8/R3K3 w Q - 0 1",
        "e1c1",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    (
        "7k/P5pp/8/8/8/8/8/K7 w - - 0 1",
        "a7a8q",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    // The classic stalemates.
    (
        "7k/5K2/8/8/8/8/8/6Q1 w - - 0 1",
        "g1g6",
        Outcome::Draw,
        Termination::Stalemate,
    ),
    (
        "7k/7P/8/6K1/8/8/8/8 w - - 0 1",
        "g5g6",
        Outcome::Draw,
        Termination::Stalemate,
    ),
    // King against king; against a lone minor piece; bishops of one colour.
    (
        "8/8/8/4k3/8/8/3q4/4K3 w - - 0 1",
        "e1d2",
        Outcome::Draw,
        Termination::DeadPosition,
    ),
    (
        "8/8/8/4k3/8/8/3q4/4K1N1 w - - 0 1",
        "e1d2",
        Outcome::Draw,
        Termination::DeadPosition,
    ),
    (
        "8/8/8/4k3/8/b7/3q4/4K1B1 w - - 0 1",
        "e1d2",
        Outcome::Draw,
        Termination::DeadPosition,
    ),
    // 75 moves a side; a mate on the same move prevails (FIDE 9.6.2).
    (
        "8/8/4k3/8/8/8/8/R3K3 w - - 149 100",
        "a1a2",
        Outcome::Draw,
        Termination::SeventyFiveMoves,
    ),
    (
        "4k3/8/4K3/8/8/8/8/R7 w - - 149 100",
        "a1a8",
        Outcome::WhiteWins,
        Termination::Checkmate,
    ),
    (
        "8/8/4k3/8/8/8/8/R3K3 w Q - 147 100",
        "a1a2 e6e7 e1f1",
        Outcome::Draw,
        Termination::SeventyFiveMoves,
    ),
];

#[test]
fn the_rules_end_a_match_at_once() {
    for (fen, moves, outcome, termination) in ENDINGS {
        let mut table = Table::from_fen(fen);
        for uci in moves.split_whitespace() {
            assert_eq!(table.game.outcome(), None, "{fen}: over before {uci}");
            table.play(uci);
        }
        table.expect_end(*outcome, *termination);
        let end = table.events.last().unwrap();
        assert_eq!((end.seat, end.command_id), (None, None));
        let again = table.move_of("a1a2");
        assert_eq!(
            table.send(table.game.turn(), again),
            Err(Refusal::MatchOver)
        );
    }
}

/// Positions that look dead but are not.
#[test]
fn a_position_in_which_mate_is_possible_is_not_dead() {
    for (fen, capture) in [
        // Two knights.
        ("8/8/8/4k3/8/8/3q4/NN2K3 w - - 0 1", "e1d2"),
        // Bishop and knight on different sides: a helped mate exists.
        ("8/8/8/n3k3/8/8/3q4/4K1B1 w - - 0 1", "e1d2"),
        // Bishops of opposite colours.
        ("8/8/8/1b2k3/8/8/3q4/4K1B1 w - - 0 1", "e1d2"),
    ] {
        let mut table = Table::from_fen(fen);
        table.play(capture);
        assert_eq!(table.game.outcome(), None, "{fen}");
    }
}

#[test]
fn the_same_position_ends_the_match_the_fifth_time() {
    let mut table = Table::initial();
    for _ in 0..3 {
        table.play_all("g1f3 g8f6 f3g1 f6g8");
    }
    table.play_all("g1f3 g8f6 f3g1");
    assert_eq!(table.game.outcome(), None);
    table.play("f6g8");
    table.expect_end(Outcome::Draw, Termination::FivefoldRepetition);
    assert_eq!(table.game.ply(), 16);
}

#[test]
fn a_lost_castling_right_makes_another_position() {
    // The rook's tour takes the right to castle, so the start does not come back.
    let mut table = Table::from_fen("r3k3/8/8/8/8/8/8/R3K3 w Qq - 0 1");
    for _ in 0..4 {
        table.play_all("a1b1 a8b8 b1a1 b8a8");
    }
    assert_eq!(table.game.outcome(), None);
    // What comes back is the position with both rooks away.
    table.play("a1b1");
    assert_eq!(table.game.outcome(), None);
    table.play("a8b8");
    table.expect_end(Outcome::Draw, Termination::FivefoldRepetition);
}

#[test]
fn only_a_possible_en_passant_makes_another_position() {
    for (fen, tours) in [
        // No pawn can capture: the position after the double step is the first of five.
        ("4k3/7p/8/8/8/8/3P4/K6R w - - 0 1", 4),
        // The pawn on e4 can: that position does not come back.
        ("4k3/8/8/8/4p3/8/3P4/K6R w - - 0 1", 5),
        // The pawn on e4 is pinned to its king, so it cannot.
        ("4k3/8/8/8/4p3/8/3P4/K3R3 w - - 0 1", 4),
    ] {
        let mut table = Table::from_fen(fen);
        table.play("d2d4");
        let tour = ["e8d8", "a1b1", "d8e8", "b1a1"];
        let mut moves = tour.into_iter().cycle().take(4 * 10);
        while table.game.outcome().is_none() {
            table.play(moves.next().unwrap());
        }
        table.expect_end(Outcome::Draw, Termination::FivefoldRepetition);
        let plies_in_tours: u16 = table.game.ply() - 1;
        assert_eq!(plies_in_tours.div_ceil(4), tours, "{fen}");
    }
}

/// Both kings walk along their back ranks, and every 40 plies a white pawn takes a step, so that
/// neither repetition nor the 75 moves end the match.
#[test]
fn a_match_has_at_most_600_moves_a_side() {
    let files = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    let step = |king_moves: usize, rank: char| {
        let file = |n: usize| files[if n % 14 < 8 { n % 14 } else { 14 - n % 14 }];
        format!("{}{rank}{}{rank}", file(king_moves), file(king_moves + 1))
    };
    let mut table = Table::from_fen("k7/pppppppp/8/8/8/8/PPPPPPPP/K7 w - - 0 1");
    let (mut white, mut black, mut pawn) = (0, 0, 0);
    for ply in 0..1200 {
        assert_eq!(table.game.outcome(), None, "over at ply {ply}");
        if ply % 2 == 1 {
            table.play(&step(black, '8'));
            black += 1;
        } else if ply % 40 == 0 {
            let (file, rank) = (files[pawn / 4], 2 + pawn % 4);
            table.play(&format!("{file}{rank}{file}{}", rank + 1));
            pawn += 1;
        } else {
            table.play(&step(white, '1'));
            white += 1;
        }
    }
    assert_eq!(table.game.ply(), 1200);
    table.expect_end(Outcome::Draw, Termination::MaxLength);
}
