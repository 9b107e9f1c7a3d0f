//! A bot of this process as the opponent, so that one person can play alone.

use std::sync::Arc;
use std::time::Duration;

use game_core::{CommandKind, MatchId, Seat, Variant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use client::seat::{PlayerSeat, SeatError, SeatSession, SessionConfig, Update};

use super::joining::join;
use client::{Connector, Matchmaker};
use lab::engine::{Engine, EngineError, EngineKind, EngineSettings};
use lab::player::Player;

/// People like to see a move coming.
const THINK_MIN: Duration = Duration::from_millis(400);

/// A bot that is ready to sit down.
pub(super) struct Opponent {
    engine: Engine,
    pub(super) token: String,
}

/// A bot in its seat; its task ends with the match, or when this is stopped.
pub(super) struct SeatedOpponent {
    task: JoinHandle<Result<(), String>>,
    stop: CancellationToken,
}

impl Opponent {
    /// Starts the engine.
    pub(super) async fn start(
        kind: &EngineKind,
        settings: &EngineSettings,
        token: String,
    ) -> Result<Self, EngineError> {
        let engine = Engine::start(kind, settings).await?;
        Ok(Self { engine, token })
    }

    /// Whether it can play a variant.
    ///
    /// # Errors
    ///
    /// [`EngineError::Variant`] if not.
    pub(super) fn check_variant(&self, variant: Variant) -> Result<(), EngineError> {
        if self.engine.plays(variant) {
            Ok(())
        } else {
            Err(EngineError::Variant(variant))
        }
    }

    /// Sits down in a match.
    pub(super) fn sit(
        mut self,
        matchmaker: Matchmaker,
        connector: Arc<Connector>,
        match_id: MatchId,
        config: SessionConfig,
    ) -> SeatedOpponent {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let token = self.token;
            let source = Arc::new(PlayerSeat { matchmaker, token });
            let playing = async {
                let mut match_id = match_id;
                loop {
                    let connector = Arc::clone(&connector);
                    let source = Arc::clone(&source);
                    let mut session = join(connector, source, match_id, config)
                        .await
                        .map_err(|error| error.to_string())?;
                    let mut player = Player::new(&mut self.engine, THINK_MIN);
                    let played = player.play(&mut session).await;
                    played.map(drop).map_err(|error| error.to_string())?;
                    let next = rematch(&mut session)
                        .await
                        .map_err(|error| error.to_string())?;
                    session.leave().await.map_err(|error| error.to_string())?;
                    match next {
                        Some(next) => match_id = next,
                        None => return Ok(()),
                    }
                }
            };
            tokio::select! {
                played = playing => played,
                () = stopped.cancelled() => Ok(()),
            }
        });
        SeatedOpponent { task, stop }
    }
}

/// Accepts any rematch; the id of the new match, or `None` once the seat is closed.
async fn rematch(session: &mut SeatSession) -> Result<Option<MatchId>, SeatError> {
    let mut is_accepted = false;
    loop {
        let view = session.view();
        if let Some(next) = view.rematch() {
            return Ok(Some(next));
        }
        let is_faced = view.rematch_offer() == view.seat().map(Seat::opponent);
        if is_faced && !is_accepted {
            is_accepted = session.command(CommandKind::AcceptRematch).is_ok();
        }
        match session.next().await? {
            Update::Closed(_) => return Ok(None),
            Update::Refused { .. } => is_accepted = false,
            _ => {}
        }
    }
}

impl SeatedOpponent {
    /// Waits until the bot has failed, and says of what; for ever if it plays to the end.
    pub(super) async fn failed(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Err(why)) => format!("The bot is gone: {why}."),
            Ok(Ok(())) => std::future::pending().await,
            Err(panic) => format!("The bot is gone: {panic}."),
        }
    }

    /// Lets the bot leave its seat.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        if !self.task.is_finished() {
            // It ends at its next await.
            let _ = self.task.await;
        }
    }
}
