//! Options of the browser page.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use game_core::TimeControl;
use page::Source;

use crate::pool_terms::PoolTerms;

/// Upper bound on pools that are offered.
const POOLS_MAX: usize = shard_core::MatchQuery::COUNTED_MAX;

/// The browser page, and the pools that it offers.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
#[command(next_help_heading = "Page")]
pub struct PageArgs {
    /// Whether the browser page is served, at the same address as the requests of players.
    #[arg(
        long,
        env = "ROOKERY_PAGE",
        value_name = "true|false",
        default_value_t = true,
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub page: bool,

    /// A pool that the lobby offers: minutes and seconds, a variant unless it is standard chess, and "rated" if it is,
    /// such as 3+2 or "5+0 rated" or "3+2 crazyhouse". May be repeated, or a list with commas, up to 32. Players may ask
    /// for matches on any other terms too.
    #[arg(
        long,
        env = "ROOKERY_POOLS",
        value_name = "POOL",
        value_delimiter = ',',
        default_values_t = default_pools()
    )]
    pub pool: Vec<PoolTerms>,

    /// Whom the page may connect to besides the hosts of the shards that live when it is loaded, as in a content
    /// security policy: https: and wss:, alone or before a host, such as wss://*.shards.example:*. For a site whose
    /// shards come and go on hosts of their own. May be repeated, or a list with commas.
    #[arg(
        long,
        env = "ROOKERY_PAGE_CONNECT",
        value_name = "SOURCE",
        value_delimiter = ','
    )]
    pub page_connect: Vec<Source>,
}

fn default_pools() -> Vec<PoolTerms> {
    let control = |(minutes, seconds)| TimeControl::from_millis(minutes * 60_000, seconds * 1_000);
    let controls = PoolTerms::DEFAULT
        .into_iter()
        .filter_map(|of| control(of).ok());
    controls.map(PoolTerms::casual).collect()
}

impl Default for PageArgs {
    /// The page, with the usual pools.
    fn default() -> Self {
        Self {
            page: true,
            pool: default_pools(),
            page_connect: Vec::new(),
        }
    }
}

/// Pools that cannot be offered together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("--pool (ROOKERY_POOLS): {why}")]
pub struct InvalidPools {
    /// The fault.
    pub(crate) why: String,
}

impl PageArgs {
    /// The same if the pools differ, and are not too many.
    ///
    /// # Errors
    ///
    /// [`InvalidPools`].
    pub fn validate(&self) -> Result<Self, InvalidPools> {
        if self.pool.len() > POOLS_MAX {
            let why = format!(
                "{} pools are offered, and {POOLS_MAX} may be",
                self.pool.len()
            );
            return Err(InvalidPools { why });
        }
        let twice = self
            .pool
            .iter()
            .enumerate()
            .find(|(at, pool)| self.pool[..*at].contains(pool));
        match twice {
            Some((_, pool)) => Err(InvalidPools {
                why: format!("the pool \"{pool}\" is named twice"),
            }),
            None => Ok(self.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        page: PageArgs,
    }

    fn parse(words: &[&str]) -> Result<PageArgs, clap::Error> {
        let words = ["program"].iter().chain(words);
        Program::try_parse_from(words).map(|program| program.page)
    }

    #[test]
    fn the_defaults_are_the_page_and_six_pools() {
        let page = parse(&[]).unwrap();
        assert_eq!(page, PageArgs::default());
        let pools: Vec<String> = page.pool.iter().map(ToString::to_string).collect();
        assert_eq!(pools, ["1+0", "3+2", "5+0", "10+0", "15+10", "30+0"]);
    }

    #[test]
    fn pools_are_repeated_or_a_list_and_replace_the_usual_ones() {
        let pools = |words: &[&str]| -> Vec<String> {
            let page = parse(words).unwrap().validate().unwrap();
            page.pool.iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            pools(&["--pool", "3+2", "--pool", "5+0 rated"]),
            ["3+2", "5+0 rated"]
        );
        assert_eq!(pools(&["--pool=3+2, 5+0 atomic"]), ["3+2", "5+0 atomic"]);
        let refused = parse(&["--pool", "3+2,blitz"]).unwrap_err().to_string();
        assert!(
            refused.contains("blitz") && refused.contains("MINUTES+SECONDS"),
            "{refused}"
        );
        let twice = parse(&["--pool", "3+2,5+0,3+2"]).unwrap().validate();
        assert!(
            twice
                .unwrap_err()
                .to_string()
                .contains("\"3+2\" is named twice")
        );
        let many: Vec<String> = (0..=POOLS_MAX).map(|n| format!("5+{n}")).collect();
        let many = parse(&["--pool", &many.join(",")]).unwrap().validate();
        assert!(many.unwrap_err().to_string().contains("33 pools"));
    }

    #[test]
    fn the_page_is_switched_off_and_its_connections_are_checked() {
        assert!(!parse(&["--page", "false"]).unwrap().page);
        assert!(parse(&["--page", "perhaps"]).is_err());
        let page = parse(&["--page-connect", "wss:,https://*.a.example"]).unwrap();
        assert_eq!(page.page_connect.len(), 2);
        let refused = parse(&["--page-connect", "a.example"])
            .unwrap_err()
            .to_string();
        assert!(refused.contains("wss://*.shards.example:*"), "{refused}");
    }
}
