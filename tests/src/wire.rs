//! A client that sends whatever bytes it is given, and reads frames.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::BytesMut;
use client::Connector;
use client::connection::{ConnectError, ConnectionTimes, close_code};
use game_core::{CommandId, CommandKind, MatchId};
use protocol::codec::FrameError;
use protocol::http::ShardAddress;
use protocol::{ClientFrame, CloseCode, Join, Joined, ServerBody, ServerFrame, codec};
use quinn::{Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use tokio::time::timeout;

/// Longer than any deadline of a server under test.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection with one stream, and no opinion of what is right.
pub struct RawClient {
    /// The connection.
    pub connection: Connection,
    /// What is sent.
    pub send: SendStream,
    recv: RecvStream,
    buffer: BytesMut,
    /// The socket.
    pub endpoint: Endpoint,
}

impl RawClient {
    /// Connects and opens a stream; nothing is sent yet.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub async fn connect(shard: &ShardAddress) -> Self {
        let is_here = shard.address.ip().is_loopback();
        let from = if is_here {
            Ipv4Addr::LOCALHOST
        } else {
            Ipv4Addr::UNSPECIFIED
        };
        Self::connect_from(from.into(), shard)
            .await
            .expect("a connection")
    }

    /// Connects from an address of the loopback, and opens a stream.
    ///
    /// # Errors
    ///
    /// Why the shard cannot be reached, or gives no stream.
    ///
    /// # Panics
    ///
    /// If there is no socket.
    pub async fn connect_from(from: IpAddr, shard: &ShardAddress) -> Result<Self, ConnectError> {
        let socket = SocketAddr::new(from, 0);
        let endpoint = Endpoint::client(socket).expect("a socket");
        let times = ConnectionTimes::default();
        let connector = Connector::with_endpoints(vec![endpoint.clone()], None, times);
        let connection = connector.connect(shard).await?;
        let (send, recv) = connection.open_bi().await?;
        Ok(Self {
            connection,
            send,
            recv,
            buffer: BytesMut::new(),
            endpoint,
        })
    }

    /// Opens another stream, and goes on with that one.
    ///
    /// # Errors
    ///
    /// Why the connection is gone.
    pub async fn reopen(&mut self) -> Result<(), ConnectionError> {
        (self.send, self.recv) = self.connection.open_bi().await?;
        self.buffer.clear();
        Ok(())
    }

    /// Connects and joins a match, and returns the answer too.
    ///
    /// # Panics
    ///
    /// If that fails.
    pub async fn join(
        shard: &ShardAddress,
        match_id: MatchId,
        token: String,
        seen: Option<u32>,
    ) -> (Self, Joined) {
        let mut client = Self::connect(shard).await;
        client.ask(match_id, token, seen).await;
        let frame = client.next().await.expect("an answer to the join");
        let ServerBody::Joined(joined) = frame.body else {
            panic!("not joined: {frame:?}")
        };
        (client, *joined)
    }

    /// Asks for a place in a match.
    ///
    /// # Panics
    ///
    /// If the stream does not take it.
    pub async fn ask(&mut self, match_id: MatchId, token: String, seen: Option<u32>) {
        let join = Join {
            version: protocol::VERSION,
            flags: protocol::JoinFlags::NONE,
            match_id,
            token,
            seen,
        };
        self.say(&ClientFrame::Join(join)).await;
    }

    /// Sends a frame.
    ///
    /// # Panics
    ///
    /// If the stream does not take it.
    pub async fn say(&mut self, frame: &ClientFrame) {
        self.bytes(&codec::encode_client(frame)).await;
    }

    /// Asks for a place in a match, on a stream that the shard may have closed already.
    pub async fn try_ask(&mut self, match_id: MatchId, token: &str) {
        let join = ClientFrame::Join(Join {
            version: protocol::VERSION,
            flags: protocol::JoinFlags::NONE,
            match_id,
            token: token.to_owned(),
            seen: None,
        });
        // What a closed stream does not take has no answer.
        let _ = self.send.write_all(&codec::encode_client(&join)).await;
    }

    /// Sends a command.
    pub async fn command(&mut self, id: u64, kind: CommandKind) {
        self.say(&ClientFrame::Command {
            id: CommandId(id),
            kind,
        })
        .await;
    }

    /// Sends a move, with a command id made of its ply.
    ///
    /// # Panics
    ///
    /// If `uci` is no move.
    pub async fn play(&mut self, ply: u16, uci: &str) {
        let uci = uci.parse().expect("a move");
        let kind = CommandKind::plain_move(ply.into(), uci);
        self.command(1_000 + u64::from(ply), kind).await;
    }

    /// Sends bytes as they are.
    ///
    /// # Panics
    ///
    /// If the stream does not take them.
    pub async fn bytes(&mut self, bytes: &[u8]) {
        self.send
            .write_all(bytes)
            .await
            .expect("the stream takes bytes");
    }

    /// The next frame; `None` at the end of the stream or connection.
    ///
    /// # Panics
    ///
    /// If nothing comes for half a minute, or what comes is no frame.
    pub async fn next(&mut self) -> Option<ServerFrame> {
        let next = timeout(PATIENCE, self.try_next()).await;
        let next = next.expect("the server says something in time");
        next.expect("a frame")
    }

    /// The next frame, however long it takes; `None` at the end of the stream or connection.
    ///
    /// # Errors
    ///
    /// When what comes is no frame.
    pub async fn try_next(&mut self) -> Result<Option<ServerFrame>, FrameError> {
        loop {
            if let Some(received) = codec::decode_server(&mut self.buffer)? {
                return Ok(Some(received.frame));
            }
            match self.recv.read_chunk(64 * 1_024, true).await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk.bytes),
                Ok(None) | Err(_) => return Ok(None),
            }
        }
    }

    /// The next frame, if one comes within `limit`.
    pub async fn next_within(&mut self, limit: Duration) -> Option<ServerFrame> {
        timeout(limit, self.next()).await.ok().flatten()
    }

    /// Reads frames until one is as wanted, and returns it.
    ///
    /// # Panics
    ///
    /// If the stream ends before.
    pub async fn until(&mut self, wanted: impl Fn(&ServerBody) -> bool) -> ServerFrame {
        loop {
            let frame = self
                .next()
                .await
                .expect("the wanted frame comes before the end");
            if wanted(&frame.body) {
                return frame;
            }
        }
    }

    /// Reads to the end of the stream, and says how it was closed: by a last frame, or with the
    /// whole connection.
    pub async fn closed(&mut self) -> Option<CloseCode> {
        let mut last = None;
        while let Some(frame) = self.next().await {
            if let ServerBody::Closed(code) = frame.body {
                last = Some(code);
            }
        }
        if last.is_some() {
            return last;
        }
        let error = timeout(PATIENCE, self.connection.closed()).await.ok()?;
        close_code(&error)
    }
}
