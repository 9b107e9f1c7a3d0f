//! Options that limit what clients may use.

use clap::Args;
use settings::Networks;

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
