//! `rookery gateway`, and a gateway inside `serve` and `dev`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ::gateway::{Config, GatewayArgs, LimitArgs};
use clap::Args;
use program::{Hangup, say};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::Failure;
use super::ready_file::write_ready_file;

/// A gateway inside another command.
#[derive(Debug, Clone, Args)]
pub(super) struct MountArgs {
    /// Where programs that speak the Lichess Bot and Board API are answered (TCP), for example 127.0.0.1:7200; port 0
    /// picks a free one. By default there is no gateway.
    #[arg(long, env = "ROOKERY_GATEWAY_LISTEN", value_name = "IP:PORT")]
    pub(super) gateway_listen: Option<SocketAddr>,
}

/// A gateway that is to be started beside a matchmaker.
pub(super) struct GatewayPlan {
    pub(super) listen: SocketAddr,
    /// What clients speak; `None` for plain HTTP.
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) config: Config,
}

impl GatewayPlan {
    /// A gateway at an address, for the matchmaker of this process.
    pub(super) fn new(listen: SocketAddr, tls: Option<TlsAcceptor>, limits: LimitArgs) -> Self {
        Self {
            listen,
            tls,
            config: Config {
                limits,
                ..Config::new(String::new())
            },
        }
    }

    /// The same for a matchmaker that listens at an address of this machine, and that players know by `url`.
    pub(super) fn of(mut self, matchmaker: SocketAddr, scheme: &str, url: Option<&str>) -> Self {
        let mut local = matchmaker;
        if local.ip().is_unspecified() {
            let loopback: IpAddr = match local.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            local.set_ip(loopback);
        }
        let local = format!("{scheme}://{local}");
        // A certificate is for the name.
        let known = url.filter(|_| scheme == "https").unwrap_or(&local);
        known.clone_into(&mut self.config.matchmaker);
        url.unwrap_or(&local).clone_into(&mut self.config.site);
        self
    }

    /// Starts it, and returns the URL at which it answers.
    pub(super) async fn start(self, shutdown: CancellationToken) -> Result<String, Failure> {
        let listener = bind(self.listen, "--gateway-listen (ROOKERY_GATEWAY_LISTEN)").await?;
        let address = listener.local_addr()?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        tokio::spawn(async move {
            // However it ends, nothing is left of this process.
            let _stop_all = shutdown.clone().drop_guard();
            let ran = ::gateway::run(self.config, listener, self.tls, shutdown).await;
            if let Err(error) = ran {
                tracing::error!(%error, "the gateway has failed");
            }
        });
        Ok(format!("{scheme}://{address}"))
    }
}

async fn bind(listen: SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(listen).await;
    bound.map_err(|error| format!("{option}: {listen}: {error}").into())
}

pub(super) fn run(args: &GatewayArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(args))
}

async fn serve(args: &GatewayArgs) -> Result<(), Failure> {
    let shutdown = CancellationToken::new();
    program::watch_signals(shutdown.clone(), Hangup::Stops)?;
    let listener = bind(args.listen, "--listen (ROOKERY_LISTEN)").await?;
    let url = format!("http://{}", listener.local_addr()?);
    say!("Programs that speak the Lichess Bot and Board API are answered at {url}");
    let serving = ::gateway::run(args.config(), listener, None, shutdown);
    if let Some(path) = &args.ready_file {
        write_ready_file(path, &json!({"gateway": url}))?;
    }
    Ok(serving.await?)
}
