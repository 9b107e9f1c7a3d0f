//! `rookery healthcheck`: probes a process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::Failure;

/// Probe a shard or matchmaker on this machine over its admin endpoint, for container health checks. Ends
/// with 0 if it is healthy.
#[derive(Debug, Args)]
pub(super) struct HealthcheckArgs {
    /// Where the admin endpoint listens; for an address of all interfaces, the loopback is used.
    #[arg(long, env = "ROOKERY_ADMIN_LISTEN", value_name = "IP:PORT")]
    admin_listen: SocketAddr,
    /// Use TLS, and trust this authority, in PEM; for an endpoint that has --admin-tls-ca. No client
    /// certificate is presented.
    #[arg(long, env = "ROOKERY_ADMIN_TLS_CA", value_name = "FILE")]
    admin_tls_ca: Option<PathBuf>,
    /// Which probe: whether the process is live, or whether it serves players now.
    #[arg(long, value_enum, default_value = "live")]
    probe: Probe,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Probe {
    /// The process works; the store is not checked.
    Live,
    /// It has its store and is not draining.
    Ready,
}

/// An answer must be there within this; probes themselves wait a few seconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// More of an answer is not read, in bytes.
const ANSWER_LEN_MAX: u64 = 4_096;

pub(super) fn run(args: &HealthcheckArgs) -> Result<(), Failure> {
    let mut address = args.admin_listen;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    let path = match args.probe {
        Probe::Live => "/livez",
        Probe::Ready => "/readyz",
    };
    let tls = args.admin_tls_ca.as_deref();
    let tls = tls.map(admin::anonymous_client).transpose()?;
    let scheme = tls.as_ref().map_or("http", |_| "https");
    let url = format!("{scheme}://{address}{path}");
    let answer =
        ask(address, tls, path).map_err(|error| format!("no answer from {url}: {error}"))?;
    if answer.starts_with("HTTP/1.1 200 ") {
        return Ok(());
    }
    if !answer.starts_with("HTTP/") {
        let text = format!("{url} does not speak HTTP; if it speaks TLS, give --admin-tls-ca");
        return Err(text.into());
    }
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
    Err(format!("{url} says: {}", body.trim()).into())
}

fn ask(address: SocketAddr, tls: Option<ClientConfig>, path: &str) -> Result<String, Failure> {
    let stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    match tls {
        None => exchange(stream, &request),
        Some(config) => {
            let session = ClientConnection::new(Arc::new(config), admin::server_name())?;
            exchange(StreamOwned::new(session, stream), &request)
        }
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> Result<String, Failure> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_LEN_MAX).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
