//! Where the frames of one peer go.

use std::pin::pin;
use std::slice;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use game_core::Epoch;
use protocol::{CloseCode, ServerBody, ServerFrame, codec};
use quinn::SendStream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

/// What the shard leaves to the task of a seat stream.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// The stream, which has not taken all that it was given: from now on the task writes.
    Stream(SendStream),
    /// A frame, or the rest of one.
    Frame(Bytes),
    /// The last one.
    Last(Bytes, CloseCode),
}

/// The way of frames to one peer: straight into its stream, which has room for hundreds of them; once it
/// had none, through a bounded queue to the task of the stream. That task need not wake for each frame.
#[derive(Debug)]
pub(crate) struct Outlet {
    /// Until it was blocked once.
    stream: Option<SendStream>,
    queue: mpsc::Sender<Outgoing>,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way, or the stream is gone, of which its reader tells.
    Done,
    /// The peer reads too slowly: its queue is full.
    TooSlow,
}

impl Outlet {
    /// The way into `stream`, and what of it is left to the stream's task: at most `waiting_max` frames.
    pub(crate) fn new(stream: SendStream, waiting_max: usize) -> (Self, mpsc::Receiver<Outgoing>) {
        // Room for the stream itself, beside the frames.
        let (queue, left) = mpsc::channel(waiting_max + 1);
        let outlet = Self {
            stream: Some(stream),
            queue,
        };
        (outlet, left)
    }

    pub(super) fn send(&mut self, mut frame: Bytes) -> Sent {
        if let Some(stream) = &mut self.stream {
            if write_now(stream, &mut frame) {
                return Sent::Done;
            }
            self.leave_to_task();
        }
        self.enqueue(Outgoing::Frame(frame))
    }

    /// Sends the last frame.
    pub(super) fn close(mut self, frame: Bytes, code: CloseCode) {
        self.leave_to_task();
        // The stream of a peer that is too slow for its goodbye ends when its write is overdue.
        self.enqueue(Outgoing::Last(frame, code));
    }

    /// Says why nothing else will be sent.
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

/// The last frame to a peer that was never let in.
pub(crate) fn last_frame(code: CloseCode) -> Bytes {
    codec::encode_server(&ServerFrame {
        epoch: Epoch::default(),
        seq: 0,
        body: ServerBody::Closed(code),
    })
}

/// Writes what the stream takes at once; says whether that was all. A stream that takes nothing any more
/// is its reader's to tell of.
fn write_now(stream: &mut SendStream, frame: &mut Bytes) -> bool {
    // Nobody is woken by this one: if the stream is blocked, its task asks it again.
    let mut context = Context::from_waker(Waker::noop());
    while !frame.is_empty() {
        let writing = pin!(stream.write_chunks(slice::from_mut(frame)));
        match writing.poll(&mut context) {
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(_)) => return true,
            Poll::Pending => return false,
        }
    }
    true
}
