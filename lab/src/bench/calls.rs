//! System calls of a process, counted by `perf` while it is attached.
//!
//! Each counted call then takes a little longer, so CPU time is never measured in the same run.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use supervisor::{Place, START_MAX, Signal};
use tempfile::TempDir;

/// The tracepoint of every system call.
const EVENT: &str = "raw_syscalls:sys_enter";
/// `perf` has written its counts within this of being interrupted.
const END_MAX: Duration = Duration::from_secs(10);

/// `perf` beside a process.
pub(super) struct Calls {
    perf: Place,
    directory: TempDir,
}

impl Calls {
    /// Starts to count; `None` where `perf` is not installed, or may not look at this process.
    pub(super) async fn attach(pid: u32) -> Option<Self> {
        let directory = tempfile::tempdir().ok()?;
        let perf = Place::new("perf", directory.path());
        let mut command = Command::new("perf");
        command.args(["stat", "-x", ",", "-e", EVENT, "-p", &pid.to_string()]);
        command.arg("-o").arg(directory.path().join(COUNTS));
        perf.start(&mut command).ok()?;
        let threads = entries(format!("/proc/{pid}/task"));
        let attached = async || (perf.pid().map_or(0, open_events) >= threads).then_some(());
        perf.until(START_MAX, attached).await.ok()?;
        Some(Self { perf, directory })
    }

    /// The count until now.
    pub(super) async fn count(self) -> Option<u64> {
        self.perf.signal(Signal::INT).ok()?;
        self.perf.ended(END_MAX).await?;
        let text = std::fs::read_to_string(self.directory.path().join(COUNTS)).ok()?;
        parsed(&text)
    }
}

const COUNTS: &str = "counts.csv";

/// The first field of the line of the event.
fn parsed(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.contains(EVENT))?;
    line.split(',').next()?.parse().ok()
}

fn entries(path: impl AsRef<Path>) -> usize {
    std::fs::read_dir(path).map_or(0, Iterator::count)
}

/// Counters that `perf` has open: one for each thread.
fn open_events(perf: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{perf}/fd"));
    let links = files
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| std::fs::read_link(file.path()).ok());
    links
        .filter(|link| link.to_string_lossy().contains("perf_event"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_that_of_the_event_or_none() {
        let text = "# started on Fri\n\n93818,,raw_syscalls:sys_enter,3004,100.00,,\n";
        assert_eq!(parsed(text), Some(93_818));
        assert_eq!(
            parsed("<not counted>,,raw_syscalls:sys_enter,0,0.00,,"),
            None
        );
        assert_eq!(parsed("Error:\n"), None);
    }
}
