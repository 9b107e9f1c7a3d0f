//! Many datagrams by one system call (`sendmmsg(2)`).
//!
//! The one place where unsafe code is allowed: no crate in use here has a safe form of this call that takes control
//! messages and tells how many datagrams were sent.

use std::io;
use std::mem;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use libc::{c_int, c_uint, iovec, mmsghdr, msghdr};
use socket2::SockAddr;

use crate::outgoing::{Manner, Run};

/// Sends the first datagrams of a run, and returns how many.
///
/// # Errors
///
/// When the first one could not be sent.
pub(crate) fn send(socket: BorrowedFd<'_>, run: &Run<'_>) -> io::Result<usize> {
    let addresses: Vec<_> = run
        .datagrams
        .iter()
        .map(|datagram| SockAddr::from(datagram.to))
        .collect();
    let contents: Vec<&[u8]> = run
        .datagrams
        .iter()
        .map(|datagram| {
            let contents = run.contents.get(datagram.contents.clone());
            contents.unwrap_or_default()
        })
        .collect();
    send_all(socket, &addresses, &contents, &control(run.manner))
}

/// Sends `contents` to `addresses` in order, each with the same control messages.
#[expect(
    unsafe_code,
    reason = "the system call reads through pointers to the arguments, which outlive it"
)]
fn send_all(
    socket: BorrowedFd<'_>,
    addresses: &[SockAddr],
    contents: &[&[u8]],
    control: &[u8],
) -> io::Result<usize> {
    let mut pieces: Vec<iovec> = contents
        .iter()
        .map(|contents| iovec {
            iov_base: contents.as_ptr().cast_mut().cast(),
            iov_len: contents.len(),
        })
        .collect();
    let mut messages: Vec<mmsghdr> = addresses
        .iter()
        .zip(&mut pieces)
        .map(|(address, piece)| {
            // SAFETY: all of `msghdr` are integers and pointers, for which zero is a value. Some systems have fields in
            // it that cannot be named.
            let mut message: msghdr = unsafe { mem::zeroed() };
            message.msg_name = address.as_ptr().cast_mut().cast();
            message.msg_namelen = address.len();
            message.msg_iov = piece;
            message.msg_iovlen = 1;
            message.msg_control = control.as_ptr().cast_mut().cast();
            message.msg_controllen = control.len() as _;
            mmsghdr {
                msg_hdr: message,
                msg_len: 0,
            }
        })
        .collect();
    let len = c_uint::try_from(messages.len()).unwrap_or(c_uint::MAX);
    // SAFETY: `messages` has `len` headers or more. What they point to is borrowed for this call (addresses, contents,
    // control) or owned by it (`pieces`), is as long as they say, and is only read; the system writes `msg_len` of the
    // headers, which are owned here.
    let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), len, 0) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// The control messages (`cmsg(3)`): the mark for congestion, and the address that the datagrams come from.
fn control(manner: Manner) -> Vec<u8> {
    let mut control = Vec::with_capacity(64);
    let ecn = manner.ecn.map_or(0, |ecn| ecn as c_int).to_ne_bytes();
    if manner.is_v4 {
        push(&mut control, libc::IPPROTO_IP, libc::IP_TOS, &ecn);
    } else {
        push(&mut control, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &ecn);
    }
    let any_interface = 0_u32.to_ne_bytes();
    match manner.source {
        None => {}
        // `struct in_pktinfo`: interface, source, and a destination that is only received.
        Some(IpAddr::V4(source)) => {
            let info = [any_interface, source.octets(), [0; 4]].concat();
            push(&mut control, libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        // `struct in6_pktinfo`: source and interface.
        Some(IpAddr::V6(source)) => {
            let info = [&source.octets()[..], &any_interface].concat();
            push(&mut control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
    }
    control
}

/// Adds a control message, as the kernel lays it out on every platform: its length as a word, level, type, the data, and
/// nothing up to the next word.
fn push(control: &mut Vec<u8>, level: c_int, kind: c_int, data: &[u8]) {
    let header_len = mem::size_of::<usize>() + 2 * mem::size_of::<c_int>();
    control.extend((header_len + data.len()).to_ne_bytes());
    control.extend(level.to_ne_bytes());
    control.extend(kind.to_ne_bytes());
    control.extend(data);
    control.resize(control.len().next_multiple_of(mem::size_of::<usize>()), 0);
}
