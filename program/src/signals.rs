//! The signals that a server obeys, in one place.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What a shell calls the end by SIGINT.
const INTERRUPTED: i32 = 130;

/// What SIGHUP means to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// To a server: read again what can be replaced while it runs.
    Reloads,
    /// To what somebody runs in a terminal: the terminal is gone, stop in good order. One that was started
    /// with SIGHUP ignored, as by `nohup`, goes on.
    Stops,
}

/// Hears of each SIGHUP; one that comes while the last is being dealt with counts once.
#[derive(Debug, Clone)]
pub struct Reload(watch::Receiver<u64>);

impl Reload {
    /// Waits for the next SIGHUP.
    pub async fn asked(&mut self) {
        if self.0.changed().await.is_err() {
            // The watcher ended with its runtime: nobody asks any more.
            std::future::pending::<()>().await;
        }
    }
}

/// Cancels `shutdown` at the first SIGTERM or SIGINT; the second one ends the process at once. SIGHUP never
/// ends it: whoever keeps the [`Reload`] hears of it, and if nobody does, the log says that it is ignored.
///
/// # Errors
///
/// What the system says.
pub fn watch_signals(shutdown: CancellationToken, hangup: Hangup) -> io::Result<Reload> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let goes_on = hangup == Hangup::Stops && ignores_hangup();
    let mut hung_up = if goes_on {
        None
    } else {
        Some(signal(SignalKind::hangup())?)
    };
    let (reload, asked) = watch::channel(0);
    tokio::spawn(async move {
        let mut is_stopping = false;
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                () = received(&mut hung_up) => "SIGHUP",
            };
            match (name, hangup) {
                ("SIGHUP", Hangup::Reloads) => {
                    if reload.receiver_count() == 0 {
                        tracing::warn!(
                            "SIGHUP is ignored: nothing here is read again while it runs"
                        );
                    } else {
                        tracing::info!("SIGHUP: reading again what can be replaced");
                        reload.send_modify(|asked| *asked += 1);
                    }
                    continue;
                }
                // It comes from the terminal and its shell alike, once more.
                ("SIGHUP", Hangup::Stops) if is_stopping => continue,
                _ => {}
            }
            if is_stopping {
                tracing::error!(signal = name, "stopped at once, by a second signal");
                crate::flush();
                std::process::exit(INTERRUPTED);
            }
            tracing::info!(signal = name, "stopping; a second signal stops at once");
            is_stopping = true;
            shutdown.cancel();
        }
    });
    Ok(Reload(asked))
}

async fn received(hung_up: &mut Option<tokio::signal::unix::Signal>) {
    match hung_up {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether this process was started with SIGHUP ignored; where the system does not tell, it was not.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is the lowest bit.
    ignored.is_some_and(|mask| mask & 1 == 1)
}
