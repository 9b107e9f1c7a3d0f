//! Dead positions by blockade (FIDE 5.2.2).

use std::collections::HashSet;

use game_core::{InvalidSetup, Outcome, Position, StartPosition, Termination, Variant};

use crate::table::Table;

fn position(fen: &str) -> Position {
    Position::from_fen(Variant::Standard, fen).expect(fen)
}

/// Walls that no king passes.
const DEAD: &[&str] = &[
    "4k3/8/8/p1p1p1p1/P1P1P1P1/8/8/4K3 w - - 0 1",
    "4k3/8/8/1p1p1p1p/1P1P1P1P/8/8/4K3 b - - 0 1",
    // One chain over the board, with doubled pawns, and both kings in corners.
    "k7/8/8/p1p1p1p1/P1P1P1P1/6P1/8/7K w - - 0 1",
    // A slope: each pawn is protected by the one behind it.
    "4k3/8/p7/P1p1p1p1/2P1P1P1/8/8/4K3 w - - 0 1",
    // A king shut in: it cannot reach the pawns around it.
    "k7/8/p1p1p1p1/P1P1P1P1/8/8/8/K7 w - - 40 90",
];

/// What looks shut and is not.
const ALIVE: &[&str] = &[
    // A gap on the h file; a wall with a hole in it.
    "4k3/8/8/p1p1p3/P1P1P3/8/8/4K3 w - - 0 1",
    "4k3/8/8/p3p1p1/P3P1P1/8/8/4K3 w - - 0 1",
    // The white king is behind the black pawns, and takes one.
    "8/8/1K6/p1p1p1p1/P1P1P1P1/8/8/4k3 w - - 0 1",
    // A pawn can step; a pawn can capture; en passant can be taken.
    "4k3/8/8/p1p1p1p1/P1P1P1P1/8/7P/4K3 w - - 0 1",
    "4k3/8/8/pp1pp1p1/PP1PP1P1/8/8/4K3 w - - 0 1",
    "4k3/8/8/pPp1p1p1/P1P1P1P1/1P6/8/4K3 w - a6 0 1",
    // A piece is left.
    "4k3/8/8/p1p1p1p1/P1P1P1P1/8/8/3BK3 w - - 0 1",
];

/// Every position that legal moves lead to, until one is mate or no more come up. `None` for a mate.
fn explore(start: Position) -> Option<usize> {
    let mut seen = HashSet::from([start.repetition_key()]);
    let mut open = vec![start];
    while let Some(position) = open.pop() {
        if position.is_checkmate() {
            return None;
        }
        for legal in position.legal_moves() {
            let mut after = position.clone();
            after.play(legal);
            if seen.insert(after.repetition_key()) {
                open.push(after);
            }
        }
    }
    Some(seen.len())
}

#[test]
fn a_blockade_is_dead_as_no_sequence_of_moves_mates() {
    for fen in DEAD {
        let start = position(fen);
        assert!(start.is_dead() && start.is_over(), "{fen}");
        assert!(explore(start).is_some_and(|count| count > 100), "{fen}");
        let refused = fen.parse::<StartPosition>();
        assert_eq!(refused, Err(InvalidSetup::Over), "{fen}");
    }
}

#[test]
fn a_blockade_with_a_way_through_is_not_dead() {
    for fen in ALIVE {
        assert!(!position(fen).is_dead(), "{fen}");
    }
}

/// All ways to lock pawns on the middle ranks, at most two on a file, with the kings behind their own:
/// what is held to be dead has no mate in it.
#[test]
fn whatever_is_held_to_be_dead_has_no_mate() {
    let mut dead = 0;
    for shape in 0..3_usize.pow(8) {
        let mut rows = [['1'; 8]; 8];
        for file in 0..8 {
            // The black pawn is on the sixth or fifth rank, with the white one before it; or there is none.
            let row = match shape / 3_usize.pow(file) % 3 {
                0 => continue,
                row => row + 1,
            };
            rows[row][file as usize] = 'p';
            rows[row + 1][file as usize] = 'P';
        }
        rows[0][4] = 'k';
        rows[7][4] = 'K';
        let board = rows.map(|row| squeezed(&row)).join("/");
        let start = position(&format!("{board} w - - 0 1"));
        if shape > 0 && start.is_dead() {
            dead += 1;
            // To explore takes long.
            if dead % 5 == 0 {
                assert!(explore(start).is_some(), "{board}");
            }
        }
    }
    assert!(dead > 100, "{dead}");
}

/// A row of FEN, with empty squares counted together.
fn squeezed(row: &[char; 8]) -> String {
    let mut text: String = row.iter().collect();
    for count in (2..=8).rev() {
        text = text.replace(&"1".repeat(count), &count.to_string());
    }
    text
}

#[test]
fn a_match_ends_when_the_last_pawn_locks_the_board() {
    let mut table = Table::from_fen("4k3/8/6p1/p1p1p3/P1P1P1P1/8/8/4K3 b - - 0 1");
    table.play("g6g5");
    table.expect_end(Outcome::Draw, Termination::DeadPosition);
}

/// In variants, what is blocked may still be won, so it is not asked.
#[test]
fn a_blockade_ends_no_other_variant() {
    let fen = "4k3/8/8/p1p1p1p1/P1P1P1P1/8/8/4K3 w - - 0 1";
    for variant in Variant::ALL {
        let is_chess = matches!(variant, Variant::Standard | Variant::Chess960);
        if let Ok(position) = Position::from_fen(variant, fen) {
            assert_eq!(position.is_dead(), is_chess, "{variant}");
        }
    }
}
