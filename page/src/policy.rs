//! The content security policy: what the page may load, and whom it may connect to.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// What the page may do, but for whom it may connect to.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      media-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; connect-src 'self'";

/// Upper bound on hosts that are named one by one, so that the header stays short. More are allowed by their scheme.
const HOSTS_MAX: usize = 32;

/// How a page may connect: WebTransport has the scheme `https`.
const SCHEMES: [&str; 3] = ["https", "wss", "ws"];

/// Longest source, in bytes.
const SOURCE_LEN_MAX: usize = 200;

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
        let rest = SCHEMES
            .into_iter()
            .find_map(|scheme| text.strip_prefix(scheme)?.strip_prefix(':'));
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

/// The policy of a page that may connect to the hosts of these URLs, by their schemes and at any of their ports, and to
/// `more`.
///
/// A page that is open is not loaded again when a shard starts at another port of the same host, so ports are left open.
/// An IPv6 address cannot stand in a policy: its scheme is allowed as a whole.
pub(crate) fn policy(shards: &[String], more: &[Source]) -> String {
    let doors: BTreeSet<(&str, &str)> = shards.iter().filter_map(|url| door(url)).collect();
    let hosts: BTreeSet<&str> = doors.iter().map(|(_, host)| *host).collect();
    let mut sources = BTreeSet::new();
    for (scheme, host) in doors {
        sources.insert(if hosts.len() <= HOSTS_MAX && can_be_named(host) {
            format!("{scheme}://{host}:*")
        } else {
            format!("{scheme}:")
        });
    }
    sources.extend(more.iter().map(ToString::to_string));
    let mut policy = POLICY.to_owned();
    for source in sources {
        policy.push(' ');
        policy.push_str(&source);
    }
    policy
}

/// Scheme and host of a URL by which a page reaches a shard; `None` if it is none.
fn door(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let is_known = SCHEMES.contains(&scheme);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => authority.split(':').next()?,
    };
    is_known.then_some((scheme, host))
}

/// Whether a host can stand in a policy (CSP level 3, `host-part`).
fn can_be_named(host: &str) -> bool {
    let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'.' || c == b'-';
    !host.is_empty() && host.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(shards: &[&str], more: &[&str]) -> String {
        let shards: Vec<String> = shards.iter().map(|&url| url.to_owned()).collect();
        let more: Vec<Source> = more.iter().map(|one| one.parse().unwrap()).collect();
        let policy = policy(&shards, &more);
        let (_, sources) = policy.split_once("connect-src 'self'").unwrap();
        assert!(!sources.contains(';'), "{policy}");
        sources.trim_start().to_owned()
    }

    #[test]
    fn connections_are_allowed_to_each_host_once_at_any_port() {
        assert_eq!(connections(&[], &[]), "");
        let here = [
            "https://127.0.0.1:7100/",
            "ws://127.0.0.1:7100/",
            "ws://127.0.0.1:7101/",
        ];
        assert_eq!(
            connections(&here, &[]),
            "https://127.0.0.1:* ws://127.0.0.1:*"
        );
        assert_eq!(
            connections(
                &[
                    "https://club.example:7100/",
                    "wss://club.example/",
                    "ws://192.0.2.7:7100"
                ],
                &["wss://*.shards.example:*"]
            ),
            "https://club.example:* ws://192.0.2.7:* wss://*.shards.example:* wss://club.example:*"
        );
    }

    #[test]
    fn what_cannot_be_named_is_allowed_by_its_scheme_and_what_is_no_door_is_not() {
        assert_eq!(connections(&["wss://[2001:db8::1]:7100/"], &[]), "wss:");
        assert_eq!(connections(&["ws://a; script-src *:1/"], &[]), "ws:");
        assert_eq!(
            connections(&["http://a.example/", "club.example", "*"], &[]),
            ""
        );
        let many: Vec<_> = (0..=HOSTS_MAX)
            .map(|n| format!("wss://10.0.0.{n}:1/"))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(connections(&many, &[]), "wss:");
        let fewer = connections(&many[1..], &[]);
        assert_eq!(fewer.split(' ').count(), HOSTS_MAX);
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
