//! Whose request it is: the client's address, also where a proxy stands between.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::{IpNet, Ipv4Net};

/// A network in CIDR notation; an address alone is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// What is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address, or one with the length of its prefix: 10.0.0.0/8, 2001:db8::/32")]
pub struct InvalidNetwork;

impl Network {
    /// The networks of this machine alone: 127.0.0.0/8 and ::1.
    #[must_use]
    pub fn loopback() -> [Self; 2] {
        let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
        let v6 = IpNet::from(IpAddr::from(Ipv6Addr::LOCALHOST));
        [Self(v4.into()), Self(v6)]
    }

    /// Whether an address is in this network; IPv4-mapped IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let net = text
            .parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_| InvalidNetwork)?;
        // A network of IPv4-mapped addresses is one of IPv4.
        let mapped = net.addr().to_canonical();
        if let (IpAddr::V4(mapped), IpAddr::V6(_)) = (mapped, net.addr()) {
            let len = net.prefix_len().checked_sub(96).ok_or(InvalidNetwork)?;
            let net = Ipv4Net::new(mapped, len).map_err(|_| InvalidNetwork)?;
            return Ok(Self(net.into()));
        }
        Ok(Self(net))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether one of `networks` holds `address`.
pub(crate) fn is_in(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// What addresses are counted by: an IPv4 address, or the /64 of an IPv6 address, which is what one
/// subscriber is given (RFC 6177 section 2) and may draw addresses from at will.
pub(crate) fn counted_by(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: the peer of the connection or, where that is a trusted proxy, the last hop
/// before it that is not one, as `Forwarded` (RFC 7239) or `X-Forwarded-For` says.
///
/// Where the headers are malformed, hide the address, or name two, it is the proxy's own: a client that
/// adds a header which its proxy passes on gains no address by it.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_in(trusted, peer) {
        return peer;
    }
    let standard = hops(headers, &header::FORWARDED, forwarded_hops);
    let usual = hops(headers, &X_FORWARDED_FOR, listed_hops);
    let named = match (standard, usual) {
        (None, None) => None,
        (Some(hops), None) | (None, Some(hops)) => origin(&hops, trusted),
        (Some(standard), Some(usual)) => {
            let named = origin(&standard, trusted);
            named.filter(|_| named == origin(&usual, trusted))
        }
    };
    named.unwrap_or(peer)
}

/// A hop that names no address is `None`.
type Hops = Vec<Option<IpAddr>>;

/// The hops that all lines of a header name, nearest last; `None` if there is no such header.
fn hops(headers: &HeaderMap, name: &HeaderName, parse: fn(&str) -> Hops) -> Option<Hops> {
    let lines = headers.get_all(name);
    headers.contains_key(name).then(|| {
        let of_line = |line: &axum::http::HeaderValue| line.to_str().map_or(vec![None], parse);
        lines.iter().flat_map(of_line).collect()
    })
}

/// The nearest hop that is no trusted proxy, or the farthest of all if every one is.
fn origin(hops: &[Option<IpAddr>], trusted: &[Network]) -> Option<IpAddr> {
    let mut origin = None;
    for hop in hops.iter().rev() {
        let address = (*hop)?;
        origin = Some(address);
        if !is_in(trusted, address) {
            break;
        }
    }
    origin
}

/// `X-Forwarded-For: a, b, c`.
fn listed_hops(line: &str) -> Hops {
    line.split(',').map(|hop| node(hop.trim())).collect()
}

/// `Forwarded: for=a;proto=http, for="[b]:1"` (RFC 7239 section 4).
fn forwarded_hops(line: &str) -> Hops {
    let Some(elements) = split_unquoted(line, ',') else {
        return vec![None];
    };
    elements.into_iter().map(forwarded_for).collect()
}

/// The one `for` of an element.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = split_unquoted(element, ';')?;
    let mut named = pairs.into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then_some(value.trim())
    });
    let value = named.next()?;
    if named.next().is_some() {
        return None;
    }
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    node(quoted.unwrap_or(value))
}

/// The parts of `text` between those of `separator` that stand in no quoted string; `None` if a quoted
/// string does not end.
fn split_unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut begin) = (Vec::new(), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if c == separator && !is_quoted => {
                parts.push(&text[begin..at]);
                begin = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    (!is_quoted).then_some(parts)
}

/// An address with or without a port; IPv6 with a port stands in brackets. `unknown` and names of the
/// proxy's own (RFC 7239 section 6) are no address.
fn node(text: &str) -> Option<IpAddr> {
    let is_port =
        |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|c| c.is_ascii_digit());
    let address: IpAddr = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
            return None;
        }
        address.parse::<Ipv6Addr>().ok()?.into()
    } else if let Ok(address) = text.parse() {
        address
    } else {
        let (address, port) = text.rsplit_once(':')?;
        let address: Ipv4Addr = address.parse().ok()?;
        is_port(port).then_some(address.into())?
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().expect(text)).collect()
    }

    #[test]
    fn networks_are_read_and_hold_their_addresses() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("::ffff:10.0.0.0/104", "10.1.1.1", true),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "10.0.0.1", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("::/0", "1.2.3.4", false),
            ("::1", "::1", true),
        ] {
            let network: Network = network.parse().unwrap();
            assert_eq!(
                network.contains(ip(address)),
                expected,
                "{network} {address}"
            );
        }
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "::ffff:1.2.3.4/90",
            "x",
            "/8",
        ] {
            assert_eq!(text.parse::<Network>(), Err(InvalidNetwork), "{text}");
        }
    }

    #[test]
    fn ipv6_is_counted_by_its_64_and_mapped_ipv4_as_ipv4() {
        for (address, counted) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            assert_eq!(counted_by(ip(address)), ip(counted), "{address}");
        }
    }

    /// The client's address as 10.0.0.1 sees it, behind proxies of 10.0.0.0/8.
    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        let found = client_address(ip("10.0.0.1"), &map, &networks(&["10.0.0.0/8"]));
        assert_eq!(found, ip(expected), "{headers:?}");
        let untrusted = client_address(ip("10.0.0.1"), &map, &[]);
        assert_eq!(
            untrusted,
            ip("10.0.0.1"),
            "nobody is trusted unasked: {headers:?}"
        );
    }

    #[test]
    fn the_nearest_hop_that_is_no_trusted_proxy_is_the_client() {
        let proxy = "10.0.0.1";
        check(&[], proxy);
        let xff = |line| [("x-forwarded-for", line)];
        check(&xff("192.0.2.7"), "192.0.2.7");
        check(&xff("198.51.100.1, 192.0.2.7"), "192.0.2.7");
        check(&xff("198.51.100.1,192.0.2.7 , 10.2.3.4"), "192.0.2.7");
        check(&xff("10.9.9.9, 10.2.3.4"), "10.9.9.9");
        check(&xff("2001:db8::7"), "2001:db8::7");
        check(&xff("[2001:db8::7]:99"), "2001:db8::7");
        check(&xff("192.0.2.7:4711"), "192.0.2.7");
        check(&xff("::ffff:192.0.2.7"), "192.0.2.7");
        check(
            &[
                ("x-forwarded-for", "1.1.1.1"),
                ("x-forwarded-for", "192.0.2.7"),
            ],
            "192.0.2.7",
        );

        // The examples of RFC 7239 section 4, and proxies behind each other.
        let forwarded = |line| [("forwarded", line)];
        check(
            &forwarded(r#"For="[2001:db8:cafe::17]:4711""#),
            "2001:db8:cafe::17",
        );
        check(
            &forwarded("for=192.0.2.60;proto=http;by=203.0.113.43"),
            "192.0.2.60",
        );
        check(
            &forwarded("for=192.0.2.43, for=198.51.100.17"),
            "198.51.100.17",
        );
        check(
            &forwarded("for=1.1.1.1, for=192.0.2.7;host=\"a,b;for=2.2.2.2\", for=10.0.0.2"),
            "192.0.2.7",
        );
        check(
            &[
                ("forwarded", "for=192.0.2.7"),
                ("x-forwarded-for", "192.0.2.7"),
            ],
            "192.0.2.7",
        );
    }

    #[test]
    fn what_names_no_address_is_charged_to_the_proxy() {
        let proxy = "10.0.0.1";
        for line in [
            "",
            " ",
            ",",
            "x",
            "unknown",
            "192.0.2.7,",
            "192.0.2.7, x",
            "192.0.2.300",
            "1.2.3.4:",
            "1.2.3.4:999999",
            "[::1",
            "[::1]x",
            "[1.2.3.4]",
            "192.0.2.7 198.51.100.1",
            "fe80::1%eth0",
        ] {
            check(&[("x-forwarded-for", line)], proxy);
        }
        for line in [
            "",
            "for",
            "for=",
            "for=unknown",
            "for=_hidden",
            r#"for="_gazonk""#,
            r#"for="192.0.2.7"#,
            r#"x", for=192.0.2.7"#,
            "proto=http",
            "for=192.0.2.7, proto=http",
            "for=1.1.1.1;for=2.2.2.2",
            r#"for="[::1""#,
            r#"for="\"#,
        ] {
            check(&[("forwarded", line)], proxy);
        }
        // A proxy that knows one header passes the other on, as the client made it up.
        check(
            &[
                ("forwarded", "for=1.1.1.1"),
                ("x-forwarded-for", "192.0.2.7"),
            ],
            proxy,
        );
        let mut map = HeaderMap::new();
        map.insert(
            "x-forwarded-for",
            axum::http::HeaderValue::from_bytes(b"\xff").unwrap(),
        );
        let found = client_address(ip(proxy), &map, &networks(&["10.0.0.0/8"]));
        assert_eq!(found, ip(proxy));
    }
}
