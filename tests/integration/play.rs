//! A person at a terminal without a screen: lines in, boards out.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
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
        Self::sits_down_in(server, args, None)
    }

    /// `state` is where seats are kept.
    fn sits_down_in(server: &Server, args: &[&str], state: Option<&Path>) -> Self {
        let mut command = Command::new(process::binary("bot-client"));
        command.args(["play", "--ascii"]).args(args);
        if !args.contains(&"--matchmaker") {
            command.args(["--matchmaker", &server.ready.matchmaker]);
        }
        if let Some(state) = state {
            command.env("XDG_STATE_HOME", state);
        }
        let mut child = command
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
    ann.hears("Your move. The first move must come within 25 s");
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
    // What remains: the record, the match's id, and a way to go on.
    ann.hears("[Result \"0-1\"]");
    ann.hears("/v1/matches/");
    ann.hears("Play again: bot-client play");
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

/// The arguments of the command line that a player who leaves is told.
fn way_back(line: &str) -> Vec<String> {
    let (_, arguments) = line.split_once(" play ").expect(line);
    arguments
        .split_whitespace()
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn two_players_of_one_account_each_resume_their_own_seat() {
    let server = Server::embedded();
    let state = tempfile::tempdir().unwrap();
    let sits_down = |args: &[&str]| Person::sits_down_in(&server, args, Some(state.path()));
    let mut ann = sits_down(&["--challenge", "new", "--color", "white"]);
    let line = ann.hears("--challenge");
    let challenge = line.rsplit(' ').next().unwrap();
    let mut bob = sits_down(&["--challenge", challenge]);
    ann.hears("Your move");
    ann.types("e4");
    bob.hears("White plays e4");
    ann.types("quit");
    bob.types("quit");
    let backs = [&mut ann, &mut bob].map(|person| way_back(&person.hears("--resume")));
    ann.ends_well();
    bob.ends_well();
    let [mut ann, mut bob] = backs.map(|args| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        sits_down(&args)
    });
    bob.hears("Your move");
    bob.types("e5");
    ann.hears("Black plays e5");
    ann.hears("Your move");
    ann.types("resign");
    assert!(ann.hears("resignation").contains("You lose"));
    assert!(bob.hears("resignation").contains("You win"));
    ann.ends_well();
    bob.ends_well();
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

#[test]
fn without_colours_letters_tell_the_sides_apart_on_screen() {
    let server = Server::embedded();
    let program = process::binary("bot-client");
    let matchmaker = &server.ready.matchmaker;
    let mut screen = Terminal::run(&format!(
        "env NO_COLOR=1 '{}' play --matchmaker {matchmaker} --against-bot random --color white",
        program.display()
    ));
    let drawn = screen.sees("the board", PATIENCE, |screen| {
        screen.contains("Your move.")
    });
    let row = |rank: char, pieces: &str| {
        drawn.lines().any(|line| {
            let mut letters = line.chars().filter(|c| !c.is_whitespace());
            letters.next() == Some(rank) && letters.take(8).eq(pieces.chars())
        })
    };
    assert!(row('8', "rnbqkbnr") && row('7', "pppppppp"), "{drawn}");
    assert!(row('2', "PPPPPPPP") && row('1', "RNBQKBNR"), "{drawn}");
    screen.types("quit");
}

/// What is typed behind the end, or as a wrong move, gets its own answer on a screen of 80 by 24.
#[test]
fn a_wrong_move_is_explained_on_screen_and_none_is_judged_behind_the_end() {
    let server = Server::embedded();
    let program = process::binary("bot-client");
    let matchmaker = &server.ready.matchmaker;
    let mut screen = Terminal::run(&format!(
        "'{}' play --matchmaker {matchmaker} --against-bot random --color white",
        program.display()
    ));
    let shows = |text: &'static str| move |screen: &str| screen.contains(text);
    screen.sees("the board", PATIENCE, shows("Your move."));
    screen.types("bxa8");
    screen.sees("the reason", PATIENCE, shows("No pawn can take on a8"));
    screen.types("a3");
    // Only what both have begun can be resigned.
    screen.sees("the answer", PATIENCE, |screen| {
        screen.contains("1. a3 ") && screen.contains("Your move.")
    });
    screen.types("resign");
    let ended = screen.sees("the end", PATIENCE, shows("You lose: 0-1 by resignation"));
    assert!(!ended.contains("The match is over."), "{ended}");
    screen.sees(
        "the way on",
        PATIENCE,
        shows("Enter leaves, and prints the record"),
    );
    screen.types("bxa8");
    screen.sees("the refusal", PATIENCE, shows("The match is over."));
    screen.types("");
}

/// A screen with one space between two words.
fn squeezed(screen: &str) -> String {
    let words: Vec<&str> = screen.split_whitespace().collect();
    words.join(" ")
}

/// All that two people do at a board, on screens of 80 by 24, with the server killed in the middle of it.
#[test]
fn two_people_play_a_whole_match_and_a_rematch_on_screen() {
    let mut server = Server::embedded();
    let program = process::binary("bot-client");
    let matchmaker = &server.ready.matchmaker;
    let sits_down = || {
        Terminal::run(&format!(
            "'{}' play --ascii --matchmaker {matchmaker} --time 7+3",
            program.display()
        ))
    };
    let shows = |text: &'static str| move |screen: &str| screen.contains(text);
    let is_seated =
        |screen: &str| screen.contains("Your move.") || screen.contains("The opponent is to move");
    let (mut white, mut black) = (sits_down(), sits_down());
    let seen = white.sees("a board", PATIENCE, is_seated);
    black.sees("a board", PATIENCE, is_seated);
    if !seen.contains("Your move.") {
        std::mem::swap(&mut white, &mut black);
    }
    white.types("e4");
    black.sees("the first move", PATIENCE, shows("1. e4"));
    black.types("e5");
    white.sees("the answer", PATIENCE, |screen| {
        squeezed(screen).contains("1. e4 e5")
    });
    white.types("takeback");
    black.sees("the request", PATIENCE, shows("A takeback is asked for"));
    black.types("accept");
    white.sees(
        "the board before",
        PATIENCE,
        shows("2 half-moves taken back"),
    );
    white.types("d4");
    black.sees("the other first move", PATIENCE, shows("1. d4"));
    black.types("d5");
    white.sees("the answer", PATIENCE, |screen| {
        squeezed(screen).contains("1. d4 d5")
    });
    white.types("c4 draw");
    black.sees("the offer", PATIENCE, shows("offers a draw"));
    black.types("decline");
    white.sees("the refusal", PATIENCE, shows("declines the draw"));
    black.types("say well tried");
    white.sees("what was said", PATIENCE, shows("well tried"));
    server.kill();
    for screen in [&mut white, &mut black] {
        screen.sees("the standstill", PATIENCE, shows("clocks stopped"));
    }
    server.restart();
    black.types("e6");
    white.sees("the match going on", PATIENCE, |screen| {
        squeezed(screen).contains("2. c4 e6")
    });
    black.types("resign");
    white.sees("the result", PATIENCE, shows("You win: 1-0 by resignation"));
    white.types("rematch");
    black.sees("the offer", PATIENCE, shows("A rematch is offered"));
    black.types("accept");
    // The colours are exchanged.
    black.sees("the next match", PATIENCE, |screen| {
        screen.contains("Your move.") && !screen.contains("1. d4")
    });
    black.types("g3");
    black.sees("the own move", PATIENCE, shows("1. g3"));
    white.sees("its first move", PATIENCE, shows("1. g3"));
}

#[test]
fn a_dumb_terminal_gets_lines_without_escape_sequences() {
    let server = Server::embedded();
    let program = process::binary("bot-client");
    let matchmaker = &server.ready.matchmaker;
    let command = format!(
        "'{}' play --matchmaker {matchmaker} --against-bot random --color white",
        program.display()
    );
    let mut child = Command::new("script")
        .args(["-qefc", &command, "/dev/null"])
        .env("TERM", "dumb")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "quit").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("a  b  c  d  e  f  g  h"), "{said}");
    assert!(!said.contains('\x1b'), "{said:?}");
}
