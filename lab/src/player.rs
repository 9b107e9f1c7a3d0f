//! An engine in a seat: one match from the first move to the result.

use std::time::Duration;

use game_core::{CommandKind, EventKind, Outcome, Termination, Uci, WithMove};
use protocol::{CloseCode, WireRefusal};
use tokio::time::{Instant, sleep};

use crate::engine::{Engine, EngineError, Task};
use client::seat::{CommandError, SeatError, SeatSession, Update};

/// Why a bot's match did not come to its regular end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The seat is lost.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// A command was not taken.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The shard closed the seat before the match was over.
    #[error("the shard closed the seat before the match was over: {0}")]
    Closed(CloseCode),
    /// The engine failed, and the match was given up.
    #[error("{error}; the match was given up ({})", .result.0)]
    Engine {
        /// What failed.
        error: EngineError,
        /// How the match ended.
        result: (Outcome, Termination),
    },
    /// A legal move was refused.
    #[error("the legal move {uci} was refused: {reason}")]
    Refused {
        /// The move.
        uci: Uci,
        /// Why.
        reason: WireRefusal,
    },
}

/// A bot in a seat.
#[derive(Debug)]
pub struct Player<'a> {
    engine: &'a mut Engine,
    /// A bot takes at least so long for a move, as people like to see what happens.
    think_min: Duration,
    /// The position for which a move was given and not refused.
    moved_at: Option<u32>,
    /// Why the match is being given up.
    failed: Option<EngineError>,
}

impl<'a> Player<'a> {
    /// A bot that takes its moves from `engine`, and at least `think_min` for each.
    #[must_use]
    pub const fn new(engine: &'a mut Engine, think_min: Duration) -> Self {
        Self {
            engine,
            think_min,
            moved_at: None,
            failed: None,
        }
    }

    /// Plays to the end, declining every draw, takeback and rematch. If the engine fails, the match is given up.
    ///
    /// # Errors
    ///
    /// [`PlayError`].
    pub async fn play(
        &mut self,
        session: &mut SeatSession,
    ) -> Result<(Outcome, Termination), PlayError> {
        loop {
            let machine = session.machine();
            if let Some(result) = session.view().result()
                && (machine.unanswered() == 0 || machine.over().is_some())
            {
                return match self.failed.take() {
                    None => Ok(result),
                    Some(error) => Err(PlayError::Engine { error, result }),
                };
            }
            if self.must_move(session) {
                self.think(session).await?;
            } else {
                let update = session.next().await?;
                self.learn(session, update)?;
            }
        }
    }

    fn must_move(&self, session: &SeatSession) -> bool {
        let view = session.view();
        view.is_my_turn() && self.failed.is_none() && self.moved_at != Some(view.position_seq())
    }

    /// Chooses a move while listening, and makes it if it is still wanted.
    async fn think(&mut self, session: &mut SeatSession) -> Result<(), PlayError> {
        let position = session.view().position_seq();
        let began = Instant::now();
        let task = Task::of(session.view(), began.into_std());
        let mut heard = Vec::new();
        let chosen = {
            let choosing = async {
                let chosen = self.engine.choose(&task).await;
                sleep(self.think_min.saturating_sub(began.elapsed())).await;
                chosen
            };
            tokio::pin!(choosing);
            loop {
                tokio::select! {
                    chosen = &mut choosing => break Some(chosen),
                    update = session.next() => {
                        let update = update?;
                        let is_closed = matches!(update, Update::Closed(_));
                        heard.push(update);
                        let view = session.view();
                        if is_closed || !view.is_my_turn() || view.position_seq() != position {
                            break None;
                        }
                    }
                }
            }
        };
        for update in heard {
            self.learn(session, update)?;
        }
        match chosen {
            Some(Ok(uci)) => {
                self.moved_at = Some(position);
                session.play(uci)?;
            }
            Some(Err(error)) => {
                tracing::error!(match_id = %session.view().id(), %error, "giving up");
                self.failed = Some(error);
                session.command(give_up(session))?;
            }
            None => {}
        }
        Ok(())
    }

    fn learn(&mut self, session: &mut SeatSession, update: Update) -> Result<(), PlayError> {
        match update {
            Update::Closed(code) if session.view().result().is_none() => {
                return Err(PlayError::Closed(code));
            }
            Update::Event { event, .. } if event.seat != session.view().seat() => {
                let view = session.view();
                let answer = match event.kind {
                    Some(
                        EventKind::DrawOffered
                        | EventKind::Moved {
                            with: WithMove::DrawOffer,
                            ..
                        },
                    ) if view.draw_offer().is_some() => CommandKind::DeclineDraw,
                    Some(EventKind::TakebackOffered) if view.takeback_offer().is_some() => {
                        CommandKind::DeclineTakeback
                    }
                    Some(EventKind::RematchOffered) if view.rematch_offer().is_some() => {
                        CommandKind::DeclineRematch
                    }
                    _ => return Ok(()),
                };
                session.command(answer)?;
            }
            Update::Refused {
                kind:
                    CommandKind::Move {
                        position_seq, uci, ..
                    },
                reason,
                ..
            } => {
                let view = session.view();
                if view.result().is_none() && view.position_seq() == position_seq {
                    return Err(PlayError::Refused { uci, reason });
                }
            }
            // The match began in between.
            Update::Refused {
                kind: CommandKind::Abort,
                ..
            } if session.view().has_begun() && session.view().result().is_none() => {
                session.command(CommandKind::Resign)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// How a seat gives its match up at once: by resigning, or by aborting one that has not begun.
#[must_use]
pub fn give_up(session: &SeatSession) -> CommandKind {
    if session.view().has_begun() {
        CommandKind::Resign
    } else {
        CommandKind::Abort
    }
}
