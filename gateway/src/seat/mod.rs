//! Seats that clients of this gateway have in matches.
//!
//! A seat's task owns the session: it takes the seat when a client first asks for something in the game, stays through
//! takeovers, and gives the seat up once the game is over or nobody has asked for a while. All streams of the game are
//! written by it, so the position of the next move is always the one that was streamed last.

mod moves;
mod task;

use std::sync::Arc;

use game_core::{MatchId, UnixMillis};
use tokio::sync::oneshot;

use self::task::Task;
use crate::identity::Caller;
use crate::lines::{Lines, lines};
use crate::refusal::Refusal;
use crate::seats::{Answer, Ask, Handle};
use crate::state::Gateway;

/// How often something is asked of a seat: a task that has just given its seat up is replaced.
const ATTEMPTS: u32 = 2;

/// Opens a stream of the caller's game.
///
/// # Errors
///
/// [`Refusal`] if the caller has no seat in it, or it is not there yet.
pub(crate) async fn stream(
    gateway: &Arc<Gateway>,
    caller: &Caller,
    id: MatchId,
    created_at: UnixMillis,
) -> Result<Lines, Refusal> {
    for _ in 0..ATTEMPTS {
        let handle = handle(gateway, caller, id)?;
        let (sender, lines) = lines(Some(Arc::clone(&handle.streams)));
        let (answer, answered) = oneshot::channel();
        handle.send(Ask::Stream {
            lines: sender,
            created_at,
            answer,
        })?;
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
    gateway: &Arc<Gateway>,
    caller: &Caller,
    id: MatchId,
    ask: impl Fn(Answer<T>) -> Ask,
) -> Result<T, Refusal> {
    for _ in 0..ATTEMPTS {
        let (answer, answered) = oneshot::channel();
        send(gateway, caller, id, ask(answer))?;
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
    gateway: &Arc<Gateway>,
    caller: &Caller,
    id: MatchId,
    ask: Ask,
) -> Result<(), Refusal> {
    handle(gateway, caller, id)?.send(ask)
}

/// The caller's seat, whose task is started if there is none.
fn handle(gateway: &Arc<Gateway>, caller: &Caller, id: MatchId) -> Result<Handle, Refusal> {
    let key = (caller.player.clone(), id);
    gateway.seats.handle(key.clone(), |new| {
        let task = Task::new(gateway, caller, id, new.asks);
        let (gateway, number) = (Arc::clone(gateway), new.number);
        gateway.clone().tasks.spawn(async move {
            tokio::select! {
                () = task.run() => {}
                () = gateway.shutdown.cancelled() => {}
            }
            gateway.seats.forget(&key, number);
        });
    })
}
