//! A UDP proxy between players and a shard that loses, repeats, delays and reorders packets, and
//! changes its port.
//!
//! A flow is one socket of a player's side, which may carry thousands of connections: what a packet
//! costs here is one receive and one send, however many players there are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use client::sockets;

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading {
    /// From a player.
    ToShard,
    /// From the shard.
    ToPlayers,
}

/// What becomes of packets, in both directions but for a cut.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Weather {
    /// Part of the packets that vanish.
    pub loss: f64,
    /// Part of the packets that come twice.
    pub repeated: f64,
    /// How long every packet is under way; they stay in order.
    pub latency: Duration,
    /// Part of the packets that are late beyond that, so that others overtake them.
    pub late: f64,
    /// How late they are, at most.
    pub late_max: Duration,
    /// The direction in which every packet vanishes, if there is one.
    pub cut: Option<Heading>,
}

/// Packets are no longer than this.
const PACKET_LEN_MAX: usize = 2_048;
/// Late packets under way at once; one more is on time.
const LATE_MAX: usize = 1_024;
/// Packets of a flow and a direction that are under way at once, for their latency; one more is lost,
/// as in the queue of a router.
const UNDER_WAY_MAX: usize = 16_384;

/// Listens on a port of its own, which players know as the shard's; gone when dropped.
#[derive(Debug)]
pub struct UdpProxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    /// Raised for new ports toward the shard.
    port_generation: watch::Sender<u64>,
    _stop: DropGuard,
}

impl UdpProxy {
    /// Starts a proxy in fair weather before `target`; `seed` decides which packets it hits.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub async fn start(target: SocketAddr, seed: u64) -> io::Result<Self> {
        let socket = Arc::new(shared()?);
        let address = socket.local_addr()?;
        let (weather, seen) = watch::channel(Weather::default());
        let (port_generation, generations) = watch::channel(0);
        let stop = CancellationToken::new();
        let carrying = Carrier {
            socket,
            target,
            weather: seen,
            seed,
        }
        .run(generations);
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled(carrying).await });
        Ok(Self {
            address,
            weather,
            port_generation,
            _stop: stop.drop_guard(),
        })
    }

    /// Where players reach the shard.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what becomes of packets from now on.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// From now on the shard sees all players at other ports, as after a rebinding of their router.
    pub fn rebind(&self) {
        self.port_generation
            .send_modify(|generation| *generation += 1);
    }
}

struct Carrier {
    /// The players' side.
    socket: Arc<UdpSocket>,
    target: SocketAddr,
    weather: watch::Receiver<Weather>,
    seed: u64,
}

impl Carrier {
    async fn run(self, mut generations: watch::Receiver<u64>) {
        let mut flows: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        // What comes back on old ports is lost: the tasks go with the ports.
        let mut returning = JoinSet::new();
        let mut post = Post::new(Heading::ToShard, self.weather.clone(), self.seed);
        let mut packet = [0; PACKET_LEN_MAX];
        loop {
            tokio::select! {
                changed = generations.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    flows.clear();
                    returning.abort_all();
                }
                received = self.socket.recv_from(&mut packet) => {
                    let Ok((len, player)) = received else { continue };
                    let upstream = match flows.entry(player) {
                        Entry::Occupied(known) => known.into_mut(),
                        Entry::Vacant(new) => {
                            let Ok(upstream) = shared() else { continue };
                            let upstream = Arc::new(upstream);
                            returning.spawn(self.bring_back(Arc::clone(&upstream), player));
                            new.insert(upstream)
                        }
                    };
                    post.send(upstream, self.target, &packet[..len]).await;
                }
            }
        }
    }

    /// Carries the shard's packets to one player.
    fn bring_back(
        &self,
        upstream: Arc<UdpSocket>,
        player: SocketAddr,
    ) -> impl Future<Output = ()> + Send + 'static {
        let seed = self.seed ^ u64::from(player.port());
        let mut post = Post::new(Heading::ToPlayers, self.weather.clone(), seed);
        let players = Arc::clone(&self.socket);
        async move {
            let mut packet = [0; PACKET_LEN_MAX];
            loop {
                if let Ok((len, _)) = upstream.recv_from(&mut packet).await {
                    post.send(&players, player, &packet[..len]).await;
                }
            }
        }
    }
}

/// Sends packets as the weather is.
struct Post {
    heading: Heading,
    weather: watch::Receiver<Weather>,
    dice: StdRng,
    late: JoinSet<()>,
    /// Packets that are under way for their latency; made when there is the first one.
    under_way: Option<mpsc::Sender<UnderWay>>,
}

/// A packet and when it arrives.
struct UnderWay {
    at: Instant,
    socket: Arc<UdpSocket>,
    to: SocketAddr,
    packet: Vec<u8>,
}

impl Post {
    fn new(heading: Heading, weather: watch::Receiver<Weather>, seed: u64) -> Self {
        Self {
            heading,
            weather,
            dice: StdRng::seed_from_u64(seed),
            late: JoinSet::new(),
            under_way: None,
        }
    }

    async fn send(&mut self, socket: &Arc<UdpSocket>, to: SocketAddr, packet: &[u8]) {
        while self.late.try_join_next().is_some() {}
        let weather = *self.weather.borrow();
        if weather.cut == Some(self.heading) || self.dice.random_bool(weather.loss) {
            return;
        }
        let copies = 1 + u32::from(self.dice.random_bool(weather.repeated));
        for _ in 0..copies {
            if self.dice.random_bool(weather.late) && self.late.len() < LATE_MAX {
                let delay = weather.latency + weather.late_max.mul_f64(self.dice.random());
                let (socket, packet) = (Arc::clone(socket), packet.to_vec());
                self.late.spawn(async move {
                    sleep(delay).await;
                    let _ = socket.send_to(&packet, to).await;
                });
            } else if weather.latency.is_zero() {
                // A packet that cannot be sent is lost, as packets are.
                let _ = socket.send_to(packet, to).await;
            } else {
                let (socket, packet) = (Arc::clone(socket), packet.to_vec());
                let at = Instant::now() + weather.latency;
                let under_way = self.under_way.get_or_insert_with(under_way);
                let _ = under_way.try_send(UnderWay {
                    at,
                    socket,
                    to,
                    packet,
                });
            }
        }
    }
}

/// Carries packets in order, each to its time; ends with the sender of them.
fn under_way() -> mpsc::Sender<UnderWay> {
    let (sender, mut receiver) = mpsc::channel::<UnderWay>(UNDER_WAY_MAX);
    tokio::spawn(async move {
        while let Some(next) = receiver.recv().await {
            sleep_until(next.at).await;
            let _ = next.socket.send_to(&next.packet, next.to).await;
        }
    });
    sender
}

/// A socket on the loopback, for thousands of connections.
fn shared() -> io::Result<UdpSocket> {
    UdpSocket::from_std(sockets::shared(Ipv4Addr::LOCALHOST)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pair() -> (UdpProxy, UdpSocket, UdpSocket) {
        let shard = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let proxy = UdpProxy::start(shard.local_addr().unwrap(), 1)
            .await
            .unwrap();
        let player = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        player.connect(proxy.address()).await.unwrap();
        (proxy, shard, player)
    }

    /// Whether nothing arrives for a moment.
    async fn is_silent(socket: &UdpSocket) -> bool {
        let silence = Duration::from_millis(100);
        tokio::time::timeout(silence, socket.recv(&mut [0; 16]))
            .await
            .is_err()
    }

    #[tokio::test]
    async fn packets_go_both_ways_and_a_rebinding_changes_the_port() {
        let (proxy, shard, player) = pair().await;
        let mut packet = [0; 16];
        player.send(b"one").await.unwrap();
        let (_, first) = shard.recv_from(&mut packet).await.unwrap();
        shard.send_to(b"back", first).await.unwrap();
        assert_eq!(player.recv(&mut packet).await.unwrap(), 4);
        proxy.rebind();
        loop {
            // Packets from before the rebinding may still be under way.
            player.send(b"two").await.unwrap();
            let (_, second) = shard.recv_from(&mut packet).await.unwrap();
            if second != first {
                break;
            }
        }
    }

    #[tokio::test]
    async fn bad_weather_loses_and_repeats() {
        let (proxy, shard, player) = pair().await;
        let repeated = Weather {
            repeated: 1.0,
            ..Weather::default()
        };
        proxy.set(repeated);
        player.send(b"twice").await.unwrap();
        let mut packet = [0; 16];
        for _ in 0..2 {
            assert_eq!(shard.recv(&mut packet).await.unwrap(), 5);
        }
        let storm = Weather {
            loss: 1.0,
            ..Weather::default()
        };
        proxy.set(storm);
        player.send(b"lost").await.unwrap();
        assert!(is_silent(&shard).await);
    }

    #[tokio::test]
    async fn a_half_cut_lets_packets_pass_in_one_direction() {
        let (proxy, shard, player) = pair().await;
        let mut packet = [0; 16];
        player.send(b"one").await.unwrap();
        let (_, from) = shard.recv_from(&mut packet).await.unwrap();
        proxy.set(Weather {
            cut: Some(Heading::ToShard),
            ..Weather::default()
        });
        player.send(b"two").await.unwrap();
        shard.send_to(b"back", from).await.unwrap();
        assert_eq!(player.recv(&mut packet).await.unwrap(), 4);
        assert!(is_silent(&shard).await);
    }

    #[tokio::test]
    async fn packets_take_their_time_and_stay_in_order() {
        let (proxy, shard, player) = pair().await;
        let latency = Duration::from_millis(60);
        proxy.set(Weather {
            latency,
            ..Weather::default()
        });
        let sent_at = Instant::now();
        for packet in [b"1", b"2", b"3"] {
            player.send(packet).await.unwrap();
        }
        let mut packet = [0; 16];
        for expected in [b"1", b"2", b"3"] {
            let (len, _) = shard.recv_from(&mut packet).await.unwrap();
            assert_eq!(&packet[..len], expected);
        }
        assert!(sent_at.elapsed() >= latency);
    }
}
