//! UDP for quinn, with few system calls: the datagrams of one round of tasks leave together.
//!
//! quinn passes each datagram to its socket by itself, as each connection is a task, and Tokio's socket makes a system
//! call for each. Here they are copied to a queue, and a task that is woken with the first of them, and so runs after
//! the tasks that were ready before it, sends all of them by `sendmmsg`.

mod outgoing;
#[cfg(target_os = "linux")]
mod sendmmsg;

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use quinn::udp::{RecvMeta, Transmit, UdpSocketState};
use quinn::{AsyncTimer, AsyncUdpSocket, Runtime, TokioRuntime, UdpPoller};
use tokio::io::Interest;

use outgoing::{Flushed, Outgoing, Sender};

/// Tokio as quinn's runtime, with sockets that send the datagrams of many connections by one system call.
///
/// It is for endpoints with many connections: a datagram waits until the tasks that are ready have run.
#[derive(Debug)]
pub struct BatchingRuntime;

impl Runtime for BatchingRuntime {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        TokioRuntime.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let shared = Arc::new(Shared {
            state: UdpSocketState::new((&socket).into())?,
            io: tokio::net::UdpSocket::from_std(socket)?,
            queue: Mutex::default(),
            pollers: AtomicU64::new(0),
        });
        tokio::spawn(send_rounds(Arc::clone(&shared)));
        Ok(Arc::new(BatchingSocket(shared)))
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}

/// What quinn and its connections hold: when the last of them is gone, the sending task ends.
#[derive(Debug)]
struct BatchingSocket(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    io: tokio::net::UdpSocket,
    state: UdpSocketState,
    queue: Mutex<Queue>,
    /// The number of pollers so far, each of which has a number.
    pollers: AtomicU64,
}

#[derive(Default)]
struct Queue {
    outgoing: Outgoing,
    /// Whether the system took no more when it was last asked.
    is_blocked: bool,
    is_closed: bool,
    /// The sending task, while it has nothing to send.
    sender: Option<Waker>,
    /// The connections that wait until the socket is no longer blocked, by the number of their poller.
    waiting: HashMap<u64, Waker>,
}

impl Queue {
    fn wake_sender(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.wake();
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("outgoing", &self.outgoing)
            .field("is_blocked", &self.is_blocked)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends what waits, as far as the system takes it.
    fn flush(&self, queue: &mut Queue) {
        let flushed = queue.outgoing.flush(&mut &*self);
        queue.is_blocked = flushed == Flushed::Blocked;
    }
}

impl Sender for &Shared {
    fn send(&mut self, transmit: &Transmit<'_>) -> io::Result<()> {
        self.io.try_io(Interest::WRITABLE, || {
            self.state.send((&self.io).into(), transmit)
        })
    }

    #[cfg(target_os = "linux")]
    fn send_many(&mut self, run: &outgoing::Run<'_>) -> io::Result<usize> {
        self.io
            .try_io(Interest::WRITABLE, || sendmmsg::send(self.io.as_fd(), run))
    }

    /// Only Linux has it.
    #[cfg(not(target_os = "linux"))]
    fn send_many(&mut self, _run: &outgoing::Run<'_>) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Sends the datagrams of each round, until the socket is no longer used.
async fn send_rounds(shared: Arc<Shared>) {
    poll_fn(|context| {
        let mut queue = shared.queue();
        loop {
            if queue.is_blocked {
                // An error shows when something is sent.
                let _ = ready!(shared.io.poll_send_ready(context));
            }
            shared.flush(&mut queue);
            if !queue.is_blocked {
                break;
            }
            if queue.is_closed {
                return Poll::Ready(());
            }
        }
        for (_, waker) in queue.waiting.drain() {
            waker.wake();
        }
        if queue.is_closed {
            return Poll::Ready(());
        }
        queue.sender = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
}

impl AsyncUdpSocket for BatchingSocket {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        let number = self.0.pollers.fetch_add(1, Ordering::Relaxed);
        Box::pin(Poller {
            shared: Arc::clone(&self.0),
            number,
        })
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let mut queue = self.0.queue();
        if queue.is_blocked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if !queue.outgoing.push(transmit) {
            // No room, or it is several datagrams in one, which the system takes apart.
            self.0.flush(&mut queue);
            if !queue.is_blocked && !queue.outgoing.push(transmit) {
                match (&*self.0).send(transmit) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        queue.is_blocked = true;
                    }
                    sent => return sent,
                }
            }
        }
        queue.wake_sender();
        if queue.is_blocked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let Shared { io, state, .. } = &*self.0;
        loop {
            ready!(io.poll_recv_ready(context))?;
            let received = io.try_io(Interest::READABLE, || state.recv(io.into(), buffers, meta));
            if received.is_ok() {
                return Poll::Ready(received);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io.local_addr()
    }

    fn may_fragment(&self) -> bool {
        self.0.state.may_fragment()
    }

    fn max_transmit_segments(&self) -> usize {
        self.0.state.max_gso_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.0.state.gro_segments()
    }
}

impl Drop for BatchingSocket {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        // The runtime may end before the task runs again.
        self.0.flush(&mut queue);
        queue.is_closed = true;
        queue.wake_sender();
    }
}

/// A connection's view of the socket.
#[derive(Debug)]
struct Poller {
    shared: Arc<Shared>,
    number: u64,
}

impl UdpPoller for Poller {
    fn poll_writable(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut queue = self.shared.queue();
        if queue.is_blocked {
            queue.waiting.insert(self.number, context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.shared.queue().waiting.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
