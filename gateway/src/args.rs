//! The options of a gateway.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use settings::{ConfigArgs, Networks};

use crate::config::Config;

/// A gateway for programs that speak the Lichess Bot and Board API.
///
/// Point a program at it by its URL and an API token of an account: it plays as it plays there. The gateway keeps
/// nothing: start as many as you like, behind a load balancer that sends a client to the same one each time, and stop
/// them at will. It does not speak TLS: put it behind a proxy that does.
#[derive(Debug, Args)]
#[command(after_help = "\
  rookery gateway --matchmaker http://127.0.0.1:7000 --listen 127.0.0.1:7200

Let it through the limits of matchmakers and shards, which would count all its clients as one address, by their
option --limit-exempt with its address; it has limits of its own.")]
pub struct GatewayArgs {
    /// Where to listen for HTTP; port 0 picks a free one.
    #[arg(
        long,
        env = "ROOKERY_LISTEN",
        value_name = "IP:PORT",
        default_value = "127.0.0.1:7200"
    )]
    pub listen: SocketAddr,
    /// The matchmaker's address.
    #[arg(
        long,
        env = "ROOKERY_MATCHMAKER",
        value_name = "URL",
        default_value = "http://127.0.0.1:7000"
    )]
    pub matchmaker: String,
    /// A file with the certificate authorities to trust for the matchmaker instead of those of this machine, in PEM.
    #[arg(long, env = "ROOKERY_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The URL by which people reach the installation, for links to games and players; by default that of the
    /// matchmaker.
    #[arg(long, env = "ROOKERY_SITE", value_name = "URL")]
    pub site: Option<String>,
    /// Once it answers, write a JSON object to this file: `gateway` (URL).
    #[arg(long, env = "ROOKERY_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Limits on clients.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Its configuration file, and whether it runs in production.
    #[command(flatten)]
    pub configuration: ConfigArgs,
}

impl GatewayArgs {
    /// What the arguments amount to.
    #[must_use]
    pub fn config(&self) -> Config {
        let mut config = Config::new(self.matchmaker.clone());
        if let Some(site) = &self.site {
            site.trim_end_matches('/').clone_into(&mut config.site);
        }
        config.ca.clone_from(&self.ca);
        config.limits = self.limits.clone();
        config
    }
}

/// Limits on clients of a gateway, and how they are identified.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// The networks of the proxies or load balancers before this gateway, such as 10.0.0.0/8. Clients are counted by
    /// address: behind such a proxy, by the last address in Forwarded or X-Forwarded-For that is not a trusted proxy's.
    /// May be repeated, or a list with commas.
    #[arg(long, env = "ROOKERY_TRUSTED_PROXY", value_name = "CIDR")]
    pub trusted_proxy: Vec<Networks>,

    /// Clients to whom no limit of an address applies, such as a machine with hundreds of bots. May be repeated, or a list
    /// with commas.
    #[arg(long, env = "ROOKERY_LIMIT_EXEMPT", value_name = "CIDR")]
    pub limit_exempt: Vec<Networks>,

    /// Upper bound on open connections. Each bot holds one for its events and one for each of its games.
    #[arg(
        long,
        env = "ROOKERY_CONNECTIONS_MAX",
        value_name = "COUNT",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub connections_max: u32,

    /// Upper bound on open connections of one address. IPv6 is counted by /64 here and below.
    #[arg(
        long,
        env = "ROOKERY_CONNECTIONS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub connections_per_address_max: u32,

    /// Requests that one address may send in a burst, and then in every ten seconds; moves and streams of games are not
    /// counted.
    #[arg(
        long,
        env = "ROOKERY_REQUESTS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 300,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub requests_per_address_max: u32,

    /// Upper bound on seats that clients of this gateway have in matches, about 100 kB each.
    #[arg(skip = SEATS_MAX)]
    pub seats_max: usize,
}

/// Twice what one core serves at a move each second.
const SEATS_MAX: usize = 20_000;

impl Default for LimitArgs {
    fn default() -> Self {
        Self {
            trusted_proxy: Vec::new(),
            limit_exempt: Vec::new(),
            connections_max: 10_000,
            connections_per_address_max: 200,
            requests_per_address_max: 300,
            seats_max: SEATS_MAX,
        }
    }
}
