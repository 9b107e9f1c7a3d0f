//! An engine that is a program of its own, spoken to in UCI (the Universal Chess Interface).

use std::process::Stdio;
use std::time::Duration;

use game_core::{Seat, Uci, Variant};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::report::Report;
use super::said::Said;
use super::stderr::Stderr;
use super::{EngineError, EngineSettings, Program, SearchLimit, Task};
use crate::lines::Lines;

/// A running engine. It is killed when this is dropped.
#[derive(Debug)]
pub struct UciEngine {
    /// Held for its drop.
    _child: Child,
    stdin: ChildStdin,
    lines: Lines<ChildStdout>,
    stderr: Stderr,
    /// It was told to think and has not named a move.
    is_searching: bool,
    /// What it has said of variants, and of its last search.
    said: Said,
    /// The variant that it was told to play.
    variant: Variant,
    /// What it is not told of its clock.
    margin: Duration,
    /// What bounds its searches beside the clock.
    limits: Vec<SearchLimit>,
    /// Its clock counts for untimed first moves too.
    first_moves_by_clock: bool,
    /// It answers within this when it does not think.
    answer_max: Duration,
}

impl UciEngine {
    /// The answer of an engine that has to load its tables may take this long.
    const ANSWER_MAX: Duration = Duration::from_secs(10);
    /// Past its own clock an engine may have so much more before it counts as hung.
    const OVERTIME_MAX: Duration = Duration::from_secs(5);
    /// What an engine has for a first move, which is not timed; the server waits 15 s at least.
    const FIRST_MOVE: Duration = Duration::from_secs(1);
    /// If it thinks about one by its clock, that shows at most this: it uses a small part of it.
    const FIRST_MOVE_CLOCK: Duration = Duration::from_secs(60);
    /// An engine that has not made its first move after this counts as hung, before the server aborts the match.
    const FIRST_MOVE_MAX: Duration = Duration::from_secs(12);
    /// An engine is never told of less.
    const TIME_MIN: Duration = Duration::from_millis(10);

    /// Starts the program and tells it its options.
    ///
    /// # Errors
    ///
    /// [`EngineError`].
    pub async fn start(program: &Program, settings: &EngineSettings) -> Result<Self, EngineError> {
        Self::start_patiently(program, settings, Self::ANSWER_MAX).await
    }

    /// The same for an engine that answers within `answer_max`.
    pub(super) async fn start_patiently(
        program: &Program,
        settings: &EngineSettings,
        answer_max: Duration,
    ) -> Result<Self, EngineError> {
        let path = program.path.display().to_string();
        let (stderr, file) = match &settings.stderr {
            None => (Stdio::piped(), None),
            Some(path) => {
                let (file, kept) = Stderr::open(path)?;
                (file.into(), Some(kept))
            }
        };
        let mut command = Command::new(&program.path);
        if let Some(directory) = &settings.directory {
            command.current_dir(directory);
        }
        let mut child = command
            .args(&program.args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| EngineError::Start {
                path: path.clone(),
                error,
            })?;
        let logged = child.stderr.take().map(|stderr| Stderr::log(stderr, path));
        let pipes = (child.stdin.take(), child.stdout.take(), file.or(logged));
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(EngineError::Died(None));
        };
        let mut engine = Self {
            _child: child,
            stdin,
            lines: Lines::new(stdout),
            stderr,
            is_searching: false,
            said: Said::default(),
            variant: Variant::Standard,
            margin: settings.margin,
            limits: settings.limits.clone(),
            first_moves_by_clock: settings.first_moves_by_clock,
            answer_max,
        };
        engine.ask("uci", "uciok").await?;
        for (name, value) in &settings.options {
            engine
                .say(&format!("setoption name {name} value {value}"))
                .await?;
        }
        engine.ask("isready", "readyok").await?;
        Ok(engine)
    }

    /// Thinks about a move.
    ///
    /// # Errors
    ///
    /// [`EngineError`].
    pub async fn choose(&mut self, task: &Task) -> Result<Uci, EngineError> {
        self.stop_searching().await?;
        self.play_variant(task.variant()).await?;
        if task.moves.len() < 2 {
            self.say("ucinewgame").await?;
        }
        self.ask("isready", "readyok").await?;
        self.say(&task.position_command()).await?;
        self.is_searching = true;
        self.said.forget_search();
        let (command, max) = self.search(task);
        let answer = self.ask_line(&command, "bestmove", "go", max).await?;
        self.is_searching = false;
        let best = answer.split_whitespace().nth(1).unwrap_or_default();
        task.legal(best)
            .ok_or_else(|| EngineError::IllegalMove(best.to_owned()))
    }

    /// The command that begins a search, and how long it may take.
    fn search(&self, task: &Task) -> (String, Duration) {
        let max = task.own_time() + Self::OVERTIME_MAX;
        let (mut command, max) = match (task.is_timed, self.first_moves_by_clock) {
            (true, _) => (go_command(task, self.margin), max),
            (false, false) => (go_command(task, self.margin), max.min(Self::FIRST_MOVE_MAX)),
            (false, true) => {
                let mut task = task.clone().hurried(Self::FIRST_MOVE_CLOCK);
                task.is_timed = true;
                let command = go_command(&task, self.margin);
                (command, max.min(Self::FIRST_MOVE_MAX))
            }
        };
        for limit in &self.limits {
            command.push_str(&match limit {
                SearchLimit::Nodes(nodes) => format!(" nodes {nodes}"),
                SearchLimit::Depth(depth) => format!(" depth {depth}"),
            });
        }
        (command, max)
    }

    /// What it said of the search for its last move.
    pub(super) const fn report(&self) -> Report {
        self.said.report()
    }

    /// Whether it knows the rules of a variant.
    #[must_use]
    pub fn plays(&self, variant: Variant) -> bool {
        self.said.plays(variant)
    }

    /// Tells it the rules of the match, if they are others than before.
    async fn play_variant(&mut self, variant: Variant) -> Result<(), EngineError> {
        if variant == self.variant {
            return Ok(());
        }
        if !self.plays(variant) {
            return Err(EngineError::Variant(variant));
        }
        for command in self.said.commands(variant) {
            self.say(&command).await?;
        }
        self.variant = variant;
        self.say("ucinewgame").await
    }

    /// Asks whether it is there and ready.
    ///
    /// # Errors
    ///
    /// [`EngineError`].
    pub async fn check(&mut self) -> Result<(), EngineError> {
        self.stop_searching().await?;
        self.ask("isready", "readyok").await.map(drop)
    }

    /// The last search may have been for a position that is no more.
    async fn stop_searching(&mut self) -> Result<(), EngineError> {
        if self.is_searching {
            self.ask("stop", "bestmove").await?;
            self.is_searching = false;
        }
        Ok(())
    }

    async fn ask(&mut self, command: &'static str, answer: &str) -> Result<String, EngineError> {
        let max = self.answer_max;
        self.ask_line(command, answer, command, max).await
    }

    /// Says `command`, and waits for a line that begins with the word `answer`.
    async fn ask_line(
        &mut self,
        command: &str,
        answer: &str,
        asked: &'static str,
        max: Duration,
    ) -> Result<String, EngineError> {
        let exchange = async {
            self.say(command).await?;
            while let Ok(Some(line)) = self.lines.next().await {
                self.said.note(&line);
                if line.split_whitespace().next() == Some(answer) {
                    return Ok(line);
                }
            }
            Err(self.died().await)
        };
        timeout(max, exchange)
            .await
            .unwrap_or(Err(EngineError::Hung { asked, max }))
    }

    async fn died(&mut self) -> EngineError {
        EngineError::Died(self.stderr.last_line().await)
    }

    async fn say(&mut self, command: &str) -> Result<(), EngineError> {
        let line = format!("{command}\n");
        let said = timeout(self.answer_max, self.stdin.write_all(line.as_bytes())).await;
        match said {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.died().await),
            Err(_) => Err(EngineError::Hung {
                asked: "input",
                max: self.answer_max,
            }),
        }
    }
}

pub(super) fn go_command(task: &Task, margin: Duration) -> String {
    if !task.is_timed {
        return format!("go movetime {}", UciEngine::FIRST_MOVE.as_millis());
    }
    let time = |seat: Seat| {
        let left = task.left[seat].saturating_sub(margin);
        left.max(UciEngine::TIME_MIN).as_millis()
    };
    let earned = |seat: Seat| task.earned(seat).as_millis();
    let (white, black) = (time(Seat::White), time(Seat::Black));
    let (white_earns, black_earns) = (earned(Seat::White), earned(Seat::Black));
    let mut command =
        format!("go wtime {white} btime {black} winc {white_earns} binc {black_earns}");
    if let Some(moves) = task.moves_to_go() {
        command.push_str(&format!(" movestogo {moves}"));
    }
    command
}
