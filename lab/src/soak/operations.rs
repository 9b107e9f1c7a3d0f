//! The file of `--history`: every operation of every client, for a checker that trusts nothing here.
//! `docs/histories.md` describes its lines.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use client::seat::{Acked, Update};
use client::{MatchView, Violation};
use game_core::{CommandId, CommandKind, Event, EventKind, MatchId, Seat, WithMove};
use protocol::Role;
use protocol::http::MatchReply;
use serde_json::{Value, json};

use crate::acked_log::kind_name;

/// A file with one line for each operation. Clones write to the same one.
#[derive(Debug, Clone)]
pub(super) struct OperationLog(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    file: Mutex<BufWriter<File>>,
    /// The first failure to write, until it is told.
    failure: Mutex<Option<io::Error>>,
    /// Clients so far.
    processes: AtomicU64,
}

/// An operation, from its call to its return, in the time since the start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) call: Duration,
    pub(super) returned: Duration,
}

impl OperationLog {
    /// An empty file; one that is there is replaced.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Shared {
            file: Mutex::new(BufWriter::new(File::create(path)?)),
            failure: Mutex::default(),
            processes: AtomicU64::new(0),
        })))
    }

    /// A new client.
    pub(super) fn client(&self, match_id: MatchId, role: Role) -> Operations {
        Operations {
            log: self.clone(),
            process: self.process(),
            match_id,
            role,
            asked: HashMap::new(),
            epoch: 0,
            heard_at: Duration::ZERO,
        }
    }

    /// The stored log of a match was read.
    pub(super) fn read_log(&self, match_id: MatchId, span: Span, log: &[Event]) {
        let record = |event: &Event| {
            let mut record = entry(event.seat, Some(event.kind));
            record["command_id"] = json!(event.command_id.map(|id| id.0));
            record
        };
        let records: Vec<Value> = log.iter().map(record).collect();
        let output = json!({ "records": records });
        self.reading("log", match_id, span, &output);
    }

    /// A match was read as everybody may read it.
    pub(super) fn read_match(&self, span: Span, shown: &MatchReply) {
        if !shown.withheld {
            let output = json!({
                "seq": shown.seq,
                "epoch": null,
                "moves": shown.moves,
                "over": shown.outcome.is_some(),
            });
            self.reading("shown", shown.match_id, span, &output);
        }
    }

    /// Everything is in the file.
    ///
    /// # Errors
    ///
    /// When any of it could not be written.
    pub(super) fn finish(&self) -> io::Result<()> {
        match lock(&self.0.failure).take() {
            Some(failure) => Err(failure),
            None => lock(&self.0.file).flush(),
        }
    }

    fn reading(&self, op: &str, match_id: MatchId, span: Span, output: &Value) {
        self.write(&json!({
            "process": self.process(),
            "match": match_id,
            "op": op,
            "call": nanos(span.call),
            "return": nanos(span.returned),
            "output": output,
        }));
    }

    fn process(&self) -> u64 {
        self.0.processes.fetch_add(1, Ordering::Relaxed)
    }

    fn write(&self, line: &Value) {
        let text = format!("{line}\n");
        if let Err(error) = lock(&self.0.file).write_all(text.as_bytes()) {
            lock(&self.0.failure).get_or_insert(error);
        }
    }
}

/// The operations of one client. What has no answer when this is dropped is written as unknown.
#[derive(Debug)]
pub(super) struct Operations {
    log: OperationLog,
    process: u64,
    match_id: MatchId,
    role: Role,
    asked: HashMap<CommandId, Command>,
    /// The last epoch that spoke.
    epoch: u64,
    /// When it did anything last.
    heard_at: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Command {
    kind: CommandKind,
    called: Duration,
    is_answered: bool,
}

impl Operations {
    /// The client asked something of the match, a move in the form in which it was sent.
    pub(super) fn asked(&mut self, id: CommandId, kind: CommandKind, called: Duration) {
        let command = Command {
            kind,
            called,
            is_answered: false,
        };
        self.asked.insert(id, command);
    }

    /// The client learnt something; `view` is the match after it, and `joins_since` when it sent its last `Join`.
    pub(super) fn learnt(
        &mut self,
        view: &MatchView,
        update: &Update,
        joins_since: Duration,
        at: Duration,
    ) {
        self.heard_at = at;
        self.epoch = view.epoch().0;
        match update {
            Update::Joined { .. } => {
                let output = json!({
                    "seq": view.seq(),
                    "epoch": view.epoch(),
                    "moves": view.moves(),
                    "over": view.result().is_some(),
                });
                self.joined(joins_since, at, &output);
            }
            Update::Event { seq, event } => {
                let mut output = entry(event.seat, event.kind);
                output["seq"] = json!(seq);
                output["epoch"] = json!(view.epoch());
                self.write("event", (at, Some(at)), None, &output);
            }
            Update::Acked { acked, .. } => {
                let Acked {
                    id, event, epoch, ..
                } = acked;
                self.answered(*id, at, &json!({ "seq": event, "epoch": epoch }));
            }
            Update::Refused { id, reason, .. } => {
                self.answered(*id, at, &json!({ "refused": reason.to_string() }));
            }
            _ => {}
        }
    }

    /// The client was told what contradicts all that it knows: as what it was told, where that is an operation.
    pub(super) fn broke(&mut self, violation: &Violation, at: Duration) {
        let epoch = self.epoch;
        match violation {
            Violation::Lost { has, .. } => {
                let output = json!({ "seq": has, "epoch": epoch, "moves": null, "over": false });
                self.joined(self.heard_at, at, &output);
            }
            Violation::AnswerChanged { id, now: seq, .. }
            | Violation::SharedEvent {
                event: seq,
                second: id,
                ..
            } => self.answered(*id, at, &json!({ "seq": seq, "epoch": epoch })),
            other => {
                let output = json!({ "why": other.to_string() });
                self.write("broken", (at, Some(at)), None, &output);
            }
        }
    }

    fn joined(&self, called: Duration, at: Duration, output: &Value) {
        let input = json!({ "role": self.role.to_string() });
        self.write("join", (called, Some(at)), Some(&input), output);
    }

    fn answered(&mut self, id: CommandId, at: Duration, output: &Value) {
        if let Some(command) = self.asked.get_mut(&id) {
            command.is_answered = true;
            let command = *command;
            self.command(id, command, Some(at), output);
        }
    }

    fn command(&self, id: CommandId, command: Command, at: Option<Duration>, output: &Value) {
        let uci = match command.kind {
            CommandKind::Move { uci, .. } => Some(uci),
            _ => None,
        };
        let input = json!({
            "seat": self.role.seat(),
            "command_id": id.0,
            "kind": kind_name(command.kind),
            "move": uci,
        });
        self.write("command", (command.called, at), Some(&input), output);
    }

    fn write(
        &self,
        op: &str,
        (called, returned): (Duration, Option<Duration>),
        input: Option<&Value>,
        output: &Value,
    ) {
        let mut line = json!({
            "process": self.process,
            "match": self.match_id,
            "op": op,
            "call": nanos(called),
            "return": returned.map(nanos),
            "output": output,
        });
        if let Some(input) = input {
            line["input"] = input.clone();
        }
        self.log.write(&line);
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        for (id, command) in &self.asked {
            if !command.is_answered {
                self.command(*id, *command, None, &Value::Null);
            }
        }
    }
}

/// An event without its number.
fn entry(seat: Option<Seat>, kind: Option<EventKind>) -> Value {
    let (uci, taken_back) = match kind {
        Some(EventKind::Moved { uci, .. }) => (Some(uci), None),
        Some(EventKind::TakenBack { plies }) => (None, Some(plies)),
        _ => (None, None),
    };
    json!({
        "seat": seat,
        "event": kind.map(words),
        "move": uci,
        "taken_back": taken_back,
    })
}

/// What happened, in words that are the same whoever tells it.
fn words(kind: EventKind) -> String {
    let plain = match kind {
        EventKind::Moved { with, .. } => match with {
            WithMove::Nothing => "moved",
            WithMove::DrawOffer => "moved:draw_offer",
            WithMove::DrawClaim => "moved:draw_claim",
        },
        EventKind::DrawOffered => "draw_offered",
        EventKind::DrawDeclined => "draw_declined",
        EventKind::TakebackOffered => "takeback_offered",
        EventKind::TakebackDeclined => "takeback_declined",
        EventKind::TakenBack { .. } => "taken_back",
        EventKind::TimeGiven { seconds } => return format!("time_given:{seconds}"),
        EventKind::Ended {
            outcome,
            termination,
        } => return format!("ended:{outcome}:{termination}"),
        EventKind::RematchOffered => "rematch_offered",
        EventKind::RematchDeclined => "rematch_declined",
        EventKind::RematchAgreed { match_id } => return format!("rematch_agreed:{match_id}"),
        EventKind::Stopped => "stopped",
        EventKind::Resumed => "resumed",
        EventKind::ClockSet { seat } => return format!("clock_set:{seat}"),
    };
    plain.to_owned()
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_answer_is_written_as_unknown_and_what_has_one_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let log = OperationLog::create(&path).unwrap();
        let mut client = log.client("0123456789Ab".parse().unwrap(), Role::Black);
        let at = Duration::from_nanos;
        let played = CommandKind::plain_move(4, "e7e5".parse().unwrap());
        client.asked(CommandId(7), played, at(10));
        client.asked(CommandId(8), CommandKind::Resign, at(20));
        client.answered(CommandId(7), at(30), &json!({ "seq": 5, "epoch": 2 }));
        client.broke(&Violation::Lost { seen: 5, has: 4 }, at(40));
        drop(client);
        log.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of = |op: &str, call: u64, end: Option<u64>, input: Value, output: Value| {
            json!({
                "process": 0, "match": "0123456789Ab", "op": op,
                "call": call, "return": end, "input": input, "output": output,
            })
        };
        let asked = |id: u64, kind: &str, uci: Option<&str>| json!({ "seat": "black", "command_id": id, "kind": kind, "move": uci });
        let shown = json!({ "seq": 4, "epoch": 0, "moves": null, "over": false });
        let expected = [
            of(
                "command",
                10,
                Some(30),
                asked(7, "move", Some("e7e5")),
                json!({ "seq": 5, "epoch": 2 }),
            ),
            of("join", 0, Some(40), json!({ "role": "black" }), shown),
            of("command", 20, None, asked(8, "resign", None), Value::Null),
        ];
        assert_eq!(lines, expected);
    }
}
