//! WebTransport over HTTP/3, on connections of the shard's own QUIC endpoint.

use std::sync::Arc;
use std::time::Duration;

use quinn::Connection;
use quinn::crypto::rustls::HandshakeData;
use tokio::time::timeout;
use web_transport_quinn::http::StatusCode;
use web_transport_quinn::http::header::ORIGIN;
use web_transport_quinn::{Request, ServerError, Session};

use crate::origins::Origins;

/// How long a page that is refused has to receive the refusal.
const REFUSAL_WITHIN: Duration = Duration::from_secs(1);

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSession {
    #[error("the page is of another origin")]
    ForeignOrigin,
    #[error("there is nothing at {0}")]
    OtherPath(String),
    #[error("HTTP/3: {0}")]
    Http(Arc<ServerError>),
}

impl From<ServerError> for NoSession {
    fn from(error: ServerError) -> Self {
        Self::Http(Arc::new(error))
    }
}

/// Whether the peer of a new connection speaks HTTP/3.
pub(crate) fn is_http3(connection: &Connection) -> bool {
    let data = connection.handshake_data();
    let data = data.and_then(|data| data.downcast::<HandshakeData>().ok());
    data.is_some_and(|data| data.protocol.as_deref() == Some(web_transport_quinn::ALPN.as_bytes()))
}

/// Answers the request for a session, which is the only one of its connection. `streams_max` seat streams may be open
/// in it.
pub(crate) async fn open_session(
    connection: Connection,
    origins: &Origins,
    streams_max: u32,
) -> Result<Session, NoSession> {
    // The request itself is a stream too.
    connection.set_max_concurrent_bi_streams(streams_max.saturating_add(1).into());
    let request = Request::accept(connection).await?;
    let origin = request.headers.get(ORIGIN);
    if !origins.allow(origin.map(|origin| origin.as_bytes())) {
        refuse(request, StatusCode::FORBIDDEN).await;
        return Err(NoSession::ForeignOrigin);
    }
    if request.url.path() != "/" {
        let path = request.url.path().to_owned();
        refuse(request, StatusCode::NOT_FOUND).await;
        return Err(NoSession::OtherPath(path));
    }
    Ok(request.ok().await?)
}

async fn refuse(request: Request, status: StatusCode) {
    let connection = request.conn().clone();
    if request.reject(status).await.is_ok() {
        let _ = timeout(REFUSAL_WITHIN, connection.closed()).await;
    }
}
