//! A seat stream over WebSocket.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;

use bytes::Bytes;
use futures_util::{Sink, Stream};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebError, Message};
use url::Url;

use super::outcome::{BrokenBy, Exchanged, broken_by_number, exchanged};

/// The subprotocol.
const SUBPROTOCOL: &str = "rookery";
/// Thousands of connections share a process.
const READ_BUFFER_LEN: usize = 2 * 1_024;
/// Codes of the protocol are these codes of WebSocket.
const CODES: std::ops::RangeInclusive<u16> = 4_000..=4_999;

/// A WebSocket, which is one stream.
pub(crate) struct WebSocketStream {
    socket: tokio_tungstenite::WebSocketStream<TcpStream>,
    /// Messages so far, and pings.
    received: u64,
}

impl WebSocketStream {
    /// Connects to a plain WebSocket at a literal address, from `local` if that is given.
    pub(crate) async fn open(url: &Url, local: Option<SocketAddr>) -> Result<Self, String> {
        let addresses = url.socket_addrs(|| None);
        let address = addresses.ok().and_then(|found| found.first().copied());
        let address = address.filter(|_| url.scheme() == "ws");
        let address = address.ok_or_else(|| format!("{url} is no plain WebSocket"))?;
        let connected = async {
            let socket = if address.is_ipv4() {
                TcpSocket::new_v4()?
            } else {
                TcpSocket::new_v6()?
            };
            if let Some(local) = local {
                socket.bind(local)?;
            }
            let stream = socket.connect(address).await?;
            stream.set_nodelay(true)?;
            std::io::Result::Ok(stream)
        };
        let stream = connected.await.map_err(|error| error.to_string())?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_LEN)
            .write_buffer_size(0);
        let opening = async {
            let mut request = url.as_str().into_client_request()?;
            let ours = HeaderValue::from_static(SUBPROTOCOL);
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, ours);
            client_async_with_config(request, stream, Some(config)).await
        };
        let (socket, _) = opening.await.map_err(|error: WebError| error.to_string())?;
        Ok(Self {
            socket,
            received: 0,
        })
    }

    /// Writes all of `outgoing`, which are whole frames, or reads a message.
    pub(super) async fn exchange(&mut self, outgoing: &[u8]) -> Result<Exchanged, BrokenBy> {
        loop {
            let polled = poll_fn(|context| {
                let mut socket = Pin::new(&mut self.socket);
                // What a blocked write has left goes out first.
                let ready = socket.as_mut().poll_ready(context)?;
                if ready.is_ready() && !outgoing.is_empty() {
                    let message = Message::Binary(Bytes::copy_from_slice(outgoing));
                    socket.start_send(message)?;
                    return Poll::Ready(Ok(None));
                }
                socket
                    .poll_next(context)
                    .map(|message| Ok(Some(message.transpose()?)))
            });
            let read = match polled.await.map_err(lost)? {
                None => return Ok(Exchanged::Wrote(outgoing.len())),
                Some(read) => read,
            };
            self.received += 1;
            match read {
                None => return exchanged(None),
                Some(Message::Binary(bytes)) => return exchanged(Some(bytes)),
                Some(Message::Close(Some(frame))) => {
                    let code = u16::from(frame.code);
                    if CODES.contains(&code) {
                        return Err(broken_by_number((code - CODES.start()).into()));
                    }
                }
                Some(_) => {}
            }
        }
    }

    pub(super) const fn received(&self) -> u64 {
        self.received
    }
}

fn lost(error: WebError) -> BrokenBy {
    BrokenBy::Loss(error.to_string())
}
