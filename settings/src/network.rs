//! Which addresses count as one peer, and networks as options name them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// The addresses that share the limits of one address: a single IPv4 address, or a whole /64 of IPv6, as a host
/// may use any address of its subnet (RFC 4291 section 2.5.1). An IPv4-mapped IPv6 address (section 2.5.5.2)
/// counts as the IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressGroup(IpAddr);

impl AddressGroup {
    /// Length of the shared prefix of IPv6 addresses, in bits.
    const IPV6_PREFIX_LEN: u32 = 64;

    /// The group of `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let prefix = u128::MAX << (u128::BITS - Self::IPV6_PREFIX_LEN);
                Self(Ipv6Addr::from_bits(address.to_bits() & prefix).into())
            }
            address => Self(address),
        }
    }
}

impl fmt::Display for AddressGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(prefix) => write!(f, "{prefix}/{}", Self::IPV6_PREFIX_LEN),
        }
    }
}

/// Networks, as an option names them: `10.0.0.0/8,2001:db8::/32,192.0.2.7`, or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// A text that does not name networks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a network; give addresses or networks such as 10.0.0.0/8, separated by commas"
)]
pub struct InvalidNetworks(String);

impl Networks {
    /// The addresses of this machine alone: 127.0.0.0/8 and ::1.
    #[must_use]
    pub fn loopback() -> Self {
        let v4 = IpNet::new_assert(Ipv4Addr::LOCALHOST.into(), 8).trunc();
        Self(vec![v4, IpAddr::from(Ipv6Addr::LOCALHOST).into()])
    }

    /// Whether one of them contains `address`.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromIterator<Networks> for Networks {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        Self(all.into_iter().flat_map(|networks| networks.0).collect())
    }
}

impl FromStr for Networks {
    type Err = InvalidNetworks;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = text.split(',').map(str::trim);
        let network = |word: &str| {
            let alone = |_| word.parse::<IpAddr>().map(IpNet::from);
            word.parse::<IpNet>()
                .or_else(alone)
                .map(|network| canonical(network.trunc()))
                .map_err(|_| InvalidNetworks(word.to_owned()))
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        words.map(network).collect::<Result<_, _>>().map(Self)
    }
}

/// A network of IPv4-mapped IPv6 addresses as a network of IPv4 addresses, as addresses are compared in that form.
fn canonical(network: IpNet) -> IpNet {
    let address = network.addr().to_canonical();
    match (network, network.prefix_len().checked_sub(96)) {
        (IpNet::V6(_), Some(len)) if address.is_ipv4() => {
            IpNet::new(address, len).unwrap_or(network)
        }
        _ => network,
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, network) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{network}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ipv6_counts_by_its_first_64_bits_and_mapped_ipv4_as_ipv4() {
        for (one, other, together) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", false),
        ] {
            let groups = [one, other].map(|text| AddressGroup::of(ip(text)));
            assert_eq!(groups[0] == groups[1], together, "{one} {other}");
        }
        assert_eq!(
            AddressGroup::of(ip("2001:db8::7")).to_string(),
            "2001:db8::/64"
        );
        assert_eq!(
            AddressGroup::of(ip("::ffff:192.0.2.1")).to_string(),
            "192.0.2.1"
        );
    }

    #[test]
    fn networks_hold_what_they_name_and_nothing_else() {
        let networks: Networks = "10.1.2.3/8, 192.0.2.7,2001:db8::/32".parse().unwrap();
        assert_eq!(
            networks.to_string(),
            "10.0.0.0/8,192.0.2.7/32,2001:db8::/32"
        );
        for (address, inside) in [
            ("10.255.0.1", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.0.0.1", true),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(networks.contains(ip(address)), inside, "{address}");
        }
        let mapped: Networks = "::ffff:10.0.0.0/104".parse().unwrap();
        assert!(mapped.contains(ip("10.1.2.3")) && !mapped.contains(ip("11.1.2.3")));
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(Networks::loopback().contains(ip(address)), "{address}");
        }
        assert!(!Networks::loopback().contains(ip("128.0.0.1")));
    }

    #[test]
    fn no_networks_are_named_by_an_empty_text_and_by_nothing_else() {
        assert_eq!("".parse(), Ok(Networks::default()));
        assert!(!Networks::default().contains(ip("127.0.0.1")));
        for wrong in [
            "10.0.0.0/33",
            "localhost",
            "10.0.0.0/8,",
            ",",
            "10.0.0.0/8 10.0.0.1",
        ] {
            assert!(wrong.parse::<Networks>().is_err(), "{wrong}");
        }
    }
}
