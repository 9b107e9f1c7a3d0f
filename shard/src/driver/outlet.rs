//! The outlet of frames to one peer.

use bytes::Bytes;
use game_core::Epoch;
use protocol::codec::{self, Frame};
use protocol::{CloseCode, ServerBody, ServerFrame, UnixMicros};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::transport::SendHalf;

/// What the driver passes to the task of a seat stream.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// The blocked stream: from now on the task writes to it.
    Stream(SendHalf),
    /// A frame, or the rest of one.
    Frame(Bytes),
    /// The last one.
    Last(Bytes, CloseCode),
}

/// The path of frames to one peer: directly into its stream, which buffers hundreds of them; once the stream
/// was blocked, through a bounded queue that the stream's task drains. So that task is not woken for each
/// frame.
#[derive(Debug)]
pub(crate) struct Outlet {
    /// Until it was blocked once.
    stream: Option<SendHalf>,
    queue: mpsc::Sender<Outgoing>,
}

/// The fate of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is sent or queued, or the stream is gone, which its reader reports.
    Done,
    /// The peer reads too slowly: its queue is full.
    TooSlow,
}

impl Outlet {
    /// The outlet into `stream`, and the queue of at most `waiting_max` frames that the stream's task drains.
    pub(crate) fn new(stream: SendHalf, waiting_max: usize) -> (Self, mpsc::Receiver<Outgoing>) {
        // One entry more, for the stream itself.
        let (queue, left) = mpsc::channel(waiting_max + 1);
        let outlet = Self {
            stream: Some(stream),
            queue,
        };
        (outlet, left)
    }

    /// Sends frames in order, and empties the list.
    pub(super) fn send(&mut self, frames: &mut Vec<Bytes>) -> Sent {
        let mut done = 0;
        if let Some(stream) = &mut self.stream {
            done = stream.write_now(frames);
            if done < frames.len() {
                self.leave_to_task();
            }
        }
        let mut sent = Sent::Done;
        for frame in frames.drain(..).skip(done) {
            if self.enqueue(Outgoing::Frame(frame)) == Sent::TooSlow {
                sent = Sent::TooSlow;
            }
        }
        sent
    }

    /// Sends the last frame.
    pub(super) fn close(mut self, frame: Bytes, code: CloseCode) {
        self.leave_to_task();
        // The stream of a peer that is too slow for its last frame ends when its write is overdue.
        self.enqueue(Outgoing::Last(frame, code));
    }

    /// The last frame, which states why the stream ends.
    pub(super) fn refuse(self, code: CloseCode) {
        self.close(last_frame(code), code);
    }

    fn leave_to_task(&mut self) {
        if let Some(stream) = self.stream.take() {
            self.enqueue(Outgoing::Stream(stream));
        }
    }

    fn enqueue(&self, outgoing: Outgoing) -> Sent {
        match self.queue.try_send(outgoing) {
            Err(TrySendError::Full(_)) => Sent::TooSlow,
            Ok(()) | Err(TrySendError::Closed(_)) => Sent::Done,
        }
    }
}

/// The last frame to a peer whose join was refused.
pub(crate) fn last_frame(code: CloseCode) -> Bytes {
    of_no_match(ServerBody::Closed(code)).stamp(system_time())
}

/// The frame that names the versions of the protocol that are known here.
pub(crate) fn unsupported_frame() -> Bytes {
    let body = ServerBody::Unsupported {
        min: protocol::VERSION_MIN,
        max: protocol::VERSION,
    };
    of_no_match(body).stamp(system_time())
}

/// A sign of life.
pub(crate) fn heartbeat_frame() -> Frame {
    of_no_match(ServerBody::Heartbeat)
}

fn of_no_match(body: ServerBody) -> Frame {
    codec::encode_server(&ServerFrame {
        epoch: Epoch::default(),
        seq: 0,
        body,
    })
}

/// The time for a frame to a peer that has no seat. It is not needed to agree with that of the shard, as no clock
/// is in such a frame.
fn system_time() -> UnixMicros {
    UnixMicros(program::calendar::unix_ms().saturating_mul(1000))
}
