//! Devices that are full, gone, slow or stuck.

use std::sync::mpsc;

use super::*;

/// Longer than anything here takes, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(30);

/// A device that fails, or takes so many bytes, as it is told.
#[derive(Clone, Default)]
struct Device {
    written: Arc<Mutex<Vec<u8>>>,
    fails: Arc<Mutex<Option<ErrorKind>>>,
    /// Takes this much of a line before it fails.
    takes: Arc<AtomicU64>,
}

impl Device {
    fn fail(&self, why: impl Into<Option<ErrorKind>>) {
        *self.fails.lock().unwrap() = why.into();
    }

    fn text(&self) -> String {
        String::from_utf8(self.written.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Device {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = bytes.len();
        if let Some(why) = *self.fails.lock().unwrap() {
            taken = taken.min(self.takes.swap(0, Ordering::Relaxed) as usize);
            if taken == 0 {
                return Err(why.into());
            }
        }
        self.written.lock().unwrap().extend(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_full_device_does_not_take_is_counted_and_told_when_it_takes_again() {
    let device = Device::default();
    let lines = Lines::to(device.clone());
    lines.push(b"first\n".to_vec());
    assert!(lines.flush(PATIENCE));
    device.fail(ErrorKind::StorageFull);
    lines.push(b"second\n".to_vec());
    lines.push(b"third\n".to_vec());
    assert!(lines.flush(PATIENCE));
    assert_eq!(lines.dropped(), 2);
    device.fail(None);
    lines.push(b"fourth\n".to_vec());
    assert!(lines.flush(PATIENCE));
    let text = device.text();
    let told: Vec<&str> = text.lines().collect();
    assert_eq!((told[0], told[2]), ("first", "fourth"), "{text}");
    assert!(told[1].contains("2 log lines were dropped"), "{text}");
    assert_eq!(told.len(), 3, "{text}");
}

#[test]
fn the_last_lines_that_were_dropped_are_told_at_the_end() {
    let device = Device::default();
    let lines = Lines::to(device.clone());
    device.fail(ErrorKind::StorageFull);
    lines.push(b"lost\n".to_vec());
    assert!(lines.flush(PATIENCE));
    device.fail(None);
    assert!(lines.flush(PATIENCE));
    assert!(device.text().contains("1 log line was dropped"));
}

#[test]
fn a_line_that_was_cut_short_does_not_run_into_the_next() {
    let device = Device::default();
    let lines = Lines::to(device.clone());
    lines.set_format(LogFormat::Json);
    device.takes.store(3, Ordering::Relaxed);
    device.fail(ErrorKind::StorageFull);
    lines.push(b"first\n".to_vec());
    assert!(lines.flush(PATIENCE));
    device.fail(None);
    lines.push(b"{}\n".to_vec());
    assert!(lines.flush(PATIENCE));
    let text = device.text();
    let told: Vec<&str> = text.lines().collect();
    assert_eq!((told[0], told[2]), ("fir", "{}"), "{text}");
    let notice: serde_json::Value = serde_json::from_str(told[1]).unwrap();
    assert_eq!(notice["fields"]["dropped"], 1);
    assert_eq!(notice["level"], "WARN");
}

/// A device that waits until it is released, by the end of a channel.
struct Stuck(mpsc::Receiver<()>, Arc<AtomicU64>);

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        self.1.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stuck_device_keeps_nobody_waiting_and_memory_is_bounded() {
    let (release, released) = mpsc::channel();
    let taken = Arc::new(AtomicU64::new(0));
    let lines = Lines::to(Stuck(released, Arc::clone(&taken)));
    let line = vec![b'x'; 1_024];
    let fit = QUEUE_LEN_MAX / line.len();
    // One more may be with the device.
    for _ in 0..fit + 101 {
        lines.push(line.clone());
    }
    assert!(
        (100..=101).contains(&lines.dropped()),
        "{}",
        lines.dropped()
    );
    assert!(!lines.flush(Duration::from_millis(50)));
    drop(release);
    assert!(lines.flush(PATIENCE));
    assert!(taken.load(Ordering::Relaxed) > (fit * line.len()) as u64);
}

#[test]
fn a_device_that_takes_nothing_now_is_tried_again() {
    let device = Device::default();
    device.fail(ErrorKind::WouldBlock);
    let lines = Lines::to(device.clone());
    lines.push(b"patient\n".to_vec());
    assert!(!lines.flush(RETRY_EVERY));
    device.fail(None);
    assert!(lines.flush(PATIENCE));
    assert_eq!(device.text(), "patient\n");
    assert_eq!(lines.dropped(), 0);
}
