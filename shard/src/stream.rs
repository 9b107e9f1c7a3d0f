//! One seat stream: frames in, commands out to the shard; frames of the shard out to the peer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use game_core::{Command, UnixMillis};
use protocol::codec::{self, FrameError};
use protocol::{ClientFrame, CloseCode, Join, JoinFlags};
use tokens::{SeatClaims, TokenError, VerifyingKey};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::NetLimits;
use crate::driver::{
    Inbound, JoinRefused, Joining, Outgoing, Outlet, last_frame, unsupported_frame,
};
use crate::metrics::DoorMetrics;
use crate::transport::{Link, RecvHalf, SendHalf, SocketError};
use shard_core::PeerKey;

/// What every seat stream of a shard shares.
#[derive(Clone)]
pub(crate) struct Streams {
    pub(crate) limits: Arc<NetLimits>,
    pub(crate) inbox: mpsc::Sender<Inbound>,
    pub(crate) key: Arc<VerifyingKey>,
    pub(crate) calendar: fn() -> UnixMillis,
    pub(crate) metrics: DoorMetrics,
}

/// The seats that one connection has taken, shared by its streams.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seats(Arc<AtomicUsize>);

/// A seat that is taken, until it is dropped.
struct TakenSeat(Seats);

impl Seats {
    /// Number of seats taken now.
    pub(crate) fn taken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self) -> TakenSeat {
        self.0.fetch_add(1, Ordering::Relaxed);
        TakenSeat(self.clone())
    }
}

impl Drop for TakenSeat {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a stream had a seat, at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Served {
    /// Its peer had a seat.
    InSeat,
    /// No join was accepted.
    Nobody,
}

/// A protocol violation; it ends the connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Violation {
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the first frame of a stream must be a Join, and only the first")]
    OutOfPlace,
    #[error("a frame was begun and not finished in time")]
    Unfinished,
    #[error("a message must hold whole frames")]
    Split,
    #[error(transparent)]
    Socket(#[from] SocketError),
}

/// How reading a stream ended.
enum Ended {
    /// The peer leaves on purpose, and waits for the last frame.
    Left,
    /// The stream or the connection is gone.
    Gone,
}

/// Who may take a seat, and how.
struct Admitted {
    claims: SeatClaims,
    flags: JoinFlags,
    seen: Option<u32>,
}

pub(crate) struct SeatStream {
    link: Link,
    send: SendHalf,
    reader: FrameReader,
    streams: Streams,
}

impl SeatStream {
    pub(crate) fn new(link: Link, send: SendHalf, recv: RecvHalf, streams: Streams) -> Self {
        let reader = FrameReader {
            recv,
            buffer: BytesMut::new(),
            received_at: Instant::now(),
            limits: Arc::clone(&streams.limits),
        };
        Self {
            link,
            send,
            reader,
            streams,
        }
    }

    /// Serves the stream to its end; a seat that it takes is one of `seats`.
    pub(crate) async fn serve(self, seats: Seats) -> Result<Served, Violation> {
        // In a box, whose memory is given back: what follows takes less, and lasts for the whole match.
        match Box::pin(self.admit()).await? {
            Some((stream, admitted)) => stream.sit(admitted, &seats).await,
            None => Ok(Served::Nobody),
        }
    }

    /// Reads the first frame; `None` if its peer may not take the seat, and was told so.
    async fn admit(mut self) -> Result<Option<(Self, Admitted)>, Violation> {
        let first = timeout(self.streams.limits.join_deadline, self.reader.next()).await;
        let join = match first {
            Err(_) => {
                self.refuse(CloseCode::Deadline).await;
                return Ok(None);
            }
            Ok(Err(Violation::Frame(FrameError::Version(version)))) => {
                tracing::debug!(version, "refused a version of the protocol");
                let _ = self.send.write_all(&mut [unsupported_frame()]).await;
                self.refuse(CloseCode::Unsupported).await;
                return Ok(None);
            }
            Ok(frame) => match frame? {
                None => return Ok(None),
                Some(ClientFrame::Join(join)) => join,
                Some(_) => return Err(Violation::OutOfPlace),
            },
        };
        match self.check(&join) {
            Ok(claims) => {
                let admitted = Admitted {
                    claims,
                    flags: join.flags,
                    seen: join.seen,
                };
                Ok(Some((self, admitted)))
            }
            Err(code) => {
                self.refuse(code).await;
                Ok(None)
            }
        }
    }

    fn check(&self, join: &Join) -> Result<SeatClaims, CloseCode> {
        let now = (self.streams.calendar)();
        let claims = self.streams.key.seat(&join.token, now).map_err(|error| {
            tracing::debug!(match_id = %join.match_id, %error, "refused a seat");
            self.streams.metrics.tokens.refused(&error);
            match error {
                TokenError::Expired => CloseCode::TokenExpired,
                TokenError::Invalid(_) | TokenError::Early => CloseCode::TokenInvalid,
            }
        })?;
        if claims.match_id == join.match_id {
            Ok(claims)
        } else {
            Err(CloseCode::TokenWrongMatch)
        }
    }

    /// Sends the reason why there will be no seat.
    async fn refuse(&mut self, code: CloseCode) {
        let deadline = self.streams.limits.write_deadline;
        let mut frame = [last_frame(code)];
        let _ = timeout(deadline, self.send.write_all(&mut frame)).await;
        self.send.finish(deadline).await;
    }

    /// Takes the seat and stays in it.
    async fn sit(self, admitted: Admitted, seats: &Seats) -> Result<Served, Violation> {
        let Admitted {
            claims,
            flags,
            seen,
        } = admitted;
        let Self {
            link,
            send,
            mut reader,
            streams,
        } = self;
        let (outlet, mut left) = Outlet::new(send, streams.limits.frames_waiting_max);
        let (reply, answer) = oneshot::channel();
        let joining = Box::new(Joining {
            claims,
            flags,
            seen,
            link,
            outlet,
            reply,
        });
        if streams.inbox.send(Inbound::Join(joining)).await.is_err() {
            return Ok(Served::Nobody);
        }
        let writing = write_frames(&mut left, &streams.limits);
        tokio::pin!(writing);
        let peer = match answer.await {
            Ok(Ok(peer)) => peer,
            Ok(Err(JoinRefused)) => {
                writing.await;
                return Ok(Served::Nobody);
            }
            Err(_) => return Ok(Served::Nobody),
        };
        let _seat = seats.take();
        let inbox = &streams.inbox;
        let reading = read_commands(&mut reader, peer, inbox);
        tokio::pin!(reading);
        let ended = tokio::select! {
            biased;
            ended = &mut reading => ended,
            () = &mut writing => Ok(Ended::Gone),
        };
        match ended {
            Ok(Ended::Left) => {
                let _ = inbox.send(Inbound::Leave { peer }).await;
                writing.await;
                Ok(Served::InSeat)
            }
            Ok(Ended::Gone) => {
                let _ = inbox.send(Inbound::Gone { peer }).await;
                Ok(Served::InSeat)
            }
            Err(violation) => {
                let _ = inbox.send(Inbound::Gone { peer }).await;
                Err(violation)
            }
        }
    }
}

async fn read_commands(
    reader: &mut FrameReader,
    peer: PeerKey,
    inbox: &mpsc::Sender<Inbound>,
) -> Result<Ended, Violation> {
    loop {
        let input = match reader.next().await? {
            None => return Ok(Ended::Gone),
            Some(ClientFrame::Leave) => return Ok(Ended::Left),
            Some(ClientFrame::Say { id, text }) => Inbound::Say { peer, id, text },
            Some(ClientFrame::Join(_)) => return Err(Violation::OutOfPlace),
            Some(ClientFrame::Command { id, kind }) => {
                let received_at = reader.received_at;
                Inbound::Command {
                    peer,
                    command: Command { id, kind },
                    received_at,
                }
            }
        };
        if inbox.send(input).await.is_err() {
            return Ok(Ended::Gone);
        }
    }
}

/// Writes the frames that the driver queues for this task, all waiting ones in one call, until the last
/// frame. There are none until the driver passes the stream to it.
async fn write_frames(left: &mut mpsc::Receiver<Outgoing>, limits: &NetLimits) {
    let Some(Outgoing::Stream(mut send)) = left.recv().await else {
        return;
    };
    let mut waiting = Vec::new();
    let mut chunks: Vec<Bytes> = Vec::new();
    loop {
        if left
            .recv_many(&mut waiting, limits.frames_waiting_max)
            .await
            == 0
        {
            // The driver has dropped this peer, which does not read.
            send.reset(CloseCode::SlowPeer);
            return;
        }
        let mut last = None;
        chunks.extend(waiting.drain(..).filter_map(|outgoing| match outgoing {
            Outgoing::Stream(_) => None,
            Outgoing::Frame(frame) => Some(frame),
            Outgoing::Last(frame, code) => {
                last = Some(code);
                Some(frame)
            }
        }));
        let written = timeout(limits.write_deadline, send.write_all(&mut chunks)).await;
        chunks.clear();
        match written {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return,
            Err(_) => {
                send.reset(CloseCode::SlowPeer);
                return;
            }
        }
        if last.is_some() {
            Box::pin(send.finish(limits.write_deadline)).await;
            return;
        }
    }
}

/// Cuts a stream into frames.
struct FrameReader {
    recv: RecvHalf,
    buffer: BytesMut,
    /// When the newest bytes were received.
    received_at: Instant,
    limits: Arc<NetLimits>,
}

impl FrameReader {
    /// The next frame; `None` at the end of the stream. A frame that is begun has a deadline.
    async fn next(&mut self) -> Result<Option<ClientFrame>, Violation> {
        let mut deadline = None;
        loop {
            if let Some(frame) = codec::decode_client(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            let is_begun = !self.buffer.is_empty();
            if is_begun && self.recv.has_messages() {
                return Err(Violation::Split);
            }
            let reading = self.recv.read();
            let read = if is_begun {
                let end =
                    *deadline.get_or_insert_with(|| Instant::now() + self.limits.frame_deadline);
                timeout_at(end, reading)
                    .await
                    .map_err(|_| Violation::Unfinished)?
            } else {
                reading.await
            };
            let Some(bytes) = read? else { return Ok(None) };
            self.received_at = Instant::now();
            self.buffer.extend_from_slice(&bytes);
        }
    }
}
