//! Keys of the terminal, which can only be waited for by blocking.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event};
use tokio::sync::mpsc;

/// Keys that wait to be looked at; whoever types faster than this is drawn waits.
const WAITING_MAX: usize = 64;

/// Interval at which the thread checks whether it is still needed.
const LOOK: Duration = Duration::from_millis(100);

/// Upper bound on the wait for the thread: it may never return from a terminal that is gone.
const STOPS_WITHIN: Duration = Duration::from_millis(300);

/// Listens to the terminal on a thread of its own, until it is dropped.
pub(super) struct Keyboard {
    events: mpsc::Receiver<Event>,
    is_dropped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keyboard {
    pub(super) fn listen() -> Self {
        let (sender, events) = mpsc::channel(WAITING_MAX);
        let is_dropped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&is_dropped);
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let event = match event::poll(LOOK) {
                    Ok(false) => continue,
                    // It is for who listens next.
                    Ok(true) if stop.load(Ordering::Relaxed) => return,
                    Ok(true) => event::read(),
                    Err(error) => Err(error),
                };
                // The terminal is gone, or nobody listens.
                let Ok(event) = event else { return };
                if sender.blocking_send(event).is_err() {
                    return;
                }
            }
        });
        Self {
            events,
            is_dropped,
            thread,
        }
    }

    /// The next event; `None` when the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.is_dropped.store(true, Ordering::Relaxed);
        // It takes no key that is meant for the next match. One that waits for room is let go.
        self.events.close();
        let end = Instant::now() + STOPS_WITHIN;
        while !self.thread.is_finished() && Instant::now() < end {
            thread::sleep(STOPS_WITHIN / 60);
        }
    }
}
