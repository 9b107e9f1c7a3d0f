//! UDP sockets that thousands of connections share.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use socket2::SockRef;

/// The requested receive buffer, in bytes. Linux grants no more than `net.core.rmem_max`.
const RECEIVE_BUFFER_LEN: usize = 4 * 1_024 * 1_024;

/// A socket at a free port of `address` with buffers for thousands of connections.
///
/// # Errors
///
/// When the system has none to give.
pub fn shared(address: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((address, 0))?;
    // A system that grants less is no reason not to play.
    let _ = SockRef::from(&socket).set_recv_buffer_size(RECEIVE_BUFFER_LEN);
    socket.set_nonblocking(true)?;
    Ok(socket)
}
