//! One honest player in one seat: random legal moves from a seed.

use std::time::Duration;

use client::{SeatError, SeatSession, Update};
use game_core::CommandKind;
use protocol::CloseCode;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep_until};

use super::acks::{Acks, SeatKey};

/// Commands of one seat that may be refused: some are, when a connection was lost in between.
const REFUSALS_MAX: u32 = 50;

/// Why a player cannot play on.
#[derive(Debug)]
pub(super) enum Broken {
    /// The session is over.
    Seat(SeatError),
    /// The shard closed the seat before the match was over.
    Closed(CloseCode),
    /// Everything is refused.
    Refused(String),
}

impl From<SeatError> for Broken {
    fn from(error: SeatError) -> Self {
        Self::Seat(error)
    }
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Seat(error) => error.fmt(f),
            Self::Closed(code) => write!(f, "the shard closed the seat: {code}"),
            Self::Refused(why) => write!(f, "everything is refused: {why}"),
        }
    }
}

/// How a player plays.
pub(super) struct Style<'a> {
    /// Decides the moves and the thinking.
    pub(super) seed: u64,
    /// Shortest and longest time for a move.
    pub(super) thinks: (Duration, Duration),
    /// Resigns when it is to move from this ply on.
    pub(super) resigns_at: u16,
    /// Where it tells how long answers took, and for which seat.
    pub(super) acks: Option<(&'a Acks, SeatKey)>,
}

/// Plays until the match is over, and leaves.
pub(super) async fn play(mut session: SeatSession, style: &Style<'_>) -> Result<(), Broken> {
    let mut dice = StdRng::seed_from_u64(style.seed);
    let (mut asked_at, mut act_at, mut refusals) = (None, None, 0);
    loop {
        let (view, machine) = (session.view(), session.machine());
        if let Some(code) = machine.over() {
            let is_done = view.result().is_some();
            return if is_done {
                Ok(())
            } else {
                Err(Broken::Closed(code))
            };
        }
        if view.result().is_some() && machine.unanswered() == 0 {
            return Ok(session.leave().await?);
        }
        if view.is_my_turn() && asked_at != Some(view.ply()) {
            act_at.get_or_insert_with(|| think(style, &mut dice));
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
            update = session.next() => match update? {
                Update::Acked { after, .. } => tell(style, |acks, seat| acks.answered(seat, Some(after))),
                Update::Reconnecting(_) => tell(style, |acks, _| acks.lost()),
                Update::Refused { reason, .. } => {
                    tell(style, |acks, seat| acks.answered(seat, None));
                    asked_at = None;
                    refusals += 1;
                    if refusals > REFUSALS_MAX {
                        return Err(Broken::Refused(reason.to_string()));
                    }
                }
                _ => {}
            },
            () = thought => {
                act_at = None;
                asked_at = act(&mut session, style, &mut dice);
            }
        }
    }
}

/// Until when to think about the next move.
fn think(style: &Style<'_>, dice: &mut StdRng) -> Instant {
    let (least, most) = style.thinks;
    Instant::now() + least + (most - least).mul_f64(dice.random())
}

/// Moves, or resigns; the ply for which it did, if the session takes it.
fn act(session: &mut SeatSession, style: &Style<'_>, dice: &mut StdRng) -> Option<u16> {
    let view = session.view();
    let ply = view.ply();
    let moves = view.position().legal_moves();
    let uci = moves.choose(dice).map(|chosen| chosen.uci());
    let kind = match uci {
        Some(uci) if ply < style.resigns_at => CommandKind::plain_move(ply.into(), uci),
        _ => CommandKind::Resign,
    };
    session.command(kind).ok()?;
    tell(style, |acks, seat| {
        acks.asked(seat, std::time::Instant::now())
    });
    Some(ply)
}

fn tell(style: &Style<'_>, what: impl FnOnce(&Acks, SeatKey)) {
    if let Some((acks, seat)) = style.acks {
        what(acks, seat);
    }
}
