//! Options that limit what players and addresses may use.

use clap::Args;
use settings::Networks;
use store::{Holding, UNCOUNTED_MAX};

/// Limits on players and addresses, and how clients are identified.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// The networks of the proxies or load balancers before this matchmaker, such as 10.0.0.0/8. Clients
    /// are counted by address: behind such a proxy, by the last address in Forwarded or X-Forwarded-For that is
    /// not a trusted proxy's. Without this option, all clients of a proxy count as one. May be repeated, or a
    /// list with commas.
    #[arg(long, env = "ROOKERY_TRUSTED_PROXY", value_name = "CIDR")]
    pub trusted_proxy: Vec<Networks>,

    /// Clients to whom no limit of this section applies, such as a load generator or a gateway with limits of
    /// its own; never a trusted proxy's own address. `rookery dev` exempts the loopback by default. May be
    /// repeated, or a list with commas.
    #[arg(long, env = "ROOKERY_LIMIT_EXEMPT", value_name = "CIDR")]
    pub limit_exempt: Vec<Networks>,

    /// Upper bound on open connections of one address, and never more than a quarter of all. IPv6 is counted by
    /// /64 here and below. Trusted proxies and exempt clients have no bound.
    #[arg(
        long,
        env = "ROOKERY_CONNECTIONS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub connections_per_address_max: u32,

    /// Guests that one address may create in a burst, and then in every five minutes.
    #[arg(
        long,
        env = "ROOKERY_GUESTS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 600,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub guests_per_address_max: u32,

    /// Tickets and challenges that one address may create, and challenges that it may accept, in a burst and then
    /// in every five minutes.
    #[arg(
        long,
        env = "ROOKERY_CREATIONS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 900,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub creations_per_address_max: u32,

    /// Requests of any kind that one address may send in a burst, and then in every ten seconds.
    #[arg(
        long,
        env = "ROOKERY_REQUESTS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 3_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub requests_per_address_max: u32,

    /// Requests of any kind that one player may send in a burst, and then in every ten seconds.
    #[arg(
        long,
        env = "ROOKERY_REQUESTS_PER_PLAYER_MAX",
        value_name = "COUNT",
        default_value_t = 200,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub requests_per_player_max: u32,

    /// Attempts to log in, and accounts, that one address may make in a burst and then in every five minutes.
    #[arg(
        long,
        env = "ROOKERY_LOGINS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 300,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub logins_per_address_max: u32,
    /// Requests for finished matches (exports, games of a player, the feed) that one address may make in a burst, and
    /// then in every five minutes.
    #[arg(
        long,
        env = "ROOKERY_ARCHIVE_READS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 1_200,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub archive_reads_per_address_max: u32,

    /// Unfinished matches that one player may have.
    #[arg(
        long,
        env = "ROOKERY_MATCHES_PER_PLAYER_MAX",
        value_name = "COUNT",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    pub matches_per_player_max: u32,

    /// Tickets that one player may have waiting, over all pools.
    #[arg(
        long,
        env = "ROOKERY_TICKETS_PER_PLAYER_MAX",
        value_name = "COUNT",
        default_value_t = 8,
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    pub tickets_per_player_max: u32,

    /// Challenges that one player may have open.
    #[arg(
        long,
        env = "ROOKERY_CHALLENGES_PER_PLAYER_MAX",
        value_name = "COUNT",
        default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    pub challenges_per_player_max: u32,
}

impl Default for LimitArgs {
    /// The defaults: generous enough for a hall of 300 guests behind one address, who all arrive at once and play
    /// game after game.
    fn default() -> Self {
        Self {
            trusted_proxy: Vec::new(),
            limit_exempt: Vec::new(),
            connections_per_address_max: 1_000,
            guests_per_address_max: 600,
            creations_per_address_max: 900,
            requests_per_address_max: 3_000,
            requests_per_player_max: 200,
            logins_per_address_max: 300,
            archive_reads_per_address_max: 1_200,
            matches_per_player_max: 50,
            tickets_per_player_max: 8,
            challenges_per_player_max: 30,
        }
    }
}

impl LimitArgs {
    /// Upper bound on what one player may have of a kind.
    pub(crate) const fn per_player_max(&self, kind: Holding) -> u32 {
        match kind {
            Holding::Match => self.matches_per_player_max,
            Holding::Ticket => self.tickets_per_player_max,
            Holding::Challenge => self.challenges_per_player_max,
            Holding::Uncounted => UNCOUNTED_MAX,
        }
    }
}
