//! The process of a browser.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use supervisor::POLL_EVERY;
use tempfile::TempDir;

use super::connection::Connection;
use super::page::Page;

/// Chromium takes its pipes as the descriptors 3 and 4.
const START: &str = "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null";

const ARGUMENTS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--mute-audio",
    // All pages of a test are in front for their players.
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
];

/// How long it may take to end when it is asked to.
const END_WITHIN: Duration = Duration::from_secs(10);

/// A headless Chromium with a profile of its own, which ends when this is dropped.
pub struct Browser {
    child: Child,
    connection: Arc<Connection>,
    /// Its profile.
    _directory: TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.connection.tell("Browser.close", json!({}));
        let end = Instant::now() + END_WITHIN;
        while Instant::now() < end {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(POLL_EVERY);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    /// Starts a browser.
    ///
    /// # Panics
    ///
    /// If there is none on this machine.
    #[must_use]
    pub fn open() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let profile = format!("--user-data-dir={}", directory.path().display());
        let mut child = Command::new("sh")
            .args(["-c", START, "chromium", "--remote-debugging-pipe", &profile])
            .args(ARGUMENTS)
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let (to, from) = (child.stdin.take(), child.stdout.take());
        let connection = Connection::new(to.expect("a pipe"), from.expect("a pipe"));
        Self {
            child,
            connection: Arc::new(connection),
            _directory: directory,
        }
    }

    /// Opens an empty page whose storage is its own.
    ///
    /// # Panics
    ///
    /// If the browser has ended, or is missing: tests/run installs it.
    pub async fn page(&self) -> Page {
        Page::open(&self.connection).await
    }
}
