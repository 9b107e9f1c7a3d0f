//! What a player does next: the one place where bots of soaks and campaigns decide what to say to a match. What
//! is decided depends on the view, on what was just learnt and on the dice; the session around it is the
//! [`Bot`](super::bot::Bot)'s.

use std::time::Duration;

use game_core::{CommandKind, EventKind, Refusal, Rule, Uci, WithMove};
use protocol::WireRefusal;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::oracle::chat::LINES_MAX;
use super::takebacks::Takebacks;
use super::think::Think;
use crate::draws::{Draws, with_offer};
use client::{MatchView, Update};

/// The first moves are not timed, but must come soon.
const FIRST_THOUGHT_MAX: Duration = Duration::from_secs(5);
/// Of what is left on its clock, a bot takes at most this part for one move.
const CLOCK_PART: u32 = 10;

/// A draw is claimed with one in this many moves, whether or not the claim holds.
const CLAIMS_EVERY: u32 = 40;
/// Time is given at one in this many moves.
const GIFTS_EVERY: u32 = 40;
/// Something is said at one in this many moves, and at one in this many events by a spectator.
const LINES_EVERY: u32 = 8;

/// How one player conducts itself in one match.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) think: Think,
    /// Resigns when it is to move from this ply on.
    pub(super) resigns_at: u16,
    /// Does what can be done, and not only moves and draws.
    pub(super) plays_all: bool,
    /// Moves to and fro, so that positions repeat.
    pub(super) shuffles: bool,
    /// What it says of a rematch.
    pub(super) wish: Wish,
}

/// What to do when it is one's turn.
#[derive(Debug)]
pub(super) enum Turn {
    /// Give the match up.
    Resign,
    /// Claim the draw that stands on the board.
    Claim,
    /// Ask for one's last move back, and think again.
    TakeBack,
    /// Make a move.
    Move,
}

/// What a player wants after the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// To leave.
    Nothing,
    /// To offer a rematch.
    Offer,
    /// To accept what is offered.
    Accept,
    /// To decline it.
    Decline,
}

/// One player's mind in one match.
#[derive(Debug)]
pub(super) struct Conduct {
    manner: Manner,
    draws: Draws,
    takebacks: Takebacks,
    /// The position at which a takeback was asked for on the own turn.
    asked_back_at: Option<u32>,
    /// A rematch was offered or answered.
    has_wished: bool,
    lines: u32,
    pub(super) dice: StdRng,
}

impl Conduct {
    /// A player before its first move; `seed` decides what it does.
    pub(super) fn new(seed: u64, manner: Manner) -> Self {
        Self {
            manner,
            draws: Draws::default(),
            takebacks: Takebacks::default(),
            asked_back_at: None,
            has_wished: false,
            lines: 0,
            dice: StdRng::seed_from_u64(seed),
        }
    }

    fn one_in(&mut self, many: u32) -> bool {
        self.manner.plays_all && self.dice.random_range(0..many) == 0
    }

    /// How long to think about the next move.
    pub(super) fn think(&mut self, view: &MatchView, now: std::time::Instant) -> Duration {
        let most = match (view.has_begun(), view.seat()) {
            (true, Some(seat)) => view.remaining(seat, now) / CLOCK_PART,
            _ => FIRST_THOUGHT_MAX,
        };
        self.manner.think.draw(&mut self.dice).min(most)
    }

    /// What to do on one's turn, once the thinking is done.
    pub(super) fn turn(&mut self, view: &MatchView) -> Turn {
        let position = Some(view.position_seq());
        if view.ply() >= self.manner.resigns_at && view.has_begun() {
            return Turn::Resign;
        }
        if view.claimable_draw().is_some() && self.one_in(2) {
            return Turn::Claim;
        }
        let may_ask = self.manner.plays_all && self.asked_back_at != position;
        if may_ask && self.takebacks.wants(view, &mut self.dice) {
            self.asked_back_at = position;
            return Turn::TakeBack;
        }
        Turn::Move
    }

    /// A move where no engine chooses it.
    pub(super) fn choose(&mut self, view: &MatchView) -> Option<Uci> {
        if let Some(back) = self.way_back(view) {
            return Some(back);
        }
        let legal = view.position().legal_moves();
        legal.choose(&mut self.dice).map(|legal| legal.uci())
    }

    /// The move that undoes the own last one, for who plays for repetitions.
    fn way_back(&mut self, view: &MatchView) -> Option<Uci> {
        let before = view.moves().len().checked_sub(2)?;
        let last = view.moves()[before];
        if !self.manner.shuffles || self.dice.random_range(0..8) == 0 {
            return None;
        }
        let (from, to) = (last.target(), last.origin()?);
        let mut legal = view.position().legal_moves().into_iter().map(|m| m.uci());
        legal.find(|uci| uci.origin() == Some(from) && uci.target() == to)
    }

    /// The commands for a move that was chosen, in their order, and whether a draw is offered with it.
    pub(super) fn commands(&mut self, view: &MatchView, uci: Uci) -> (Vec<CommandKind>, bool) {
        let offer = self.draws.offer(view, &mut self.dice);
        let mut commands = with_offer(offer, view.position_seq(), uci);
        if offer.is_none() && self.one_in(CLAIMS_EVERY) {
            commands = vec![CommandKind::Move {
                position_seq: view.position_seq(),
                uci,
                with: WithMove::DrawClaim,
            }];
        }
        let may_give = !view.is_rated() && !view.rules().has(Rule::NoGiveTime);
        if may_give && self.one_in(GIFTS_EVERY) {
            let seconds = self.dice.random_range(5..=60);
            let at = self.dice.random_range(0..=commands.len());
            commands.insert(at, CommandKind::GiveTime { seconds });
        }
        // While the opponent thinks, one half-move would go back.
        if self.manner.plays_all && self.takebacks.wants(view, &mut self.dice) {
            commands.push(CommandKind::OfferTakeback);
        }
        (commands, offer.is_some())
    }

    /// A line of chat to say now, or nothing.
    pub(super) fn line(&mut self, view: &MatchView) -> Option<String> {
        let role = view.role();
        if self.lines >= LINES_MAX || !self.one_in(LINES_EVERY) {
            return None;
        }
        self.lines += 1;
        // No two lines of a match are the same.
        let unique: u32 = self.dice.random();
        Some(format!("{role} says line {} ♞ {unique:08x}", self.lines))
    }

    /// What to answer to what was just learnt, or nothing.
    pub(super) fn answer(&mut self, view: &MatchView, update: &Update) -> Option<CommandKind> {
        let draws = self.draws.learnt(view, update, &mut self.dice);
        let takebacks = self.takebacks.learnt(view, update, &mut self.dice);
        draws.or(takebacks)
    }

    /// What to say of a rematch, once the match is over: nothing before it was offered, and nothing twice.
    pub(super) fn rematch(&mut self, view: &MatchView) -> Option<CommandKind> {
        let faces = view.rematch_offer().is_some() && view.rematch_offer() != view.seat();
        let says = match self.manner.wish {
            Wish::Offer if view.rematch().is_none() => CommandKind::OfferRematch,
            Wish::Accept if faces => CommandKind::AcceptRematch,
            Wish::Decline if faces => CommandKind::DeclineRematch,
            _ => return None,
        };
        (!std::mem::replace(&mut self.has_wished, true)).then_some(says)
    }

    /// Whether it waits for a rematch: `update` is what was just learnt.
    pub(super) fn waits(&mut self, view: &MatchView, update: Option<&Update>) -> bool {
        let declined = matches!(
            update,
            Some(Update::Event { event, .. }) if event.kind == Some(EventKind::RematchDeclined)
        );
        if declined || view.rematch().is_some() {
            self.manner.wish = Wish::Nothing;
        }
        self.manner.wish != Wish::Nothing
    }

    /// Whether an answer to an offer that stands was refused as if none stood.
    pub(super) fn is_denied(&self, view: &MatchView, kind: CommandKind, why: WireRefusal) -> bool {
        self.draws.refused_wrongly(view, kind, why)
            || self.takebacks.refused_wrongly(view, kind, why)
    }
}

/// Whether a claim that holds was refused as if it did not.
pub(super) fn claim_is_denied(view: &MatchView, kind: CommandKind, why: WireRefusal) -> bool {
    kind == CommandKind::ClaimDraw
        && why == WireRefusal::Match(Refusal::NoClaim)
        && view.claimable_draw().is_some()
}
