//! A person at a terminal without a screen: lines in, boards out.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use tests::process::{self, Server};
use tests::terminal::Terminal;

const PATIENCE: Duration = Duration::from_secs(60);

/// A player knows within two seconds that the server is gone. A busy machine may be late, but not by as
/// much as it takes for the connection to be given up.
const STOPPED_WITHIN: Duration = Duration::from_secs(5);

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

/// What both clocks show, in a line of news.
fn clocks(line: &str) -> &str {
    let at = line.find("White has");
    &line[at.unwrap_or_else(|| panic!("no clocks in {line:?}"))..]
}

#[test]
fn a_persons_clock_stands_and_says_so_while_the_server_is_gone() {
    let mut server = Server::embedded();
    let mut ann = Person::sits_down(&server, &["--against-bot", "random", "--color", "white"]);
    ann.hears("Your move");
    ann.types("e4");
    ann.hears("Move 1: Black plays");
    server.kill();
    let killed = Instant::now();
    let stopped = ann.hears("The server does not answer: clocks stopped. White has");
    assert!(killed.elapsed() < STOPPED_WITHIN, "{:?}", killed.elapsed());
    ann.types("d3");
    ann.hears("Your move d3 waits to be");
    let still = ann.hears("Reconnecting…: clocks stopped. White has");
    assert_eq!(clocks(&still), clocks(&stopped), "a clock ran on");
    server.restart();
    ann.hears("Play goes on. White has");
    ann.hears("Move 2: Black plays");
    ann.types("resign");
    ann.hears("resignation");
    ann.ends_well();
}

/// Both clocks of a screen, each with the mark before it.
fn clocks_on(screen: &str) -> Vec<String> {
    /// A mark, seven columns for the clock, and two that are empty stand before the player's colour.
    const COLUMNS: usize = 10;
    let lines = screen.lines().filter_map(|line| {
        let before: Vec<char> = line[..line.find(['○', '●'])?].chars().collect();
        let from = before.len().checked_sub(COLUMNS)?;
        Some(before[from..].iter().collect())
    });
    lines.collect()
}

#[test]
fn the_clock_on_screen_stands_and_is_marked_while_the_server_is_gone() {
    let mut server = Server::embedded();
    let program = process::binary("bot-client");
    let matchmaker = &server.ready.matchmaker;
    let mut screen = Terminal::run(&format!(
        "'{}' play --ascii --matchmaker {matchmaker} --against-bot random --color white",
        program.display()
    ));
    let shows = |text: &'static str| move |screen: &str| screen.contains(text);
    let is_marked = |screen: &str| clocks_on(screen).iter().all(|clock| clock.starts_with('='));
    screen.sees("the first turn", PATIENCE, shows("Your move."));
    screen.types("e4");
    let runs = |screen: &str| clocks_on(screen).concat().contains("4:5");
    screen.sees("a clock that runs", PATIENCE, runs);
    server.kill();
    let killed = Instant::now();
    let stopped =
        |screen: &str| screen.contains("does not answer: clocks stopped") && is_marked(screen);
    let stood = clocks_on(&screen.sees("the standstill", PATIENCE, stopped));
    assert!(killed.elapsed() < STOPPED_WITHIN, "{:?}", killed.elapsed());
    screen.seen.clear();
    screen.types("d3");
    screen.sees("the move that waits", PATIENCE, shows("Your move d3 waits"));
    screen.sees("the loss", PATIENCE, shows("Reconnecting…: clocks stopped"));
    assert!(screen.seen.len() > 10, "hardly a frame was drawn");
    for drawn in &screen.seen {
        assert_eq!(clocks_on(drawn), stood, "a clock ran on");
    }
    server.restart();
    screen.sees("the return", PATIENCE, |screen| !is_marked(screen));
    screen.sees("the opponent's answer", PATIENCE, shows("2. d3"));
}
