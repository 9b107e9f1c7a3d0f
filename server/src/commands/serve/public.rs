//! The name and the address by which players reach a club.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use crate::commands::Failure;

/// Longest DNS name (RFC 1035 section 2.3.4), in bytes.
const NAME_LEN_MAX: usize = 253;
/// Longest part between two dots.
const LABEL_LEN_MAX: usize = 63;

/// A DNS name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) struct PublicName(String);

impl FromStr for PublicName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_label = |label: &str| {
            (1..=LABEL_LEN_MAX).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_name = text.len() <= NAME_LEN_MAX && text.split('.').all(is_label);
        if !is_name || text.parse::<IpAddr>().is_ok() {
            return Err("a name is like chess.example.org, without a scheme, port or path");
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl PublicName {
    pub(in crate::commands) fn as_str(&self) -> &str {
        &self.0
    }

    /// The address of the name now, of the family of `listen`.
    pub(super) fn resolve(&self, listen: IpAddr) -> Result<IpAddr, Failure> {
        let blame = |why: String| {
            format!(
                "--public-name (ROOKERY_PUBLIC_NAME): {}: {why}; give the address by --public-address",
                self.0
            )
        };
        let found = (self.0.as_str(), 0)
            .to_socket_addrs()
            .map_err(|error| blame(error.to_string()))?;
        let mut found = found.map(|address| address.ip());
        // A socket of IPv6 takes both.
        let ip = found.find(|ip| listen.is_ipv6() || ip.is_ipv4());
        ip.ok_or_else(|| blame("it has no IPv4 address, and --listen is one".to_owned()).into())
    }
}

/// An IP address, with a port or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PublicAddress {
    pub(super) ip: IpAddr,
    pub(super) port: Option<u16>,
}

impl FromStr for PublicAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address = match text.parse::<SocketAddr>() {
            Ok(address) => Self {
                ip: address.ip(),
                port: Some(address.port()),
            },
            Err(_) => Self {
                ip: text.parse().map_err(|_| {
                    "an address is like 203.0.113.7, 203.0.113.7:7100 or [2001:db8::7]:7100"
                        .to_owned()
                })?,
                port: None,
            },
        };
        if address.ip.is_unspecified() || address.port == Some(0) {
            return Err("nobody reaches such an address".to_owned());
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_dns_name() {
        for name in [
            "chess.example.org",
            "localhost",
            "a-b.example",
            "xn--schch-kva.example",
        ] {
            assert_eq!(name.parse::<PublicName>().unwrap().as_str(), name);
        }
        let upper: PublicName = "Chess.Example.ORG".parse().unwrap();
        assert_eq!(upper.as_str(), "chess.example.org");
        let long = format!("{}.example", "a".repeat(64));
        let endless = "a.".repeat(127) + "example";
        for other in [
            "",
            ".",
            "https://chess.example.org",
            "chess.example.org:7000",
            "a b",
            "-a.example",
            "a-.example",
            "127.0.0.1",
            "::1",
            "chess..example",
            &long,
            &endless,
        ] {
            assert!(other.parse::<PublicName>().is_err(), "{other}");
        }
    }

    #[test]
    fn an_address_may_have_a_port() {
        let parse = |text: &str| text.parse::<PublicAddress>();
        let address = parse("203.0.113.7").unwrap();
        assert_eq!(
            (address.ip, address.port),
            ("203.0.113.7".parse().unwrap(), None)
        );
        let address = parse("[2001:db8::7]:7100").unwrap();
        assert_eq!(
            (address.ip, address.port),
            ("2001:db8::7".parse().unwrap(), Some(7100))
        );
        assert_eq!(parse("2001:db8::7").unwrap().port, None);
        for other in [
            "0.0.0.0",
            "::",
            "203.0.113.7:0",
            "chess.example.org",
            "203.0.113.7:x",
        ] {
            assert!(parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_name_is_resolved_to_an_address_that_is_served() {
        let name: PublicName = "localhost".parse().unwrap();
        let found = name.resolve("0.0.0.0".parse().unwrap()).unwrap();
        assert_eq!(found, "127.0.0.1".parse::<IpAddr>().unwrap());
        // No name of this domain has an address (RFC 6761).
        let name: PublicName = "club.invalid".parse().unwrap();
        let refused = name
            .resolve("0.0.0.0".parse().unwrap())
            .unwrap_err()
            .to_string();
        assert!(refused.contains("--public-address"), "{refused}");
    }
}
