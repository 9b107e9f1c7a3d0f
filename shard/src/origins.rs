//! The pages that may connect: those of the listed origins (RFC 6454).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Origin, Url};

/// Which pages may connect. Programs, which name no origin, always may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<AllowedOrigin>);

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedOrigin {
    /// Every page.
    Any,
    /// The pages of this origin, for example `https://chess.example.org`.
    Exactly(String),
    /// The pages of a host, whatever their scheme and port: for development.
    Host(String),
}

/// A text that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is * or like https://chess.example.org, with a port if it has one, without a path"
)]
pub struct OriginError;

impl FromStr for AllowedOrigin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let url = Url::parse(text).map_err(|_| OriginError)?;
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let is_http = matches!(url.scheme(), "http" | "https");
        if !is_bare || !is_http {
            return Err(OriginError);
        }
        Ok(Self::Exactly(url.origin().ascii_serialization()))
    }
}

impl fmt::Display for AllowedOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exactly(origin) => f.write_str(origin),
            Self::Host(host) => write!(f, "any at {host}"),
        }
    }
}

impl Origins {
    /// Pages that are served by this machine, and those of the address that players are given.
    #[must_use]
    pub fn local(advertised: IpAddr) -> Self {
        let advertised = match advertised {
            IpAddr::V4(address) => Host::<&str>::Ipv4(address),
            IpAddr::V6(address) => Host::Ipv6(address),
        };
        let hosts = [
            "localhost".to_owned(),
            "127.0.0.1".to_owned(),
            "[::1]".to_owned(),
        ];
        let hosts = hosts.into_iter().chain([advertised.to_string()]);
        Self(hosts.map(AllowedOrigin::Host).collect())
    }

    /// The same, and the pages of this host, whatever their port.
    #[must_use]
    pub fn and_host(mut self, host: &str) -> Self {
        self.0.push(AllowedOrigin::Host(host.to_owned()));
        self
    }

    /// Whether no page may connect.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a page of the origin in a request may connect; `None` for a request without one.
    #[must_use]
    pub fn allow(&self, origin: Option<&[u8]>) -> bool {
        let Some(origin) = origin else { return true };
        let parsed = str::from_utf8(origin)
            .ok()
            .and_then(|text| Url::parse(text).ok());
        // Of a page without an origin, such as a file, the header is `null`.
        let parsed = parsed.map(|url| url.origin());
        self.0.iter().any(|allowed| match (allowed, &parsed) {
            (AllowedOrigin::Any, _) => true,
            (AllowedOrigin::Exactly(allowed), Some(origin)) => {
                *allowed == origin.ascii_serialization()
            }
            (AllowedOrigin::Host(allowed), Some(Origin::Tuple(_, host, _))) => {
                *allowed == host.to_string()
            }
            _ => false,
        })
    }
}

/// A list with commas.
impl FromStr for Origins {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let origins = text.split(',').map(str::trim);
        let origins = origins.filter(|origin| !origin.is_empty());
        origins.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl Extend<Self> for Origins {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, others: T) {
        self.0.extend(others.into_iter().flat_map(|other| other.0));
    }
}

impl FromIterator<AllowedOrigin> for Origins {
    fn from_iter<T: IntoIterator<Item = AllowedOrigin>>(origins: T) -> Self {
        Self(origins.into_iter().collect())
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, origin) in self.0.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{origin}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(origins: &Origins, allowed: &[&str], refused: &[&str]) {
        assert!(origins.allow(None), "a program");
        for origin in allowed {
            assert!(origins.allow(Some(origin.as_bytes())), "{origin}");
        }
        for origin in refused {
            assert!(!origins.allow(Some(origin.as_bytes())), "{origin}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        let listed = ["https://Chess.Example.org", "http://club.example:7000/"];
        let origins = listed.iter().map(|text| text.parse().unwrap()).collect();
        check(
            &origins,
            &[
                "https://chess.example.org",
                "https://chess.example.org:443",
                "http://club.example:7000",
            ],
            &[
                "http://chess.example.org",
                "https://chess.example.org:444",
                "https://chess.example.org.evil.example",
                "https://evil.example",
                "http://club.example",
                "null",
                "",
                "\u{fffd}",
            ],
        );
        assert!(!origins.allow(Some(&[0xff])));
        for other in [
            "",
            "chess.example.org",
            "https://chess.example.org/page",
            "ftp://a",
            "https://a@b",
            "null",
        ] {
            assert_eq!(other.parse::<AllowedOrigin>(), Err(OriginError), "{other}");
        }
    }

    #[test]
    fn in_development_the_pages_of_this_machine_may_connect() {
        let origins = Origins::local("192.0.2.7".parse().unwrap());
        check(
            &origins,
            &[
                "http://localhost:7000",
                "http://127.0.0.1:3000",
                "http://[::1]:7000",
                "https://192.0.2.7",
            ],
            &["http://192.0.2.8", "https://localhost.evil.example", "null"],
        );
    }

    #[test]
    fn a_list_has_commas_and_may_be_empty() {
        let origins: Origins = "https://a.example, http://b.example:7000".parse().unwrap();
        check(
            &origins,
            &["https://a.example", "http://b.example:7000"],
            &["http://a.example"],
        );
        assert_eq!(
            origins.to_string(),
            "https://a.example, http://b.example:7000"
        );
        assert_eq!("".parse(), Ok(Origins::default()));
        assert_eq!("https://a.example,b".parse::<Origins>(), Err(OriginError));
    }

    #[test]
    fn a_star_is_every_page() {
        let origins = ["*".parse().unwrap()].into_iter().collect();
        check(&origins, &["https://evil.example", "null"], &[]);
    }
}
