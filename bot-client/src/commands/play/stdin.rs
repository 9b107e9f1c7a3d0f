//! Lines of stdin, which can only be waited for by blocking.

use std::io::{BufRead, Read};
use std::thread;

use tokio::sync::mpsc;

/// Longer lines are cut in pieces, in bytes; every move and command is shorter.
const LEN_MAX: u64 = 256;

/// Reads lines on a thread of its own, no faster than they are taken. The thread ends with its input
/// or with the process.
pub(super) fn listen(mut input: impl BufRead + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    thread::spawn(move || {
        let mut line = Vec::new();
        loop {
            line.clear();
            match input.by_ref().take(LEN_MAX).read_until(b'\n', &mut line) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return,
            }
            let text = String::from_utf8_lossy(&line).trim().to_owned();
            if sender.blocking_send(text).is_err() {
                return;
            }
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_one_by_one_and_end_with_the_input() {
        let text = format!("e4\r\n\n{}\nlast", "x".repeat(300));
        let mut lines = listen(std::io::Cursor::new(text));
        let mut lengths = Vec::new();
        while let Some(line) = lines.recv().await {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [2, 0, 256, 44, 4]);
    }
}
