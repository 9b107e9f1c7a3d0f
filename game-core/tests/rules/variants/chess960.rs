//! Chess960: start positions and castling (FIDE guideline II).

use game_core::{CastlingSide, Position, StartPosition, Variant};

use super::{position, start, table, uci};

#[test]
fn chess960_has_960_start_positions_of_which_518_is_the_usual() {
    let usual = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1";
    assert_eq!(StartPosition::chess960(518).unwrap().fen(), usual);
    let all: Vec<String> = (0..960)
        .map(|number| {
            let start = StartPosition::chess960(number).unwrap();
            assert_eq!(start.variant(), Variant::Chess960);
            // What is written is read as the same start, which needs to be told.
            let again = StartPosition::parse(Variant::Chess960, &start.fen());
            assert_eq!(again.as_ref(), Ok(&start), "{number}");
            assert!(!start.is_initial());
            assert!(!start.position().legal_moves().is_empty(), "{number}");
            start.fen()
        })
        .collect();
    assert!(all[0].ends_with("/BBQNNRKR w KQkq - 0 1"));
    assert!(all[959].ends_with("/RKRNNQBB w KQkq - 0 1"));
    let distinct: std::collections::HashSet<&String> = all.iter().collect();
    assert_eq!(distinct.len(), 960);
    assert_eq!(StartPosition::chess960(960), None);
    assert_eq!(Position::chess960(u16::MAX), None);
    assert_eq!(
        StartPosition::initial(Variant::Chess960),
        StartPosition::chess960(518).unwrap()
    );
}

/// Rights by the files of the rooks, or `KQkq` for the outermost; what is written is X-FEN, which
/// names a file only where the rook is not the outermost.
#[test]
fn chess960_reads_shredder_fen_and_x_fen() {
    for (given, kept) in [
        (
            "bqnb1rkr/8/8/8/8/8/8/BQNB1RKR w HFhf - 2 9",
            "bqnb1rkr/8/8/8/8/8/8/BQNB1RKR w KQkq - 2 9",
        ),
        // The inner rook of the king's side may castle, not the outer one.
        (
            "4k3/8/8/8/8/8/8/1R2KR1R w FB - 0 1",
            "4k3/8/8/8/8/8/8/1R2KR1R w FQ - 0 1",
        ),
        (
            "4k3/8/8/8/8/8/8/RR2K3 w B - 0 1",
            "4k3/8/8/8/8/8/8/RR2K3 w B - 0 1",
        ),
        (
            "4k3/8/8/8/8/8/8/RR2K3 w Q - 0 1",
            "4k3/8/8/8/8/8/8/RR2K3 w Q - 0 1",
        ),
    ] {
        let read = start(Variant::Chess960, given);
        assert_eq!(read.fen(), kept);
        assert_eq!(start(Variant::Chess960, kept), read);
    }
    // In standard chess these rooks and kings have lost their right.
    for fen in [
        "4k3/8/8/8/8/8/8/1R2K3 w Q - 0 1",
        "4k3/8/8/8/8/8/8/3K3R w K - 0 1",
    ] {
        assert!(StartPosition::parse(Variant::Standard, fen).is_err());
    }
}

/// The canonical name is king takes rook. The square that the king reaches is read too, where it can be
/// nothing else.
#[test]
fn chess960_castling_is_sent_as_king_takes_rook() {
    for (fen, names, canonical, side) in [
        (
            "4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1",
            ["e1h1", "e1g1"],
            "e1h1",
            CastlingSide::KingSide,
        ),
        (
            "4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1",
            ["e1a1", "e1c1"],
            "e1a1",
            CastlingSide::QueenSide,
        ),
        (
            "4k3/8/8/8/8/8/8/1K3R2 w K - 0 1",
            ["b1f1", "b1g1"],
            "b1f1",
            CastlingSide::KingSide,
        ),
        (
            "r4kr1/8/8/8/8/8/8/4K3 b q - 0 1",
            ["f8a8", "f8c8"],
            "f8a8",
            CastlingSide::QueenSide,
        ),
    ] {
        let position = position(Variant::Chess960, fen);
        for name in names {
            let made = position.resolve(uci(name)).expect(name);
            assert_eq!(made.uci(), uci(canonical), "{fen} {name}");
            assert_eq!(made.castling().map(|(side, _)| side), Some(side));
            assert_eq!(made.castling().map(|(_, rook)| rook), Some(made.target()));
        }
        let san = match side {
            CastlingSide::KingSide => "O-O",
            CastlingSide::QueenSide => "O-O-O",
        };
        let found = position.find(san.parse().unwrap()).expect(san);
        assert_eq!(found.uci(), uci(canonical));
    }
}

#[test]
fn chess960_a_step_of_one_square_is_a_move_of_the_king() {
    // The king on f1 castles with the rook on h1 and would reach g1, whereto it may also step.
    let king = position(Variant::Chess960, "4k3/8/8/8/8/8/8/5K1R w K - 0 1");
    let [stepped, castled] = ["f1g1", "f1h1"].map(|name| king.resolve(uci(name)).unwrap());
    assert_eq!(stepped.castling(), None);
    assert!(castled.castling().is_some());
    // And the other way about: it takes the rook beside it.
    let beside = position(Variant::Chess960, "4k3/8/8/8/8/8/8/1KR5 w K - 0 1");
    let castled = beside.resolve(uci("b1c1")).unwrap();
    assert_eq!(castled.uci(), uci("b1c1"));
    assert!(castled.castling().is_some());
}

#[test]
fn chess960_castling_puts_king_and_rook_where_they_always_go() {
    let mut table = table(
        Variant::Chess960,
        "1rk3r1/6p1/8/8/8/8/6P1/1RK3R1 w KQkq - 0 1",
    );
    table.play("c1g1").play("c8b8");
    assert_eq!(table.game.fen(), "2kr2r1/6p1/8/8/8/8/6P1/1R3RK1 w - - 2 2");
    let moves: Vec<String> = table.game.moves().map(|(uci, _)| uci.to_string()).collect();
    assert_eq!(moves, ["c1g1", "c8b8"]);
}

/// Through check, or with a rook that shields its king, castling is not allowed.
#[test]
fn chess960_castling_heeds_what_attacks_the_kings_way() {
    for (fen, name) in [
        ("1k3r2/8/8/8/8/8/8/1K4R1 w K - 0 1", "b1g1"),
        ("k7/8/8/8/8/8/8/rRK5 w Q - 0 1", "c1b1"),
    ] {
        let made = position(Variant::Chess960, fen).resolve(uci(name));
        assert!(made.is_none_or(|made| made.castling().is_none()), "{fen}");
    }
}

/// In every other variant the king's step is the canonical name, and both are read.
#[test]
fn castling_is_named_in_both_ways_outside_chess960() {
    for variant in [
        Variant::Standard,
        Variant::Crazyhouse,
        Variant::Atomic,
        Variant::KingOfTheHill,
        Variant::ThreeCheck,
    ] {
        let position = position(variant, "4k3/8/8/8/8/8/8/R3K2R w KQ - 0 1");
        for (name, canonical) in [
            ("e1g1", "e1g1"),
            ("e1h1", "e1g1"),
            ("e1c1", "e1c1"),
            ("e1a1", "e1c1"),
        ] {
            let made = position.resolve(uci(name)).expect(name);
            assert_eq!(made.uci(), uci(canonical), "{variant} {name}");
        }
    }
    let horde = position(Variant::Horde, "r3k3/8/8/8/8/8/8/P7 b q - 0 1");
    assert_eq!(horde.resolve(uci("e8a8")).unwrap().uci(), uci("e8c8"));
}
