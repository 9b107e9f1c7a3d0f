//! Proof that a position is dead because pawns block it (FIDE 5.2.2).

use shakmaty::attacks::{king_attacks, pawn_attacks};
use shakmaty::{Bitboard, Chess, Color, Position as _};

/// Whether kings and pawns that can never move or be captured are all that is left. Then neither side
/// can mate, as kings do not give check.
///
/// Proved only where each pawn stands before another pawn, none can capture, and no king can reach a
/// pawn that another one does not protect, even if the other king gave way. Not proved, though dead:
/// positions with other pieces, those in which a pawn can still move, and those in which only the
/// opponent's king keeps a king from a pawn. A position in check is left to the move after it.
pub(super) fn is_proved(chess: &Chess) -> bool {
    let board = chess.board();
    let pawns = board.pawns();
    if board.occupied() != pawns | board.kings() {
        return false;
    }
    let [white, black] = [Color::White, Color::Black].map(|color| pawns & board.by_color(color));
    let before = white.shift(8) | black.shift(-8);
    let attacked = [
        attacks_of(Color::White, white),
        attacks_of(Color::Black, black),
    ];
    if !(before & !pawns).is_empty()
        || (attacked[0] & black | attacked[1] & white).any()
        || chess.is_check()
        || chess.legal_ep_square().is_some()
    {
        return false;
    }
    let cannot_capture = |color: Color, ours, theirs, attacked| {
        let king = board.king_of(color);
        king.is_some_and(|king| !reaches(king.into(), ours, theirs, attacked))
    };
    cannot_capture(Color::White, white, black, attacked[1])
        && cannot_capture(Color::Black, black, white, attacked[0])
}

fn attacks_of(color: Color, pawns: Bitboard) -> Bitboard {
    let attacks = pawns.into_iter().map(|pawn| pawn_attacks(color, pawn));
    attacks.fold(Bitboard::EMPTY, |all, attacks| all | attacks)
}

/// Whether a king comes to one of `their` pawns over squares that are not `attacked` by them.
fn reaches(king: Bitboard, our: Bitboard, their: Bitboard, attacked: Bitboard) -> bool {
    let mut reached = king;
    loop {
        let steps = reached.into_iter().map(king_attacks);
        let next = steps.fold(reached, |all, step| all | step & !our & !attacked);
        if (next & their).any() {
            return true;
        }
        if next == reached {
            return false;
        }
        reached = next;
    }
}
