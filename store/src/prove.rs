//! Asks for evidence that a process has ended.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use game_core::{MatchId, ShardId};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::contract::Store;
use crate::liveness::{Port, Proof, Suspicion};

/// A machine that runs answers sooner; one that does not answer at all proves nothing.
const ANSWER_MAX: Duration = Duration::from_millis(200);

/// Asks the store and the liveness port of a shard of which a beat is missing.
pub async fn prove(store: &dyn Store, suspicion: &Suspicion) -> Proof {
    let connected = timeout(ANSWER_MAX, store.are_connected(&suspicion.connections));
    let (port, connected) = tokio::join!(knock(suspicion.port, suspicion.shard), connected);
    Proof {
        port,
        connected: connected.unwrap_or(None),
    }
}

/// Connects to a liveness port, which says the id of its shard and closes.
async fn knock(port: SocketAddr, shard: ShardId) -> Port {
    let answer = timeout(ANSWER_MAX, async {
        let mut id = [0; MatchId::LEN];
        let mut stream = TcpStream::connect(port).await?;
        stream.read_exact(&mut id).await?;
        Ok::<_, std::io::Error>(id)
    });
    match answer.await {
        Ok(Ok(id)) if id[..] == *shard.to_string().as_bytes() => Port::Answered,
        Ok(Ok(id)) => {
            let id = std::str::from_utf8(&id).ok();
            let is_shard = id.is_some_and(|id| id.parse::<ShardId>().is_ok());
            if is_shard {
                Port::Another
            } else {
                Port::Unknown
            }
        }
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => Port::Refused,
        _ => Port::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// What a port is taken for that sends these bytes.
    async fn said(bytes: &'static [u8]) -> Port {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap();
        let answering = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(bytes).await.unwrap();
        };
        let shard = "shardshard01".parse().unwrap();
        tokio::join!(knock(port, shard), answering).0
    }

    #[tokio::test]
    async fn a_port_says_whose_it_is() {
        assert_eq!(said(b"shardshard01").await, Port::Answered);
        assert_eq!(said(b"shardshard02").await, Port::Another);
        assert_eq!(said(b"HTTP/1.1 400").await, Port::Unknown);
        assert_eq!(said(b"shard").await, Port::Unknown);
    }

    #[tokio::test]
    async fn a_port_without_a_listener_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap();
        drop(listener);
        let shard = "shardshard01".parse().unwrap();
        assert_eq!(knock(port, shard).await, Port::Refused);
    }

    /// The system accepts for a process that is stopped, which is no proof that it runs.
    #[tokio::test]
    async fn a_port_that_accepts_and_says_nothing_proves_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let shard = "shardshard01".parse().unwrap();
        let port = knock(listener.local_addr().unwrap(), shard).await;
        assert_eq!(port, Port::Unknown);
    }
}
