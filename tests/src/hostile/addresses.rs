//! Who comes from where. All of `127.0.0.0/8` is this machine's.

use std::net::Ipv4Addr;

/// All players of the matches under way: a hall behind one address.
pub(super) const HALL: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// What asks the probes.
pub(super) const ORCHESTRATOR: Ipv4Addr = Ipv4Addr::new(127, 0, 3, 1);

/// Addresses that newcomers take turns in.
const NEWCOMERS: u32 = 250;

/// Newcomers come from homes of their own.
pub(super) fn newcomer(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 2, 1)) + number % NEWCOMERS)
}

/// The address of an attacker, by number.
pub(super) fn attacker(number: u8) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + u32::from(number))
}
