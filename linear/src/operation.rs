//! The lines of a history, as `docs/histories.md` describes them.

use std::collections::HashMap;
use std::io::BufRead;

use serde::Deserialize;

/// One operation of one client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Operation {
    /// Where it is in its file, from 1.
    #[serde(skip)]
    pub line: usize,
    /// The client.
    pub process: u64,
    /// The match.
    #[serde(rename = "match")]
    pub match_id: String,
    /// When it was called, in nanoseconds of one monotonic clock.
    pub call: u64,
    /// When its answer was there; `None` if the answer is not known.
    #[serde(rename = "return")]
    pub returned: Option<u64>,
    /// What it is.
    #[serde(flatten)]
    pub action: Action,
}

/// What a client does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Action {
    /// It asks something of the match.
    Command {
        /// What.
        input: Asked,
        /// The answer; `None` if it is not known.
        output: Option<Answer>,
    },
    /// It joins, and is shown the whole match.
    Join {
        /// As whom.
        input: Joining,
        /// What it was shown.
        output: State,
    },
    /// It is shown one event.
    Event {
        /// Which.
        output: Told,
    },
    /// It reads the stored log.
    Log {
        /// All of it.
        output: Records,
    },
    /// It reads the match as anybody may.
    Shown {
        /// What it was shown.
        output: State,
    },
    /// It was shown what contradicts all that it knows, and gave up.
    Broken {
        /// Why.
        output: Broken,
    },
}

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seat {
    /// White.
    White,
    /// Black.
    Black,
}

/// Who joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// White.
    White,
    /// Black.
    Black,
    /// Nobody who plays.
    Spectator,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Asked {
    /// Who asks.
    pub seat: Seat,
    /// The client's number for it: a repetition has the same.
    pub command_id: u64,
    /// What is asked for.
    pub kind: String,
    /// The move, if it is one.
    #[serde(rename = "move")]
    pub uci: Option<String>,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// It took effect.
    Acknowledged {
        /// As the event of this number.
        seq: u32,
        /// Under which epoch that was said.
        epoch: u64,
    },
    /// It changed nothing.
    Refused {
        /// Why.
        refused: String,
    },
}

/// Who joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Joining {
    /// As whom.
    pub role: Role,
}

/// A match as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct State {
    /// How many events it has.
    pub seq: u32,
    /// Under which epoch that was said, if under one.
    pub epoch: Option<u64>,
    /// The moves that stand; `None` if they are not known.
    pub moves: Option<Vec<String>>,
    /// Whether it is over.
    pub over: bool,
}

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Told {
    /// Its number.
    pub seq: u32,
    /// Under which epoch that was said.
    pub epoch: u64,
    /// What it is.
    #[serde(flatten)]
    pub entry: Entry,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Entry {
    /// Whose command caused it; `None` if the server itself did.
    pub seat: Option<Seat>,
    /// What happened, in words of the server; `None` if the client does not know.
    pub event: Option<String>,
    /// The move, if it is one.
    #[serde(rename = "move")]
    pub uci: Option<String>,
    /// How many moves it takes back, if any.
    pub taken_back: Option<u32>,
}

/// The stored log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Records {
    /// What is stored, in order: the first has number 1.
    pub records: Vec<Record>,
}

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// The command that caused it, if one did.
    pub command_id: Option<u64>,
    /// What it is.
    #[serde(flatten)]
    pub entry: Entry,
}

/// Why a client gave up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Broken {
    /// In words.
    pub why: String,
}

/// A file that is no history.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Reads a history: one operation a line.
///
/// # Errors
///
/// [`ReadError`]: what cannot be read, or is no operation.
pub fn read(lines: impl BufRead) -> Result<Vec<Operation>, ReadError> {
    let mut operations = Vec::new();
    let mut commands = HashMap::new();
    for (line, text) in (1..).zip(lines.lines()) {
        let error = |why: String| ReadError { line, why };
        let text = text.map_err(|why| error(why.to_string()))?;
        let mut operation: Operation =
            serde_json::from_str(&text).map_err(|why| error(why.to_string()))?;
        operation.line = line;
        operation.checked().map_err(|why| error(why.to_owned()))?;
        if let Some((number, asked)) = operation.asked() {
            let (first, before) = commands
                .entry(number)
                .or_insert_with(|| (line, asked.clone()));
            if before != asked {
                let id = asked.command_id;
                let why =
                    format!("command {id} is another one than in line {first}, under its number");
                return Err(error(why));
            }
        }
        operations.push(operation);
    }
    Ok(operations)
}

/// Upper bound on the number of an event, far above what a match has.
const SEQ_MAX: u32 = 1_000_000;

impl Operation {
    /// The number of a command that may have taken effect, and the command.
    fn asked(&self) -> Option<((String, Seat, u64), &Asked)> {
        match &self.action {
            Action::Command {
                output: Some(Answer::Refused { .. }),
                ..
            } => None,
            Action::Command { input, .. } => {
                Some(((self.match_id.clone(), input.seat, input.command_id), input))
            }
            _ => None,
        }
    }

    /// Whether it makes sense by itself.
    fn checked(&self) -> Result<(), &'static str> {
        if self.returned.is_some_and(|returned| returned < self.call) {
            return Err("it returns before it is called");
        }
        let (is_answered, seq) = match &self.action {
            Action::Command { output, .. } => match output {
                Some(Answer::Acknowledged { seq, .. }) => (true, Some(*seq)),
                Some(Answer::Refused { .. }) => (true, None),
                None => (false, None),
            },
            Action::Event { output } => (true, Some(output.seq)),
            Action::Join { .. } | Action::Log { .. } => (true, None),
            Action::Shown { .. } | Action::Broken { .. } => (true, None),
        };
        if is_answered != self.returned.is_some() {
            return Err("what has an output has a return, and what has none has none");
        }
        if seq == Some(0) {
            return Err("the first event has number 1");
        }
        let shown = match &self.action {
            Action::Join { output, .. } | Action::Shown { output } => Some(output.seq),
            _ => seq,
        };
        if shown > Some(SEQ_MAX) {
            return Err("no match has a million events");
        }
        Ok(())
    }
}
