//! The options of a gateway.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use settings::ConfigArgs;

use crate::config::Config;
use crate::limits::LimitArgs;

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
    #[arg(long, env = "ROOKERY_SITE", value_name = "URL", value_parser = site)]
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
            site.clone_into(&mut config.site);
        }
        config.ca.clone_from(&self.ca);
        config.limits = self.limits.clone();
        config
    }
}

/// A URL that paths are appended to.
fn site(text: &str) -> Result<String, String> {
    let known = ["http://", "https://"];
    let rest = known.iter().find_map(|scheme| text.strip_prefix(scheme));
    let is_url = rest.is_some_and(|rest| {
        let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '"' | '<' | '>');
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
            && rest.chars().all(is_plain)
    });
    if is_url {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("it is a URL such as https://chess.example.org".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_url_that_paths_are_appended_to() {
        for good in [
            "https://chess.example.org",
            "http://127.0.0.1:7000/",
            "https://[::1]/club",
        ] {
            assert_eq!(site(good).unwrap(), good.trim_end_matches('/'));
        }
        for bad in [
            "",
            "chess.example.org",
            "https://",
            "ftp://x",
            "https://a b",
            "https://a/?x=1",
        ] {
            assert!(site(bad).is_err(), "{bad}");
        }
    }
}
