//! A network of datagrams that loses, doubles, delays and overtakes as the seed says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::dice::Dice;

/// How bad the network is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) lost_per_mille: u64,
    pub(crate) doubled_per_mille: u64,
    /// A late datagram is overtaken by those after it.
    pub(crate) late_per_mille: u64,
    pub(crate) late_ms_max: u64,
}

impl Weather {
    pub(crate) const CALM: Self = Self {
        lost_per_mille: 0,
        doubled_per_mille: 0,
        late_per_mille: 0,
        late_ms_max: 1,
    };
}

/// What the network did, for the comparison of two runs and for the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Datagrams.
    pub sent: u64,
    /// Of these: lost.
    pub lost: u64,
    /// Delivered twice.
    pub doubled: u64,
    /// Delivered late.
    pub late: u64,
    /// Sent on a path that was cut.
    pub cut: u64,
    /// A digest of when which socket sent how many bytes to which, and of what became of it. Paths do
    /// not wait for each other, so their order within a moment is left out.
    digest: u64,
}

/// When a datagram arrives, and before which others of the same moment: path, number and copy.
type Arrival = (Instant, SocketAddr, SocketAddr, u64);

struct Datagram {
    from: SocketAddr,
    to: SocketAddr,
    contents: Vec<u8>,
}

/// What has arrived for one socket.
#[derive(Default)]
struct Mailbox {
    socket: u64,
    waiting: VecDeque<Datagram>,
    waker: Option<Waker>,
}

struct Inner {
    dice: Dice,
    weather: Weather,
    began: Instant,
    mailboxes: BTreeMap<SocketAddr, Mailbox>,
    /// What is on its way, by its time of arrival.
    flying: BTreeMap<Arrival, Datagram>,
    /// Datagrams sent so far on each path.
    paths: BTreeMap<(SocketAddr, SocketAddr), u64>,
    /// Paths on which nothing gets through.
    cut: BTreeSet<(SocketAddr, SocketAddr)>,
    /// Sockets behind an address translator, with the address that others see.
    seen_as: BTreeMap<SocketAddr, SocketAddr>,
    sockets: u64,
    traffic: Traffic,
}

/// The network. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Network {
    inner: Arc<Mutex<Inner>>,
    sent: Arc<Notify>,
}

impl Network {
    /// A network that delivers for as long as the runtime lives.
    pub(crate) fn new(dice: Dice, weather: Weather) -> Self {
        let inner = Inner {
            dice,
            weather,
            began: Instant::now(),
            mailboxes: BTreeMap::new(),
            flying: BTreeMap::new(),
            paths: BTreeMap::new(),
            cut: BTreeSet::new(),
            seen_as: BTreeMap::new(),
            sockets: 0,
            traffic: Traffic::default(),
        };
        let network = Self {
            inner: Arc::new(Mutex::new(inner)),
            sent: Arc::default(),
        };
        tokio::spawn(network.clone().deliver());
        network
    }

    /// A socket; one that had the address before hears and says nothing any more.
    pub(crate) fn socket(&self, address: SocketAddr) -> Arc<Socket> {
        let mut inner = self.lock();
        inner.sockets += 1;
        let id = inner.sockets;
        let mailbox = Mailbox {
            socket: id,
            ..Mailbox::default()
        };
        inner.mailboxes.insert(address, mailbox);
        let network = self.clone();
        Arc::new(Socket {
            network,
            address,
            id,
        })
    }

    /// Takes the socket at an address away, as the end of its process does.
    pub(crate) fn unplug(&self, address: SocketAddr) {
        self.lock().mailboxes.remove(&address);
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.lock().weather = weather;
    }

    /// Lets nothing through from one socket to the other, or lets it through again.
    pub(crate) fn cut(&self, from: SocketAddr, to: SocketAddr, cut: bool) {
        let mut inner = self.lock();
        if cut {
            inner.cut.insert((from, to));
        } else {
            inner.cut.remove(&(from, to));
        }
    }

    /// Gives a socket another address in the eyes of the others, as an address translator does that
    /// has forgotten it.
    pub(crate) fn rebind(&self, address: SocketAddr, seen_as: SocketAddr) {
        self.lock().seen_as.insert(address, seen_as);
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.lock().traffic
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of the lock panics")
    }

    async fn deliver(self) {
        loop {
            let next = self.lock().flying.keys().next().map(|&(at, ..)| at);
            let sent = self.sent.notified();
            match next {
                None => sent.await,
                Some(at) if at <= Instant::now() => self.lock().arrive(),
                Some(at) => tokio::select! {
                    biased;
                    () = sleep_until(at) => {}
                    () = sent => {}
                },
            }
        }
    }
}

impl Inner {
    fn send(&mut self, from: SocketAddr, to: SocketAddr, contents: &[u8]) {
        let n = self.paths.entry((from, to)).or_default();
        *n += 1;
        let (n, dice) = (*n, self.dice.of(from).of(to));
        let weather = self.weather;
        let lost = dice.of("lost").happens(n, weather.lost_per_mille);
        let doubled = dice.of("doubled").happens(n, weather.doubled_per_mille);
        let late = dice.of("late").happens(n, weather.late_per_mille);
        let cut = self.cut.contains(&(from, to));
        let now = Instant::now();
        let traffic = &mut self.traffic;
        traffic.sent += 1;
        traffic.cut += u64::from(cut);
        traffic.lost += u64::from(lost && !cut);
        traffic.doubled += u64::from(doubled && !lost && !cut);
        traffic.late += u64::from(late && !lost && !cut);
        let at = (now - self.began).as_micros();
        let what = format!(
            "{at} {from} {to} {} {lost} {doubled} {late} {cut}",
            contents.len()
        );
        traffic.digest = traffic.digest.wrapping_add(Dice::new(n).of(what).roll(0));
        if lost || cut {
            return;
        }
        let copies = if doubled { 2 } else { 1 };
        for copy in 0..copies {
            let mut delay_ms = dice.of("delay").between(2 * n + copy, 2, 6);
            if late || copy > 0 {
                delay_ms += dice
                    .of("lateness")
                    .between(2 * n + copy, 1, weather.late_ms_max);
            }
            let datagram = Datagram {
                from: self.seen_as.get(&from).copied().unwrap_or(from),
                to,
                contents: contents.to_vec(),
            };
            let at = now + Duration::from_millis(delay_ms);
            self.flying.insert((at, from, to, 2 * n + copy), datagram);
        }
    }

    fn arrive(&mut self) {
        let Some((_, datagram)) = self.flying.pop_first() else {
            return;
        };
        let behind = self.seen_as.iter().find(|(_, seen)| **seen == datagram.to);
        let to = behind.map_or(datagram.to, |(real, _)| *real);
        // The address that the translator has forgotten leads nowhere.
        let forgotten = behind.is_none() && self.seen_as.contains_key(&to);
        if let Some(mailbox) = self.mailboxes.get_mut(&to).filter(|_| !forgotten) {
            mailbox.waiting.push_back(datagram);
            if let Some(waker) = mailbox.waker.take() {
                waker.wake();
            }
        }
    }
}

/// A UDP socket on the simulated network.
pub(crate) struct Socket {
    network: Network,
    address: SocketAddr,
    id: u64,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({})", self.address)
    }
}

impl AsyncUdpSocket for Socket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Box::pin(AlwaysWritable)
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let mut inner = self.network.lock();
        let mine = |mailbox: &Mailbox| mailbox.socket == self.id;
        if inner.mailboxes.get(&self.address).is_some_and(mine) {
            inner.send(self.address, transmit.destination, transmit.contents);
            drop(inner);
            self.network.sent.notify_one();
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.network.lock();
        let mailbox = inner.mailboxes.get_mut(&self.address);
        let Some(mailbox) = mailbox.filter(|mailbox| mailbox.socket == self.id) else {
            return Poll::Pending;
        };
        let Some(datagram) = mailbox.waiting.pop_front() else {
            mailbox.waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let len = datagram.contents.len();
        bufs[0][..len].copy_from_slice(&datagram.contents);
        meta[0] = RecvMeta {
            addr: datagram.from,
            len,
            stride: len,
            ecn: None,
            dst_ip: None,
        };
        Poll::Ready(Ok(1))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// The network takes whatever it is given.
#[derive(Debug)]
struct AlwaysWritable;

impl UdpPoller for AlwaysWritable {
    fn poll_writable(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
