//! Server-sent events, as the matchmaker sends them.

use std::time::Duration;

use bytes::BytesMut;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};

use super::error::MatchmakerError;

/// A stream that brings nothing for this long is dead: the matchmaker sends a comment every 15 seconds, or more often.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// Longest event, in bytes: a match of 600 moves a side has about 15 KB.
const EVENT_LEN_MAX: usize = 256 * 1_024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// Its name.
    pub name: String,
    /// What it says, as JSON.
    pub data: String,
}

/// An open stream of events. It may be dropped at any await without losing anything.
#[derive(Debug)]
pub struct ServerEvents {
    base: String,
    body: Incoming,
    unread: BytesMut,
    opened_at: Instant,
}

impl ServerEvents {
    pub(super) fn new(base: String, body: Incoming) -> Self {
        Self {
            base,
            body,
            unread: BytesMut::new(),
            opened_at: Instant::now(),
        }
    }

    /// The next event; `None` when the matchmaker has ended the stream, which can be opened again.
    ///
    /// # Errors
    ///
    /// [`MatchmakerError::Unreachable`] when the connection is lost.
    pub async fn next(&mut self) -> Result<Option<ServerEvent>, MatchmakerError> {
        loop {
            if let Some(event) = take_event(&mut self.unread) {
                return Ok(Some(event));
            }
            if self.unread.len() > EVENT_LEN_MAX {
                return Err(self.lost("an event is too long".to_owned()));
            }
            let frame = match timeout(SILENCE_MAX, self.body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => return Err(self.lost(error.to_string())),
                Ok(None) => return Ok(None),
                Err(_) => return Err(self.lost(format!("nothing came for {SILENCE_MAX:?}"))),
            };
            if let Ok(data) = frame.into_data() {
                self.unread.extend_from_slice(&data);
            }
        }
    }

    fn lost(&self, last: String) -> MatchmakerError {
        MatchmakerError::Unreachable {
            base: self.base.clone(),
            waited: self.opened_at.elapsed(),
            last,
        }
    }
}

/// The first whole event of `unread`, which is removed with what stands before it. Comments are skipped.
fn take_event(unread: &mut BytesMut) -> Option<ServerEvent> {
    let (mut name, mut data) = (String::new(), String::new());
    let mut read = 0;
    while let Some(len) = unread[read..].iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(&unread[read..read + len]).into_owned();
        read += len + 1;
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            let _ = unread.split_to(read);
            read = 0;
            if !data.is_empty() {
                return Some(ServerEvent { name, data });
            }
            name.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value.to_owned(),
            "data" => {
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(value);
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_as_they_come_and_comments_skipped() {
        let whole = ": alive\n\nevent: a\ndata: {\"x\":\ndata: 1}\n\nid: 7\r\nevent: b\r\ndata: {}\r\n\r\ndata: 3\n";
        let mut unread = BytesMut::new();
        let mut events = Vec::new();
        for byte in whole.bytes() {
            unread.extend_from_slice(&[byte]);
            events.extend(take_event(&mut unread));
        }
        let said: Vec<_> = events
            .iter()
            .map(|event| (event.name.as_str(), event.data.as_str()))
            .collect();
        assert_eq!(said, [("a", "{\"x\":\n1}"), ("b", "{}")]);
        assert_eq!(take_event(&mut unread), None, "the last has no end yet");
    }
}
