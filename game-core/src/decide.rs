//! What a command or the passing of time comes to: the rules of a match, which change nothing.

use shakmaty::Move;

use crate::board::Ending;
use crate::{ClockStart, CommandKind, Match, MatchTime, Outcome, Refusal, Seat, Termination, Uci};

/// What an accepted command does. Takebacks, claims and given time belong here, each with its
/// `EventKind` and history entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// A move is made.
    Move {
        /// The move, legal in the position.
        legal: Move,
        /// Its canonical form.
        uci: Uci,
        /// A draw is offered with it.
        offers_draw: bool,
    },
    /// A draw is offered.
    OfferDraw,
    /// The opponent's offer is declined.
    DeclineDraw,
    /// The match ends.
    End(Ending),
}

impl Match {
    /// The plies that make up both first moves, which are not timed and do not count yet.
    const FIRST_PLIES: u16 = 2;

    /// Whether the match counts: it is timed, has a result, and can no longer be aborted.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun_at(self.ply())
    }

    /// Whether there is nothing left to do but, at most, to state the result.
    pub(crate) const fn is_over(&self) -> bool {
        self.end.is_some() || self.board.verdict().is_some()
    }

    /// What a command comes to.
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
                let outcome = Outcome::win_of(seat.opponent());
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

    /// How the match ends at `now` without anyone's doing.
    pub(crate) fn due(&self, now: MatchTime) -> Option<Ending> {
        let has_come = |deadline: Option<MatchTime>| deadline.is_some_and(|at| at <= now);
        if self.end.is_some() {
            None
        } else if let Some(verdict) = self.board.verdict() {
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

    /// The end if the side to move runs out of time. A draw that its opponent has offered stands:
    /// who offered it is content with it.
    pub(crate) fn flag_fall(&self) -> Ending {
        let loser = self.turn();
        let outcome = if self.offers.faces(loser) {
            Outcome::Draw
        } else {
            self.board.flag_outcome(loser)
        };
        (outcome, Termination::TimeForfeit)
    }

    /// The end if the side to move does not make its first move in time, or nobody came at all.
    pub(crate) fn no_start(&self) -> Ending {
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
        // The ply comes first: a move that crossed the opponent's, or was sent twice under two ids,
        // is late rather than out of turn.
        if ply != self.ply() {
            return Err(Refusal::StalePly);
        }
        if seat != self.turn() {
            return Err(Refusal::NotYourTurn);
        }
        let (legal, uci) = self.board.resolve(uci).ok_or(Refusal::IllegalMove)?;
        if offers_draw {
            // The offer is made on the position after the move (FIDE 9.1.2.1).
            self.check_offer(seat, ply.saturating_add(1))?;
        }
        Ok(Act::Move {
            legal,
            uci,
            offers_draw,
        })
    }

    /// Whether `seat` may offer a draw with `ply` on the board.
    fn check_offer(&self, seat: Seat, ply: u16) -> Result<(), Refusal> {
        if self.has_begun_at(ply) {
            self.offers.check(seat, ply)
        } else {
            Err(Refusal::TooEarly)
        }
    }

    fn has_begun_at(&self, ply: u16) -> bool {
        self.setup.clock_start == ClockStart::AtOnce || ply >= Self::FIRST_PLIES
    }
}

/// Both sides have agreed on a draw (FIDE 5.2.3).
const fn agreed() -> Act {
    Act::End((Outcome::Draw, Termination::DrawAgreement))
}
