//! What a player does next: the one place where bots of soaks and campaigns decide what to say to a match. What
//! is decided depends on the view, on what was just learnt and on the dice; the session around it is the
//! [`Bot`](super::bot::Bot)'s.

use std::time::Duration;

use game_core::{CommandKind, Uci};
use protocol::WireRefusal;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::think::Think;
use crate::draws::{Draws, with_offer};
use client::{MatchView, Update};

/// The first moves are not timed, but must come soon.
const FIRST_THOUGHT_MAX: Duration = Duration::from_secs(5);
/// Of what is left on its clock, a bot takes at most this part for one move.
const CLOCK_PART: u32 = 10;

/// What to do when it is one's turn.
#[derive(Debug)]
pub(super) enum Turn {
    /// Give the match up.
    Resign,
    /// Make a move.
    Move,
}

/// One player's mind in one match.
#[derive(Debug)]
pub(super) struct Conduct {
    think: Think,
    resigns_at: u16,
    draws: Draws,
    pub(super) dice: StdRng,
}

impl Conduct {
    /// A player who resigns when it is to move from ply `resigns_at` on.
    pub(super) fn new(seed: u64, think: Think, resigns_at: u16) -> Self {
        Self {
            think,
            resigns_at,
            draws: Draws::default(),
            dice: StdRng::seed_from_u64(seed),
        }
    }

    /// How long to think about the next move.
    pub(super) fn think(&mut self, view: &MatchView, now: std::time::Instant) -> Duration {
        let most = match (view.has_begun(), view.seat()) {
            (true, Some(seat)) => view.remaining(seat, now) / CLOCK_PART,
            _ => FIRST_THOUGHT_MAX,
        };
        self.think.draw(&mut self.dice).min(most)
    }

    /// What to do on one's turn, once the thinking is done.
    pub(super) fn turn(&self, view: &MatchView) -> Turn {
        if view.ply() >= self.resigns_at && view.has_begun() {
            Turn::Resign
        } else {
            Turn::Move
        }
    }

    /// A move where no engine chooses it.
    pub(super) fn choose(&mut self, view: &MatchView) -> Option<Uci> {
        let legal = view.position().legal_moves();
        legal.choose(&mut self.dice).map(|legal| legal.uci())
    }

    /// The commands for a move that was chosen, in their order, and whether a draw is offered with it.
    pub(super) fn commands(&mut self, view: &MatchView, uci: Uci) -> (Vec<CommandKind>, bool) {
        let offer = self.draws.offer(view, &mut self.dice);
        (with_offer(offer, view.ply(), uci), offer.is_some())
    }

    /// What to answer to what was just learnt, or nothing.
    pub(super) fn answer(&mut self, view: &MatchView, update: &Update) -> Option<CommandKind> {
        self.draws.learnt(view, update, &mut self.dice)
    }

    /// Whether an answer to an offer that stands was refused as if none stood.
    pub(super) fn is_denied(&self, view: &MatchView, kind: CommandKind, why: WireRefusal) -> bool {
        self.draws.refused_wrongly(view, kind, why)
    }
}
