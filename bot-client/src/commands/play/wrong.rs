//! What is wrong with a move that is not legal, for the player who typed it.

use game_core::{Position, Role, San, Uci};

use super::words::side;

/// A move by its squares.
pub(super) fn uci(uci: Uci, position: &Position) -> String {
    let (Some(from), to) = (uci.origin(), uci.target()) else {
        return format!("{uci} is no move of chess");
    };
    let Some(piece) = position.piece_at(from) else {
        return format!("there is no piece on {from}");
    };
    let role = name(piece.role);
    if piece.seat != position.turn() {
        return format!("the {role} on {from} is {}'s", side(piece.seat));
    }
    let mut moves = position.legal_moves().into_iter();
    let promotes = uci.role().is_some();
    if !promotes && moves.any(|legal| legal.origin() == Some(from) && legal.target() == to) {
        return format!("say what the pawn becomes, as in {uci}q");
    }
    with_check(format!("the {role} on {from} cannot go to {to}"), position)
}

/// A move in algebraic notation, by all that it may mean.
pub(super) fn sans(text: &str, sans: &[San], position: &Position) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for san in sans {
        let reason = if san.is_castling() {
            "castling is not possible here".into()
        } else if let Some((role, to)) = san.piece_and_target() {
            let with_queen = san.with_queen();
            let mut moves = position.legal_moves().into_iter();
            let is_pawn = role == Role::Pawn;
            if is_pawn && !san.is_promotion() && moves.any(|legal| with_queen.fits(legal)) {
                return format!("say what the pawn becomes, as in {text}=Q");
            }
            let does = if is_pawn && san.is_capture() {
                "take on"
            } else {
                "go to"
            };
            format!("no {} can {does} {to}", name(role))
        } else {
            format!("{text} is no move of chess")
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    with_check(reasons.join(", and "), position)
}

/// In check most moves are out of the question.
fn with_check(reason: String, position: &Position) -> String {
    if position.is_check() {
        format!("{reason}: {} is in check", side(position.turn()))
    } else {
        reason
    }
}

const fn name(role: Role) -> &'static str {
    match role {
        Role::Pawn => "pawn",
        Role::Knight => "knight",
        Role::Bishop => "bishop",
        Role::Rook => "rook",
        Role::Queen => "queen",
        Role::King => "king",
    }
}
