//! A program on a terminal of its own, and what stands on its screen.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Lines and columns of the terminal: the smallest that people use.
const SIZE: (usize, usize) = (24, 80);

/// A program that draws on a pseudo-terminal, which `script` of util-linux makes.
pub struct Terminal {
    child: Child,
    keys: ChildStdin,
    frames: Receiver<String>,
    /// Every frame that was drawn so far.
    pub seen: Vec<String>,
}

impl Terminal {
    /// Runs a command line of the shell.
    ///
    /// # Panics
    ///
    /// If `script` cannot be run.
    #[must_use]
    pub fn run(command: &str) -> Self {
        let (lines, columns) = SIZE;
        let sized = format!("stty rows {lines} cols {columns} && exec {command}");
        let mut child = Command::new("script")
            .args(["-qefc", &sized, "/dev/null"])
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("script of util-linux is installed");
        let keys = child.stdin.take().expect("stdin is piped");
        let mut output = child.stdout.take().expect("stdout is piped");
        let (sender, frames) = channel();
        std::thread::spawn(move || {
            let (mut screen, mut bytes) = (Screen::new(), [0; 4_096]);
            while let Ok(len @ 1..) = output.read(&mut bytes) {
                for frame in screen.take(&bytes[..len]) {
                    if sender.send(frame).is_err() {
                        return;
                    }
                }
            }
        });
        Self {
            child,
            keys,
            frames,
            seen: Vec::new(),
        }
    }

    /// Types a line and the enter key.
    ///
    /// # Panics
    ///
    /// If the program is gone.
    pub fn types(&mut self, line: &str) {
        write!(self.keys, "{line}\r").expect("the program reads its keys");
        self.keys.flush().expect("the program reads its keys");
    }

    /// Waits for a frame that `is_right`, and returns it.
    ///
    /// # Panics
    ///
    /// If none comes in time; the last frame is shown.
    pub fn sees(
        &mut self,
        what: &str,
        within: Duration,
        is_right: impl Fn(&str) -> bool,
    ) -> String {
        let end = Instant::now() + within;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(frame) = self.frames.recv_timeout(left) else {
                let last = self.seen.last().map_or("", String::as_str);
                panic!("{what} was never seen; the screen:\n{last}");
            };
            self.seen.push(frame.clone());
            if is_right(&frame) {
                return frame;
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that has ended already is fine; the program on the terminal is hung up.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What escape sequences and characters make of a screen. It knows what our programs draw with: moves of
/// the cursor, clearing, and characters; colours are ignored.
struct Screen {
    cells: Vec<Vec<char>>,
    at: (usize, usize),
    /// Bytes of a character or a sequence that is not complete.
    rest: Vec<u8>,
}

impl Screen {
    fn new() -> Self {
        let (lines, columns) = SIZE;
        Self {
            cells: vec![vec![' '; columns]; lines],
            at: (0, 0),
            rest: Vec::new(),
        }
    }

    /// Takes in output; the screens at the ends of the frames that were completed.
    fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        self.rest.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.rest);
        let valid = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        let (mut frames, mut left) = (Vec::new(), valid);
        while let Some(first) = left.chars().next() {
            if first != '\x1b' {
                self.put(first);
                left = &left[first.len_utf8()..];
                continue;
            }
            let Some(len) = sequence_len(left) else { break };
            // Every frame ends with what becomes of the cursor.
            if matches!(&left[..len], "\x1b[?25h" | "\x1b[?25l") {
                frames.push(self.text());
            }
            self.control(&left[..len]);
            left = &left[len..];
        }
        let done = valid.len() - left.len();
        self.rest = bytes[done..].to_vec();
        frames
    }

    fn put(&mut self, character: char) {
        let (line, column) = self.at;
        match character {
            '\r' => self.at.1 = 0,
            '\n' => self.at.0 = (line + 1).min(SIZE.0 - 1),
            _ => {
                if let Some(cell) = self.cells[line].get_mut(column) {
                    *cell = character;
                }
                self.at.1 = column + 1;
            }
        }
    }

    fn control(&mut self, sequence: &str) {
        let Some(body) = sequence.strip_prefix("\x1b[") else {
            return;
        };
        if let Some(position) = body.strip_suffix('H') {
            let mut numbers = position.split(';').map(|n| n.parse::<usize>().unwrap_or(1));
            let mut next = |max: usize| numbers.next().unwrap_or(1).clamp(1, max) - 1;
            self.at = (next(SIZE.0), next(SIZE.1));
        } else if let Some(lines) = body.strip_suffix('A') {
            self.at.0 = self.at.0.saturating_sub(lines.parse().unwrap_or(1));
        } else if body == "2K" {
            self.cells[self.at.0].fill(' ');
        } else if body == "?1049h" || body.ends_with('J') {
            // The alternate screen begins empty.
            self.cells = Self::new().cells;
        }
    }

    fn text(&self) -> String {
        let lines = self.cells.iter().map(|line| line.iter().collect());
        let lines: Vec<String> = lines.collect();
        lines.join("\n")
    }
}

/// How long the escape sequence at the beginning is; `None` while it is not complete.
fn sequence_len(text: &str) -> Option<usize> {
    let second = text[1..].chars().next()?;
    if second != '[' {
        return Some(1 + second.len_utf8());
    }
    let end = text[2..].find(|c: char| ('@'..='~').contains(&c))?;
    Some(2 + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_shows_what_was_drawn_where_it_was_drawn() {
        let mut screen = Screen::new();
        let drawn = "\x1b[2J\x1b[1;1Hold\x1b[38;5;1m\x1b[2;3H‖ 4:57\x1b[1;1Hnew\x1b[?25h";
        let (first, second) = drawn.as_bytes().split_at(24);
        let mut frames = screen.take(first);
        frames.extend(screen.take(second));
        let [frame] = &frames[..] else {
            panic!("{frames:?}");
        };
        let lines: Vec<&str> = frame.lines().map(str::trim_end).collect();
        assert_eq!(lines[..3], ["new", "  ‖ 4:57", ""]);
        let above = screen.take(b"\r\n\x1b[1A\x1b[2Kup\x1b[?25h");
        assert_eq!(above[0].lines().next().map(str::trim_end), Some("up"));
    }
}
