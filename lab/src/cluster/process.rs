//! A child process: started with its log in a file, signalled, accounted for, and never left behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ClusterError;

/// Between two looks at something that is to happen.
pub(crate) const POLL_EVERY: Duration = Duration::from_millis(20);

/// A signal that a cluster sends to a part of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGSTOP: it does not run until it is told to continue.
    Stop,
    /// SIGCONT.
    Continue,
    /// SIGTERM: it may end in good order.
    Terminate,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::Terminate => "TERM",
        }
    }
}

/// The place of a process that comes and goes; what runs in it ends with this value.
#[derive(Debug)]
pub struct Place {
    name: String,
    log: PathBuf,
    running: Mutex<Option<Process>>,
}

/// A child, killed when dropped.
#[derive(Debug)]
struct Process(Child);

impl Place {
    /// An empty place; what runs in it appends to `NAME.log` in `directory`.
    pub(crate) fn new(name: &str, directory: &Path) -> Self {
        Self {
            name: name.to_owned(),
            log: directory.join(format!("{name}.log")),
            running: Mutex::new(None),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it logs.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The process that runs here, if one was started and not ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.running().as_ref().map(|process| process.0.id())
    }

    /// Starts a process; one that ran here before is killed.
    pub(crate) fn start(&self, command: &mut Command) -> Result<(), ClusterError> {
        self.kill();
        let started = self.spawn(command);
        let process = started.map_err(|error| ClusterError::Start {
            program: command.get_program().to_string_lossy().into_owned(),
            error,
        })?;
        *self.running() = Some(process);
        Ok(())
    }

    fn spawn(&self, command: &mut Command) -> io::Result<Process> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        quiet.stderr(log).spawn().map(Process)
    }

    /// Ends the process as `kill -9` does, and collects the body; nothing if none runs.
    pub fn kill(&self) {
        let process = self.running().take();
        drop(process);
    }

    /// Sends the process a signal; nothing if none runs.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Signal`] when the process cannot be signalled, as when it has ended.
    pub fn signal(&self, signal: Signal) -> Result<(), ClusterError> {
        let Some(pid) = self.pid() else {
            return Ok(());
        };
        // The program is part of every POSIX system; the call itself would need unsafe code.
        let status = Command::new("kill")
            .args(["-s", signal.name(), &pid.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if status.is_ok_and(|status| status.success()) {
            Ok(())
        } else {
            let name = self.name.clone();
            Err(ClusterError::Signal { name, signal })
        }
    }

    /// Waits until the process has ended by itself; `None` if it has not by then. The place is empty
    /// afterwards if it has.
    pub async fn ended(&self, within: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.status() {
                self.kill();
                return Some(status);
            }
            if Instant::now() > end {
                return None;
            }
            sleep(POLL_EVERY).await;
        }
    }

    /// Whether a process was started here and has ended without having been told to.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.status().is_some()
    }

    /// Resident memory of what runs here, in bytes; 0 where nothing does, or where the system has no
    /// `/proc`.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        self.pid().map_or(0, |pid| resident_bytes(&pid.to_string()))
    }

    /// CPU time that the threads of what runs here have used, as [`cpu_time`] says.
    #[must_use]
    pub fn cpu_time(&self) -> Duration {
        let pid = self.pid();
        pid.map_or(Duration::ZERO, |pid| cpu_time(&pid.to_string()))
    }

    /// The lines of its log that speak of a bug.
    #[must_use]
    pub fn alarming_lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let alarming = |line: &&str| line.contains("panicked") || line.contains(" ERROR ");
        text.lines().filter(alarming).map(str::to_owned).collect()
    }

    /// The last lines of its log: what it may have failed of.
    pub(super) fn last_words(&self) -> String {
        const LINES: usize = 5;
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    fn status(&self) -> Option<ExitStatus> {
        self.running().as_mut()?.0.try_wait().ok().flatten()
    }

    fn running(&self) -> MutexGuard<'_, Option<Process>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Resident memory of a process by its number, or of this one by `self`, in bytes; 0 where the system
/// has no `/proc`.
#[must_use]
pub fn resident_bytes(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kb = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = kb.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kb.unwrap_or(0) * 1_024
}

/// CPU time that the living threads of a process have used, in user and kernel mode; by the process's
/// number, or of this one by `self`. Zero where the system has no `/proc`.
#[must_use]
pub fn cpu_time(pid: &str) -> Duration {
    // The first number of a thread's `schedstat` is the time it ran, in nanoseconds (Linux,
    // `Documentation/scheduler/sched-stats.rst`): finer than the ticks of `stat`.
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let ran = threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
    Duration::from_nanos(ran.sum())
}
