//! The seats of a gateway by player and match, and what is asked of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use game_core::{MatchId, PlayerId, Uci, UnixMillis};
use protocol::ChatLine;
use tokio::sync::{mpsc, oneshot};

use crate::acts::Act;
use crate::lines::LineSender;
use crate::refusal::Refusal;

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

/// Whose seat, in which match.
pub(crate) type Key = (PlayerId, MatchId);

/// The seats.
pub(crate) struct Seats {
    /// Guards only lookups: a seat is its task's.
    open: Mutex<HashMap<Key, Handle>>,
    max: usize,
    next: AtomicU64,
}

/// How to reach a seat's task.
#[derive(Clone)]
pub(crate) struct Handle {
    number: u64,
    asks: mpsc::Sender<Ask>,
    /// Open streams of the game.
    pub(crate) streams: Arc<AtomicUsize>,
}

/// What the task of a new seat needs.
pub(crate) struct NewSeat {
    pub(crate) number: u64,
    pub(crate) asks: mpsc::Receiver<Ask>,
}

impl Handle {
    /// Sends something to the seat.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if too much waits there.
    pub(crate) fn send(&self, ask: Ask) -> Result<(), Refusal> {
        let sent = self.asks.try_send(ask);
        sent.map_err(|_| Refusal::unavailable())
    }
}

impl Seats {
    /// At most `max` seats.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            open: Mutex::default(),
            max,
            next: AtomicU64::new(0),
        }
    }

    /// Whether a client of this gateway has a stream of this player's game open.
    pub(crate) fn has_stream(&self, player: &PlayerId, id: MatchId) -> bool {
        let open = self.all();
        let handle = open.get(&(player.clone(), id));
        handle.is_some_and(|handle| handle.streams.load(Ordering::Acquire) > 0)
    }

    /// The seat of a player in a match; a task that is not there yet, or has given its seat up, is begun.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if there are too many.
    pub(crate) fn handle(&self, key: Key, begin: impl FnOnce(NewSeat)) -> Result<Handle, Refusal> {
        let mut open = self.all();
        if let Some(handle) = open.get(&key)
            && !handle.asks.is_closed()
        {
            return Ok(handle.clone());
        }
        if open.len() >= self.max {
            return Err(Refusal::unavailable());
        }
        let (sender, asks) = mpsc::channel(WAITING_MAX);
        // A stream that was opened at the task before is closed, or about to be.
        let handle = Handle {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            asks: sender,
            streams: Arc::default(),
        };
        let number = handle.number;
        open.insert(key, handle.clone());
        drop(open);
        begin(NewSeat { number, asks });
        Ok(handle)
    }

    /// A seat's task has ended.
    pub(crate) fn forget(&self, key: &Key, number: u64) {
        let mut open = self.all();
        if open.get(key).is_some_and(|handle| handle.number == number) {
            open.remove(key);
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Handle>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
