//! The bounded channel of requests from operators to the task that owns a shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use game_core::{MatchId, Order, Outcome, PlayerId, ShardId};
use shard_core::{Inspection, MatchQuery, MatchRow, Page, PublicMatch, ShardStatus};
use store::ShardRecord;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::Metrics;
use crate::tls::CertificatePins;
use shard_core::NotDone;

/// Upper bound on queued requests; the sender of a further one has to try again.
const ASKS_LEN: usize = 32;
/// The shard answers within this time, or it is stuck.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A request of an operator to a shard. Answers contain only confirmed state.
#[derive(Debug)]
pub enum Ask {
    /// A page of its matches.
    List(MatchQuery, oneshot::Sender<Page<MatchRow>>),
    /// The matches in memory.
    Held(oneshot::Sender<Vec<MatchId>>),
    /// Begin to load a match that this shard owns, or whose owner is dead, if it is not in memory.
    Load(MatchId),
    /// One match; `None` if it is not in memory.
    Inspect(MatchId, oneshot::Sender<Option<Box<Inspection>>>),
    /// Wait until the match next changes, or is no longer in memory; at once if it is not. A change may be one that
    /// nobody sees.
    Follow(MatchId, oneshot::Sender<()>),
    /// These matches as the public sees them, without the state of those whose last event is the known one. Those that
    /// are not in memory are left out.
    Watch(
        Vec<(MatchId, Option<u32>)>,
        oneshot::Sender<Vec<(MatchId, PublicMatch)>>,
    ),
    /// The shard as a whole, and the registry as it last read it, with who is dead.
    Status(oneshot::Sender<(ShardStatus, Vec<(ShardRecord, bool)>)>),
    /// End a match; the answer is the seq of that event, which is not confirmed yet.
    Adjudicate(MatchId, Outcome, oneshot::Sender<Result<u32, NotDone>>),
    /// Carry out an arbiter's order, if the last event of the match is the named one; the answer is the seq that has to be
    /// confirmed for it.
    Arbitrate(
        MatchId,
        Order,
        Option<u32>,
        oneshot::Sender<Result<u32, NotDone>>,
    ),
    /// Hand a match over to a shard, or to the one that would take it over; the answer is that shard.
    HandOver(
        MatchId,
        Option<ShardId>,
        oneshot::Sender<Result<ShardId, NotDone>>,
    ),
    /// Close all streams of a player; the answer is their number.
    Expel(PlayerId, oneshot::Sender<usize>),
    /// Its endpoint presents or will present another certificate, which has to be announced in the registry.
    Certificate(CertificatePins, oneshot::Sender<()>),
}

/// Why a shard did not answer an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Too many requests are queued.
    #[error("the shard has too many requests waiting; try again")]
    Busy,
    /// No answer in time.
    #[error("the shard did not answer in time")]
    Late,
    /// The shard has not begun: it waits for its store.
    #[error("the shard waits for its store; the log has the reason")]
    Waiting,
    /// The shard has stopped, or is about to.
    #[error("the shard is stopping")]
    Stopped,
}

/// The operators' end.
#[derive(Clone)]
pub struct Inspector {
    asks: mpsc::Sender<Ask>,
    has_begun: Arc<AtomicBool>,
    /// What the shard counts.
    pub metrics: Arc<Metrics>,
}

/// The shard's end.
pub struct Inspected {
    pub(crate) asks: mpsc::Receiver<Ask>,
    has_begun: Arc<AtomicBool>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Both ends of the channel.
#[must_use]
pub fn inspection() -> (Inspector, Inspected) {
    let (sender, asks) = mpsc::channel(ASKS_LEN);
    let metrics = Arc::new(Metrics::new());
    let has_begun = Arc::new(AtomicBool::new(false));
    let inspector = Inspector {
        asks: sender,
        has_begun: Arc::clone(&has_begun),
        metrics: Arc::clone(&metrics),
    };
    let inspected = Inspected {
        asks,
        has_begun,
        metrics,
    };
    (inspector, inspected)
}

impl Inspected {
    /// From now on, requests are answered.
    pub(crate) fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }
}

impl Inspector {
    /// Sends a request that has no answer.
    ///
    /// # Errors
    ///
    /// When the shard does not accept the request.
    pub fn wish(&self, wish: Ask) -> Result<(), AskError> {
        if !self.has_begun.load(Ordering::Relaxed) {
            return Err(AskError::Waiting);
        }
        self.asks.try_send(wish).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AskError::Busy,
            mpsc::error::TrySendError::Closed(_) => AskError::Stopped,
        })
    }

    /// Returns at once what is ready when the match next changes, after this: see [`Ask::Follow`].
    ///
    /// # Errors
    ///
    /// When the shard does not accept the request.
    pub fn follow(&self, id: MatchId) -> Result<oneshot::Receiver<()>, AskError> {
        let (reply, changed) = oneshot::channel();
        self.wish(Ask::Follow(id, reply))?;
        Ok(changed)
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    ///
    /// When the shard does not answer; whether it carried the request out is then unknown.
    pub async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> Ask,
    ) -> Result<T, AskError> {
        let (reply, answer) = oneshot::channel();
        self.wish(question(reply))?;
        match timeout(ANSWER_WITHIN, answer).await {
            Ok(answer) => answer.map_err(|_| AskError::Stopped),
            Err(_) => Err(AskError::Late),
        }
    }
}
