//! The port that only a live process accepts on: a refused connection is evidence that it has ended.

use std::time::Duration;

use game_core::ShardId;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Between two connections: so many of them cost no more than a small share of a core.
const PAUSE: Duration = Duration::from_millis(1);
/// After a failure to accept, for example for want of open files.
const FAILURE_PAUSE: Duration = Duration::from_millis(100);

/// Says the shard's id to whoever connects, and closes. Nothing is read, and one connection is open at a time.
pub(crate) async fn answer(listener: TcpListener, id: ShardId, ended: CancellationToken) {
    let id = id.to_string();
    loop {
        let accepted = tokio::select! {
            () = ended.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let pause = match accepted {
            // A new connection has room for an id: this does not wait for its peer.
            Ok((mut stream, _)) => {
                let _ = stream.write_all(id.as_bytes()).await;
                PAUSE
            }
            Err(error) => {
                tracing::debug!(%error, "the liveness port accepts nothing");
                FAILURE_PAUSE
            }
        };
        sleep(pause).await;
    }
}
