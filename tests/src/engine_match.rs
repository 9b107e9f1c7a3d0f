//! A match of engines whose runner and server are killed again and again, and a second opinion on what came of it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::process::{self, Server};

/// Whatever is waited for must come within this, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL_EVERY: Duration = Duration::from_millis(5);

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub struct Campaign {
    /// Pairs of games.
    pub pairs: u32,
    /// How often the runner and the server are killed, in turn.
    pub kills: u32,
    /// Nodes that the stronger engine searches for a move; the other one searches a third of them.
    pub nodes: u32,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What the runner said at its end.
    pub said: String,
    /// What the second opinion computed from the PGN.
    pub computed: Value,
    /// The games.
    pub pgn: String,
}

/// Where Stockfish is.
///
/// # Panics
///
/// If it is not installed.
#[must_use]
pub fn stockfish() -> &'static str {
    let paths = ["/usr/games/stockfish", "/usr/bin/stockfish"];
    let found = paths.into_iter().find(|path| Path::new(path).exists());
    found.expect("Stockfish is missing: run tests/run, which installs it")
}

impl Campaign {
    const FIRST: &str = "new";

    /// Plays it against a server on the embedded store.
    ///
    /// # Panics
    ///
    /// When a process does not come on, or the second opinion differs.
    #[must_use]
    pub fn run(&self) -> Outcome {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let pgn = folder.path().join("games.pgn");
        let mut server = Server::embedded();
        let words = self.words(&server, &pgn);
        let mut runner = start(&words);
        for kill in 0..self.kills {
            // Spread over the run, and each in the middle of a game.
            let due = 2 * self.pairs * (kill + 1) / (self.kills + 1);
            let is_there = || finished(&pgn) >= due as usize && longest_notes(&pgn) >= 8;
            wait(&mut runner, is_there);
            if kill % 2 == 0 {
                // Both at once: nobody is left who knows of anything that was not stored.
                runner.kill().expect("the runner can be killed");
                let _ = runner.wait();
                server.kill();
                server.restart();
                runner = start(&words);
            } else {
                server.kill();
                server.restart();
            }
        }
        let output = process::finish(runner, PATIENCE * 10);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{said}\n{complained}\n{}",
            server.log()
        );
        // Once more: there is nothing left to do, and nothing is done.
        let again = process::finish(start(&words), PATIENCE);
        let again = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(!again.contains("Finished game"), "{again}");
        let computed = second_opinion(&pgn);
        let pgn = std::fs::read_to_string(&pgn).expect("the games");
        Outcome {
            said,
            computed,
            pgn,
        }
    }

    fn words(&self, server: &Server, pgn: &Path) -> Vec<String> {
        let book = crate::data_dir().join("openings.epd");
        let rounds = self.pairs;
        let (strong, weak) = (self.nodes, self.nodes / 3);
        let first = Self::FIRST;
        let line = format!(
            "--matchmaker {} match -engine name={first} nodes={strong} -engine name=old nodes={weak} \
             -each cmd={} tc=60+1 option.Hash=1 option.Threads=1 -rounds {rounds} -games 2 -repeat -concurrency 2 \
             -openings file={} format=epd order=random -srand 3 \
             -draw movenumber=20 movecount=4 score=15 -resign movecount=3 score=500 -maxmoves 60 \
             -sprt elo0=-1 elo1=1 alpha=0.0001 beta=0.0001 -ratinginterval 4 -pgnout {}",
            server.ready.matchmaker,
            stockfish(),
            book.display(),
            pgn.display(),
        );
        line.split_whitespace().map(str::to_owned).collect()
    }
}

fn start(words: &[String]) -> Child {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    process::spawn("bot-client", &words)
}

fn finished(pgn: &Path) -> usize {
    let text = std::fs::read_to_string(pgn).unwrap_or_default();
    text.matches("[GameNumber ").count()
}

/// How many moves the runner has noted of a game that is not over, at the most.
#[must_use]
pub fn longest_notes(pgn: &Path) -> usize {
    let mut folder = pgn.as_os_str().to_owned();
    folder.push(".run");
    let Ok(entries) = std::fs::read_dir(PathBuf::from(folder)) else {
        return 0;
    };
    let lines = entries.flatten().map(|entry| {
        let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
        text.lines().count()
    });
    lines.max().unwrap_or(0)
}

/// Waits for something while the runner is at work.
///
/// # Panics
///
/// If it does not come, or the runner ends before.
pub fn wait(runner: &mut Child, is_there: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_there() {
        assert!(Instant::now() < end, "the run does not get on");
        let ended = runner.try_wait().expect("a child can be asked");
        assert!(ended.is_none(), "the runner ended too early: {ended:?}");
        std::thread::sleep(POLL_EVERY);
    }
}

/// What python-chess and an own computation make of the games.
///
/// # Panics
///
/// When they find something wrong.
#[must_use]
pub fn second_opinion(pgn: &Path) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine_match_check.py");
    let draw = json!({ "movenumber": 20, "movecount": 4, "score": 15 });
    let resign = json!({ "movecount": 3, "score": 500 });
    let sprt = json!({ "elo0": -1, "elo1": 1, "model": "logistic" });
    let checked = Command::new(crate::python())
        .arg(script)
        .arg(pgn)
        .args(["--first", Campaign::FIRST, "--maxmoves", "60"])
        .args(["--draw", &draw.to_string()])
        .args(["--resign", &resign.to_string()])
        .args(["--sprt", &sprt.to_string()])
        .output()
        .expect("Python runs");
    let said = String::from_utf8_lossy(&checked.stdout);
    let complained = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}\n{complained}");
    serde_json::from_str(&said).expect("the script prints JSON")
}

impl Outcome {
    /// Compares what the runner said with what was computed.
    ///
    /// # Panics
    ///
    /// When they differ.
    pub fn check(&self, campaign: &Campaign) {
        let games = 2 * u64::from(campaign.pairs);
        let Self { said, computed, .. } = self;
        assert_eq!(computed["games"], games, "{computed}");
        let results = &computed["results"];
        let score = format!(": {} - {} - {}  [", results[2], results[0], results[1]);
        let last = said.rfind("Score of ").map_or("", |at| &said[at..]);
        assert!(last.contains(&score), "{last}\n{computed}");
        let pairs = format!("points): {}", computed["pairs"]).replace(',', ", ");
        assert!(last.contains(&pairs), "{last}\n{computed}");
        for (label, key) in [("Elo: ", "elo"), ("nElo: ", "normalized")] {
            for (place, separator) in [(0, label), (1, " +/- ")] {
                let begin = last.find(label).expect("the estimate");
                let text = &last[begin..];
                let begin = text.find(separator).expect("the number") + separator.len();
                near(number(&text[begin..]), &computed[key][place], 0.006);
            }
        }
        let begin = last.find("LLR ").expect("the test") + "LLR ".len();
        near(number(&last[begin..]), &computed["llr"], 0.000_6);
    }
}

/// The number that a text begins with.
fn number(text: &str) -> f64 {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-');
    text[..end.unwrap_or(text.len())].parse().expect("a number")
}

fn near(said: f64, computed: &Value, within: f64) {
    let computed = computed.as_f64().expect("a number");
    assert!(
        (said - computed).abs() <= within,
        "{said} was said, and {computed} is right"
    );
}
