//! Whose request it is: the client's address, also where a proxy stands between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, header};
use settings::Networks;

/// Whether one of `networks` holds `address`.
pub fn is_in(networks: &[Networks], address: IpAddr) -> bool {
    networks.iter().any(|networks| networks.contains(address))
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client's address: the peer of the connection or, where that is a trusted proxy, the last hop
/// before it that is not one, as `Forwarded` (RFC 7239) or `X-Forwarded-For` says.
///
/// Where the headers are malformed, hide the address, or name two, it is the proxy's own: a client that
/// adds a header which its proxy passes on gains no address by it.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Networks]) -> IpAddr {
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
fn origin(hops: &[Option<IpAddr>], trusted: &[Networks]) -> Option<IpAddr> {
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

    /// The client's address as 10.0.0.1 sees it, behind proxies of 10.0.0.0/8.
    #[track_caller]
    fn check(headers: &[(&str, &str)], expected: &str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        let found = client_address(ip("10.0.0.1"), &map, &["10.0.0.0/8".parse().unwrap()]);
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
        let found = client_address(ip(proxy), &map, &["10.0.0.0/8".parse().unwrap()]);
        assert_eq!(found, ip(proxy));
    }
}
