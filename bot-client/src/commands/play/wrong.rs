//! What is wrong with a move that is not legal, for the player who typed it.

use game_core::{Position, Role, San, Uci, Variant};

use super::words::side;

/// A move by its squares.
pub(super) fn uci(uci: Uci, position: &Position) -> String {
    let (Some(from), to) = (uci.origin(), uci.target()) else {
        return drop(uci, position);
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

/// A piece that is dropped.
fn drop(uci: Uci, position: &Position) -> String {
    if position.variant() != Variant::Crazyhouse {
        return "pieces are dropped only in Crazyhouse".into();
    }
    let role = uci.role().unwrap_or(Role::Pawn);
    let to = uci.target();
    let pocket = position.pocket(position.turn());
    let held = Role::ALL
        .into_iter()
        .zip(pocket)
        .find(|(of, _)| *of == role);
    if held.is_none_or(|(_, count)| count == 0) {
        format!("there is no {} in the pocket", name(role))
    } else if position.piece_at(to).is_some() {
        format!("{to} is taken")
    } else {
        with_check(
            format!("a {} cannot be dropped on {to}", name(role)),
            position,
        )
    }
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

/// In check, and where a capture is compulsory, most moves are out of the question.
fn with_check(reason: String, position: &Position) -> String {
    let mut moves = position.legal_moves().into_iter();
    if position.variant() == Variant::Antichess && moves.any(|legal| legal.is_capture()) {
        format!("{reason}: {} must capture", side(position.turn()))
    } else if position.is_check() {
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
