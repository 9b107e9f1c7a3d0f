//! What a move is: one to play, the repetition of one that was played, or a mistake.
//!
//! Clients name no ply, and repeat a move whose answer they did not get. The same move is never legal twice in a row for
//! one side, as its piece has left the square, with one exception: in Chess960 a king may castle without moving, by the move
//! that afterwards takes it to the square of the rook. There, what tells is whether the client was streamed a position since,
//! and whether its move was answered.

use client::MatchView;
use game_core::{Seat, Uci};

/// What is known of a move that a client sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// Whether it is the client's turn, in a match that is not over.
    pub(super) is_turn: bool,
    /// Whether the rules allow the move in this position.
    pub(super) is_legal: bool,
    /// Whether it is the move that this seat made last.
    pub(super) is_last: bool,
    /// Whether this seat's last move was never answered to the client.
    pub(super) is_unanswered: bool,
    /// Whether the client was streamed the present position.
    pub(super) has_seen: bool,
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is played.
    Play,
    /// It was played already, and is answered as then.
    Repetition,
    /// It is not the client's turn.
    NotYourTurn,
    /// The rules do not allow it.
    Illegal,
}

impl Sent {
    pub(super) const fn verdict(self) -> Verdict {
        if self.is_last && (self.is_unanswered || !self.has_seen) {
            return Verdict::Repetition;
        }
        match (self.is_turn, self.is_legal, self.is_last) {
            (true, true, _) => Verdict::Play,
            (_, _, true) => Verdict::Repetition,
            (true, false, false) => Verdict::Illegal,
            (false, _, false) => Verdict::NotYourTurn,
        }
    }
}

/// Whether `uci` names the last move of `seat`, under whichever of the two names of a castling.
pub(super) fn is_last_of(view: &MatchView, seat: Seat, uci: Uci) -> bool {
    let moves = view.moves();
    // Of the side to move, the last one but one.
    let place = moves
        .len()
        .checked_sub(1 + usize::from(view.turn() == seat));
    let Some(place) = place else { return false };
    if moves[place] == uci {
        return true;
    }
    let mut position = view.start().clone();
    for &made in &moves[..place] {
        let Some(legal) = position.resolve(made) else {
            return false;
        };
        position.play(legal);
    }
    let named = position.resolve(uci);
    named.is_some_and(|legal| legal.uci() == moves[place])
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Sent = Sent {
        is_turn: true,
        is_legal: true,
        is_last: false,
        is_unanswered: false,
        has_seen: true,
    };

    #[test]
    fn a_move_is_played_once() {
        for (sent, verdict) in [
            (CALM, Verdict::Play),
            // The first answer was lost; the opponent has not moved, or has.
            (
                Sent {
                    is_turn: false,
                    is_legal: false,
                    is_last: true,
                    ..CALM
                },
                Verdict::Repetition,
            ),
            (
                Sent {
                    is_legal: false,
                    is_last: true,
                    ..CALM
                },
                Verdict::Repetition,
            ),
            // A king has castled where it stood, and now goes to the corner.
            (
                Sent {
                    is_last: true,
                    ..CALM
                },
                Verdict::Play,
            ),
            (
                Sent {
                    is_last: true,
                    is_unanswered: true,
                    ..CALM
                },
                Verdict::Repetition,
            ),
            // The gateway was replaced between both.
            (
                Sent {
                    is_last: true,
                    has_seen: false,
                    ..CALM
                },
                Verdict::Repetition,
            ),
            // A client without a stream plays all the same.
            (
                Sent {
                    has_seen: false,
                    ..CALM
                },
                Verdict::Play,
            ),
            (
                Sent {
                    is_legal: false,
                    ..CALM
                },
                Verdict::Illegal,
            ),
            (
                Sent {
                    is_turn: false,
                    is_legal: false,
                    ..CALM
                },
                Verdict::NotYourTurn,
            ),
            // After the flag, also if it would be legal.
            (
                Sent {
                    is_turn: false,
                    ..CALM
                },
                Verdict::NotYourTurn,
            ),
        ] {
            assert_eq!(sent.verdict(), verdict, "{sent:?}");
        }
    }
}
