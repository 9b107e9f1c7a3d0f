//! Positions as by the rules library, and what is read in its place.

use super::*;
use crate::{CastlingSide, Role};

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
