//! A client's view of its match: only what the shard sent, and only after checks.

mod clocks;
mod endings;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use game_core::{
    BySeat, ClockStart, Epoch, EventKind, MatchId, Move, Outcome, Position, Seat, Termination,
    TimeControl, Uci,
};
use protocol::{CatchUp, ClockView, Joined, MatchState, Role, SeatView, WireEvent};

use self::clocks::ShownClocks;
pub use self::clocks::Standstill;
use crate::{Violation, printable};

/// A match as one client sees it.
///
/// It changes only by frames of the shard, and every change is checked against the rules of chess and against
/// what was seen before.
#[derive(Debug, Clone)]
pub struct MatchView {
    id: MatchId,
    role: Role,
    state: MatchState,
    start: Position,
    position: Position,
    last_move: Option<Uci>,
    seq: u32,
    epoch: Epoch,
    connected: BySeat<bool>,
    clocks: ShownClocks,
}

impl MatchView {
    /// The match as the first [`Joined`] has it.
    ///
    /// # Errors
    ///
    /// [`Violation`] when it has no full state, or one that contradicts itself.
    pub(crate) fn new(
        id: MatchId,
        (epoch, seq): (Epoch, u32),
        joined: Joined,
        now: Instant,
    ) -> Result<Self, Violation> {
        let CatchUp::State(mut state) = joined.catch_up else {
            return Err(Violation::OutOfPlace(
                "events without a state to add them to",
            ));
        };
        for player in [&mut state.players.white, &mut state.players.black] {
            player.name = printable(&player.name).into_owned();
        }
        let start = start_position(&state)?;
        let mut view = Self {
            id,
            role: joined.role,
            position: start.clone(),
            start,
            last_move: None,
            seq,
            epoch,
            connected: joined.connected,
            clocks: ShownClocks::new(joined.clock, now),
            state,
        };
        if joined.paused {
            view.clocks.pause(now);
        }
        for index in 0..view.state.moves.len() {
            let uci = view.state.moves[index];
            view.play(uci)?;
        }
        let (said, ours) = (view.state.fen.clone(), view.fen());
        if said != ours {
            return Err(Violation::OtherPosition { said, ours });
        }
        Ok(view)
    }

    /// Applies a later [`Joined`].
    ///
    /// # Errors
    ///
    /// [`Violation`] when it is not a continuation of what was seen.
    pub(crate) fn rejoin(
        &mut self,
        (epoch, seq): (Epoch, u32),
        joined: Joined,
        now: Instant,
    ) -> Result<(), Violation> {
        match &joined.catch_up {
            CatchUp::Events(events) => {
                for (seq, event) in events {
                    self.event(epoch, *seq, event, now)?;
                }
            }
            CatchUp::State(_) => {
                let whole = Self::new(self.id, (epoch, seq), joined.clone(), now)?;
                self.check_continuation(&whole)?;
                *self = whole;
            }
        }
        if self.seq != seq {
            let (seen, has) = (self.seq, seq);
            return Err(if seen > has {
                Violation::Lost { seen, has }
            } else {
                Violation::Gap { seen, got: has }
            });
        }
        self.role = joined.role;
        self.epoch = epoch;
        self.connected = joined.connected;
        self.go_on(joined.clock, now);
        if joined.paused {
            self.pause(now);
        }
        Ok(())
    }

    fn check_continuation(&self, whole: &Self) -> Result<(), Violation> {
        if whole.seq < self.seq {
            let (seen, has) = (self.seq, whole.seq);
            return Err(Violation::Lost { seen, has });
        }
        let (seen, now) = (&self.state, &whole.state);
        let rewritten = !now.moves.starts_with(&seen.moves)
            || now.start_fen != seen.start_fen
            || now.players != seen.players
            || (seen.result.is_some() && now.result != seen.result)
            || (whole.seq == self.seq && now.draw_offer != seen.draw_offer);
        if rewritten {
            Err(Violation::Rewritten)
        } else {
            Ok(())
        }
    }

    /// Applies one event; returns whether it was new.
    ///
    /// # Errors
    ///
    /// [`Violation`] when an event was left out before it, or the rules do not allow it.
    pub(crate) fn event(
        &mut self,
        epoch: Epoch,
        seq: u32,
        event: &WireEvent,
        now: Instant,
    ) -> Result<bool, Violation> {
        if seq <= self.seq {
            return Ok(false);
        }
        if seq > self.seq + 1 {
            let seen = self.seq;
            return Err(Violation::Gap { seen, got: seq });
        }
        if self.state.result.is_some() {
            return Err(Violation::AfterTheEnd { seq });
        }
        match event.kind {
            EventKind::Moved { uci, offers_draw } => {
                if event.seat != Some(self.turn()) {
                    return Err(Violation::WrongTurn { seq });
                }
                self.play(uci)?;
                self.state.moves.push(uci);
                // It declines what the opponent offered (FIDE 9.1.2.1); the mover's own offer stays open.
                if offers_draw || !self.has_offered(event.seat) {
                    self.state.draw_offer = event.seat.filter(|_| offers_draw);
                }
            }
            EventKind::DrawOffered => self.state.draw_offer = event.seat,
            EventKind::DrawDeclined if !self.has_offered(event.seat.map(Seat::opponent)) => {
                return Err(Violation::NoOffer { seq });
            }
            EventKind::DrawDeclined => self.state.draw_offer = None,
            EventKind::Ended {
                outcome,
                termination,
            } => {
                self.check_ending(event.seat, outcome, termination)?;
                self.state.result = Some((outcome, termination));
                self.state.draw_offer = None;
            }
        }
        self.seq = seq;
        self.epoch = epoch;
        self.clocks.say(event.clock, now);
        Ok(true)
    }

    /// Whether a draw offer of this seat is open.
    fn has_offered(&self, seat: Option<Seat>) -> bool {
        seat.is_some() && self.state.draw_offer == seat
    }

    fn play(&mut self, uci: Uci) -> Result<(), Violation> {
        let illegal = || Violation::IllegalMove {
            uci,
            fen: self.fen(),
        };
        if self.position.is_over() {
            return Err(illegal());
        }
        let legal = self.position.resolve(uci).ok_or_else(illegal)?;
        self.position.play(legal);
        self.last_move = Some(legal.uci());
        Ok(())
    }

    pub(crate) fn set_connected(&mut self, seat: Seat, connected: bool) {
        self.connected[seat] = connected;
    }

    pub(crate) fn pause(&mut self, now: Instant) {
        self.clocks.pause(now);
    }

    pub(crate) fn go_on(&mut self, clock: ClockView, now: Instant) {
        self.clocks.end_pause();
        self.clocks.say(clock, now);
    }

    /// Nothing was heard of the shard since `since`: both clocks stand still from then on.
    pub(crate) fn unheard(&mut self, why: Standstill, since: Instant) {
        self.clocks.unheard(why, since);
    }

    /// The connection brings something again.
    pub(crate) fn heard(&mut self) {
        self.clocks.heard();
    }

    pub(crate) fn set_epoch(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }

    // ---- what there is to see --------------------------------------------------------------------

    /// Which match.
    #[must_use]
    pub const fn id(&self) -> MatchId {
        self.id
    }

    /// What this client may do in it.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// This client's seat; `None` for a spectator.
    #[must_use]
    pub const fn seat(&self) -> Option<Seat> {
        self.role.seat()
    }

    /// Who plays.
    #[must_use]
    pub const fn players(&self) -> &BySeat<SeatView> {
        &self.state.players
    }

    /// How much time each side has.
    #[must_use]
    pub const fn time_control(&self) -> TimeControl {
        self.state.time_control
    }

    /// When the clocks begin to count.
    #[must_use]
    pub const fn clock_start(&self) -> ClockStart {
        self.state.clock_start
    }

    /// Whether the result counts for ratings.
    #[must_use]
    pub const fn is_rated(&self) -> bool {
        self.state.rated
    }

    /// The position at ply 0.
    #[must_use]
    pub const fn start(&self) -> &Position {
        &self.start
    }

    /// The position now.
    #[must_use]
    pub const fn position(&self) -> &Position {
        &self.position
    }

    /// The position now, as FEN (with an en passant square only where the capture is legal).
    #[must_use]
    pub fn fen(&self) -> String {
        self.position.fen()
    }

    /// All moves from ply 0.
    #[must_use]
    pub fn moves(&self) -> &[Uci] {
        &self.state.moves
    }

    /// The move that led to the position, in its canonical form.
    #[must_use]
    pub const fn last_move(&self) -> Option<Uci> {
        self.last_move
    }

    /// All moves from ply 0 in standard algebraic notation.
    #[must_use]
    pub fn sans(&self) -> Vec<String> {
        let mut position = self.start.clone();
        let san = |uci: &Uci| {
            let legal = position.resolve(*uci)?;
            Some(position.play_in_san(legal))
        };
        // All of them were legal when they were played.
        self.state.moves.iter().map_while(san).collect()
    }

    /// Half-moves made.
    #[must_use]
    pub fn ply(&self) -> u16 {
        // A match ends at 1,200 plies.
        u16::try_from(self.state.moves.len()).unwrap_or(u16::MAX)
    }

    /// The side to move.
    #[must_use]
    pub fn turn(&self) -> Seat {
        self.position.turn()
    }

    /// Whether this client is to move.
    #[must_use]
    pub fn is_my_turn(&self) -> bool {
        self.state.result.is_none() && self.seat() == Some(self.turn())
    }

    /// The seat whose draw offer is open.
    #[must_use]
    pub const fn draw_offer(&self) -> Option<Seat> {
        self.state.draw_offer
    }

    /// How the match ended, if it has.
    #[must_use]
    pub const fn result(&self) -> Option<(Outcome, Termination)> {
        self.state.result
    }

    /// Number of the last event seen.
    #[must_use]
    pub const fn seq(&self) -> u32 {
        self.seq
    }

    /// The highest epoch heard of.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Who is connected.
    #[must_use]
    pub const fn connected(&self) -> &BySeat<bool> {
        &self.connected
    }

    /// Whether the shard reports a pause because its store does not answer.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.clocks.is_paused()
    }

    /// Why both clocks stand still here; `None` while a clock may run, and when the match is over.
    #[must_use]
    pub fn standstill(&self) -> Option<Standstill> {
        self.clocks
            .standstill()
            .filter(|_| self.state.result.is_none())
    }

    /// The seat whose clock runs; `None` also while both stand still.
    #[must_use]
    pub fn running(&self) -> Option<Seat> {
        self.clocks.running()
    }

    /// Both clocks as the shard last sent them.
    #[must_use]
    pub const fn clock(&self) -> ClockView {
        self.clocks.said()
    }

    /// What `seat` has left at `now`, counted down here from the shard's last clocks, but not while the shard
    /// is paused or out of reach.
    #[must_use]
    pub fn remaining(&self, seat: Seat, now: Instant) -> Duration {
        self.clocks.remaining(seat, now)
    }

    /// Whether the match counts: it can be resigned, and no longer be aborted.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state.clock_start == ClockStart::AtOnce || self.ply() >= 2
    }

    /// The form in which the shard names a move that is legal now; the same move if it is not legal.
    #[must_use]
    pub fn canonical(&self, uci: Uci) -> Uci {
        self.position.resolve(uci).map_or(uci, Move::uci)
    }
}

fn start_position(state: &MatchState) -> Result<Position, Violation> {
    let Some(text) = &state.start_fen else {
        return Ok(Position::default());
    };
    Position::from_fen(game_core::Variant::Standard, text)
        .map_err(|_| Violation::StartPosition(text.clone()))
}
