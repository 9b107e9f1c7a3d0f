//! The content security policy: what the page may load, and whom it may connect to.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What the page may do, but for whom it may connect to.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      media-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; connect-src 'self'";

/// Upper bound on hosts that are named one by one, so that the header stays short. More are allowed by their scheme.
const HOSTS_MAX: usize = 32;

/// Longest source, in bytes.
const SOURCE_LEN_MAX: usize = 200;

/// Where a shard is reached by browsers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reach {
    /// Its IP address, or its name.
    pub host: String,
    /// Whether its WebSocket is one over TLS.
    pub is_secure: bool,
}

/// A further source of connections, as the operator names it: a scheme such as `wss:`, or a host with a scheme, such as
/// `wss://*.shards.example:*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(String);

/// Not a source of connections.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not whom a page may connect to; give https:, wss: or ws:, alone or before a host, for example \
     wss://*.shards.example:*"
)]
pub struct InvalidSource(String);

impl FromStr for Source {
    type Err = InvalidSource;

    fn from_str(text: &str) -> Result<Self, InvalidSource> {
        let invalid = || InvalidSource(text.to_owned());
        let rest = ["https:", "wss:", "ws:"]
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme));
        let is_host = |host: &str| {
            let fits = |c: u8| c.is_ascii_alphanumeric() || b".-*:".contains(&c);
            !host.is_empty() && host.bytes().all(fits)
        };
        match rest.map(|rest| rest.strip_prefix("//").ok_or(rest)) {
            _ if text.len() > SOURCE_LEN_MAX => Err(invalid()),
            Some(Err("")) => Ok(Self(text.to_owned())),
            Some(Ok(host)) if is_host(host) => Ok(Self(text.to_owned())),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The policy of a page that may connect to these shards, at any of their ports, and to `more`.
///
/// A page that is open is not loaded again when a shard starts at another port of the same host, so ports are left open.
/// An IPv6 address cannot stand in a policy: its scheme is allowed as a whole.
pub(crate) fn policy(shards: &[Reach], more: &[Source]) -> String {
    let hosts: BTreeSet<&str> = shards.iter().map(|shard| shard.host.as_str()).collect();
    let mut sources = BTreeSet::new();
    for shard in shards {
        let socket = if shard.is_secure { "wss" } else { "ws" };
        for scheme in ["https", socket] {
            sources.insert(if hosts.len() <= HOSTS_MAX && can_be_named(&shard.host) {
                format!("{scheme}://{}:*", shard.host)
            } else {
                format!("{scheme}:")
            });
        }
    }
    sources.extend(more.iter().map(ToString::to_string));
    let mut policy = POLICY.to_owned();
    for source in sources {
        policy.push(' ');
        policy.push_str(&source);
    }
    policy
}

/// Whether a host can stand in a policy (CSP level 3, `host-part`).
fn can_be_named(host: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'-';
    let is_v6 = matches!(host.parse(), Ok(IpAddr::V6(_)));
    !is_v6 && !host.is_empty() && host.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(host: &str, is_secure: bool) -> Reach {
        Reach {
            host: host.to_owned(),
            is_secure,
        }
    }

    fn connections(shards: &[Reach], more: &[&str]) -> String {
        let more: Vec<Source> = more.iter().map(|one| one.parse().unwrap()).collect();
        let policy = policy(shards, &more);
        let (_, sources) = policy.split_once("connect-src 'self'").unwrap();
        assert!(!sources.contains(';'), "{policy}");
        sources.trim_start().to_owned()
    }

    #[test]
    fn connections_are_allowed_to_each_host_once_at_any_port() {
        assert_eq!(connections(&[], &[]), "");
        let here = reach("127.0.0.1", false);
        assert_eq!(
            connections(&[here.clone(), here], &[]),
            "https://127.0.0.1:* ws://127.0.0.1:*"
        );
        assert_eq!(
            connections(
                &[reach("club.example", true), reach("192.0.2.7", false)],
                &["wss://*.shards.example:*"]
            ),
            "https://192.0.2.7:* https://club.example:* ws://192.0.2.7:* wss://*.shards.example:* \
             wss://club.example:*"
        );
    }

    #[test]
    fn what_cannot_be_named_is_allowed_by_its_scheme() {
        assert_eq!(
            connections(&[reach("2001:db8::1", true)], &[]),
            "https: wss:"
        );
        assert_eq!(
            connections(&[reach("a; script-src *", false)], &[]),
            "https: ws:"
        );
        let many: Vec<_> = (0..=HOSTS_MAX)
            .map(|n| reach(&format!("10.0.0.{n}"), true))
            .collect();
        assert_eq!(connections(&many, &[]), "https: wss:");
        let fewer = connections(&many[1..], &[]);
        assert_eq!(fewer.split(' ').count(), 2 * HOSTS_MAX);
    }

    #[test]
    fn a_source_is_a_scheme_or_a_host_and_cannot_end_the_directive() {
        for good in ["wss:", "https:", "ws://club:7100", "https://*.a.example:*"] {
            assert_eq!(good.parse::<Source>().unwrap().to_string(), good);
        }
        let long = format!("wss://{}", "a".repeat(SOURCE_LEN_MAX));
        for bad in [
            "",
            "*",
            "club.example",
            "http://club.example",
            "wss://",
            "wss:club",
            "wss://a b",
            "wss://a;b",
            "wss://a,b",
            "wss://é",
            "'self'",
            &long,
        ] {
            assert!(bad.parse::<Source>().is_err(), "{bad}");
        }
    }
}
