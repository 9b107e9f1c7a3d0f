//! The network between one page and an installation.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use lab::tcp_proxy::{Rewrite, TcpFault, TcpProxy};
use lab::udp_proxy::{UdpProxy, Weather};

/// Proxies before everything that one page reaches: the matchmaker, and each shard by WebTransport and by WebSocket. In what
/// the matchmaker answers, the addresses of shards are replaced by those of the proxies. All of it is gone when this is
/// dropped.
pub struct Network {
    http: TcpProxy,
    shards: Vec<Way>,
}

/// The two ways to one shard.
struct Way {
    web_transport: UdpProxy,
    web_socket: TcpProxy,
}

/// Where a shard listens for pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doors {
    /// UDP.
    pub web_transport: SocketAddr,
    /// TCP.
    pub web_socket: SocketAddr,
}

impl Network {
    /// Starts a network without faults.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub async fn start(matchmaker: SocketAddr, shards: &[Doors]) -> io::Result<Self> {
        let (mut ways, mut replaced) = (Vec::new(), BTreeMap::new());
        for (seed, doors) in (1..).zip(shards) {
            let way = Way {
                web_transport: UdpProxy::start(doors.web_transport, seed).await?,
                web_socket: TcpProxy::start(doors.web_socket, None).await?,
            };
            let (udp, tcp) = (way.web_transport.address(), way.web_socket.address());
            replaced.insert(
                format!("https://{}", doors.web_transport),
                format!("https://{udp}"),
            );
            replaced.insert(format!("ws://{}", doors.web_socket), format!("ws://{tcp}"));
            ways.push(way);
        }
        let answers = rewriting(replaced);
        Ok(Self {
            http: TcpProxy::start_rewriting(matchmaker, None, Some(answers)).await?,
            shards: ways,
        })
    }

    /// The origin of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.http.address())
    }

    /// Pulls the cable out, or puts it in again. Nobody is told: what is sent vanishes.
    pub fn cut(&self, is_cut: bool) {
        let fault = if is_cut {
            TcpFault::SwallowAll
        } else {
            TcpFault::None
        };
        self.http.set(fault);
        for way in &self.shards {
            way.web_socket.set(fault);
        }
        self.block_udp(is_cut);
    }

    /// Has all UDP packets vanish, as in networks that know the web alone; or lets them through again.
    pub fn block_udp(&self, is_blocked: bool) {
        let loss = if is_blocked { 1.0 } else { 0.0 };
        for way in &self.shards {
            way.web_transport.set(Weather {
                loss,
                ..Weather::default()
            });
        }
    }

    /// Closes and refuses WebSockets; or lets them in again.
    pub fn block_web_sockets(&self, is_blocked: bool) {
        let fault = if is_blocked {
            TcpFault::Cut
        } else {
            TcpFault::None
        };
        for way in &self.shards {
            way.web_socket.set(fault);
        }
    }
}

/// Replaces texts by others of the same length. What two reads tear apart is missed: then the page's own check, that it is
/// connected through a proxy, fails.
fn rewriting(replaced: BTreeMap<String, String>) -> Rewrite {
    Arc::new(move |bytes| {
        for (from, to) in &replaced {
            let (from, to) = (from.as_bytes(), to.as_bytes());
            let mut at = 0;
            while from.len() == to.len() && at + from.len() <= bytes.len() {
                if bytes[at..].starts_with(from) {
                    bytes[at..at + from.len()].copy_from_slice(to);
                }
                at += 1;
            }
        }
    })
}
