//! A seat stream over WebTransport.

use protocol::CloseCode;
use quinn::Connection;
use url::Url;
use web_transport_quinn::proto::ConnectRequest;
use web_transport_quinn::{
    ReadError, RecvStream, SendStream, Session, SessionError, WebTransportError, WriteError,
};

use super::outcome::{
    BrokenBy, Exchanged, READ_LEN_MAX, broken_by_number, connection_broken, exchanged,
};

/// Streams of one direction that the server may open: HTTP/3 has three.
pub(crate) const SESSION_STREAMS: u32 = 3;

/// A session with one stream.
pub(crate) struct WebTransportStream {
    session: Session,
    send: SendStream,
    recv: RecvStream,
}

impl WebTransportStream {
    /// Opens the session of a new connection, and a stream in it.
    pub(crate) async fn open(connection: Connection, url: Url) -> Result<Self, String> {
        let session = Session::connect(connection, ConnectRequest::new(url)).await;
        let session = session.map_err(|error| error.to_string())?;
        let (send, recv) = session.open_bi().await.map_err(|error| error.to_string())?;
        Ok(Self {
            session,
            send,
            recv,
        })
    }

    pub(super) async fn exchange(&mut self, outgoing: &[u8]) -> Result<Exchanged, BrokenBy> {
        tokio::select! {
            biased;
            written = self.send.write(outgoing), if !outgoing.is_empty() => {
                written.map(Exchanged::Wrote).map_err(|error| match error {
                    WriteError::Stopped(code) => broken_by_number(code.into()),
                    WriteError::SessionError(error) => session_broken(&error),
                    other => BrokenBy::Loss(other.to_string()),
                })
            }
            read = self.recv.read_chunk(READ_LEN_MAX, true) => match read {
                Ok(chunk) => exchanged(chunk.map(|chunk| chunk.bytes)),
                Err(ReadError::Reset(code)) => Err(broken_by_number(code.into())),
                Err(ReadError::SessionError(error)) => Err(session_broken(&error)),
                Err(other) => Err(BrokenBy::Loss(other.to_string())),
            },
        }
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.session
    }

    pub(super) fn close(&self, code: CloseCode) {
        self.session.close(code.number(), b"");
    }
}

fn session_broken(error: &SessionError) -> BrokenBy {
    match error {
        SessionError::WebTransportError(WebTransportError::Closed(code, _)) => {
            broken_by_number((*code).into())
        }
        SessionError::ConnectionError(error) => connection_broken(error),
        other => BrokenBy::Loss(other.to_string()),
    }
}
