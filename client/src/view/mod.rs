//! A client's view of its match: only what the shard sent, and only after checks.

mod clocks;
mod endings;
mod line;
mod offers;
mod server_time;
mod shown;
#[cfg(test)]
mod tests;

use std::time::Instant;

use game_core::{BySeat, Epoch, EventKind, MatchId, Position, Rule, Seat, Uci, WithMove};
use protocol::{CHAT_KEPT_MAX, CatchUp, ChatLine, ClockView, Joined, MatchState, Role, WireEvent};

use self::clocks::ShownClocks;
pub use self::clocks::Standstill;
use self::line::Line;
pub(crate) use self::server_time::ServerTime;
use crate::{Violation, printable};

/// A match as one client sees it.
///
/// It changes only by frames of the shard, and every change is checked against the rules of chess and against
/// what was seen before. Times that are handed in with a frame are when it left the shard.
#[derive(Debug, Clone)]
pub struct MatchView {
    id: MatchId,
    role: Role,
    /// The terms, the offers and the result. The moves and the position are in the line.
    state: MatchState,
    line: Line,
    /// A draw was claimed with the last move.
    claims_draw: bool,
    /// Each move whose event was seen, whether it stands or was taken back, with the seq of its event.
    made: Vec<(u32, Uci)>,
    seq: u32,
    epoch: Epoch,
    connected: BySeat<bool>,
    clocks: ShownClocks,
    /// The seat that is empty while to move, and from when on its opponent may claim the match.
    gone: Option<(Seat, Instant)>,
    chat: Vec<ChatLine>,
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
        at: Instant,
    ) -> Result<Self, Violation> {
        let CatchUp::State(mut state) = joined.catch_up else {
            return Err(Violation::OutOfPlace(
                "events without a state to add them to",
            ));
        };
        for player in [&mut state.players.white, &mut state.players.black] {
            player.name = printable(&player.name).into_owned();
        }
        let moves = std::mem::take(&mut state.moves);
        let mut view = Self {
            id,
            role: joined.role,
            line: Line::new(start_position(&state)?),
            claims_draw: false,
            made: Vec::new(),
            seq,
            epoch,
            connected: joined.connected,
            clocks: ShownClocks::new(joined.clock, at),
            gone: None,
            chat: Vec::new(),
            state,
        };
        if joined.paused {
            view.clocks.pause(at);
        }
        for uci in moves {
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
        at: Instant,
    ) -> Result<(), Violation> {
        match &joined.catch_up {
            CatchUp::Events(events) => {
                for (seq, event) in events {
                    self.event(epoch, *seq, event, at)?;
                }
            }
            CatchUp::State(_) => {
                let mut whole = Self::new(self.id, (epoch, seq), joined.clone(), at)?;
                self.check_continuation(&whole)?;
                whole.made = std::mem::take(&mut self.made);
                whole.chat = std::mem::take(&mut self.chat);
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
        self.gone = None;
        self.go_on(joined.clock, at);
        if joined.paused {
            self.pause(at);
        }
        Ok(())
    }

    fn check_continuation(&self, whole: &Self) -> Result<(), Violation> {
        if whole.seq < self.seq {
            let (seen, has) = (self.seq, whole.seq);
            return Err(Violation::Lost { seen, has });
        }
        let (seen, now) = (&self.state, &whole.state);
        let events = (whole.seq - self.seq) as usize;
        let terms = |state: &MatchState| MatchState {
            fen: String::new(),
            moves: Vec::new(),
            position_seq: 0,
            draw_offer: None,
            takeback_offer: None,
            rematch_offer: None,
            rematch: None,
            result: None,
            offered_plies: Vec::new(),
            ..state.clone()
        };
        let offers = |state: &MatchState| {
            let rematch = (state.rematch_offer, state.rematch);
            (state.draw_offer, state.takeback_offer, rematch)
        };
        let rewritten = terms(now) != terms(seen)
            || self
                .line
                .events_to(whole.moves(), seen.takeback_offer.is_some())
                > events
            || (!self.may_take_back() && !whole.moves().starts_with(self.moves()))
            || now.position_seq < seen.position_seq
            || (now.position_seq == seen.position_seq && whole.moves() != self.moves())
            || (seen.result.is_some()
                && (now.result != seen.result || whole.moves() != self.moves()))
            || (events == 0 && (offers(now) != offers(seen) || now.result != seen.result));
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
        at: Instant,
    ) -> Result<bool, Violation> {
        if seq <= self.seq {
            return Ok(false);
        }
        if seq > self.seq + 1 {
            let seen = self.seq;
            return Err(Violation::Gap { seen, got: seq });
        }
        // An event of a kind that is not known here changes nothing that is.
        if let Some(kind) = event.kind {
            self.apply(seq, event.seat, kind)?;
        }
        self.seq = seq;
        self.epoch = epoch;
        self.clocks.say(event.clock, at);
        Ok(true)
    }

    fn apply(&mut self, seq: u32, seat: Option<Seat>, kind: EventKind) -> Result<(), Violation> {
        let is_of_rematch = matches!(
            kind,
            EventKind::RematchOffered
                | EventKind::RematchDeclined
                | EventKind::RematchAgreed { .. }
        );
        match (self.state.result.is_some(), is_of_rematch) {
            (true, false) => return Err(Violation::AfterTheEnd { seq }),
            (false, true) => return Err(Violation::BeforeTheEnd { seq }),
            _ => {}
        }
        match kind {
            EventKind::Moved { uci, with } => self.moved(seq, seat, uci, with)?,
            EventKind::TakenBack { plies } if seat.is_none() => self.undone(seq, plies)?,
            EventKind::TakenBack { plies } => self.taken_back(seq, seat, plies)?,
            EventKind::Ended {
                outcome,
                termination,
            } => {
                self.check_ending(seat, outcome, termination)?;
                self.state.result = Some((outcome, termination));
                self.state.draw_offer = None;
                self.state.takeback_offer = None;
                self.gone = None;
            }
            // The clocks of the event say what has changed.
            EventKind::TimeGiven { .. }
            | EventKind::Stopped
            | EventKind::Resumed
            | EventKind::ClockSet { .. } => {}
            offer => self.offered(seq, seat, offer)?,
        }
        Ok(())
    }

    fn moved(
        &mut self,
        seq: u32,
        seat: Option<Seat>,
        uci: Uci,
        with: WithMove,
    ) -> Result<(), Violation> {
        let mover = self.turn();
        if seat != Some(mover) {
            return Err(Violation::WrongTurn { seq });
        }
        self.play(uci)?;
        self.made.push((seq, uci));
        self.state.position_seq = seq;
        self.claims_draw = with == WithMove::DrawClaim;
        self.move_offers(mover, with);
        self.gone = None;
        Ok(())
    }

    /// The opponent of the seat that asked for it grants a takeback.
    fn taken_back(&mut self, seq: u32, seat: Option<Seat>, plies: u8) -> Result<(), Violation> {
        let asker = self.state.takeback_offer;
        let Some(asker) = asker.filter(|asker| seat == Some(asker.opponent())) else {
            return Err(Violation::NoOffer { seq });
        };
        if self.takeback_plies(asker) != Some(plies) {
            return Err(Violation::WrongTakeback { seq, plies });
        }
        self.rewind(seq, plies);
        Ok(())
    }

    /// An arbiter takes moves back, by whatever terms.
    fn undone(&mut self, seq: u32, plies: u8) -> Result<(), Violation> {
        if !(1..=self.moves().len()).contains(&usize::from(plies)) {
            return Err(Violation::WrongTakeback { seq, plies });
        }
        self.rewind(seq, plies);
        Ok(())
    }

    fn rewind(&mut self, seq: u32, plies: u8) {
        self.line.take_back(plies);
        self.state.position_seq = seq;
        self.claims_draw = false;
        self.take_back_offers();
        self.gone = None;
    }

    fn play(&mut self, uci: Uci) -> Result<(), Violation> {
        self.line.play(uci).ok_or_else(|| Violation::IllegalMove {
            uci,
            fen: self.fen(),
        })
    }

    /// Whether the terms allow takebacks.
    fn may_take_back(&self) -> bool {
        !self.state.rated && !self.state.rules.has(Rule::NoTakeback)
    }

    /// The move whose event was seen under this seq.
    pub(crate) fn move_made_by(&self, seq: u32) -> Option<Uci> {
        let index = self.made.binary_search_by_key(&seq, |(seq, _)| *seq);
        Some(self.made[index.ok()?].1)
    }

    pub(crate) fn set_connected(&mut self, seat: Seat, connected: bool) {
        self.connected[seat] = connected;
        if connected {
            self.gone = self.gone.filter(|(gone, _)| *gone != seat);
        }
    }

    /// `seat` is gone while to move, and its opponent may claim the match from then on; or, without a time, it no
    /// longer is.
    pub(crate) fn set_gone(&mut self, seat: Seat, claimable_at: Option<Instant>) {
        self.gone = claimable_at.map(|at| (seat, at));
    }

    /// Adds lines of chat, and returns those that are new: after a return to the match the last ones come again.
    pub(crate) fn add_chat(&mut self, lines: Vec<ChatLine>) -> Vec<ChatLine> {
        let mut new = Vec::new();
        for mut line in lines {
            line.name = printable(&line.name).into_owned();
            line.text = printable(&line.text).into_owned();
            if !self.chat.contains(&line) {
                self.chat.push(line.clone());
                new.push(line);
            }
        }
        let surplus = self.chat.len().saturating_sub(CHAT_KEPT_MAX);
        self.chat.drain(..surplus);
        new
    }

    pub(crate) fn pause(&mut self, at: Instant) {
        self.clocks.pause(at);
    }

    pub(crate) fn go_on(&mut self, clock: ClockView, at: Instant) {
        self.clocks.end_pause();
        self.clocks.say(clock, at);
    }

    /// Nothing was heard of the shard since `since`: both clocks stand still from then on.
    pub(crate) fn unheard(&mut self, why: Standstill, since: Instant) {
        self.clocks.unheard(why, since);
        if why != Standstill::Unresponsive {
            self.gone = None;
        }
    }

    /// The connection brings something again.
    pub(crate) fn heard(&mut self) {
        self.clocks.heard();
    }

    pub(crate) fn set_epoch(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }
}

fn start_position(state: &MatchState) -> Result<Position, Violation> {
    let Some(text) = &state.start_fen else {
        return Ok(Position::initial(state.variant));
    };
    Position::from_fen(state.variant, text).map_err(|_| Violation::StartPosition(text.clone()))
}
