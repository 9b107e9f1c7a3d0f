//! Which material can win: what counts when a flag falls or a side resigns.

use game_core::{CommandKind, Outcome, Position, Seat, Termination, Variant};

use super::{position, table};

/// Variant, position, and whether White and Black can win.
const MATERIAL: &[(Variant, &str, bool, bool)] = &[
    // FIDE 6.9: a knight needs something of the opponent's that blocks its king.
    (
        Variant::Standard,
        "4k3/8/8/8/8/8/8/2N1K3 w - - 0 1",
        false,
        false,
    ),
    (
        Variant::Standard,
        "4k3/p7/8/8/8/8/8/2N1K3 w - - 0 1",
        true,
        true,
    ),
    (
        Variant::Chess960,
        "4k3/8/8/8/8/8/8/2N1K3 w - - 0 1",
        false,
        false,
    ),
    (
        Variant::Chess960,
        "4k3/p7/8/8/8/8/8/2N1K3 w - - 0 1",
        true,
        true,
    ),
    (
        Variant::Chess960,
        "4k3/8/8/8/8/8/8/4K2R w K - 0 1",
        true,
        false,
    ),
    // Three pieces at most, pockets counted, no pawn, rook, queen or promoted piece.
    (
        Variant::Crazyhouse,
        "4k3/8/8/8/8/8/8/2N1K3[] w - - 0 1",
        false,
        false,
    ),
    (
        Variant::Crazyhouse,
        "4k3/8/8/8/8/8/8/4K3[b] w - - 0 1",
        false,
        false,
    ),
    (
        Variant::Crazyhouse,
        "4k3/8/8/8/8/8/8/2N1K3[b] w - - 0 1",
        true,
        true,
    ),
    (
        Variant::Crazyhouse,
        "4k3/8/8/8/8/8/8/4K3[p] w - - 0 1",
        true,
        true,
    ),
    (
        Variant::Crazyhouse,
        "4k3/8/8/8/8/8/8/4K3[R] w - - 0 1",
        true,
        true,
    ),
    (
        Variant::Crazyhouse,
        "4k3/8/8/8/8/8/8/3QK3[] w - - 0 1",
        true,
        true,
    ),
    (
        Variant::Crazyhouse,
        "4k3/8/8/8/8/8/8/2N~1K3[] w - - 0 1",
        true,
        true,
    ),
    // Bishops of opposite colours never meet, of one colour they do; kings and pawns can be lost.
    (
        Variant::Antichess,
        "8/8/8/8/8/8/8/Bb6 w - - 0 1",
        false,
        false,
    ),
    (
        Variant::Antichess,
        "8/8/8/8/8/8/8/B1b5 w - - 0 1",
        true,
        true,
    ),
    (
        Variant::Antichess,
        "8/8/8/8/8/8/8/K6k w - - 0 1",
        true,
        true,
    ),
    // A king alone, or with less than can mate a king alone; but what may explode beside a king counts.
    (
        Variant::Atomic,
        "4k3/8/8/8/8/8/8/Q3K3 w - - 0 1",
        true,
        false,
    ),
    (
        Variant::Atomic,
        "4k3/8/8/8/8/8/P7/4K3 w - - 0 1",
        true,
        false,
    ),
    (
        Variant::Atomic,
        "4k3/8/8/8/8/8/8/R3K3 w - - 0 1",
        false,
        false,
    ),
    (
        Variant::Atomic,
        "4k3/8/8/8/8/8/8/NN2K3 w - - 0 1",
        false,
        false,
    ),
    (
        Variant::Atomic,
        "4k3/8/8/8/8/8/8/NNN1K3 w - - 0 1",
        true,
        false,
    ),
    (
        Variant::Atomic,
        "4k3/p7/8/8/8/8/8/R3K3 w - - 0 1",
        true,
        true,
    ),
    (
        Variant::Atomic,
        "4k1b1/8/8/8/8/8/8/B3K3 w - - 0 1",
        false,
        false,
    ),
    // The king itself wins.
    (
        Variant::KingOfTheHill,
        "4k3/8/8/8/8/8/8/4K3 w - - 0 1",
        true,
        true,
    ),
    (
        Variant::RacingKings,
        "8/8/8/8/8/8/k6K/8 w - - 0 1",
        true,
        true,
    ),
    // Any piece can give a check, a king cannot.
    (
        Variant::ThreeCheck,
        "4k3/8/8/8/8/8/8/2N1K3 w - - 3+1 0 1",
        true,
        false,
    ),
    (
        Variant::ThreeCheck,
        "4k3/8/8/8/8/8/8/4K3 w - - 3+1 0 1",
        false,
        false,
    ),
    // A lone piece cannot mate a lone king; Black can always capture what there is.
    (Variant::Horde, "4k3/8/8/8/8/8/8/Q7 w - - 0 1", false, true),
    (Variant::Horde, "4k3/p7/8/8/8/8/8/Q7 w - - 0 1", true, true),
    (Variant::Horde, "4k3/8/8/8/8/8/8/NB6 w - - 0 1", false, true),
    (Variant::Horde, "4k3/8/8/8/8/8/8/QP6 w - - 0 1", true, true),
    (
        Variant::Horde,
        "4k3/8/8/8/8/8/8/NNNN4 w - - 0 1",
        true,
        true,
    ),
];

#[test]
fn mating_material_is_what_the_variant_asks() {
    for &(variant, fen, white, black) in MATERIAL {
        let position = position(variant, fen);
        assert_eq!(position.can_mate(Seat::White), white, "{variant} {fen}");
        assert_eq!(position.can_mate(Seat::Black), black, "{variant} {fen}");
    }
}

/// Two lone knights: who can win is found by trying all that may be played, which is little.
#[test]
fn antichess_lone_knights_win_by_parity() {
    let name = |square: usize| {
        let file = char::from(b'a' + (square % 8) as u8);
        format!("{file}{}", square / 8 + 1)
    };
    let near = |one: usize, other: usize| {
        let (files, ranks) = ((one % 8).abs_diff(other % 8), (one / 8).abs_diff(other / 8));
        files * ranks == 2
    };
    // By mover and opponent: whether the mover can win, and whether the opponent can, some time.
    let mut wins = vec![[false; 2]; 64 * 64];
    let index = |mover: usize, other: usize| mover * 64 + other;
    loop {
        let before = wins.clone();
        for mover in 0..64 {
            for other in (0..64).filter(|&other| other != mover) {
                if near(mover, other) {
                    // The capture is compulsory, and the captured side wins.
                    wins[index(mover, other)] = [false, true];
                    continue;
                }
                for target in (0..64).filter(|&target| near(mover, target)) {
                    let [theirs, ours] = before[index(other, target)];
                    let found = &mut wins[index(mover, other)];
                    *found = [found[0] || ours, found[1] || theirs];
                }
            }
        }
        if wins == before {
            break;
        }
    }
    for white in 0..64 {
        for black in (0..64).filter(|&black| black != white) {
            let position = knights(white, black);
            let can = [Seat::White, Seat::Black].map(|seat| position.can_mate(seat));
            let (white_at, black_at) = (name(white), name(black));
            assert_eq!(can, wins[index(white, black)], "{white_at} {black_at}");
        }
    }
}

/// A white knight and a black one, White to move.
fn knights(white: usize, black: usize) -> Position {
    let mut board = String::new();
    for rank in (0..8).rev() {
        for file in 0..8 {
            board.push(match rank * 8 + file {
                square if square == white => 'N',
                square if square == black => 'n',
                _ => '1',
            });
        }
        board.push('/');
    }
    // Empty squares are counted together.
    let mut board = board.trim_end_matches('/').to_owned();
    for count in (2..=8).rev() {
        board = board.replace(&"1".repeat(count), &count.to_string());
    }
    position(Variant::Antichess, &format!("{board} w - - 0 1"))
}

/// FIDE 5.1.2 and 6.9 in the words of the variant: the side that resigns loses only to one that can win.
#[test]
fn a_resignation_is_a_draw_where_the_opponent_cannot_win_by_the_variants_rules() {
    for (variant, fen, moves, outcome) in [
        (
            Variant::ThreeCheck,
            "4k3/8/8/8/8/8/8/2N1K3 w - - 3+1 0 1",
            "c1d3 e8e7",
            Outcome::Draw,
        ),
        (
            Variant::KingOfTheHill,
            "4k3/8/8/8/8/8/8/2N1K3 w - - 0 1",
            "c1d3 e8e7",
            Outcome::BlackWins,
        ),
        (
            Variant::Horde,
            "4k3/8/8/8/8/8/8/QP6 w - - 0 1",
            "a1a2 e8e7",
            Outcome::BlackWins,
        ),
    ] {
        let mut table = table(variant, fen);
        table.play_all(moves);
        table.send(Seat::White, CommandKind::Resign).unwrap();
        table.expect_end(outcome, Termination::Resignation);
    }
}
