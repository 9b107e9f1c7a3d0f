//! What peers may use up, as an operator sets it.

use clap::Args;
use settings::Networks;
use store::Holding;

/// The bounds for players and addresses, and who is known how.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// The networks of the proxies or load balancers before this matchmaker, such as 10.0.0.0/8. Clients
    /// are counted by address: where the peer is such a proxy, by the last address before it that is none,
    /// as Forwarded or X-Forwarded-For says. Without it, all clients of a proxy are one. May be repeated,
    /// or a list with commas.
    #[arg(long, env = "ROOKERY_TRUSTED_PROXY", value_name = "CIDR")]
    pub trusted_proxy: Vec<Networks>,

    /// Clients that no limit of this section holds for, such as a load generator or a gateway that has
    /// limits of its own; never a trusted proxy's own address. `rookery dev` exempts the loopback unless
    /// told otherwise. May be repeated, or a list with commas.
    #[arg(long, env = "ROOKERY_LIMIT_EXEMPT", value_name = "CIDR")]
    pub limit_exempt: Vec<Networks>,

    /// Connections that one address may have open, and no more than a quarter of all. IPv6 is counted by
    /// /64 here and below. Trusted proxies and exempt clients may have any number.
    #[arg(
        long,
        env = "ROOKERY_CONNECTIONS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub connections_per_address_max: u32,

    /// Guests that one address may make at once, and in five minutes from then on.
    #[arg(
        long,
        env = "ROOKERY_GUESTS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 600,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub guests_per_address_max: u32,

    /// Tickets and challenges that one address may make, and challenges that it may accept, at once, and in
    /// five minutes from then on.
    #[arg(
        long,
        env = "ROOKERY_CREATIONS_PER_ADDRESS_MAX",
        value_name = "COUNT",
        default_value_t = 900,
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub creations_per_address_max: u32,

    /// Matches that are not over that one player may have.
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
    /// What is said where nothing else is: generous enough for a hall of 300 guests behind one address, who
    /// all come at once and play game after game.
    fn default() -> Self {
        Self {
            trusted_proxy: Vec::new(),
            limit_exempt: Vec::new(),
            connections_per_address_max: 1_000,
            guests_per_address_max: 600,
            creations_per_address_max: 900,
            matches_per_player_max: 50,
            tickets_per_player_max: 8,
            challenges_per_player_max: 30,
        }
    }
}

impl LimitArgs {
    /// How many of a kind one player may have.
    pub(crate) const fn per_player_max(&self, kind: Holding) -> u32 {
        match kind {
            Holding::Match => self.matches_per_player_max,
            Holding::Ticket => self.tickets_per_player_max,
            Holding::Challenge => self.challenges_per_player_max,
        }
    }
}
