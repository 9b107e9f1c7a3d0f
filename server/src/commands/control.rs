//! The socket in the data directory by which `rookery backup` and `rookery restore` reach the process that has the
//! store open. Each connection carries one request: a line of JSON, perhaps bytes, and a line of JSON in answer, perhaps
//! with bytes.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Failure;

/// The name of the socket.
pub(super) const SOCKET: &str = "control.sock";
/// Longest line, in bytes: an error in words.
pub(super) const LINE_LEN_MAX: u64 = 4_096;
/// A peer that neither sends nor reads for this long is given up. A store is copied in between, and a cluster stopped.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(120);

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ControlRequest {
    /// A backup of the store as it is now.
    Backup,
    /// A backup follows, which is to replace the store.
    Restore {
        /// Its length.
        bytes: u64,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ControlAnswer {
    /// The backup follows.
    Backup {
        /// Its length.
        bytes: u64,
    },
    /// It is restored; the process begins anew.
    Restored,
    /// Nothing was changed.
    Refused {
        /// The reason, in words for the operator.
        why: String,
    },
}

/// A value as a line.
pub(super) fn line(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// Connects to the process that serves a data directory; `None` if none does.
pub(super) fn connect(directory: &Path) -> Result<Option<UnixStream>, Failure> {
    let path = directory.join(SOCKET);
    match UnixStream::connect(&path) {
        Ok(stream) => {
            stream.set_read_timeout(Some(SILENCE_MAX))?;
            stream.set_write_timeout(Some(SILENCE_MAX))?;
            Ok(Some(stream))
        }
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(format!("{}: {error}", path.display()).into()),
    }
}

/// Reads the answer. `reader` keeps the bytes that follow it.
pub(super) fn read_answer(reader: &mut impl BufRead) -> Result<ControlAnswer, Failure> {
    let mut line = Vec::new();
    let read = reader.take(LINE_LEN_MAX).read_until(b'\n', &mut line);
    read.map_err(|error| format!("the server does not answer: {error}"))?;
    if line.is_empty() {
        return Err("the server ended before it had answered; its log says why".into());
    }
    Ok(serde_json::from_slice(&line)?)
}

/// Sends a request.
pub(super) fn send(stream: &mut impl Write, request: &ControlRequest) -> Result<(), Failure> {
    let sent = line(request).and_then(|line| stream.write_all(&line));
    sent.map_err(|error| format!("the server does not listen: {error}").into())
}
