//! A few UCI engines that choose the moves of all bots.

use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use game_core::Uci;
use tokio::sync::{Semaphore, oneshot};

use crate::engine::{Engine, EngineError, EngineKind, EngineSettings, Task};

/// An engine thinks about a move as if it had this much for the rest of the game: some ten
/// milliseconds, as all bots share a few of them.
const CLOCK_MAX: Duration = Duration::from_millis(500);

/// Engines that take turns.
#[derive(Debug)]
pub(super) struct Engines {
    idle: Mutex<Vec<Engine>>,
    /// One for each engine.
    permits: Semaphore,
}

/// A move on its way.
pub(super) type Choice = oneshot::Receiver<Result<Uci, EngineError>>;

impl Engines {
    /// Starts an engine for each processor; `None` where bots choose at random, which takes no engine.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the program does not start or does not speak UCI.
    pub(super) async fn start(kind: &EngineKind) -> Result<Option<Arc<Self>>, EngineError> {
        if *kind == EngineKind::Random {
            return Ok(None);
        }
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let mut idle = Vec::new();
        for _ in 0..processors {
            idle.push(Engine::start(kind, &EngineSettings::default()).await?);
        }
        Ok(Some(Arc::new(Self {
            permits: Semaphore::new(idle.len()),
            idle: Mutex::new(idle),
        })))
    }

    /// Chooses a move as soon as an engine is free. Nothing comes if all engines are dead.
    pub(super) fn choose(self: &Arc<Self>, task: Task) -> Choice {
        let (answer, choice) = oneshot::channel();
        let engines = Arc::clone(self);
        tokio::spawn(async move {
            // It is never closed.
            let Ok(permit) = engines.permits.acquire().await else {
                return;
            };
            let Some(mut engine) = engines.idle().pop() else {
                return;
            };
            let chosen = engine.choose(&task.hurried(CLOCK_MAX)).await;
            if chosen.is_ok() {
                engines.idle().push(engine);
            } else {
                // It is of no more use.
                permit.forget();
            }
            let _ = answer.send(chosen);
        });
        choice
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Engine>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
