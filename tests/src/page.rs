//! What a page does: frames over WebSocket or WebTransport, and whatever bytes it is given.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use client::certificate::{CertificatePin, PinnedCertificate};
use futures_util::{SinkExt, StreamExt};
use game_core::{CommandId, CommandKind, MatchId};
use protocol::http::ShardAddress;
use protocol::{ClientFrame, CloseCode, Join, JoinFlags, Joined, ServerBody, ServerFrame, codec};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, TransportConfig};
use rustls::crypto::ring::default_provider;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error as WebError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use web_transport_quinn::proto::ConnectRequest;
use web_transport_quinn::{RecvStream, SendStream, Session, SessionError, WebTransportError};

/// Longer than any deadline of a server under test.
const PATIENCE: Duration = Duration::from_secs(30);

/// The doors of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// WebSocket over TCP.
    WebSocket,
    /// WebTransport over QUIC.
    WebTransport,
}

impl Door {
    /// Both.
    pub const ALL: [Self; 2] = [Self::WebSocket, Self::WebTransport];
}

/// One connection with one stream, and no opinion of what is right.
#[derive(Debug)]
pub struct Page {
    /// What carries it.
    pub carrier: Carrier,
    buffer: BytesMut,
}

/// What carries the frames of a page.
#[expect(clippy::large_enum_variant, reason = "a test has a few of them")]
pub enum Carrier {
    /// A WebSocket.
    WebSocket(Box<WebSocketStream<TcpStream>>),
    /// A session, with a stream.
    WebTransport {
        /// The session.
        session: Box<Session>,
        /// What is sent.
        send: SendStream,
        /// What is received.
        recv: RecvStream,
        /// The socket.
        endpoint: Endpoint,
    },
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WebSocket(_) => "WebSocket",
            Self::WebTransport { .. } => "WebTransport",
        })
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The code in the last frame, if one came.
    pub frame: Option<CloseCode>,
    /// The code with which the connection was closed: 1000, or 4000 and one of the protocol, of a WebSocket; one of the
    /// protocol, of a session. `None` if it was just lost.
    pub connection: Option<u32>,
}

impl Ended {
    /// Of a connection that was closed for a violation of the protocol.
    #[must_use]
    pub const fn violation(door: Door) -> Self {
        let connection = match door {
            Door::WebSocket => 4_001,
            Door::WebTransport => 1,
        };
        Self {
            frame: None,
            connection: Some(connection),
        }
    }
}

impl Page {
    /// Connects and opens a stream; nothing is sent yet.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub async fn connect(door: Door, shard: &ShardAddress) -> Self {
        let page = Self::try_connect(door, shard, Ipv4Addr::LOCALHOST.into(), None).await;
        page.expect("a connection")
    }

    /// Connects from an address of the loopback as a page of an origin does.
    ///
    /// # Errors
    ///
    /// Why the shard does not let it in.
    ///
    /// # Panics
    ///
    /// If the shard has no such door, or this machine no such address.
    pub async fn try_connect(
        door: Door,
        shard: &ShardAddress,
        from: IpAddr,
        origin: Option<&str>,
    ) -> Result<Self, String> {
        let carrier = match door {
            Door::WebSocket => {
                let socket = open_web_socket(shard, from, origin, Some("rookery")).await;
                let socket = socket.map_err(|error| error.to_string())?;
                Carrier::WebSocket(Box::new(socket))
            }
            Door::WebTransport => open_session(shard, from, origin).await?,
        };
        Ok(Self {
            carrier,
            buffer: BytesMut::new(),
        })
    }

    /// Connects and joins a match, and returns the answer too.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub async fn join(
        door: Door,
        shard: &ShardAddress,
        match_id: MatchId,
        token: String,
        seen: Option<u32>,
    ) -> (Self, Joined) {
        let mut page = Self::connect(door, shard).await;
        page.ask(match_id, token, seen, JoinFlags::NONE).await;
        let frame = page.next().await.expect("an answer to the join");
        let ServerBody::Joined(joined) = frame.body else {
            panic!("not joined: {frame:?}")
        };
        (page, *joined)
    }

    /// Asks for a place in a match.
    pub async fn ask(
        &mut self,
        match_id: MatchId,
        token: String,
        seen: Option<u32>,
        flags: JoinFlags,
    ) {
        self.say(&ClientFrame::Join(Join {
            version: protocol::VERSION,
            flags,
            match_id,
            token,
            seen,
        }))
        .await;
    }

    /// Sends a move, with a command id made of its ply.
    ///
    /// # Panics
    ///
    /// If `uci` is no move.
    pub async fn play(&mut self, ply: u16, uci: &str) {
        let uci = uci.parse().expect("a move");
        self.say(&ClientFrame::Command {
            id: CommandId(1_000 + u64::from(ply)),
            kind: CommandKind::plain_move(ply.into(), uci),
        })
        .await;
    }

    /// Sends a frame.
    pub async fn say(&mut self, frame: &ClientFrame) {
        self.bytes(&codec::encode_client(frame)).await;
    }

    /// Sends bytes as they are, over WebSocket as a binary message. What a closed connection does not take has no answer.
    pub async fn bytes(&mut self, bytes: &[u8]) {
        match &mut self.carrier {
            Carrier::WebSocket(socket) => {
                let message = Message::Binary(Bytes::copy_from_slice(bytes));
                let _ = socket.send(message).await;
            }
            Carrier::WebTransport { send, .. } => _ = send.write_all(bytes).await,
        }
    }

    /// The next frame; `None` at the end of the stream or connection.
    ///
    /// # Panics
    ///
    /// If nothing comes for half a minute, or what comes is no frame.
    pub async fn next(&mut self) -> Option<ServerFrame> {
        let next = timeout(PATIENCE, self.read(&mut None)).await;
        next.expect("the server says something in time")
    }

    /// The next frame, if one comes within `limit`.
    pub async fn next_within(&mut self, limit: Duration) -> Option<ServerFrame> {
        timeout(limit, self.read(&mut None)).await.ok().flatten()
    }

    /// Reads frames until one is as wanted, and returns it.
    ///
    /// # Panics
    ///
    /// If the stream ends before.
    pub async fn until(&mut self, wanted: impl Fn(&ServerBody) -> bool) -> ServerFrame {
        loop {
            let frame = self.next().await;
            let frame = frame.expect("the wanted frame comes before the end");
            if wanted(&frame.body) {
                return frame;
            }
        }
    }

    /// Reads to the end, and says how the connection was closed.
    ///
    /// # Panics
    ///
    /// If it does not end within half a minute.
    pub async fn ended(&mut self) -> Ended {
        let (mut frame, mut connection) = (None, None);
        let reading = async {
            while let Some(next) = self.read(&mut connection).await {
                if let ServerBody::Closed(code) = next.body {
                    frame = Some(code);
                }
            }
            if let Carrier::WebTransport { session, .. } = &self.carrier
                && let SessionError::WebTransportError(WebTransportError::Closed(code, _)) =
                    session.closed().await
            {
                connection = Some(code);
            }
        };
        timeout(PATIENCE, reading).await.expect("it ends in time");
        Ended { frame, connection }
    }

    async fn read(&mut self, closed_with: &mut Option<u32>) -> Option<ServerFrame> {
        loop {
            if let Some(received) = codec::decode_server(&mut self.buffer).expect("a frame") {
                return Some(received.frame);
            }
            let bytes = match &mut self.carrier {
                Carrier::WebSocket(socket) => {
                    assert!(self.buffer.is_empty(), "messages hold whole frames");
                    match socket.next().await? {
                        Ok(Message::Binary(bytes)) => bytes,
                        Ok(Message::Close(Some(frame))) => {
                            *closed_with = Some(u16::from(frame.code).into());
                            continue;
                        }
                        Ok(_) => continue,
                        Err(_) => return None,
                    }
                }
                Carrier::WebTransport { recv, .. } => {
                    recv.read_chunk(64 * 1_024, true).await.ok()??.bytes
                }
            };
            self.buffer.extend_from_slice(&bytes);
        }
    }
}

/// Opens a TCP connection to the WebSocket of a shard, and says nothing.
///
/// # Errors
///
/// When the shard does not accept it.
///
/// # Panics
///
/// If the shard has none, or this machine no such address.
pub async fn open_tcp(shard: &ShardAddress, from: IpAddr) -> io::Result<TcpStream> {
    let url = shard.web_socket.as_deref().expect("it has a WebSocket");
    let address = url.trim_start_matches("ws://").trim_end_matches('/');
    let address: SocketAddr = address.parse().expect("a literal address");
    let socket = TcpSocket::new_v4()?;
    let from = SocketAddr::new(from, 0);
    socket.bind(from).expect("an address of this machine");
    socket.connect(address).await
}

/// Opens a WebSocket as a page of an origin does, which names a subprotocol.
///
/// # Errors
///
/// Why there is none.
pub async fn open_web_socket(
    shard: &ShardAddress,
    from: IpAddr,
    origin: Option<&str>,
    subprotocol: Option<&str>,
) -> Result<WebSocketStream<TcpStream>, WebError> {
    let stream = open_tcp(shard, from).await?;
    let mut request = shard.web_socket.as_deref().into_iter();
    let mut request = request.next().unwrap_or_default().into_client_request()?;
    let mut header = |name: &'static str, value: Option<&str>| {
        if let Some(value) = value {
            let value = HeaderValue::from_str(value).expect("a value");
            request.headers_mut().insert(name, value);
        }
    };
    header("origin", origin);
    header("sec-websocket-protocol", subprotocol);
    Ok(client_async(request, stream).await?.0)
}

/// Connects as a browser does that speaks HTTP/3, and asks for nothing.
///
/// # Errors
///
/// Why the shard cannot be reached.
///
/// # Panics
///
/// If the shard has no such door.
pub async fn connect_http3(
    shard: &ShardAddress,
    from: IpAddr,
) -> Result<(Connection, Endpoint), String> {
    let door = shard.web_transport.as_ref().expect("it has WebTransport");
    let endpoint = Endpoint::client(SocketAddr::new(from, 0)).expect("a socket");
    let hash = door.certificate_hashes.first().expect("a certificate");
    let connecting = endpoint.connect_with(http3(hash), shard.address, "localhost");
    let connecting = connecting.expect("it can be begun");
    let connection = connecting.await.map_err(|error| error.to_string())?;
    Ok((connection, endpoint))
}

async fn open_session(
    shard: &ShardAddress,
    from: IpAddr,
    origin: Option<&str>,
) -> Result<Carrier, String> {
    let (connection, endpoint) = connect_http3(shard, from).await?;
    let url = shard
        .web_transport
        .as_ref()
        .expect("it has WebTransport")
        .url
        .parse();
    let url: url::Url = url.expect("a URL");
    let mut request = ConnectRequest::new(url);
    if let Some(origin) = origin {
        let value = HeaderValue::from_str(origin).expect("a value");
        request.headers.insert("origin", value);
    }
    let session = Session::connect(connection, request).await;
    let session = session.map_err(|error| error.to_string())?;
    let (send, recv) = session.open_bi().await.map_err(|error| error.to_string())?;
    Ok(Carrier::WebTransport {
        session: Box::new(session),
        send,
        recv,
        endpoint,
    })
}

fn http3(hash: &str) -> ClientConfig {
    let pin: CertificatePin = hash.parse().expect("a hash");
    let provider = Arc::new(default_provider());
    let verifier = PinnedCertificate::new(pin, Arc::clone(&provider));
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    tls.alpn_protocols = vec![web_transport_quinn::ALPN.as_bytes().to_vec()];
    let crypto = QuicClientConfig::try_from(tls).expect("cipher suites of QUIC");
    let mut config = ClientConfig::new(Arc::new(crypto));
    let mut transport = TransportConfig::default();
    transport.keep_alive_interval(Some(Duration::from_secs(1)));
    config.transport_config(Arc::new(transport));
    config
}
