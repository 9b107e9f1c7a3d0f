//! An engine that is started again when it fails.

use std::time::Duration;

use game_core::Variant;
use tokio::time::sleep;

use super::{Engine, EngineError, EngineKind, EngineSettings};
use client::retry::Backoff;

/// One engine, and what it takes to have another.
#[derive(Debug)]
pub struct EngineSupply {
    kind: EngineKind,
    settings: EngineSettings,
    engine: Option<Engine>,
    /// Grows with each failure in a row, so that an engine that dies in every match ends few of them.
    backoff: Backoff,
}

impl EngineSupply {
    /// An engine that cannot be started so many times in a row will not be.
    const STARTS_MAX: u32 = 5;
    /// Waits before a start.
    const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

    /// Starts the first engine.
    ///
    /// # Errors
    ///
    /// [`EngineError`]; the first start is not tried again, as a wrong path stays wrong.
    pub async fn start(kind: &EngineKind, settings: &EngineSettings) -> Result<Self, EngineError> {
        let engine = Engine::start(kind, settings).await?;
        Ok(Self {
            kind: kind.clone(),
            settings: settings.clone(),
            engine: Some(engine),
            backoff: Backoff::new(Self::BACKOFF.0, Self::BACKOFF.1),
        })
    }

    /// Whether the engine knows the rules of a variant.
    #[must_use]
    pub fn plays(&self, variant: Variant) -> bool {
        self.engine
            .as_ref()
            .is_none_or(|engine| engine.plays(variant))
    }

    /// The engine if it is ready, or another one. It may be dropped while it waits.
    ///
    /// # Errors
    ///
    /// The last [`EngineError`] when no engine can be started any more.
    pub async fn ready(&mut self) -> Result<&mut Engine, EngineError> {
        if let Some(mut engine) = self.engine.take() {
            match engine.check().await {
                Ok(()) => return Ok(self.engine.insert(engine)),
                Err(error) => tracing::warn!(%error, "the engine is not ready"),
            }
        }
        let engine = self.start_again().await?;
        Ok(self.engine.insert(engine))
    }

    /// The engine as it is, without a question whether it is ready: in a match it is not replaced, as one that died has
    /// failed. `None` after [`failed`](Self::failed).
    pub const fn at_work(&mut self) -> Option<&mut Engine> {
        self.engine.as_mut()
    }

    /// The engine failed in a match and is of no more use.
    pub fn failed(&mut self) {
        self.engine = None;
    }

    /// The engine came through a match.
    pub const fn worked(&mut self) {
        self.backoff.reset();
    }

    async fn start_again(&mut self) -> Result<Engine, EngineError> {
        let mut starts = 0;
        loop {
            sleep(self.backoff.wait()).await;
            starts += 1;
            match Engine::start(&self.kind, &self.settings).await {
                Ok(engine) => {
                    tracing::warn!(engine = %self.kind, "the engine is started again");
                    return Ok(engine);
                }
                Err(error) if starts >= Self::STARTS_MAX => return Err(error),
                Err(error) => tracing::warn!(%error, starts, "the engine does not start"),
            }
        }
    }
}
