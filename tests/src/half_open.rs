//! Attackers who begin QUIC handshakes, prove their addresses where they are asked to, and finish none.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use client::Connector;
use client::connection::ConnectionTimes;
use protocol::http::ShardAddress;
use quinn::Endpoint;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Longer than any test.
const NEVER: Duration = Duration::from_secs(600);

/// One attacker at an address of its own; it stops when this is dropped.
///
/// Handshakes of a usual client pass a relay, which lets through to it the packets alone that ask for a
/// proof of the address (Retry, RFC 9000 section 17.2.5).
pub struct HalfOpen {
    _tasks: JoinSet<()>,
}

impl HalfOpen {
    /// Begins handshakes from `address` with `shard`, one each `every`.
    ///
    /// # Panics
    ///
    /// If the loopback has no sockets to give.
    pub async fn start(address: IpAddr, shard: &ShardAddress, every: Duration) -> Self {
        let mut tasks = JoinSet::new();
        let outside = UdpSocket::bind((address, 0)).await.expect("a socket");
        outside.connect(shard.address).await.expect("a route");
        let inside = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a socket");
        let relay = ShardAddress {
            address: inside.local_addr().expect("a bound address"),
            ..shard.clone()
        };
        tasks.spawn(pass(outside, inside));
        let socket = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let endpoint = Endpoint::client(socket).expect("a socket");
        let times = ConnectionTimes {
            handshake_max: NEVER,
            idle_max: NEVER,
            ..ConnectionTimes::default()
        };
        let connector = Arc::new(Connector::with_endpoints(vec![endpoint], None, times));
        tasks.spawn(async move {
            // Who gave up would say so, and free its place.
            let mut begun = JoinSet::new();
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let (connector, relay) = (Arc::clone(&connector), relay.clone());
                begun.spawn(async move {
                    let _ = connector.connect(&relay).await;
                });
            }
        });
        Self { _tasks: tasks }
    }
}

/// Passes everything out, and of what comes back, Retry packets alone.
async fn pass(outside: UdpSocket, inside: UdpSocket) {
    let mut client = None;
    let mut datagram = [0; 2_048];
    let mut answer = [0; 2_048];
    loop {
        tokio::select! {
            Ok((len, from)) = inside.recv_from(&mut datagram) => {
                client = Some(from);
                let _ = outside.send(&datagram[..len]).await;
            }
            Ok(len) = outside.recv(&mut answer) => {
                // Long header, type 3.
                let is_retry = answer[0] & 0b1011_0000 == 0b1011_0000;
                if let Some(client) = client && is_retry {
                    let _ = inside.send_to(&answer[..len], client).await;
                }
            }
        }
    }
}
