//! What an engine writes to stderr goes to the log.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::process::ChildStderr;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::lines::Lines;

/// Logs a program's stderr until it ends, or this is dropped.
#[derive(Debug)]
pub(super) struct Stderr {
    last: Arc<Mutex<Option<String>>>,
    reader: AbortOnDropHandle<()>,
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
        Self {
            last,
            reader: AbortOnDropHandle::new(reader),
        }
    }

    /// The last line of a program that has closed its stdout: it is waited for briefly.
    pub(super) async fn last_line(&mut self) -> Option<String> {
        if !self.reader.is_finished() {
            let _ = timeout(Self::LAST_WORDS_MAX, &mut self.reader).await;
        }
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone()
    }

    async fn read(stderr: ChildStderr, program: String, last: Arc<Mutex<Option<String>>>) {
        let mut lines = Lines::new(stderr);
        let mut allowance = Allowance::default();
        while let Ok(Some(line)) = lines.next_or_rest().await {
            if line.is_empty() {
                continue;
            }
            // Nothing that a terminal would act on.
            let shown = line.chars().filter(|c| !c.is_control());
            let line: String = shown.take(Self::LINE_MAX).collect();
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
