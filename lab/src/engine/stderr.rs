//! What an engine writes to stderr goes to the log, or to a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::process::ChildStderr;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::EngineError;
use crate::lines::Lines;

/// Where a program's stderr goes, and its last line.
#[derive(Debug)]
pub(super) enum Stderr {
    /// It is logged until the program ends, or this is dropped.
    Logged {
        last: Arc<Mutex<Option<String>>>,
        reader: AbortOnDropHandle<()>,
    },
    /// The program writes it to a file, behind what stood there when it was started.
    File { path: PathBuf, began: u64 },
}

impl Stderr {
    /// Of a longer line the rest is left out, in characters.
    const LINE_MAX: usize = 500;
    /// Lines logged in a second; of those beyond only the number is, so that a program that writes
    /// without end fills no disk.
    const LINES_PER_S: u32 = 20;
    /// The last words of a program that died are read within this.
    const LAST_WORDS_MAX: Duration = Duration::from_secs(1);

    /// Begins to log; `program` stands before each line.
    pub(super) fn log(stderr: ChildStderr, program: String) -> Self {
        let last = Arc::new(Mutex::new(None));
        let reader = tokio::spawn(Self::read(stderr, program, Arc::clone(&last)));
        Self::Logged {
            last,
            reader: AbortOnDropHandle::new(reader),
        }
    }

    /// Opens a file to be appended to. It is the program's own then: how much is written there is its
    /// affair.
    pub(super) fn open(path: &Path) -> Result<(File, Self), EngineError> {
        let opened = OpenOptions::new().create(true).append(true).open(path);
        let opened = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
        let (began, file) = opened.map_err(|error| EngineError::Stderr {
            path: path.display().to_string(),
            error,
        })?;
        let path = path.to_owned();
        Ok((file, Self::File { path, began }))
    }

    /// The last line of a program that has closed its stdout: it is waited for briefly.
    pub(super) async fn last_line(&mut self) -> Option<String> {
        match self {
            Self::Logged { last, reader } => {
                if !reader.is_finished() {
                    let _ = timeout(Self::LAST_WORDS_MAX, reader).await;
                }
                last.lock().unwrap_or_else(PoisonError::into_inner).clone()
            }
            Self::File { path, began } => Self::last_line_of(path, *began).ok().flatten(),
        }
    }

    /// The last line of a file behind `began`, if there is any.
    fn last_line_of(path: &Path, began: u64) -> io::Result<Option<String>> {
        // A character takes four bytes at most.
        const TAIL_MAX: u64 = 4 * Stderr::LINE_MAX as u64;
        let mut file = File::open(path)?;
        let end = file.metadata()?.len();
        file.seek(SeekFrom::Start(began.max(end.saturating_sub(TAIL_MAX))))?;
        let mut tail = Vec::new();
        file.take(TAIL_MAX).read_to_end(&mut tail)?;
        let tail = String::from_utf8_lossy(&tail);
        let mut lines = tail.lines().map(Self::shown);
        Ok(lines.rfind(|line| !line.is_empty()))
    }

    /// A line without anything that a terminal would act on.
    fn shown(line: &str) -> String {
        let shown = line.trim().chars().filter(|c| !c.is_control());
        shown.take(Self::LINE_MAX).collect()
    }

    async fn read(stderr: ChildStderr, program: String, last: Arc<Mutex<Option<String>>>) {
        let mut lines = Lines::new(stderr);
        let mut allowance = Allowance::default();
        while let Ok(Some(line)) = lines.next_or_rest().await {
            if line.is_empty() {
                continue;
            }
            let line = Self::shown(&line);
            match allowance.take(Instant::now()) {
                None => {}
                Some(0) => tracing::warn!("{program} wrote: {line}"),
                Some(left_out) => {
                    tracing::warn!("{program} wrote {left_out} more lines, and then: {line}");
                }
            }
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
        }
        if allowance.left_out > 0 {
            tracing::warn!("{program} wrote {} more lines", allowance.left_out);
        }
    }
}

/// Which lines are logged.
#[derive(Debug, Default)]
struct Allowance {
    second: Option<Instant>,
    logged: u32,
    left_out: u64,
}

impl Allowance {
    /// Whether one more line is logged; if so, how many before it were not.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let is_over = |began: Instant| now.duration_since(began) >= Duration::from_secs(1);
        if self.second.is_none_or(is_over) {
            self.second = Some(now);
            self.logged = 0;
        }
        if self.logged >= Stderr::LINES_PER_S {
            self.left_out += 1;
            return None;
        }
        self.logged += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_writes_without_end_is_counted() {
        let mut allowance = Allowance::default();
        let now = Instant::now();
        let taken = (0..100).filter(|_| allowance.take(now).is_some()).count();
        assert_eq!(taken, 20);
        let later = now + Duration::from_secs(1);
        assert_eq!(allowance.take(later), Some(80));
        assert_eq!(allowance.take(later), Some(0));
    }
}
