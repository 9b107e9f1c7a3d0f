//! The connection to a browser: JSON messages, each with a zero byte after it, through two pipes.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Whatever the browser is asked, it answers within this, on a busy machine too.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// Asks a browser, for any number of pages at once. The messages are read on a thread, so a connection outlives the runtime
/// of the test that made it.
pub(super) struct Connection {
    to: Mutex<ChildStdin>,
    next_id: AtomicU64,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Who waits for an answer, by the id of the message.
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    /// What the browser complained of, by session.
    complaints: Mutex<HashMap<String, Vec<String>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connection {
    pub(super) fn new(to: ChildStdin, from: ChildStdout) -> Self {
        let shared = Arc::new(Shared::default());
        let read = Arc::clone(&shared);
        std::thread::spawn(move || read.read(from));
        Self {
            to: Mutex::new(to),
            next_id: AtomicU64::new(1),
            shared,
        }
    }

    /// What the browser answers, to a page if a session is named; or its error in words.
    pub(super) async fn ask(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let (answered, answer) = oneshot::channel();
        let id = self.next_id();
        lock(&self.shared.waiting).insert(id, answered);
        self.send(id, session, method, params)?;
        let mut answer = match timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => return Err(format!("{method}: the browser has ended")),
            Err(_) => return Err(format!("{method}: no answer")),
        };
        match &answer["error"] {
            Value::Null => Ok(answer["result"].take()),
            error => Err(format!("{method}: {error}")),
        }
    }

    /// Asks without waiting for the answer.
    pub(super) fn tell(&self, method: &str, params: Value) {
        // Whoever tells a browser that has ended wanted no more of it.
        let _ = self.send(self.next_id(), None, method, params);
    }

    /// What the browser has complained of in a page, once.
    pub(super) fn take_complaints(&self, session: &str) -> Vec<String> {
        let mut complaints = lock(&self.shared.complaints);
        complaints.remove(session).unwrap_or_default()
    }

    fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    fn send(
        &self,
        id: u64,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<(), String> {
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let written = lock(&self.to).write_all(&bytes);
        written.map_err(|error| format!("{method}: {error}"))
    }
}

impl Shared {
    /// Reads until the browser ends; then all who wait get nothing.
    fn read(&self, from: ChildStdout) {
        let messages = BufReader::new(from).split(0);
        for message in messages.map_while(Result::ok) {
            let Ok(message) = serde_json::from_slice::<Value>(&message) else {
                continue;
            };
            match message["id"].as_u64() {
                Some(id) => {
                    let waiting = lock(&self.waiting).remove(&id);
                    // Nobody may wait any more.
                    waiting.map(|answered| answered.send(message));
                }
                None => self.note(&message),
            }
        }
        lock(&self.waiting).clear();
    }

    fn note(&self, message: &Value) {
        let (Some(session), Some(complaint)) =
            (message["sessionId"].as_str(), complaint_of(message))
        else {
            return;
        };
        let mut complaints = lock(&self.complaints);
        let of_session = complaints.entry(session.to_owned()).or_default();
        of_session.push(complaint);
    }
}

/// What a message complains of, if it does: a script that fails, what a page reports as an error or a warning, what its
/// security policy forbids, or a page that has died. A request that fails is none: pages ask also where they are refused,
/// and tests cut their networks.
fn complaint_of(message: &Value) -> Option<String> {
    let params = &message["params"];
    match message["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" => {
            let kind = params["type"].as_str()?;
            let is_complaint = matches!(kind, "error" | "warning" | "assert");
            is_complaint.then(|| params["args"].to_string())
        }
        "Log.entryAdded" => {
            let entry = &params["entry"];
            let is_serious = matches!(entry["level"].as_str()?, "error" | "warning");
            (is_serious && entry["source"] != "network").then(|| entry.to_string())
        }
        "Inspector.targetCrashed" => Some("the page has crashed".to_owned()),
        _ => None,
    }
}
