//! The processes that are measured: started, accounted for, and ended.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::BenchError;

/// A child that ends with this value.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn start(command: &mut Command) -> Result<Self, BenchError> {
        let name = command.get_program().to_string_lossy().into_owned();
        let started = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        started
            .map(Self)
            .map_err(|error| format!("cannot start {name}: {error}").into())
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// CPU time that its threads have used, in user and kernel mode.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(&PathBuf::from(format!("/proc/{}/task", self.0.id())))
    }

    /// Resident memory, in bytes.
    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.unwrap_or_default();
        let kb = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kb = kb.and_then(|text| text.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kb.unwrap_or(0) * 1_024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The first number of a thread's `schedstat` is the time it ran, in nanoseconds (Linux,
/// `Documentation/scheduler/sched-stats.rst`): finer than the ticks of `stat`.
fn cpu_of(tasks: &Path) -> Duration {
    let threads = std::fs::read_dir(tasks).into_iter().flatten().flatten();
    let ran = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(ran.sum())
}

/// The server's binary: the one that was named, or the one beside this program.
pub(crate) fn server_binary(named: Option<&PathBuf>) -> Result<PathBuf, BenchError> {
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("rookery"));
    let path = named
        .cloned()
        .or_else(beside)
        .unwrap_or_else(|| "rookery".into());
    if path.exists() {
        Ok(path)
    } else {
        let text = format!(
            "{} is missing: build it in the same profile (cargo build --release -p server), or name \
             it with --server",
            path.display()
        );
        Err(text.into())
    }
}

/// A redis-server of its own, on a free port, that flushes every write.
pub(crate) fn redis(directory: &Path) -> Result<(Process, String), BenchError> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = Command::new("redis-server");
    command
        .args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.to_string(),
            "--save",
            "",
        ])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
        .arg(directory)
        .stdout(Stdio::null());
    let process = Process::start(&mut command)?;
    Ok((process, format!("redis://127.0.0.1:{port}")))
}
