//! TCP proxies between a shard and Redis that cut, swallow, delay and lose.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What happens to the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TcpFault {
    /// Nothing.
    #[default]
    None,
    /// They are closed, and new ones as well.
    Cut,
    /// What the shard sends vanishes.
    SwallowRequests,
    /// What Redis answers vanishes.
    SwallowReplies,
    /// What either side sends vanishes, as where a cable is pulled out.
    SwallowAll,
    /// A connection is closed when Redis answers, and the answer vanishes: the shard cannot know
    /// whether it was done.
    LoseReplies,
    /// Everything comes so much later.
    Delay(Duration),
}

/// Changes what is sent, in place.
pub type Rewrite = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Listens on a port of its own; gone when dropped.
#[derive(Debug)]
pub struct TcpProxy {
    address: SocketAddr,
    fault: watch::Sender<TcpFault>,
    _stop: DropGuard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Requests,
    Replies,
}

impl TcpProxy {
    /// Starts a proxy without faults before `target`.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub async fn start(target: SocketAddr, requests: Option<Rewrite>) -> io::Result<Self> {
        Self::start_rewriting(target, requests, None).await
    }

    /// The same, which changes answers too.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub async fn start_rewriting(
        target: SocketAddr,
        requests: Option<Rewrite>,
        answers: Option<Rewrite>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (fault, faults) = watch::channel(TcpFault::None);
        let stop = CancellationToken::new();
        let accepting = accept(listener, target, faults, [requests, answers]);
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(accepting).await });
        Ok(Self {
            address,
            fault,
            _stop: stop.drop_guard(),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what happens from now on. Connections of which something was swallowed are closed when
    /// that ends, as the rest of what is said on them makes no sense.
    pub fn set(&self, fault: TcpFault) {
        self.fault.send_replace(fault);
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    faults: watch::Receiver<TcpFault>,
    rewrites: [Option<Rewrite>; 2],
) {
    // Dropped with this future, and all connections with it.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        if *faults.borrow() != TcpFault::Cut {
            connections.spawn(carry(client, target, faults.clone(), rewrites.clone()));
        }
    }
}

async fn carry(
    client: TcpStream,
    target: SocketAddr,
    faults: watch::Receiver<TcpFault>,
    [requests, answers]: [Option<Rewrite>; 2],
) {
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pump((from_client, to_server), Way::Requests, faults.clone(), requests) => {}
        () = pump((from_server, to_client), Way::Replies, faults, answers) => {}
    }
}

/// Carries bytes until the connection is to end.
async fn pump(
    (mut from, mut to): (OwnedReadHalf, OwnedWriteHalf),
    way: Way,
    mut faults: watch::Receiver<TcpFault>,
    rewrite: Option<Rewrite>,
) {
    let mut buffer = vec![0; 64 * 1024];
    let mut swallowed = false;
    loop {
        let fault = *faults.borrow_and_update();
        let swallows = matches!(
            (fault, way),
            (TcpFault::SwallowRequests, Way::Requests)
                | (TcpFault::SwallowReplies, Way::Replies)
                | (TcpFault::SwallowAll, _)
        );
        if fault == TcpFault::Cut || (swallowed && !swallows) {
            return;
        }
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            changed = faults.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let Some(bytes) = read.ok().filter(|&n| n > 0).map(|n| &mut buffer[..n]) else {
            return;
        };
        match (*faults.borrow(), way) {
            (TcpFault::LoseReplies, Way::Replies) => return,
            (TcpFault::SwallowRequests, Way::Requests)
            | (TcpFault::SwallowReplies, Way::Replies)
            | (TcpFault::SwallowAll, _) => {
                swallowed = true;
                continue;
            }
            _ => {}
        }
        if let TcpFault::Delay(delay) = fault {
            tokio::time::sleep(delay).await;
        }
        if let Some(rewrite) = &rewrite {
            rewrite(bytes);
        }
        if to.write_all(bytes).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An echo behind a proxy, and a connection to it.
    async fn echo() -> (TcpProxy, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let target = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = stream.split();
                    let _ = tokio::io::copy(&mut read, &mut write).await;
                });
            }
        });
        let proxy = TcpProxy::start(target, None).await.unwrap();
        let stream = TcpStream::connect(proxy.address()).await.unwrap();
        (proxy, stream)
    }

    async fn answer(stream: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
        stream.write_all(text).await?;
        let mut answer = vec![0; text.len()];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn without_a_fault_everything_comes_through() {
        let (_proxy, mut stream) = echo().await;
        assert_eq!(answer(&mut stream, b"ping").await.unwrap(), b"ping");
    }

    #[tokio::test]
    async fn a_cut_closes_what_is_open() {
        let (proxy, mut stream) = echo().await;
        assert_eq!(answer(&mut stream, b"ping").await.unwrap(), b"ping");
        proxy.set(TcpFault::Cut);
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
    }

    #[tokio::test]
    async fn a_connection_that_lost_bytes_ends_with_the_fault() {
        let faults = [
            TcpFault::SwallowRequests,
            TcpFault::SwallowReplies,
            TcpFault::SwallowAll,
        ];
        for fault in faults {
            let (proxy, mut stream) = echo().await;
            assert_eq!(answer(&mut stream, b"ping").await.unwrap(), b"ping");
            proxy.set(fault);
            stream.write_all(b"lost").await.unwrap();
            let silence = Duration::from_millis(100);
            let read = tokio::time::timeout(silence, stream.read(&mut [0; 8])).await;
            assert!(read.is_err(), "the connection stays open and silent");
            proxy.set(TcpFault::None);
            assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
        }
    }

    #[tokio::test]
    async fn a_lost_reply_closes_the_connection() {
        let (proxy, mut stream) = echo().await;
        proxy.set(TcpFault::LoseReplies);
        assert!(answer(&mut stream, b"ping").await.is_err());
    }
}
