//! What is wrong with a move that is not legal, for the player who typed it.

use game_core::{Seat, Uci};
use shakmaty::san::San;
use shakmaty::{Chess, Position, Role};

use super::words::side;

/// A move by its squares.
pub(super) fn uci(uci: Uci, position: &Chess) -> String {
    let shakmaty::uci::UciMove::Normal {
        from,
        to,
        promotion,
    } = uci.to_move()
    else {
        return format!("{uci} is no move of chess");
    };
    let Some(piece) = position.board().piece_at(from) else {
        return format!("there is no piece on {from}");
    };
    let role = name(piece.role);
    if piece.color != position.turn() {
        return format!("the {role} on {from} is {}'s", side(piece.color.into()));
    }
    let mut moves = position.legal_moves().into_iter();
    if promotion.is_none() && moves.any(|legal| legal.from() == Some(from) && legal.to() == to) {
        return format!("say what the pawn becomes, as in {uci}q");
    }
    with_check(format!("the {role} on {from} cannot go to {to}"), position)
}

/// A move in algebraic notation, by all that it may mean.
pub(super) fn sans(text: &str, sans: &[San], position: &Chess) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for san in sans {
        let reason = match san {
            San::Castle(_) => "castling is not possible here".into(),
            San::Normal {
                role,
                to,
                capture,
                promotion,
                ..
            } => {
                let promotes = |legal: &shakmaty::Move| match *san {
                    San::Normal {
                        role,
                        file,
                        rank,
                        capture,
                        to,
                        ..
                    } => San::Normal {
                        role,
                        file,
                        rank,
                        capture,
                        to,
                        promotion: Some(Role::Queen),
                    }
                    .matches(*legal),
                    _ => false,
                };
                let is_pawn = *role == Role::Pawn;
                if is_pawn && promotion.is_none() && position.legal_moves().iter().any(promotes) {
                    return format!("say what the pawn becomes, as in {text}=Q");
                }
                let does = if is_pawn && *capture {
                    "take on"
                } else {
                    "go to"
                };
                format!("no {} can {does} {to}", name(*role))
            }
            San::Put { .. } | San::Null => format!("{text} is no move of chess"),
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    with_check(reasons.join(", and "), position)
}

/// In check most moves are out of the question.
fn with_check(reason: String, position: &Chess) -> String {
    if position.is_check() {
        let turn: Seat = position.turn().into();
        format!("{reason}: {} is in check", side(turn))
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
