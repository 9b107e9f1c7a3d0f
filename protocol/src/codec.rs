//! The bytes on a seat stream. No other module knows them; `docs/protocol.md` describes them.
//!
//! A frame is the length of its body as four bytes, most significant first, then the body: one message
//! in bincode 2, integers as varints. The body of a server's frame begins with the time at which the frame
//! left, as eight bytes. The length is checked before any of the body is buffered.
//!
//! A peer reads what it knows of a frame, and skips what follows: what a later version adds at the end. What
//! may grow inside of a frame has a length of its own (`grows.rs`).

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::Serialize;

use crate::format::{FORMAT, LEN_MAX, decode_part};
use crate::{ClientFrame, Received, ServerBody, ServerFrame, UnixMicros, VERSION, VERSION_MIN};

/// Longest player or seat token, bytes. Longer text is refused unread.
pub const TOKEN_LEN_MAX: usize = 1_024;

/// Longest body of a client's frame, bytes. A `Join` with its token takes about 450, the longest line of
/// chat 575.
pub const CLIENT_FRAME_LEN_MAX: usize = 1_536;

/// Longest message of a client over WebSocket, in bytes: a few frames, each with its length.
pub const CLIENT_MESSAGE_LEN_MAX: usize = 4 * (4 + CLIENT_FRAME_LEN_MAX);

/// Longest body of a shard's frame, bytes. A full state of 1,200 plies takes about 5 KB, as many lines of
/// chat as are kept, each as long as one may be, 36 KB.
pub const SERVER_FRAME_LEN_MAX: usize = LEN_MAX;

/// Upper bound on the events in one [`CatchUp::Events`](crate::CatchUp), so that they fit a frame of any
/// content. A peer that missed more receives the full state.
pub const CATCH_UP_EVENTS_MAX: usize = 512;

/// Bytes before the body of a frame.
const HEADER_LEN: usize = 4;

/// Bytes of the time in a server's frame.
const TIME_LEN: usize = 8;

/// Room for a frame of any kind but a state, events that were missed, and chat.
const USUAL_LEN: usize = 64;

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The header announces a body above the limit.
    #[error("a frame of {len} bytes is above the limit of {max}")]
    TooLong {
        /// Announced length of the body, in bytes.
        len: usize,
        /// Allowed length, in bytes.
        max: usize,
    },
    /// The body is not a message of this protocol.
    #[error("a frame that is no message of this protocol: {0}")]
    Malformed(String),
    /// A `Join` of a version that this program does not know. Nothing after the version was read.
    #[error(
        "version {0} of the protocol is not among those known here, {VERSION_MIN} to {VERSION}"
    )]
    Version(u16),
}

impl From<bincode::error::DecodeError> for FrameError {
    fn from(error: bincode::error::DecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// A server's frame that waits to leave. [Stamped](Self::stamp), it can be sent to any number of peers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Frame(BytesMut);

impl Frame {
    /// The bytes of the frame that leaves at `time`.
    #[must_use]
    pub fn stamp(mut self, time: UnixMicros) -> Bytes {
        self.0[HEADER_LEN..HEADER_LEN + TIME_LEN].copy_from_slice(&time.0.to_be_bytes());
        self.0.freeze()
    }

    /// How many bytes it has.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a frame is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// The bytes of a client's frame.
///
/// The peer refuses a body above [`CLIENT_FRAME_LEN_MAX`], which only a token above
/// [`TOKEN_LEN_MAX`], or a line of chat that is too long, can bring about.
#[must_use]
pub fn encode_client(frame: &ClientFrame) -> Bytes {
    encode(frame, 0, USUAL_LEN).freeze()
}

/// The bytes of a shard's frame, without the time at which it leaves.
pub fn encode_server(frame: &ServerFrame) -> Frame {
    Frame(encode(frame, TIME_LEN, capacity(&frame.body)))
}

/// Removes one client frame from the front of `buffer`; `None` if it is not complete yet.
///
/// # Errors
///
/// [`FrameError`], after which the stream cannot be read further.
pub fn decode_client(buffer: &mut BytesMut) -> Result<Option<ClientFrame>, FrameError> {
    const JOIN: u32 = 0;
    let Some(body) = take_body::<CLIENT_FRAME_LEN_MAX>(buffer)? else {
        return Ok(None);
    };
    if decode_part::<u32>(&body)? == JOIN {
        let (_, version): (u32, u16) = decode_part(&body)?;
        if !(VERSION_MIN..=VERSION).contains(&version) {
            return Err(FrameError::Version(version));
        }
    }
    Ok(Some(decode_part(&body)?))
}

/// Removes one server frame from the front of `buffer`; `None` if it is not complete yet.
///
/// # Errors
///
/// [`FrameError`], after which the stream cannot be read further.
pub fn decode_server(buffer: &mut BytesMut) -> Result<Option<Received>, FrameError> {
    let Some(mut body) = take_body::<SERVER_FRAME_LEN_MAX>(buffer)? else {
        return Ok(None);
    };
    let Ok(time) = body.try_get_u64() else {
        return Err(FrameError::Malformed("it ends within its time".into()));
    };
    Ok(Some(Received {
        time: UnixMicros(time),
        frame: decode_part(&body)?,
    }))
}

/// About how many bytes a frame takes, so that it is allocated once.
fn capacity(body: &ServerBody) -> usize {
    use crate::CatchUp::{Events, State};
    match body {
        ServerBody::Joined(joined) => match &joined.catch_up {
            State(state) => 512 + 3 * state.moves.len(),
            Events(events) => USUAL_LEN + 32 * events.len(),
        },
        ServerBody::Chat(lines) => {
            let len = |line: &crate::ChatLine| 16 + line.name.len() + line.text.len();
            USUAL_LEN + lines.iter().map(len).sum::<usize>()
        }
        _ => USUAL_LEN,
    }
}

/// The frame of a message, whose body begins with `blank` bytes of zero.
fn encode<T: Serialize>(message: &T, blank: usize, capacity: usize) -> BytesMut {
    let mut frame = BytesMut::with_capacity(capacity);
    frame.put_bytes(0, HEADER_LEN + blank);
    let mut writer = frame.writer();
    // Every type in a message can be written by bincode, and the buffer grows as needed.
    bincode::serde::encode_into_std_write(message, &mut writer, FORMAT)
        .expect("a message is always encodable");
    let mut frame = writer.into_inner();
    let len = (frame.len() - HEADER_LEN) as u32;
    frame[..HEADER_LEN].copy_from_slice(&len.to_be_bytes());
    frame
}

/// Removes the body of one frame.
fn take_body<const MAX: usize>(buffer: &mut BytesMut) -> Result<Option<BytesMut>, FrameError> {
    let Some(header) = buffer.first_chunk::<HEADER_LEN>() else {
        return Ok(None);
    };
    let len = u32::from_be_bytes(*header) as usize;
    if len > MAX {
        return Err(FrameError::TooLong { len, max: MAX });
    }
    if buffer.len() < HEADER_LEN + len {
        return Ok(None);
    }
    buffer.advance(HEADER_LEN);
    Ok(Some(buffer.split_to(len)))
}

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod next_version;
#[cfg(test)]
mod tests;
