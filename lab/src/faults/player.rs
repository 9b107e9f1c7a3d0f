//! A player in one seat: random legal moves from a seed, and a record of all that was said.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::draws::{Draws, with_offer};
use client::seat::{PlayerSeat, SeatFuture, SeatSource};
use client::{Connector, Matchmaker, SeatError, SeatSession, SessionConfig, Update};
use game_core::{CommandKind, MatchId, Seat};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep_until};

use super::history::{Entry, History};
use super::pulse::Pulses;

/// What all players of a campaign share.
pub struct World {
    /// Their way to the shards.
    pub connector: Arc<Connector>,
    /// Their ways to the matchmakers.
    pub matchmakers: Vec<Matchmaker>,
    /// How long they wait for what.
    pub session: SessionConfig,
    /// What is measured on them.
    pub pulses: Pulses,
    /// Commands acknowledged so far.
    pub acked: AtomicU64,
    /// Sessions that ended before their match, and were begun anew.
    pub sessions_lost: AtomicU64,
}

/// How a player plays.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Decides the moves.
    pub seed: u64,
    /// Resigns when it is to move from this ply on.
    pub resigns_at: u16,
    /// Thinks at least and at most so long.
    pub thinks: (Duration, Duration),
}

/// Sessions of one seat, one after the other: each has a patience of its own already.
const SESSIONS_MAX: u32 = 5;
/// Commands of one seat that may be refused: some are, when a session was lost in between.
const REFUSALS_MAX: u32 = 50;

/// Where a seat is, noted each time it is asked for.
struct NotedSeat {
    world: Arc<World>,
    seat: PlayerSeat,
}

impl SeatSource for NotedSeat {
    fn seat(&self, match_id: MatchId) -> SeatFuture<'_> {
        Box::pin(async move {
            let reply = self.seat.seat(match_id).await?;
            self.world.pulses.located(match_id, reply.shard.address);
            Ok(reply)
        })
    }
}

/// A player in one seat of one match.
pub struct SeatPlayer {
    world: Arc<World>,
    source: Arc<dyn SeatSource>,
    match_id: MatchId,
    style: Style,
    dice: StdRng,
    draws: Draws,
    history: History,
    /// The ply for which something was asked and not refused.
    asked_at: Option<u16>,
    refusals: u32,
}

/// Why a player stops before the end of the match.
enum Stop {
    /// A session was lost; another may do better.
    Session(SeatError),
    /// The shard said what it must never say, which stands in the history, or refuses everything.
    Broken,
}

impl From<SeatError> for Stop {
    fn from(error: SeatError) -> Self {
        Self::Session(error)
    }
}

/// Whether a command is what a player does when it is its turn.
const fn takes_the_turn(kind: CommandKind) -> bool {
    matches!(kind, CommandKind::Move { .. } | CommandKind::Resign)
}

impl SeatPlayer {
    /// A player with a token, who asks `matchmaker` for the seat.
    #[must_use]
    pub fn new(
        world: &Arc<World>,
        matchmaker: &Matchmaker,
        token: &str,
        (match_id, seat): (MatchId, Seat),
        style: Style,
    ) -> Self {
        let source = NotedSeat {
            world: Arc::clone(world),
            seat: PlayerSeat {
                matchmaker: matchmaker.clone(),
                token: token.to_owned(),
            },
        };
        Self {
            world: Arc::clone(world),
            source: Arc::new(source),
            match_id,
            style,
            dice: StdRng::seed_from_u64(style.seed),
            draws: Draws::default(),
            history: History::new(seat),
            asked_at: None,
            refusals: 0,
        }
    }

    /// Plays to the end, if there is one; whether there was. May be dropped at any time.
    pub async fn play(&mut self) -> bool {
        for _ in 0..SESSIONS_MAX {
            match self.sit().await {
                Ok(()) => return true,
                Err(Stop::Broken) => return false,
                Err(Stop::Session(SeatError::Violation(violation))) => {
                    self.history.entries.push(Entry::Broke(violation));
                    return false;
                }
                Err(Stop::Session(error)) => {
                    self.world.sessions_lost.fetch_add(1, Ordering::Relaxed);
                    program::complain!("match {}: a session is lost: {error}", self.match_id);
                    self.asked_at = None;
                }
            }
        }
        false
    }

    /// All that was asked and said.
    #[must_use]
    pub fn into_history(self) -> History {
        self.history
    }

    /// One session, to the end of the match.
    async fn sit(&mut self) -> Result<(), Stop> {
        let world = Arc::clone(&self.world);
        let (connector, source) = (Arc::clone(&world.connector), Arc::clone(&self.source));
        let mut session =
            SeatSession::join(connector, source, self.match_id, world.session).await?;
        self.shown(&session);
        let mut act_at = None;
        loop {
            let (view, machine) = (session.view(), session.machine());
            if view.result().is_some() && (machine.unanswered() == 0 || machine.over().is_some()) {
                self.shown(&session);
                session.leave().await?;
                return Ok(());
            }
            if let Some(code) = machine.over() {
                return Err(SeatError::Closed(code).into());
            }
            if view.is_my_turn() && self.asked_at != Some(view.ply()) {
                act_at.get_or_insert_with(|| self.think());
            } else {
                act_at = None;
            }
            let thought = async {
                match act_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                update = session.next() => {
                    let update = update?;
                    let answer = self.draws.learnt(session.view(), &update, &mut self.dice);
                    self.learn(&session, update)?;
                    if let Some(answer) = answer {
                        self.ask(&mut session, answer);
                    }
                }
                () = thought => {
                    act_at = None;
                    self.act(&mut session);
                }
            }
        }
    }

    /// Until when to think about the next move.
    fn think(&mut self) -> Instant {
        let (least, most) = self.style.thinks;
        let thought = least + (most - least).mul_f64(self.dice.random());
        self.history.thought += thought;
        Instant::now() + thought
    }

    /// Moves, or resigns.
    fn act(&mut self, session: &mut SeatSession) {
        let view = session.view();
        let ply = view.ply();
        let moves = view.position().legal_moves();
        let uci = moves.choose(&mut self.dice).map(|chosen| chosen.uci());
        let kinds = match uci {
            Some(uci) if ply < self.style.resigns_at => {
                let offer = self.draws.offer(view, &mut self.dice);
                with_offer(offer, ply, uci)
            }
            _ => vec![CommandKind::Resign],
        };
        for kind in kinds {
            self.ask(session, kind);
        }
    }

    /// Asks something. A move that is not taken is asked again at the next turn of the loop.
    fn ask(&mut self, session: &mut SeatSession, kind: CommandKind) {
        let ply = session.view().ply();
        if let Ok(id) = session.command(kind) {
            if takes_the_turn(kind) {
                let (seat, now) = (self.history.seat, Instant::now().into_std());
                self.world.pulses.asked(self.match_id, seat, now);
                self.asked_at = Some(ply);
            }
            self.history.entries.push(Entry::Asked { id, kind });
        }
    }

    fn learn(&mut self, session: &SeatSession, update: Update) -> Result<(), Stop> {
        let epoch = session.view().epoch();
        let (seat, now) = (self.history.seat, Instant::now().into_std());
        let pulses = &self.world.pulses;
        match update {
            Update::Joined { .. } => {
                pulses.joined(self.match_id, seat, now);
                self.shown(session);
            }
            Update::Reconnecting(_) => pulses.lost(self.match_id, seat, now),
            Update::Event { seq, event } => {
                pulses.heard(self.match_id, epoch);
                let offer = session.view().draw_offer();
                self.history.entries.push(Entry::Saw {
                    seq,
                    epoch,
                    event,
                    offer,
                });
            }
            Update::Acked { acked, .. } => {
                pulses.acked(self.match_id, seat, acked.epoch, now);
                self.world.acked.fetch_add(1, Ordering::Relaxed);
                self.history.entries.push(Entry::Acked {
                    id: acked.id,
                    kind: acked.kind,
                    event: acked.event,
                    epoch: acked.epoch,
                });
            }
            Update::Refused { id, kind, reason } => {
                self.history.entries.push(Entry::Refused { id, reason });
                if self.draws.refused_wrongly(session.view(), kind, reason) {
                    program::complain!("match {}: an offer that stands is denied", self.match_id);
                    return Err(Stop::Broken);
                }
                if !takes_the_turn(kind) {
                    // An offer or an answer to one may come too late.
                    return Ok(());
                }
                self.asked_at = None;
                self.refusals += 1;
                if self.refusals > REFUSALS_MAX {
                    program::complain!("match {}: everything is refused: {reason}", self.match_id);
                    return Err(Stop::Broken);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes the whole match as it is in view.
    fn shown(&mut self, session: &SeatSession) {
        let view = session.view();
        self.world.pulses.heard(self.match_id, view.epoch());
        self.history.entries.push(Entry::Shown {
            seq: view.seq(),
            epoch: view.epoch(),
            moves: view.moves().to_vec(),
            result: view.result(),
            offer: view.draw_offer(),
        });
    }
}
