//! Free ports of the loopback.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{io, process};

/// The ports that this process gives, each once: none of them is one that a system gives to connections and to those who
/// ask for any, so nobody has the port of a server that was killed when it starts again.
const GIVEN: Range<u16> = 12_000..32_000;

/// A TCP port of the loopback that is free now, and that this process did not give lately.
///
/// # Errors
///
/// When there is none.
pub fn free_tcp_port() -> io::Result<u16> {
    static BEFORE: AtomicU32 = AtomicU32::new(0);
    let count = u32::from(GIVEN.end - GIVEN.start);
    // Processes that run beside each other begin in different places.
    let first = process::id().wrapping_mul(0x9E37_79B1) % count;
    for _ in 0..count {
        let place = (first + BEFORE.fetch_add(1, Ordering::Relaxed) % count) % count;
        let port = GIVEN.start + place as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    let why = "every port of the loopback that is given to servers is in use";
    Err(io::Error::new(io::ErrorKind::AddrInUse, why))
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
