//! One seat of a replayed game: it makes its moves when their turn comes, and ends the game as the
//! file does.

use std::io;
use std::time::Duration;

use game_core::{ClockStart, CommandKind, EventKind, Outcome, Seat, Termination};
use protocol::{CloseCode, WireRefusal};
use tokio::time::{Instant, timeout};

use super::game::{Ending, Game};
use super::report::AckHistogram;
use crate::acked_log::AckedLog;
use client::seat::{CommandError, SeatError, SeatSession, Update};

/// Why a seat could not play its game to the end.
#[derive(Debug, thiserror::Error)]
pub(super) enum SeatFailure {
    #[error(transparent)]
    Seat(#[from] SeatError),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("the shard closed the seat before the match was over: {0}")]
    Closed(CloseCode),
    #[error("{what} at ply {ply} was refused: {reason}")]
    Refused {
        what: &'static str,
        ply: u16,
        reason: WireRefusal,
    },
    #[error("nothing happened for {waited:?} at ply {ply} of {plies}")]
    Stalled {
        waited: Duration,
        ply: u16,
        plies: usize,
    },
    #[error("ply {ply} is another move than in the file")]
    Strayed { ply: u16 },
    #[error("the log of acknowledgements: {0}")]
    Log(#[from] io::Error),
}

/// How seats play.
#[derive(Debug, Clone)]
pub(super) struct Manner {
    /// Moves take the time that the file's clocks say, and flags are left to fall.
    pub(super) real_time: bool,
    /// Where acknowledgements are noted.
    pub(super) acked_log: Option<AckedLog>,
    /// A session may take so long to come back.
    pub(super) patience: Duration,
}

/// What a seat saw at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outlook {
    pub(super) result: Option<(Outcome, Termination)>,
    pub(super) fen: String,
    pub(super) moves: Vec<game_core::Uci>,
}

/// One seat of one game.
pub(super) struct SeatPlayer<'a> {
    game: &'a Game,
    seat: Seat,
    manner: &'a Manner,
    session: SeatSession,
    /// The ply for which the move was given.
    moved_at: Option<u16>,
    /// The game's end was asked for: by resigning, by an offer or by its acceptance.
    ended: bool,
    /// The session said that it is without a connection.
    is_apart: bool,
}

impl<'a> SeatPlayer<'a> {
    /// While connected, something happens within this: the moves of others take milliseconds, unless
    /// their player has lost its connection and comes back.
    const QUIET_MAX: Duration = Duration::from_secs(30);
    /// A flag that is to fall does so within this of its time.
    const FLAG_LATE_MAX: Duration = Duration::from_secs(20);
    /// The file's clocks are whole seconds, rounded down.
    const PACE_SLACK: Duration = Duration::from_millis(500);

    pub(super) fn new(
        game: &'a Game,
        seat: Seat,
        manner: &'a Manner,
        session: SeatSession,
    ) -> Self {
        Self {
            game,
            seat,
            manner,
            session,
            moved_at: None,
            ended: false,
            is_apart: false,
        }
    }

    /// Plays to the end of the match and leaves; what was seen of it. Times and counts go to `acks`
    /// and `resumed` even if it fails.
    pub(super) async fn play(
        mut self,
        acks: &mut AckHistogram,
        resumed: &mut u64,
    ) -> Result<Outlook, SeatFailure> {
        let played = self.play_on(acks).await;
        *resumed += u64::from(self.session.resumed());
        played?;
        let view = self.session.view();
        let outlook = Outlook {
            result: view.result(),
            fen: view.fen(),
            moves: view.moves().to_vec(),
        };
        self.session.leave().await?;
        Ok(outlook)
    }

    async fn play_on(&mut self, acks: &mut AckHistogram) -> Result<(), SeatFailure> {
        loop {
            let machine = self.session.machine();
            let is_over = self.session.view().result().is_some();
            if is_over && (machine.unanswered() == 0 || machine.over().is_some()) {
                return Ok(());
            }
            let pause = if is_over { None } else { self.act()? };
            let wait = self.wait_max();
            match timeout(pause.unwrap_or(wait), self.session.next()).await {
                Ok(update) => self.learn(update?, acks)?,
                Err(_) if pause.is_some() => {}
                Err(_) => {
                    let (ply, plies) = (self.session.view().ply(), self.game.moves.len());
                    return Err(SeatFailure::Stalled {
                        waited: wait,
                        ply,
                        plies,
                    });
                }
            }
        }
    }

    /// Does what this seat has to do now; returns how long to wait with it, if it is too early.
    fn act(&mut self) -> Result<Option<Duration>, SeatFailure> {
        let view = self.session.view();
        let ply = view.ply();
        let Some(&uci) = self.game.moves.get(usize::from(ply)) else {
            self.end()?;
            return Ok(None);
        };
        if view.turn() != self.seat || self.moved_at == Some(ply) {
            return Ok(None);
        }
        if let Some(pause) = self.pause() {
            return Ok(Some(pause));
        }
        self.moved_at = Some(ply);
        self.session.play(uci)?;
        Ok(None)
    }

    /// After the last move: brings the end about, if this seat's part of it is due.
    fn end(&mut self) -> Result<(), SeatFailure> {
        let offer = self.session.view().draw_offer();
        let agreement = match (self.seat, offer) {
            (Seat::White, None) => Some(CommandKind::OfferDraw),
            (Seat::Black, Some(Seat::White)) => Some(CommandKind::AcceptDraw),
            _ => None,
        };
        let command = match self.game.ending {
            Ending::ByTheRules => None,
            Ending::TimeForfeit(_) if self.manner.real_time => None,
            Ending::TimeForfeit(_) if self.game.outcome == Outcome::Draw => agreement,
            Ending::Agreement => agreement,
            Ending::TimeForfeit(loser) | Ending::Resignation(loser) => {
                (loser == self.seat).then_some(CommandKind::Resign)
            }
        };
        if let Some(command) = command
            && !self.ended
        {
            self.ended = true;
            self.session.command(command)?;
        }
        Ok(())
    }

    /// In real time: how long until the clock of this seat shows what the file says it showed when
    /// the move was made.
    fn pause(&self) -> Option<Duration> {
        let view = self.session.view();
        let ply = usize::from(view.ply());
        let is_timed = view.clock_start() == ClockStart::AtOnce || ply >= 2;
        if !self.manner.real_time || !is_timed {
            return None;
        }
        let after = self.game.clocks.get(ply).copied().flatten()?;
        let before =
            after.saturating_sub(view.controls()[self.seat].increment()) + Self::PACE_SLACK;
        let left = view.remaining(self.seat, Instant::now().into_std());
        let pause = left.saturating_sub(before);
        (!pause.is_zero()).then_some(pause)
    }

    /// Whatever is waited for comes within this.
    fn wait_max(&self) -> Duration {
        let view = self.session.view();
        if self.is_apart || view.is_paused() {
            return self.manner.patience + Self::QUIET_MAX;
        }
        if self.manner.real_time {
            let left = view.remaining(view.turn(), Instant::now().into_std());
            return left + Self::FLAG_LATE_MAX + Self::QUIET_MAX;
        }
        Self::QUIET_MAX
    }

    fn learn(&mut self, update: Update, acks: &mut AckHistogram) -> Result<(), SeatFailure> {
        match update {
            Update::Acked { acked, after } => {
                if matches!(acked.kind, CommandKind::Move { .. }) {
                    acks.record(after);
                }
                if let Some(log) = &self.manner.acked_log {
                    log.append(self.session.view().id(), self.seat, &acked)?;
                }
            }
            Update::Event { event, .. } => {
                if let Some(EventKind::Moved { uci, .. }) = event.kind {
                    let ply = self.session.view().ply() - 1;
                    if self.game.moves.get(usize::from(ply)) != Some(&uci) {
                        return Err(SeatFailure::Strayed { ply });
                    }
                }
            }
            Update::Reconnecting(_) => self.is_apart = true,
            Update::Joined { .. } => self.is_apart = false,
            Update::Refused { kind, reason, .. } if self.session.view().result().is_none() => {
                let ply = self.session.view().ply();
                let what = match kind {
                    CommandKind::Move { .. } => "a move",
                    CommandKind::Resign => "resigning",
                    _ => "agreeing on a draw",
                };
                return Err(SeatFailure::Refused { what, ply, reason });
            }
            Update::Closed(code) if self.session.view().result().is_none() => {
                return Err(SeatFailure::Closed(code));
            }
            _ => {}
        }
        Ok(())
    }
}
