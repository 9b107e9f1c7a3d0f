//! The signals that programs obey.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Exit code of a process that SIGINT has ended, as shells report it.
const INTERRUPTED: i32 = 130;

/// What SIGHUP means to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// In a server: reload what can be replaced while it runs.
    Reloads,
    /// In a program that runs in a terminal: the terminal is gone, so shut down. A process that was started
    /// with SIGHUP ignored, as by `nohup`, keeps running.
    Stops,
}

/// Hears of each SIGHUP; several that arrive while one is being handled count once.
#[derive(Debug, Clone)]
pub struct Reload(watch::Receiver<u64>);

impl Reload {
    /// Never hears of any: for a process that SIGHUP stops.
    #[must_use]
    pub fn never() -> Self {
        Self(watch::channel(0).1)
    }

    /// Waits for the next SIGHUP.
    pub async fn asked(&mut self) {
        if self.0.changed().await.is_err() {
            // The task that watches signals ended with its runtime.
            std::future::pending::<()>().await;
        }
    }
}

/// Cancels `shutdown` at the first SIGTERM or SIGINT; the second one ends the process at once. SIGHUP does what
/// `hangup` says. Where it reloads, every clone of the [`Reload`] hears of it; once all of them are dropped, the
/// log says that SIGHUP is ignored.
///
/// # Errors
///
/// The system's error.
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
                        tracing::warn!("SIGHUP is ignored: this process has nothing to reload");
                    } else {
                        tracing::info!("SIGHUP: reloading what can be replaced");
                        reload.send_modify(|asked| *asked += 1);
                    }
                    continue;
                }
                // The terminal and its shell may each send one.
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

/// Whether this process was started with SIGHUP ignored; `false` on a system that does not tell.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let ignored = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is the lowest bit.
    ignored.is_some_and(|mask| mask & 1 == 1)
}
