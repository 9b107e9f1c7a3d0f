//! Free ports of the loopback.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// A TCP port of the loopback that is free now.
///
/// # Errors
///
/// When there is none.
pub fn free_tcp_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// A UDP port of the loopback that is free now.
///
/// # Errors
///
/// When there is none.
pub fn free_udp_port() -> io::Result<u16> {
    free_udp_ports(1)
}

/// The first of `n` UDP ports of the loopback in a row that are free now.
///
/// # Errors
///
/// When there is none.
pub fn free_udp_ports(n: u16) -> io::Result<u16> {
    loop {
        let first = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = first.local_addr()?.port();
        let is_free = |offset| {
            port.checked_add(offset)
                .is_some_and(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        };
        if (1..n).all(is_free) {
            return Ok(port);
        }
    }
}
