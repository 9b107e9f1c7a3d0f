//! What this machine itself takes: for a flush, a round trip to Redis, a packet, a system call, a switch to another
//! thread. No server can be faster than the sum of those that a move needs.

use std::fmt;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, sendmmsg};
use serde::Serialize;

use super::figures::times_histogram;
use super::{BenchError, NO_REWRITE};
use supervisor::{Redis, RedisKind, RedisPlan};

/// Each is repeated this often, or for [`TIME_MAX`] if that is over first.
const TIMES: usize = 20_000;
const TIME_MAX: Duration = Duration::from_secs(2);
/// What is so short that a clock would be measured with it, is repeated so often between two readings.
const AT_A_TIME: u32 = 100;
/// Length of what is written, stored and sent: about that of a move with its record or its packet.
const LEN: usize = 100;
/// Datagrams of one call.
const BATCH: usize = 16;

/// What this machine takes for the parts of a move.
#[derive(Debug, Clone, Serialize)]
pub struct Physics {
    /// One for each part.
    pub parts: Vec<Part>,
}

/// One of the parts of which a move is made.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// What was done.
    pub what: &'static str,
    /// Half of the times it took no longer than this, in microseconds.
    pub p50_us: f64,
    /// 99 of 100.
    pub p99_us: f64,
    /// How often it was measured.
    pub times: u64,
}

/// Measures all of them. Blocks for some seconds.
///
/// # Errors
///
/// In words, what could not be set up.
pub fn physics() -> Result<Physics, BenchError> {
    let directory = tempfile::tempdir()?;
    let mut parts = vec![
        repeated("a system call (getpid)", AT_A_TIME, || {
            std::hint::black_box(std::process::id());
            Ok(())
        })?,
        switch()?,
        datagram()?,
        datagrams_at_once()?,
        received()?,
        flush(directory.path())?,
    ];
    if Redis::is_installed() {
        let redis = |name: &str, what, kind, flush: &str| {
            let directory = directory.path().join(name);
            std::fs::create_dir(&directory)?;
            let settings = NO_REWRITE.into_iter().chain(["--appendfsync", flush]);
            let plan = RedisPlan {
                kind,
                more: settings.map(str::to_owned).collect(),
                ..RedisPlan::default()
            };
            set(what, &Redis::launch(&directory, &plan)?)
        };
        let everysec = "SET in Redis, everysec, over TCP";
        parts.push(redis("everysec", everysec, RedisKind::Single, "everysec")?);
        let tcp = "SET in Redis, always, over TCP";
        parts.push(redis("tcp", tcp, RedisKind::Single, "always")?);
        let unix = "SET in Redis, always, over a unix socket";
        parts.push(redis("unix", unix, RedisKind::Unix, "always")?);
    } else {
        program::complain!("bench: redis-server is not installed: Redis is left out");
    }
    Ok(Physics { parts })
}

/// Does something again and again; `at_a_time` of it are timed together.
fn repeated(
    what: &'static str,
    at_a_time: u32,
    mut once: impl FnMut() -> Result<(), BenchError>,
) -> Result<Part, BenchError> {
    // In nanoseconds.
    let mut took = times_histogram()?;
    let began = Instant::now();
    while took.len() < TIMES as u64 && began.elapsed() < TIME_MAX {
        let before = Instant::now();
        for _ in 0..at_a_time {
            once()?;
        }
        let each = before.elapsed() / at_a_time;
        took.saturating_record(u64::try_from(each.as_nanos())?);
    }
    let us = |quantile| took.value_at_quantile(quantile) as f64 / 1e3;
    Ok(Part {
        what,
        p50_us: us(0.5),
        p99_us: us(0.99),
        times: took.len() * u64::from(at_a_time),
    })
}

/// From one thread to another that waits for it and back are two of them.
fn switch() -> Result<Part, BenchError> {
    let (there, ask) = mpsc::sync_channel::<()>(1);
    let (answer, back) = mpsc::sync_channel::<()>(1);
    let other = thread::spawn(move || while ask.recv().is_ok() && answer.send(()).is_ok() {});
    let mut part = repeated("waking a thread that waits, until it runs", 1, || {
        there.send(())?;
        Ok(back.recv()?)
    })?;
    part.p50_us /= 2.0;
    part.p99_us /= 2.0;
    part.times *= 2;
    drop(there);
    other.join().map_err(|_| "the other thread failed")?;
    Ok(part)
}

/// Two sockets on the loopback, and the address of the second.
fn sockets() -> io::Result<(UdpSocket, UdpSocket, SocketAddrV4)> {
    let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let (from, to) = (bind()?, bind()?);
    let SocketAddr::V4(address) = to.local_addr()? else {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    };
    Ok((from, to, address))
}

fn datagram() -> Result<Part, BenchError> {
    let (from, to, address) = sockets()?;
    // What finds no room in the other socket's buffer costs about the same, and is dropped.
    let part = repeated("sending a datagram (sendto)", 1, || {
        from.send_to(&[0; LEN], address)?;
        Ok(())
    })?;
    drop(to);
    Ok(part)
}

/// The time of one datagram of those that go out in one call.
fn datagrams_at_once() -> Result<Part, BenchError> {
    let (from, to, address) = sockets()?;
    let address = Some(SockaddrIn::from(address));
    let bytes = [0; LEN];
    let slices = [[IoSlice::new(&bytes)]; BATCH];
    let addresses = [address; BATCH];
    let mut headers = MultiHeaders::preallocate(BATCH, None);
    let mut part = repeated("sending one of 16 datagrams (sendmmsg)", 1, || {
        let flags = MsgFlags::empty();
        let sent = sendmmsg(
            from.as_raw_fd(),
            &mut headers,
            &slices,
            addresses,
            [],
            flags,
        )?;
        match sent.count() {
            BATCH => Ok(()),
            fewer => Err(format!("{fewer} of {BATCH} datagrams were sent").into()),
        }
    })?;
    drop(to);
    part.p50_us /= BATCH as f64;
    part.p99_us /= BATCH as f64;
    part.times *= BATCH as u64;
    Ok(part)
}

/// Both calls, as a datagram has to be sent before it can be received.
fn received() -> Result<Part, BenchError> {
    let (from, to, address) = sockets()?;
    let mut buffer = [0; LEN];
    repeated("sending a datagram and receiving it", 1, || {
        from.send_to(&[0; LEN], address)?;
        to.recv(&mut buffer)?;
        Ok(())
    })
}

fn flush(directory: &Path) -> Result<Part, BenchError> {
    let mut file = File::create(directory.join("appended"))?;
    repeated(
        "appending 100 bytes to a file and flushing it (fdatasync)",
        1,
        || {
            file.write_all(&[0; LEN])?;
            Ok(file.sync_data()?)
        },
    )
}

fn set(what: &'static str, redis: &Redis) -> Result<Part, BenchError> {
    let mut connection = redis::Client::open(redis.url())?.get_connection()?;
    let mut command = redis::Cmd::new();
    command.arg("SET").arg("match:1").arg(&[0_u8; LEN]);
    repeated(what, 1, || Ok(command.exec(&mut connection)?))
}

impl fmt::Display for Physics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<60}{:>10}{:>10}{:>10}", "µs", "p50", "p99", "times")?;
        for part in &self.parts {
            writeln!(
                f,
                "{:<60}{:>10.2}{:>10.2}{:>10}",
                part.what, part.p50_us, part.p99_us, part.times
            )?;
        }
        Ok(())
    }
}
