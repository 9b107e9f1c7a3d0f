//! Positions as by the rules library, and what is read in its place.

use shakmaty::uci::UciMove;

use super::*;
use crate::{CastlingSide, Role};

fn uci_move(uci: Uci) -> UciMove {
    let to = to_library(uci.target());
    match (uci.origin(), uci.role()) {
        (Some(from), promotion) => UciMove::Normal {
            from: to_library(from),
            to,
            promotion: promotion.map(library_role),
        },
        (None, dropped) => UciMove::Put {
            role: dropped.map_or(shakmaty::Role::Pawn, library_role),
            to,
        },
    }
}

fn position(fen: &str) -> Position {
    Position::from_fen(Variant::Standard, fen).unwrap()
}

#[test]
fn moves_are_written_and_read_as_by_the_library() {
    let mut moves = 0;
    for bits in 0..=u16::MAX {
        let Ok(uci) = Uci::from_bits(bits) else {
            continue;
        };
        let text = uci_move(uci).to_string();
        assert_eq!(uci.to_string(), text);
        assert_eq!(text.parse(), Ok(uci));
        moves += 1;
    }
    // From each square to each other with any promotion or none, and drops of any piece.
    assert_eq!(moves, 64 * 63 * 7 + 64 * 6);
    for text in [
        "", "0000", "e2", "e2e9", "e2e4x", "e2e4qq", "X@e4", "a1a1", "é2e4", "e2é4",
    ] {
        assert!(text.parse::<Uci>().is_err(), "{text}");
    }
}

#[test]
fn castling_has_two_names_and_one_form() {
    let castles = position("r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1");
    for (names, canonical, side, rook) in [
        (["e1g1", "e1h1"], "e1g1", CastlingSide::KingSide, "h1"),
        (["e1c1", "e1a1"], "e1c1", CastlingSide::QueenSide, "a1"),
    ] {
        for name in names {
            let legal = castles.resolve(name.parse().unwrap()).unwrap();
            assert_eq!(legal.uci().to_string(), canonical);
            assert_eq!(legal.castling(), Some((side, rook.parse().unwrap())));
            assert_eq!(legal.role(), Role::King);
        }
    }
}

#[test]
fn a_legal_move_says_what_it_does() {
    let promoting = position("1r2k3/P7/8/8/8/8/8/4K3 w - - 0 1");
    let made = promoting.find("axb8=N".parse().unwrap()).unwrap();
    assert_eq!(made.uci(), "a7b8n".parse().unwrap());
    assert_eq!(
        (made.role(), made.promotion()),
        (Role::Pawn, Some(Role::Knight))
    );
    assert!(made.is_capture() && !made.is_en_passant());
    let passing = position("4k3/8/8/8/3pP3/8/8/4K3 b - e3 0 1");
    let made = passing.find("dxe3".parse().unwrap()).unwrap();
    assert!(made.is_capture() && made.is_en_passant());
    assert_eq!(made.origin(), Some("d4".parse().unwrap()));
    assert_eq!(made.target(), "e3".parse().unwrap());
}

#[test]
fn positions_with_other_counters_differ_and_repeat_each_other() {
    let [one, other] =
        ["0 1", "4 3"].map(|counters| position(&format!("4k3/8/8/8/8/8/8/4K2R w K - {counters}")));
    assert_ne!(one, other);
    assert_eq!(one.repetition_key(), other.repetition_key());
}

#[test]
fn a_move_that_is_not_legal_changes_nothing() {
    let mut start = Position::default();
    assert_eq!(start.play_uci("e2e5".parse().unwrap()), None);
    assert_eq!(start, Position::default());
    let made = start.play_uci("e2e4".parse().unwrap()).unwrap();
    assert_eq!(start.turn(), Seat::Black);
    assert_eq!(Position::default().play_in_san(made), "e4");
}

/// Every move that can be named is read as the library reads it, which knows the square that the king
/// reaches only for kings on the e file.
#[test]
fn a_move_is_legal_if_it_is_so_to_the_library() {
    for (variant, fen) in [
        (
            Variant::Standard,
            "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1",
        ),
        (
            Variant::Standard,
            "r3k2r/8/8/8/3pPp2/8/P6p/R3K2R b KQkq e3 0 1",
        ),
        (Variant::Chess960, "r3k2r/P7/8/8/8/8/8/R3K2R w KQkq - 0 1"),
        (
            Variant::Crazyhouse,
            "r3k2r/1P6/8/3pP3/8/8/8/R3K2R[QBNPp] w KQkq d6 0 1",
        ),
        (Variant::Antichess, "8/1P6/8/3pP3/8/8/8/K3K2R w - d6 0 1"),
        (
            Variant::Atomic,
            "r3k2r/1P6/8/3pP3/8/8/8/R3K2R w KQkq d6 0 1",
        ),
        (Variant::KingOfTheHill, "4k3/8/8/8/8/3K4/8/8 w - - 0 1"),
        (
            Variant::RacingKings,
            "8/8/8/8/8/8/krbnNBRK/qrbnNBRQ w - - 0 1",
        ),
        (Variant::ThreeCheck, "r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 0 1"),
        (Variant::Horde, "r3k2r/8/8/8/2pPp3/8/8/1PPP4 b kq d3 0 1"),
    ] {
        let position = Position::from_fen(variant, fen).unwrap();
        let mut legal = 0;
        for uci in (0..=u16::MAX).filter_map(|bits| Uci::from_bits(bits).ok()) {
            let library = on!(&position.0, p => uci_move(uci).to_move(p)).ok();
            let found = position.resolve(uci);
            assert_eq!(found.map(|made| made.legal), library, "{fen} {uci}");
            legal += usize::from(found.is_some_and(|made| made.uci() == uci));
        }
        assert_eq!(legal, position.legal_moves().len(), "{fen}");
    }
}

/// In walks through positions with few pieces, which soon come to a stalemate and to pinned pawns.
#[test]
fn a_position_is_stalemate_if_it_is_so_to_the_library() {
    let mut stalemates = 0;
    for walk in 0..400_usize {
        let fens = [
            "k7/8/8/q7/8/8/3P4/4K3 b - - 0 1",
            "7k/8/8/8/8/p1p5/P1P4r/K7 b - - 0 1",
            "k7/p7/P7/8/8/8/6q1/7K w - - 0 1",
            "4k3/3p4/8/1B6/8/8/8/4K2Q w - - 0 1",
        ];
        let mut position = Position::from_fen(Variant::Standard, fens[walk % 4]).unwrap();
        for ply in 0..30 {
            let is_stalemate = on!(&position.0, p => p.is_stalemate());
            assert_eq!(position.is_stalemate(), is_stalemate, "{}", position.fen());
            stalemates += usize::from(is_stalemate);
            let moves = position.legal_moves();
            let Some(legal) = moves.get((walk * 31 + ply * 17) % moves.len().max(1)) else {
                break;
            };
            position.play(*legal);
        }
    }
    assert!(stalemates > 0);
}
