//! The rules of a match: what a command or the passing of time leads to. Nothing here changes it.

use crate::board::BoardEnding;
use crate::history::Deed;
use crate::limits::{GIVE_TIME_MAX, GIVE_TIME_MIN, SIDE_EVENTS_MAX};
use crate::line::Line;
use crate::state::End;
use crate::{
    CommandKind, Match, MatchId, MatchTime, Move, Outcome, Refusal, Rule, Seat, Termination, Uci,
    WithMove,
};

/// The effect of an accepted command. A new kind of command is added here, with its `EventKind` and
/// its history entry.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// A move is made.
    Move {
        /// The move.
        legal: Move,
        /// What is said with it.
        with: WithMove,
    },
    /// A draw is offered.
    OfferDraw,
    /// The opponent's draw offer is declined.
    DeclineDraw,
    /// A takeback is asked for.
    OfferTakeback,
    /// The opponent's request for a takeback is declined.
    DeclineTakeback,
    /// So many half-moves are taken back.
    TakeBack(u8),
    /// So many seconds are added to the opponent's clock.
    GiveTime(u8),
    /// The match ends.
    End(BoardEnding),
    /// A rematch is offered.
    OfferRematch,
    /// The opponent's offer of a rematch is declined.
    DeclineRematch,
    /// Both want a rematch, which gets this id.
    AgreeRematch(MatchId),
}

/// What a decision needs to know beside the match.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// The present time; `None` for an event that is replayed, whose time has passed the checks before.
    pub(crate) now: Option<MatchTime>,
    /// The id of a match that might be agreed on now.
    pub(crate) next_match: Option<MatchId>,
}

impl Match {
    /// The effect of a command.
    ///
    /// # Errors
    ///
    /// As [`apply`](Self::apply).
    pub(crate) fn decide(
        &self,
        seat: Seat,
        kind: CommandKind,
        known: Circumstances,
    ) -> Result<Act, Refusal> {
        match kind {
            CommandKind::OfferRematch
            | CommandKind::AcceptRematch
            | CommandKind::DeclineRematch => self.decide_rematch(seat, kind, known),
            _ if self.is_over() => Err(Refusal::MatchOver),
            CommandKind::Move {
                position_seq,
                uci,
                with,
            } => self.decide_move(seat, position_seq, uci, with, known),
            CommandKind::Resign if !self.has_begun() => Err(Refusal::TooEarly),
            CommandKind::Resign => {
                let outcome = self.line.board().outcome_lost_by(seat);
                Ok(Act::End((outcome, Termination::Resignation)))
            }
            CommandKind::Abort => self.decide_abort(),
            // Two who offer have agreed.
            CommandKind::OfferDraw if !self.offers.faces(seat) => {
                self.check_offer(seat, self.ply())?;
                Ok(Act::OfferDraw)
            }
            CommandKind::OfferDraw | CommandKind::AcceptDraw => self.decide_agreement(seat),
            CommandKind::DeclineDraw if !self.offers.faces(seat) => Err(Refusal::NoOffer),
            CommandKind::DeclineDraw => Ok(Act::DeclineDraw),
            CommandKind::ClaimDraw if seat != self.turn() => Err(Refusal::NotYourTurn),
            CommandKind::ClaimDraw => {
                let claim = self.line.board().claim();
                claim.map(Act::End).ok_or(Refusal::NoClaim)
            }
            CommandKind::OfferTakeback | CommandKind::AcceptTakeback
                if self.takebacks.faces(seat) =>
            {
                let plies = self.takeback_plies(seat.opponent())?;
                Ok(Act::TakeBack(plies))
            }
            CommandKind::OfferTakeback => self.decide_takeback(seat, known),
            CommandKind::DeclineTakeback if self.takebacks.faces(seat) => Ok(Act::DeclineTakeback),
            CommandKind::AcceptTakeback | CommandKind::DeclineTakeback => Err(Refusal::NoOffer),
            CommandKind::ClaimWin => {
                self.check_gone(seat, known)?;
                let outcome = self.line.board().outcome_lost_by(seat.opponent());
                Ok(Act::End((outcome, Termination::Abandoned)))
            }
            CommandKind::ClaimAbandonedDraw => {
                self.check_gone(seat, known)?;
                Ok(Act::End((Outcome::Draw, Termination::Abandoned)))
            }
            CommandKind::GiveTime { seconds } => self.decide_gift(seconds),
        }
    }

    /// Whether `seat` may offer a draw without a move; while its opponent's offer stands, that
    /// means to accept it.
    #[must_use]
    pub fn may_offer_draw(&self, seat: Seat) -> bool {
        let known = Circumstances {
            now: None,
            next_match: None,
        };
        self.decide(seat, CommandKind::OfferDraw, known).is_ok()
    }

    /// Whether a command of this `kind` has the effect that is recorded as event `seq`. If it has not,
    /// it is another command under the id of the one that caused the event.
    pub(crate) fn caused(&self, seq: u32, kind: CommandKind) -> bool {
        use CommandKind as C;
        let Some((deed, index)) = self.history.at(seq) else {
            return self.end.is_some_and(|end| self.caused_end(&end, kind));
        };
        match (kind, deed) {
            (
                C::Move {
                    position_seq,
                    uci,
                    with,
                },
                Deed::Moved {
                    uci: made,
                    with: said,
                    ..
                },
            ) => {
                (position_seq, with) == (self.history.position_seq(index), said)
                    && self.names(uci, made, index)
            }
            (C::OfferDraw, Deed::DrawOffered(_))
            | (C::DeclineDraw, Deed::DrawDeclined(_))
            | (C::OfferTakeback, Deed::TakebackOffered(_) | Deed::TakenBack(..))
            | (C::AcceptTakeback, Deed::TakenBack(..))
            | (C::DeclineTakeback, Deed::TakebackDeclined(_))
            | (C::OfferRematch, Deed::RematchOffered(_) | Deed::RematchAgreed(_))
            | (C::AcceptRematch, Deed::RematchAgreed(_))
            | (C::DeclineRematch, Deed::RematchDeclined(_)) => true,
            (C::GiveTime { seconds }, Deed::TimeGiven(_, given)) => seconds == given,
            _ => false,
        }
    }

    /// Whether a command of this `kind` has caused the `end`, which a command did.
    fn caused_end(&self, end: &End, kind: CommandKind) -> bool {
        use CommandKind as C;
        let termination = end.termination;
        match kind {
            C::Resign => termination == Termination::Resignation,
            C::Abort => termination == Termination::Aborted,
            // Two who offer have agreed.
            C::AcceptDraw | C::OfferDraw => termination == Termination::DrawAgreement,
            C::ClaimDraw => matches!(
                termination,
                Termination::ThreefoldRepetition | Termination::FiftyMoves
            ),
            // Without the material to mate, this and a claim of the draw have the same effect.
            C::ClaimWin => {
                let won = |(seat, _): (Seat, _)| self.line.board().outcome_lost_by(seat.opponent());
                termination == Termination::Abandoned && end.by.map(won) == Some(end.outcome)
            }
            C::ClaimAbandonedDraw => {
                termination == Termination::Abandoned && end.outcome == Outcome::Draw
            }
            _ => false,
        }
    }

    /// Whether `uci` names the move that was `made` by the entry at `index`. Castling has two names, and
    /// only the canonical one is recorded: for the other, the board of that moment is made again.
    fn names(&self, uci: Uci, made: Uci, index: usize) -> bool {
        if uci == made {
            return true;
        }
        let moves = self.history.moves_after(index);
        let board = Line::replay(&self.setup.start, moves);
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
        position_seq: u32,
        uci: Uci,
        with: WithMove,
        known: Circumstances,
    ) -> Result<Act, Refusal> {
        let opens_later = |now| self.opens_at.is_some_and(|at| now < at);
        if known.now.is_some_and(opens_later) {
            return Err(Refusal::NotStarted);
        }
        if self.is_stopped {
            return Err(Refusal::NotStarted);
        }
        // The position is checked first: a move that crossed the opponent's, or was sent twice under two
        // ids, is late rather than out of turn.
        if position_seq != self.position_seq() {
            return Err(Refusal::StalePosition);
        }
        if seat != self.turn() {
            return Err(Refusal::NotYourTurn);
        }
        let legal = self.position().resolve(uci).ok_or(Refusal::IllegalMove)?;
        if with == WithMove::DrawOffer {
            // The offer is made on the position after the move (FIDE 9.1.2.1).
            self.check_offer(seat, self.ply().saturating_add(1))?;
        }
        Ok(Act::Move { legal, with })
    }

    fn decide_abort(&self) -> Result<Act, Refusal> {
        if self.has_begun() {
            Err(Refusal::TooLate)
        } else if self.setup.rules.has(Rule::NoAbort) {
            Err(Refusal::NotAllowed)
        } else {
            Ok(Act::End((Outcome::Aborted, Termination::Aborted)))
        }
    }

    /// `seat` agrees to the draw that its opponent offers (FIDE 5.2.3).
    fn decide_agreement(&self, seat: Seat) -> Result<Act, Refusal> {
        if self.offers.faces(seat) {
            Ok(Act::End((Outcome::Draw, Termination::DrawAgreement)))
        } else {
            Err(Refusal::NoOffer)
        }
    }

    /// Whether `seat` may offer a draw with `ply` on the board.
    fn check_offer(&self, seat: Seat, ply: u16) -> Result<(), Refusal> {
        /// The number of half-moves before move 30.
        const EARLY_PLIES: u16 = 2 * 29;
        let too_early = self.setup.rules.has(Rule::NoEarlyDraw) && ply < EARLY_PLIES;
        if too_early || !self.has_begun_at(ply) {
            return Err(Refusal::TooEarly);
        }
        self.check_room()?;
        self.offers.check(seat, ply)
    }

    fn decide_takeback(&self, seat: Seat, known: Circumstances) -> Result<Act, Refusal> {
        if self.setup.rated || self.setup.rules.has(Rule::NoTakeback) {
            return Err(Refusal::NotAllowed);
        }
        self.takeback_plies(seat)?;
        self.check_room()?;
        if let Some(now) = known.now {
            self.takebacks.check(seat, now, self.resumed_at)?;
        }
        Ok(Act::OfferTakeback)
    }

    /// How many half-moves go back so that the last move of `seat` is undone.
    fn takeback_plies(&self, seat: Seat) -> Result<u8, Refusal> {
        if self.line.moves_of(seat) == 0 {
            Err(Refusal::TooEarly)
        } else if self.turn() == seat {
            Ok(2)
        } else {
            Ok(1)
        }
    }

    /// Whether the opponent of `seat` is gone for long enough.
    fn check_gone(&self, seat: Seat, known: Circumstances) -> Result<(), Refusal> {
        if self.setup.rules.has(Rule::NoClaimWin) {
            return Err(Refusal::NotAllowed);
        }
        if self.turn() == seat || self.ply() < Self::FIRST_PLIES {
            return Err(Refusal::OpponentNotGone);
        }
        // Who was there is in no record: an event that is replayed has passed the rest of this check.
        let Some(now) = known.now else {
            return Ok(());
        };
        match self.claimable_at(seat) {
            Some(at) if at <= now => Ok(()),
            _ => Err(Refusal::OpponentNotGone),
        }
    }

    fn decide_gift(&self, seconds: u8) -> Result<Act, Refusal> {
        if self.setup.rated || self.setup.rules.has(Rule::NoGiveTime) {
            return Err(Refusal::NotAllowed);
        }
        if !(GIVE_TIME_MIN..=GIVE_TIME_MAX).contains(&seconds) {
            return Err(Refusal::AmountOutOfBounds);
        }
        self.check_room()?;
        Ok(Act::GiveTime(seconds))
    }

    fn decide_rematch(
        &self,
        seat: Seat,
        kind: CommandKind,
        known: Circumstances,
    ) -> Result<Act, Refusal> {
        if self.end.is_none() {
            return Err(Refusal::MatchInPlay);
        }
        if self.rematch.agreed.is_some() {
            return Err(Refusal::MatchOver);
        }
        let faces = self.rematch.faces(seat);
        match kind {
            CommandKind::DeclineRematch if faces => Ok(Act::DeclineRematch),
            CommandKind::OfferRematch | CommandKind::AcceptRematch if faces => {
                let id = known.next_match.ok_or(Refusal::NotAllowed)?;
                Ok(Act::AgreeRematch(id))
            }
            CommandKind::OfferRematch if self.setup.rules.has(Rule::NoRematch) => {
                Err(Refusal::NotAllowed)
            }
            CommandKind::OfferRematch if self.rematch.standing.is_some() => {
                Err(Refusal::OfferTooSoon)
            }
            CommandKind::OfferRematch => {
                self.check_room()?;
                Ok(Act::OfferRematch)
            }
            _ => Err(Refusal::NoOffer),
        }
    }

    /// Whether the log has room for one more event that is no move.
    fn check_room(&self) -> Result<(), Refusal> {
        if self.seq().saturating_sub(self.ply().into()) < SIDE_EVENTS_MAX {
            Ok(())
        } else {
            Err(Refusal::TooManyEvents)
        }
    }
}
