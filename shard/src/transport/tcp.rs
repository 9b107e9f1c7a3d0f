//! TCP connections of browsers.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Connections that the system completes before they are accepted: thousands of players return at once.
const BACKLOG: u32 = 4_096;
/// Socket buffers, in bytes: those of a QUIC connection. Without a bound a peer that does not read would occupy
/// megabytes of the kernel's memory.
const SEND_BUFFER_LEN: usize = 64 * 1_024;
const RECEIVE_BUFFER_LEN: usize = 16 * 1_024;
/// Silence after which the kernel asks whether the peer is still there, and between two such questions.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(15);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
/// The connection of a peer whose kernel confirms nothing for this long is lost. It is the idle timeout that browsers
/// ask for over QUIC.
const UNCONFIRMED_MAX: Duration = Duration::from_secs(30);
/// Delay of the acknowledgements of a peer that has nothing to send, at most, on common systems.
#[cfg(any(target_os = "linux", target_os = "android"))]
const ACK_DELAY_MAX: Duration = Duration::from_millis(40);

/// The bound TCP port for browsers.
pub struct WebListener {
    pub(crate) listener: TcpListener,
    /// `None` to speak plain WebSocket.
    pub(crate) tls: Option<TlsAcceptor>,
}

impl WebListener {
    /// Serves WebSocket over TLS, or plain.
    #[must_use]
    pub const fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self { listener, tls }
    }
}

/// Binds the TCP port for browsers.
///
/// # Errors
///
/// When the system does not give the address.
pub fn bind_web(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Bounds what an accepted connection costs, and lets the kernel find out that its peer is gone.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    // A move must not wait for the acknowledgement of the one before it.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER_LEN)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER_LEN)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_EVERY);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    socket.set_tcp_user_timeout(Some(UNCONFIRMED_MAX))?;
    Ok(())
}

/// Lets the end of the connection drop what is not sent yet, and tell the peer so (RST).
pub(crate) fn abandon(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// The kernel's estimate of the round trip.
///
/// A peer that only listens acknowledges late, which is no property of the network: as in QUIC (RFC 9002 section 5.3),
/// that delay is subtracted, but not below the smallest round trip of the last minutes.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn rtt(stream: &TcpStream) -> Option<Duration> {
    use nix::sys::socket::GetSockOpt;

    let info = linux::TcpTimes.get(stream).ok()?;
    let rtt = Duration::from_micros(info.rtt_us.into());
    let min = Duration::from_micros(info.min_rtt_us.into());
    (!rtt.is_zero()).then(|| rtt.saturating_sub(ACK_DELAY_MAX).max(min.min(rtt)))
}

/// Only Linux tells.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn rtt(_stream: &TcpStream) -> Option<Duration> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    /// The begin of `struct tcp_info` (linux/tcp.h), to `tcpi_min_rtt`, which Linux has had since 4.6. The whole
    /// structure grows with the kernel, and an older one would fill less of it than was asked for.
    #[derive(Debug, Clone, Copy)]
    #[repr(C)]
    pub(super) struct Info {
        states: [u8; 8],
        times_and_sizes: [u32; 15],
        /// `tcpi_rtt`: smoothed, in microseconds.
        pub(super) rtt_us: u32,
        window: [u32; 8],
        rates: [u64; 4],
        segments: [u32; 3],
        /// `tcpi_min_rtt`: the smallest of the last minutes, in microseconds.
        pub(super) min_rtt_us: u32,
    }

    /// What the kernel knows of a TCP connection.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct TcpTimes;

    nix::getsockopt_impl!(
        TcpTimes,
        libc::IPPROTO_TCP,
        libc::TCP_INFO,
        Info,
        nix::sys::socket::sockopt::GetStruct<Info>
    );
}

#[cfg(test)]
mod tests {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn the_fields_are_where_the_kernel_has_them() {
        use std::mem::{offset_of, size_of};

        use super::linux::Info;

        let of_libc = offset_of!(libc::tcp_info, tcpi_rtt);
        assert_eq!(offset_of!(Info, rtt_us), of_libc);
        let of_libc = offset_of!(libc::tcp_info, tcpi_min_rtt);
        assert_eq!(offset_of!(Info, min_rtt_us), of_libc);
        assert_eq!(size_of::<Info>(), 152);
    }
}
