//! The rules of a match: what a command or the passing of time leads to. Nothing here changes it.

use crate::board::BoardEnding;
use crate::history::Deed;
use crate::{CommandKind, Match, MatchTime, Move, Outcome, Refusal, Seat, Termination, Uci};

/// The effect of an accepted command. A new kind of command is added here, with its `EventKind` and
/// its history entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// A move is made.
    Move {
        /// The move.
        legal: Move,
        /// A draw is offered with it.
        offers_draw: bool,
    },
    /// A draw is offered.
    OfferDraw,
    /// The opponent's offer is declined.
    DeclineDraw,
    /// The match ends.
    End(BoardEnding),
}

impl Match {
    /// The effect of a command.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub(crate) fn decide(&self, seat: Seat, kind: CommandKind) -> Result<Act, Refusal> {
        if self.is_over() {
            return Err(Refusal::MatchOver);
        }
        match kind {
            CommandKind::Move {
                ply,
                uci,
                offers_draw,
            } => self.decide_move(seat, ply, uci, offers_draw),
            CommandKind::Resign if !self.has_begun() => Err(Refusal::TooEarly),
            CommandKind::Resign => {
                let outcome = self.line.board().outcome_lost_by(seat);
                Ok(Act::End((outcome, Termination::Resignation)))
            }
            CommandKind::Abort if self.has_begun() => Err(Refusal::TooLate),
            CommandKind::Abort => Ok(Act::End((Outcome::Aborted, Termination::Aborted))),
            // Two who offer have agreed.
            CommandKind::OfferDraw if self.offers.faces(seat) => Ok(agreed()),
            CommandKind::OfferDraw => {
                self.check_offer(seat, self.ply())?;
                Ok(Act::OfferDraw)
            }
            CommandKind::AcceptDraw | CommandKind::DeclineDraw if !self.offers.faces(seat) => {
                Err(Refusal::NoOffer)
            }
            CommandKind::AcceptDraw => Ok(agreed()),
            CommandKind::DeclineDraw => Ok(Act::DeclineDraw),
        }
    }

    /// Whether `seat` may offer a draw without a move; while its opponent's offer stands, that
    /// means to accept it.
    #[must_use]
    pub fn may_offer_draw(&self, seat: Seat) -> bool {
        self.decide(seat, CommandKind::OfferDraw).is_ok()
    }

    /// Whether a command of this `kind` has the effect that is recorded as event `seq`. If it has not,
    /// it is another command under the id of the one that caused the event.
    pub(crate) fn caused(&self, seq: u32, kind: CommandKind) -> bool {
        match (kind, self.history.at(seq)) {
            (
                CommandKind::Move {
                    ply,
                    uci,
                    offers_draw,
                },
                Some((
                    Deed::Moved {
                        uci: made,
                        offers_draw: offered,
                        ..
                    },
                    at,
                )),
            ) => (ply, offers_draw) == (at, offered) && self.names(uci, made, ply),
            (CommandKind::OfferDraw, Some((Deed::DrawOffered { .. }, _)))
            | (CommandKind::DeclineDraw, Some((Deed::DrawDeclined { .. }, _))) => true,
            (kind, None) => matches!(
                (kind, self.end.map(|end| end.termination)),
                (CommandKind::Resign, Some(Termination::Resignation))
                    | (CommandKind::Abort, Some(Termination::Aborted))
                    // Two who offer have agreed.
                    | (
                        CommandKind::AcceptDraw | CommandKind::OfferDraw,
                        Some(Termination::DrawAgreement)
                    )
            ),
            _ => false,
        }
    }

    /// Whether `uci` names the move that was `made` at `ply`. Castling has two names, and only the
    /// canonical one is recorded: for the other, the board of that ply is made again.
    fn names(&self, uci: Uci, made: Uci, ply: u16) -> bool {
        if uci == made {
            return true;
        }
        let board = self.line.board_at(&self.setup.start, ply);
        let named = board.and_then(|board| board.position().resolve(uci));
        named.is_some_and(|legal| legal.uci() == made)
    }

    /// How the match ends at `now` without a command, if it does.
    pub(crate) fn due(&self, now: MatchTime) -> Option<BoardEnding> {
        let has_come = |deadline: Option<MatchTime>| deadline.is_some_and(|at| at <= now);
        if self.end.is_some() {
            None
        } else if let Some(verdict) = self.verdict() {
            Some(verdict)
        } else if let Some(until) = self.waits_until() {
            (until <= now).then(|| self.no_start())
        } else if has_come(self.first_move_until) {
            Some(self.no_start())
        } else if has_come(self.clock.flag_at()) {
            Some(self.flag_fall())
        } else {
            None
        }
    }

    /// The end if the side to move runs out of time: a draw if its opponent has offered one.
    pub(crate) fn flag_fall(&self) -> BoardEnding {
        let loser = self.turn();
        let outcome = if self.offers.faces(loser) {
            Outcome::Draw
        } else {
            self.line.board().outcome_lost_by(loser)
        };
        (outcome, Termination::TimeForfeit)
    }

    /// The end if the side to move does not make its first move in time, or if no player ever came.
    pub(crate) fn no_start(&self) -> BoardEnding {
        let termination = match self.turn() {
            Seat::White => Termination::WhiteNoStart,
            Seat::Black => Termination::BlackNoStart,
        };
        (Outcome::Aborted, termination)
    }

    fn decide_move(
        &self,
        seat: Seat,
        ply: u16,
        uci: Uci,
        offers_draw: bool,
    ) -> Result<Act, Refusal> {
        // The ply is checked first: a move that crossed the opponent's, or was sent twice under two
        // ids, is late rather than out of turn.
        if ply != self.ply() {
            return Err(Refusal::StalePly);
        }
        if seat != self.turn() {
            return Err(Refusal::NotYourTurn);
        }
        let legal = self.position().resolve(uci).ok_or(Refusal::IllegalMove)?;
        if offers_draw {
            // The offer is made on the position after the move (FIDE 9.1.2.1).
            self.check_offer(seat, ply.saturating_add(1))?;
        }
        Ok(Act::Move { legal, offers_draw })
    }

    /// Whether `seat` may offer a draw with `ply` on the board.
    fn check_offer(&self, seat: Seat, ply: u16) -> Result<(), Refusal> {
        if self.has_begun_at(ply) {
            self.offers.check(seat, ply)
        } else {
            Err(Refusal::TooEarly)
        }
    }
}

/// Both sides have agreed on a draw (FIDE 5.2.3).
const fn agreed() -> Act {
    Act::End((Outcome::Draw, Termination::DrawAgreement))
}
