//! The seats of a gateway by player and match.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use game_core::{MatchId, PlayerId, Uci, UnixMillis};
use protocol::ChatLine;
use tokio::sync::{mpsc, oneshot};

use super::acts::Act;
use super::task::Task;
use crate::identity::Caller;
use crate::lines::{LineSender, Lines, lines};
use crate::refusal::Refusal;
use crate::state::Gateway;

/// Requests of one seat that may wait: a client has a move to send, and perhaps an offer and a line of chat.
const WAITING_MAX: usize = 32;

/// Where the outcome of a request goes.
pub(crate) type Answer<T = ()> = oneshot::Sender<Result<T, Refusal>>;

/// What a client asks of its seat.
pub(crate) enum Ask {
    /// The lines of the game, from now on.
    Stream {
        lines: LineSender,
        created_at: UnixMillis,
        answer: Answer,
    },
    Move {
        uci: Uci,
        offers_draw: bool,
        answer: Answer,
    },
    Act {
        act: Act,
        answer: Answer,
    },
    /// A line of chat, which nobody hears of again.
    Say(String),
    /// The last lines of chat.
    ReadChat(Answer<Vec<ChatLine>>),
}

type Key = (PlayerId, MatchId);

/// The seats.
pub(crate) struct Seats {
    /// Guards only lookups: a seat is its task's.
    open: Mutex<HashMap<Key, Handle>>,
    max: usize,
    next: AtomicU64,
}

/// How to reach a seat's task.
#[derive(Clone)]
struct Handle {
    number: u64,
    asks: mpsc::Sender<Ask>,
    /// Open streams of the game.
    streams: Arc<AtomicUsize>,
}

impl Handle {
    fn send(&self, ask: Ask) -> Result<(), Refusal> {
        let sent = self.asks.try_send(ask);
        sent.map_err(|_| Refusal::unavailable())
    }
}

impl Seats {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            open: Mutex::default(),
            max,
            next: AtomicU64::new(0),
        }
    }

    /// Whether a client of this gateway has a stream of this player's game open.
    pub(crate) fn has_stream(&self, player: &PlayerId, id: MatchId) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let handle = open.get(&(player.clone(), id));
        handle.is_some_and(|handle| handle.streams.load(Ordering::Acquire) > 0)
    }

    /// Opens a stream of the caller's game.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the caller has no seat in it, or it is not there yet.
    pub(crate) async fn stream(
        &self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
        id: MatchId,
        created_at: UnixMillis,
    ) -> Result<Lines, Refusal> {
        // A task that has just given its seat up is replaced.
        for _ in 0..2 {
            let handle = self.handle(gateway, caller, id)?;
            let (sender, lines) = lines(Some(Arc::clone(&handle.streams)));
            let (answer, answered) = oneshot::channel();
            let ask = Ask::Stream {
                lines: sender,
                created_at,
                answer,
            };
            handle.send(ask)?;
            if let Ok(answer) = answered.await {
                return answer.map(|()| lines);
            }
        }
        Err(Refusal::unavailable())
    }

    /// Asks something of the caller's seat, and waits for the answer.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub(crate) async fn ask<T>(
        &self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
        id: MatchId,
        ask: impl Fn(Answer<T>) -> Ask,
    ) -> Result<T, Refusal> {
        // A task that has just given its seat up is replaced.
        for _ in 0..2 {
            let (answer, answered) = oneshot::channel();
            self.send(gateway, caller, id, ask(answer))?;
            if let Ok(answer) = answered.await {
                return answer;
            }
        }
        Err(Refusal::unavailable())
    }

    /// Sends something to the caller's seat.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if too much waits there.
    pub(crate) fn send(
        &self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
        id: MatchId,
        ask: Ask,
    ) -> Result<(), Refusal> {
        self.handle(gateway, caller, id)?.send(ask)
    }

    /// The caller's seat, whose task is started if there is none.
    fn handle(
        &self,
        gateway: &Arc<Gateway>,
        caller: &Caller,
        id: MatchId,
    ) -> Result<Handle, Refusal> {
        let key = (caller.player.clone(), id);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = open.get(&key)
            && !handle.asks.is_closed()
        {
            return Ok(handle.clone());
        }
        if open.len() >= self.max {
            return Err(Refusal::unavailable());
        }
        let (asks, receiver) = mpsc::channel(WAITING_MAX);
        // A stream that was opened at the task before is closed, or about to be.
        let handle = Handle {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            asks,
            streams: Arc::default(),
        };
        let task = Task::new(gateway, caller, id, receiver);
        let (gateway, number) = (Arc::clone(gateway), handle.number);
        let until = gateway.shutdown.clone();
        gateway.clone().tasks.spawn(async move {
            tokio::select! {
                () = task.run() => {}
                () = until.cancelled() => {}
            }
            gateway.seats.forget(&key, number);
        });
        open.insert((caller.player.clone(), id), handle.clone());
        Ok(handle)
    }

    /// A seat's task has ended.
    fn forget(&self, key: &Key, number: u64) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(key).is_some_and(|handle| handle.number == number) {
            open.remove(key);
        }
    }
}
