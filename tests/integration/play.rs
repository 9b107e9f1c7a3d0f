//! A person at a terminal without a screen: lines in, boards out.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tests::process::{self, Server};

const PATIENCE: Duration = Duration::from_secs(60);

/// A `play` process with its lines.
struct Person {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Person {
    fn sits_down(server: &Server, args: &[&str]) -> Self {
        let mut child = Command::new(process::binary("bot-client"))
            .args(["play", "--ascii", "--matchmaker", &server.ready.matchmaker])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            stdin,
            lines,
            heard: Vec::new(),
        }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    /// Reads until a line holds `text`, and returns it.
    fn hears(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("never heard {text:?}:\n{}", self.heard.join("\n"));
            };
            self.heard.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    fn ends_well(mut self) {
        drop(self.stdin);
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < end,
                "it does not end:\n{}",
                self.heard.join("\n")
            );
            std::thread::sleep(Duration::from_millis(20));
        };
        assert!(status.success(), "{status}:\n{}", self.heard.join("\n"));
    }
}

#[test]
fn two_people_play_to_mate() {
    let server = Server::embedded();
    let mut ann = Person::sits_down(&server, &["--challenge", "new", "--color", "white"]);
    let line = ann.hears("--challenge");
    let challenge = line
        .rsplit(' ')
        .next()
        .unwrap()
        .trim_matches(|c: char| !c.is_alphanumeric());
    let mut bob = Person::sits_down(&server, &["--challenge", challenge]);
    ann.hears("Your move");
    ann.types("f3");
    bob.hears("White plays f3");
    bob.types("e7e5");
    ann.hears("Black plays e5");
    ann.types("nonsense");
    ann.hears("nonsense");
    ann.types("g4");
    bob.hears("White plays g4");
    bob.types("Qh4");
    assert!(ann.hears("checkmate").contains("0-1"));
    assert!(bob.hears("checkmate").contains("0-1"));
    ann.ends_well();
    bob.ends_well();
}

#[test]
fn a_person_outlives_the_server_and_resigns() {
    let mut server = Server::embedded();
    let mut ann = Person::sits_down(&server, &["--against-bot", "random", "--color", "white"]);
    ann.hears("Your move");
    ann.types("e4");
    ann.hears("Move 1: Black plays");
    server.kill();
    server.restart();
    ann.types("d3");
    ann.hears("Move 2: Black plays");
    ann.types("resign");
    assert!(ann.hears("resignation").contains("0-1"));
    ann.ends_well();
}
