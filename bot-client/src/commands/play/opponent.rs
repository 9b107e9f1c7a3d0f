//! A bot of this process as the opponent, so that one person can play alone.

use std::sync::Arc;
use std::time::Duration;

use game_core::MatchId;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use client::seat::{PlayerSeat, SeatSession, SessionConfig};
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
                let mut session = SeatSession::join(connector, source, match_id, config)
                    .await
                    .map_err(|error| error.to_string())?;
                let mut player = Player::new(&mut self.engine, THINK_MIN);
                let played = player.play(&mut session).await;
                played.map(drop).map_err(|error| error.to_string())?;
                session.leave().await.map_err(|error| error.to_string())
            };
            tokio::select! {
                played = playing => played,
                () = stopped.cancelled() => Ok(()),
            }
        });
        SeatedOpponent { task, stop }
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
