//! Log lines for a device that may be slow, full or gone.
//!
//! Logging puts a line into a bounded queue and returns; one thread writes. A line is dropped and counted if
//! the queue is full or the device refuses it. The next line that is written follows a notice with the number
//! of dropped lines.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::format::LogFormat;

/// Upper bound on what waits to be written, in bytes: some twenty thousand lines, more than a program logs
/// while a healthy device is busy.
const QUEUE_LEN_MAX: usize = 4 * 1_024 * 1_024;
/// Interval between attempts to write to a non-blocking device that is not ready.
const RETRY_EVERY: Duration = Duration::from_millis(20);

/// A queue of lines, and the thread that writes them.
#[derive(Debug)]
pub(crate) struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something was put into the queue.
    filled: Condvar,
    /// The queue is empty and nothing is being written.
    drained: Condvar,
    dropped: AtomicU64,
    is_json: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The thread is writing a line.
    is_writing: bool,
    /// No thread could be started.
    has_no_writer: bool,
}

impl Lines {
    /// Lines that go to `device`.
    pub(crate) fn to(device: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let writer = Writing::new(device, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("log".to_owned());
        if thread.spawn(move || writer.run()).is_err() {
            shared.queue().has_no_writer = true;
        }
        Self(shared)
    }

    /// Sets the format of the notices about dropped lines.
    pub(crate) fn set_format(&self, format: LogFormat) {
        let is_json = format == LogFormat::Json;
        self.0.is_json.store(is_json, Ordering::Relaxed);
    }

    /// Queues a line, its end included; never waits for the device.
    pub(crate) fn push(&self, line: Vec<u8>) {
        let mut queue = self.0.queue();
        if queue.has_no_writer || queue.bytes + line.len() > QUEUE_LEN_MAX {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line);
        self.0.filled.notify_one();
    }

    /// A writer of one line.
    pub(crate) fn line(&self) -> LogLine<'_> {
        LogLine(self)
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// Waits until every line is written or dropped; returns whether that happened within `limit`.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        // An empty line, so that a notice about dropped lines is written before it.
        self.push(Vec::new());
        let end = Instant::now() + limit;
        let mut queue = self.0.queue();
        while !queue.lines.is_empty() || queue.is_writing {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let woken = self.0.drained.wait_timeout(queue, left);
            (queue, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

/// Makes each write a line, as `tracing-subscriber` writes an event at once. It cannot fail.
pub(crate) struct LogLine<'a>(&'a Lines);

impl Write for LogLine<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next line.
    fn next(&self) -> Vec<u8> {
        let mut queue = self.queue();
        queue.is_writing = false;
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.bytes -= line.len();
                queue.is_writing = true;
                return line;
            }
            self.drained.notify_all();
            let woken = self.filled.wait(queue);
            queue = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// State of the writing thread.
struct Writing<W> {
    device: W,
    shared: Arc<Shared>,
    /// Dropped lines that a notice has reported.
    told: u64,
    /// The device has taken the beginning of a line and refused its end.
    is_cut: bool,
}

impl<W: Write> Writing<W> {
    fn new(device: W, shared: Arc<Shared>) -> Self {
        let (told, is_cut) = (0, false);
        Self {
            device,
            shared,
            told,
            is_cut,
        }
    }

    fn run(mut self) {
        loop {
            let line = self.shared.next();
            if self.write_after_notice(&line).is_err() && !line.is_empty() {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn write_after_notice(&mut self, line: &[u8]) -> io::Result<()> {
        let dropped = self.shared.dropped.load(Ordering::Relaxed);
        if dropped > self.told {
            let is_json = self.shared.is_json.load(Ordering::Relaxed);
            let notice = notice(dropped - self.told, is_json);
            self.write(notice.as_bytes())?;
            self.told = dropped;
        }
        self.write(line)
    }

    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_cut {
            self.write_some(b"\n")?;
            self.is_cut = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match self.write_some(rest) {
                Ok(written) => rest = &rest[written..],
                Err(error) => {
                    self.is_cut = rest.len() < line.len();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Waits while the device is not ready; meanwhile a full queue drops lines.
    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.device.write(bytes) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(RETRY_EVERY);
                }
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                written => return written,
            }
        }
    }
}

/// The notice about dropped lines.
fn notice(dropped: u64, is_json: bool) -> String {
    let mut now = String::new();
    // A clock that cannot be read leaves the time out.
    let _ = SystemTime.format_time(&mut Writer::new(&mut now));
    let what = match dropped {
        1 => "1 log line was dropped".to_owned(),
        _ => format!("{dropped} log lines were dropped"),
    };
    let why = "they could not be written";
    if is_json {
        format!(
            "{{\"timestamp\":\"{now}\",\"level\":\"WARN\",\"fields\":{{\"message\":\"{what}: {why}\",\
             \"dropped\":{dropped}}},\"target\":\"program::log\"}}\n"
        )
    } else {
        format!("{now}  WARN program::log: {what}: {why}\n")
    }
}

#[cfg(test)]
mod tests;
