//! Turns, for tests that keep a machine busy, for those that fail where processes do not get to run, and for those that wait
//! most of their time.
//!
//! Of each kind one runs at a time, and all others run beside it. Tests of the first two kinds share their turns.

use tokio::sync::{Mutex, MutexGuard};

static TURN: Mutex<()> = Mutex::const_new(());
static WAIT: Mutex<()> = Mutex::const_new(());

/// Waits for the test's turn, which lasts until what is returned is dropped.
pub async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// The same outside a runtime.
///
/// # Panics
///
/// Inside one.
pub fn blocking_turn() -> MutexGuard<'static, ()> {
    TURN.blocking_lock()
}

/// The turn of a test that starts processes and then mostly waits for what they do by themselves.
pub async fn patient_turn() -> MutexGuard<'static, ()> {
    WAIT.lock().await
}
