//! Turns, for tests that keep a machine busy, for those that fail where processes do not get to run, and for those that wait
//! most of their time.
//!
//! Of each kind one runs at a time, or two that share, and all others run beside them. Tests that keep the machine busy, that
//! fail where processes do not get to run, and that share take their turns from one line.

use tokio::sync::{Semaphore, SemaphorePermit};

/// How many tests share a turn.
const SHARERS: u32 = 2;

static TURN: Semaphore = Semaphore::const_new(SHARERS as usize);
static WAIT: Semaphore = Semaphore::const_new(1);

/// The test's turn, which lasts until this is dropped.
#[must_use]
pub struct Turn(#[expect(dead_code, reason = "it is held")] SemaphorePermit<'static>);

async fn take(line: &'static Semaphore, places: u32) -> Turn {
    let permit = line.acquire_many(places).await;
    Turn(permit.expect("nobody closes the line"))
}

/// Waits for the test's turn.
pub async fn turn() -> Turn {
    take(&TURN, SHARERS).await
}

/// The turn of a test that plays on a cluster at the pace of people, with faults: two of them run at once.
pub async fn shared_turn() -> Turn {
    take(&TURN, 1).await
}

/// The turn of a test that starts processes and then mostly waits for what they do by themselves.
pub async fn patient_turn() -> Turn {
    take(&WAIT, 1).await
}

/// Any of them outside a runtime: `blocking(turn())`.
///
/// # Panics
///
/// Inside a runtime.
pub fn blocking(turn: impl Future<Output = Turn>) -> Turn {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.expect("a runtime needs nothing").block_on(turn)
}
