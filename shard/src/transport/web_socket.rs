//! WebSocket (RFC 6455) over TCP, plain or over TLS: one connection carries one seat stream, in binary messages of
//! whole frames.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Sink, Stream};
use protocol::codec::CLIENT_MESSAGE_LEN_MAX;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{
    CONTENT_LENGTH, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL,
};
use tokio_tungstenite::tungstenite::http::{HeaderMap, StatusCode};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WebCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WebError, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::tcp;
use crate::origins::Origins;

/// The subprotocol, which a client that names any has to name.
const SUBPROTOCOL: &str = "rookery";
/// Allocated for each connection; most messages have a few dozen bytes.
const READ_BUFFER_LEN: usize = 1_024;
/// Frames that wait go out in messages of about this many bytes, so that copies of them are bounded.
const BATCH_LEN: usize = 16 * 1_024;
/// Bytes that are read from a peer after its last frame, so that the system does not withdraw that frame.
const LINGER_LEN: usize = 64 * 1_024;
/// The longest reason that fits into a control frame (RFC 6455 section 5.5), in bytes.
const REASON_LEN_MAX: usize = 123;

/// Times of a socket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketOptions {
    /// A message must be complete within this time of its first byte.
    pub(crate) message_deadline: Duration,
    /// Upper bound on the time for saying goodbye.
    pub(crate) linger: Duration,
}

/// A WebSocket. Its two halves and its link share it; all of them are polled by the task of the connection, but for
/// [`rtt`](Self::rtt), so nobody waits for the lock.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: Mutex<WebSocketStream<Io>>,
    options: SocketOptions,
    /// Its place among the sockets that may be open.
    _place: OwnedSemaphorePermit,
}

/// What a peer must not send.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    #[error("a message must be binary")]
    Text,
    #[error("a message was begun and not finished in time")]
    Unfinished,
    #[error(transparent)]
    Protocol(Box<WebError>),
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("TCP or TLS: {0}")]
    Io(#[from] io::Error),
    #[error("the page is of another origin")]
    ForeignOrigin,
    #[error(transparent)]
    Http(Box<WebError>),
}

/// Answers TLS, if there is any, and the request for a WebSocket.
pub(crate) async fn upgrade(
    stream: TcpStream,
    place: OwnedSemaphorePermit,
    tls: Option<&TlsAcceptor>,
    origins: &Origins,
    options: SocketOptions,
) -> Result<Socket, Unanswered> {
    tcp::prepare(&stream)?;
    let carrier = match tls {
        None => Carrier::Plain(stream),
        Some(acceptor) => Carrier::Tls(Box::new(acceptor.accept(stream).await?)),
    };
    let io = Io {
        carrier,
        begun_at: None,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_LEN)
        .write_buffer_size(0)
        .max_message_size(Some(CLIENT_MESSAGE_LEN_MAX))
        .max_frame_size(Some(CLIENT_MESSAGE_LEN_MAX));
    let mut is_foreign = false;
    #[expect(clippy::result_large_err, reason = "the type of a callback")]
    let callback = |request: &Request, response| {
        answer(request, response, origins).inspect_err(|_| {
            is_foreign = !origins.allow(request.headers().get(ORIGIN).map(HeaderValue::as_bytes));
        })
    };
    match accept_hdr_async_with_config(io, callback, Some(config)).await {
        Ok(mut stream) => {
            stream.get_mut().begun_at = None;
            Ok(Socket {
                stream: Mutex::new(stream),
                options,
                _place: place,
            })
        }
        Err(_) if is_foreign => Err(Unanswered::ForeignOrigin),
        Err(error) => Err(Unanswered::Http(Box::new(error))),
    }
}

/// The answer to a request that asks for a WebSocket.
#[expect(clippy::result_large_err, reason = "the type of a callback")]
fn answer(
    request: &Request,
    mut response: Response,
    origins: &Origins,
) -> Result<Response, ErrorResponse> {
    let headers = request.headers();
    let refused = if request.uri().path() != "/" {
        Some(StatusCode::NOT_FOUND)
    } else if !origins.allow(headers.get(ORIGIN).map(HeaderValue::as_bytes)) {
        Some(StatusCode::FORBIDDEN)
    } else {
        match speaks_ours(headers) {
            Some(true) => {
                let ours = HeaderValue::from_static(SUBPROTOCOL);
                response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, ours);
                None
            }
            Some(false) => Some(StatusCode::BAD_REQUEST),
            None => None,
        }
    };
    let Some(status) = refused else {
        return Ok(response);
    };
    let mut response = ErrorResponse::new(None);
    *response.status_mut() = status;
    let empty = HeaderValue::from_static("0");
    response.headers_mut().insert(CONTENT_LENGTH, empty);
    Err(response)
}

/// Whether our subprotocol is among those that are offered; `None` if none is.
fn speaks_ours(headers: &HeaderMap) -> Option<bool> {
    let mut offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().peekable();
    offered.peek()?;
    let is_ours = |list: &HeaderValue| {
        let list = list.to_str().unwrap_or_default();
        list.split(',').any(|one| one.trim() == SUBPROTOCOL)
    };
    Some(offered.any(is_ours))
}

impl Socket {
    /// The kernel's estimate of the round trip.
    pub(super) fn rtt(&self) -> Option<Duration> {
        tcp::rtt(self.lock().get_ref().tcp())
    }

    /// The next message; `None` at the end of the connection.
    pub(super) async fn receive(&self) -> Result<Option<Bytes>, SocketError> {
        loop {
            // The deadline counts from the first byte, and nobody knows when that will come.
            let begun = poll_fn(|context| match self.poll_message(context) {
                Poll::Ready(message) => Poll::Ready(Ok(message)),
                Poll::Pending => match self.lock().get_ref().begun_at {
                    Some(begun_at) => Poll::Ready(Err(begun_at)),
                    None => Poll::Pending,
                },
            });
            let message = match begun.await {
                Ok(message) => message,
                Err(begun_at) => {
                    let end = begun_at + self.options.message_deadline;
                    let rest = poll_fn(|context| self.poll_message(context));
                    let rest = timeout_at(end, rest).await;
                    rest.map_err(|_| SocketError::Unfinished)?
                }
            };
            match message {
                None => return Ok(None),
                Some(Ok(Message::Binary(bytes))) => return Ok(Some(bytes)),
                Some(Ok(Message::Text(_))) => return Err(SocketError::Text),
                // Pings are answered at the next look, and a close frame ends the messages.
                Some(Ok(_)) => {}
                Some(Err(error)) if is_loss(&error) => return Ok(None),
                Some(Err(error)) => return Err(SocketError::Protocol(Box::new(error))),
            }
        }
    }

    /// Writes frames, and waits until the system has them.
    pub(super) async fn send(&self, frames: &[Bytes]) -> Result<(), WebError> {
        let mut frames = frames;
        while !frames.is_empty() {
            let (message, rest) = next_message(frames);
            frames = rest;
            self.write(Message::Binary(message)).await?;
        }
        Ok(())
    }

    async fn write(&self, message: Message) -> Result<(), WebError> {
        poll_fn(|context| Pin::new(&mut *self.lock()).poll_ready(context)).await?;
        Pin::new(&mut *self.lock()).start_send(message)?;
        poll_fn(|context| Pin::new(&mut *self.lock()).poll_flush(context)).await
    }

    /// Closes the connection as RFC 6455 (section 7.1.1) asks a server to: with a close frame, and not before the peer
    /// has received it. `code` is one of the protocol's where the peer is not told it by a last frame.
    pub(crate) async fn close(&self, code: Option<protocol::CloseCode>, why: &str) {
        let code = code.map_or(WebCode::Normal, |code| {
            WebCode::from(CODES_FROM.saturating_add(u16::try_from(code.number()).unwrap_or(0)))
        });
        let end = why.floor_char_boundary(REASON_LEN_MAX);
        let frame = CloseFrame {
            code,
            reason: why[..end].into(),
        };
        let goodbye = async {
            // Fails where the peer has closed it: then it hears nothing more.
            let _ = self.write(Message::Close(Some(frame))).await;
            let _ = poll_fn(|context| {
                let mut stream = self.lock();
                Pin::new(stream.get_mut()).poll_shutdown(context)
            })
            .await;
            self.read_to_end().await;
        };
        if timeout(self.options.linger, goodbye).await.is_err() {
            self.cut();
        }
    }

    /// Unread bytes at the end of a connection would make the system withdraw what it has not delivered yet.
    async fn read_to_end(&self) {
        let mut unread = [0; 1_024];
        let mut read = 0;
        while read < LINGER_LEN {
            let some = poll_fn(|context| {
                let mut buffer = ReadBuf::new(&mut unread);
                let mut stream = self.lock();
                ready!(Pin::new(stream.get_mut()).poll_read(context, &mut buffer))?;
                Poll::Ready(io::Result::Ok(buffer.filled().len()))
            });
            match some.await {
                Ok(0) | Err(_) => return,
                Ok(len) => read += len,
            }
        }
        self.cut();
    }

    /// Drops what is not sent yet when the connection ends.
    pub(super) fn cut(&self) {
        tcp::abandon(self.lock().get_ref().tcp());
    }

    fn poll_message(&self, context: &mut Context<'_>) -> Poll<Option<Result<Message, WebError>>> {
        let mut stream = self.lock();
        let message = ready!(Pin::new(&mut *stream).poll_next(context));
        stream.get_mut().begun_at = None;
        Poll::Ready(message)
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, WebSocketStream<Io>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Codes of the protocol are these codes of WebSocket, which are for private use (RFC 6455 section 7.4.2).
const CODES_FROM: u16 = 4_000;

/// The first of `frames` in one message, and the others.
fn next_message(frames: &[Bytes]) -> (Bytes, &[Bytes]) {
    let mut len = 0;
    let count = frames.iter().take_while(|frame| {
        let fits = len == 0 || len + frame.len() <= BATCH_LEN;
        len += frame.len();
        fits
    });
    let (these, rest) = frames.split_at(count.count());
    let message = match these {
        [one] => one.clone(),
        several => {
            let mut message = BytesMut::with_capacity(several.iter().map(Bytes::len).sum());
            several
                .iter()
                .for_each(|frame| message.extend_from_slice(frame));
            message.freeze()
        }
    };
    (message, rest)
}

/// Whether an error is of the connection, and not of what the peer sent.
fn is_loss(error: &WebError) -> bool {
    matches!(
        error,
        WebError::Io(_)
            | WebError::ConnectionClosed
            | WebError::AlreadyClosed
            | WebError::Protocol(
                ProtocolError::ResetWithoutClosingHandshake
                    | ProtocolError::ReceivedAfterClosing
                    | ProtocolError::SendAfterClosing
            )
    )
}

/// The bytes below a WebSocket, with the time since when a message is incomplete.
#[derive(Debug)]
struct Io {
    carrier: Carrier,
    /// When the first byte was read since the last complete message.
    begun_at: Option<Instant>,
}

#[derive(Debug)]
enum Carrier {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    fn tcp(&self) -> &TcpStream {
        match &self.carrier {
            Carrier::Plain(stream) => stream,
            Carrier::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Io {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(match &mut self.carrier {
            Carrier::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Carrier::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        })?;
        if buffer.filled().len() > before && self.begun_at.is_none() {
            self.begun_at = Some(Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Io {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.carrier {
            Carrier::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Carrier::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Plain(stream) => Pin::new(stream).poll_flush(context),
            Carrier::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.carrier {
            Carrier::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Carrier::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
