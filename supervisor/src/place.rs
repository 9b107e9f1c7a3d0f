//! A child process: started with its log in a file, signalled, accounted for, and never left behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use crate::POLL_EVERY;

/// Why a process does not run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A program cannot be started.
    #[error("cannot start {program}: {error}")]
    Start {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// It was started and does not answer.
    #[error("{name} does not answer; the last that it logged:\n{last_words}")]
    Silent {
        /// Which process.
        name: String,
        /// The end of its log.
        last_words: String,
    },
}

/// Sends a process a signal by its number.
///
/// # Errors
///
/// When there is no such process.
pub fn signal(pid: u32, signal: Signal) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(kill_process(pid, signal)?)
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
    #[must_use]
    pub fn new(name: &str, directory: &Path) -> Self {
        Self::with_log(name.to_owned(), directory.join(format!("{name}.log")))
    }

    /// An empty place; what runs in it appends to this file.
    #[must_use]
    pub const fn with_log(name: String, log: PathBuf) -> Self {
        Self {
            name,
            log,
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
    ///
    /// # Errors
    ///
    /// [`StartError::Start`].
    pub fn start(&self, command: &mut Command) -> Result<(), StartError> {
        self.kill();
        let started = self.spawn(command);
        let process = started.map_err(|error| StartError::Start {
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

    /// Sets how many files the process may have open, connections included, and returns the limit before; `None` if none runs.
    /// What is open beyond it stays open.
    ///
    /// # Errors
    ///
    /// When the process has ended, or the limit is above what it may have.
    pub fn limit_files(&self, files: u64) -> io::Result<Option<u64>> {
        let running = self.running();
        let Some(process) = running.as_ref() else {
            return Ok(None);
        };
        let pid = Pid::from_child(&process.0);
        let limit = Rlimit {
            current: Some(files),
            // It has that of this process.
            maximum: getrlimit(Resource::Nofile).maximum,
        };
        let before = prlimit(Some(pid), Resource::Nofile, limit)?;
        Ok(before.current)
    }

    /// Sends the process a signal; nothing if none runs.
    ///
    /// # Errors
    ///
    /// When the process has ended.
    pub fn signal(&self, with: Signal) -> io::Result<()> {
        let running = self.running();
        let Some(process) = running.as_ref() else {
            return Ok(());
        };
        // The child is not waited for while the place is held, so that its number is nobody else's.
        let pid = Pid::from_child(&process.0);
        let sent = kill_process(pid, with);
        sent.map_err(|error| {
            io::Error::new(
                error.kind(),
                format!("{} cannot be signalled: {error}", self.name),
            )
        })
    }

    /// Asks until there is an answer, as long as the process runs.
    ///
    /// # Errors
    ///
    /// [`StartError::Silent`] when the process ends first, or nothing comes of it `within`.
    pub async fn until<T, F>(
        &self,
        within: Duration,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, StartError>
    where
        F: Future<Output = Option<T>>,
    {
        let end = Instant::now() + within;
        loop {
            if let Some(answer) = ask().await {
                return Ok(answer);
            }
            if self.has_died() || Instant::now() > end {
                return Err(self.silent());
            }
            sleep(POLL_EVERY).await;
        }
    }

    /// The same on a thread that may block.
    ///
    /// # Errors
    ///
    /// As for [`until`](Self::until).
    pub fn wait_until<T>(
        &self,
        within: Duration,
        mut ask: impl FnMut() -> Option<T>,
    ) -> Result<T, StartError> {
        let end = std::time::Instant::now() + within;
        loop {
            // Looked at first: what answers may be another process on the same port.
            let has_died = self.has_died();
            match ask() {
                Some(answer) if !has_died => return Ok(answer),
                _ if has_died || std::time::Instant::now() > end => return Err(self.silent()),
                _ => std::thread::sleep(POLL_EVERY),
            }
        }
    }

    /// What the process writes into its ready file, once it has. The file must not have been there when it was
    /// started.
    ///
    /// # Errors
    ///
    /// As for [`until`](Self::until).
    pub async fn ready<T: DeserializeOwned>(
        &self,
        file: &Path,
        within: Duration,
    ) -> Result<T, StartError> {
        self.until(within, async || read_ready(file)).await
    }

    /// The same on a thread that may block.
    ///
    /// # Errors
    ///
    /// As for [`until`](Self::until).
    pub fn wait_ready<T: DeserializeOwned>(
        &self,
        file: &Path,
        within: Duration,
    ) -> Result<T, StartError> {
        self.wait_until(within, || read_ready(file))
    }

    fn silent(&self) -> StartError {
        StartError::Silent {
            name: self.name.clone(),
            last_words: self.last_words(),
        }
    }

    /// Waits until the process has ended by itself; `None` if it has not by then, and at once if none runs. The place
    /// is empty afterwards if it has.
    pub async fn ended(&self, within: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + within;
        loop {
            if let Poll::Ready(ended) = self.poll_ended() {
                return ended;
            }
            if Instant::now() > end {
                return None;
            }
            sleep(POLL_EVERY).await;
        }
    }

    /// The same on a thread that may block.
    pub fn wait_ended(&self, within: Duration) -> Option<ExitStatus> {
        let end = std::time::Instant::now() + within;
        loop {
            if let Poll::Ready(ended) = self.poll_ended() {
                return ended;
            }
            if std::time::Instant::now() > end {
                return None;
            }
            std::thread::sleep(POLL_EVERY);
        }
    }

    /// Whether a process was started here and has ended without having been told to.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.status().is_some()
    }

    /// Whether a process runs here that has not ended by itself.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.pid().is_some() && !self.has_died()
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

    /// Context switches of what runs here, as [`Switches`] says.
    #[must_use]
    pub fn switches(&self) -> Switches {
        let pid = self.pid();
        pid.map_or_else(Switches::default, |pid| Switches::of(&pid.to_string()))
    }

    /// That it ended without having been told to, and the lines of its log that speak of a bug.
    #[must_use]
    pub fn alarms(&self) -> Vec<String> {
        let died = self
            .has_died()
            .then(|| format!("{} ended by itself", self.name));
        let lines = self.alarming_lines();
        let lines = lines.iter().map(|line| format!("{}: {line}", self.name));
        died.into_iter().chain(lines).collect()
    }

    fn alarming_lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let alarming = |line: &&str| line.contains("panicked") || line.contains(" ERROR ");
        text.lines().filter(alarming).map(str::to_owned).collect()
    }

    /// The last lines of its log: what it may have failed of.
    fn last_words(&self) -> String {
        const LINES: usize = 5;
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    /// How the process has ended by itself, which empties the place; nothing if none runs.
    fn poll_ended(&self) -> Poll<Option<ExitStatus>> {
        if self.running().is_none() {
            return Poll::Ready(None);
        }
        match self.status() {
            Some(status) => {
                self.kill();
                Poll::Ready(Some(status))
            }
            None => Poll::Pending,
        }
    }

    fn status(&self) -> Option<ExitStatus> {
        self.running().as_mut()?.0.try_wait().ok().flatten()
    }

    fn running(&self) -> MutexGuard<'_, Option<Process>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a ready file says; nothing while it is not there, or not whole.
fn read_ready<T: DeserializeOwned>(file: &Path) -> Option<T> {
    let text = std::fs::read_to_string(file).ok()?;
    serde_json::from_str(&text).ok()
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

/// How often the living threads of a process have left a processor; zero where the system has no `/proc`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Switches {
    /// To wait for something.
    pub voluntary: u64,
    /// For another thread, with more to do.
    pub involuntary: u64,
}

impl Switches {
    /// Those so far, by the process's number, or of this one by `self`.
    #[must_use]
    pub fn of(pid: &str) -> Self {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
        let texts = threads
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|thread| std::fs::read_to_string(thread.path().join("status")).ok());
        texts.fold(Self::default(), |sum, text| sum + Self::of_status(&text))
    }

    /// As a thread's `status` says.
    fn of_status(status: &str) -> Self {
        let count = |name: &str| {
            let mut lines = status.lines();
            let count = lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            count.unwrap_or(0)
        };
        Self {
            voluntary: count("voluntary_ctxt_switches:"),
            involuntary: count("nonvoluntary_ctxt_switches:"),
        }
    }

    /// Those that came after an earlier count.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            voluntary: self.voluntary.saturating_sub(before.voluntary),
            involuntary: self.involuntary.saturating_sub(before.involuntary),
        }
    }
}

impl std::ops::Add for Switches {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            voluntary: self.voluntary + other.voluntary,
            involuntary: self.involuntary + other.involuntary,
        }
    }
}

impl std::ops::AddAssign for Switches {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_are_read_by_their_names() {
        let status =
            "Name:\trookery\nvoluntary_ctxt_switches:\t120\nnonvoluntary_ctxt_switches:\t7\n";
        let read = Switches::of_status(status);
        assert_eq!((read.voluntary, read.involuntary), (120, 7));
        let own = Switches::of("self");
        assert!(own.voluntary + own.involuntary > 0, "{own:?}");
    }
}
