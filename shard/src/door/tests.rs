//! The door by itself: addresses and the time are what the tests say.

use std::net::Ipv4Addr;

use super::*;

const GIVEN: Proof = Proof::Given;
const MISSING: Proof = Proof::Missing;

fn limits() -> NetLimits {
    NetLimits {
        connections_max: 100,
        connections_per_address_max: 20,
        handshakes_max: 8,
        handshakes_per_address_max: 4,
        attempts_waiting_max: 16,
        validate_from: 1_000,
        ..NetLimits::default()
    }
}

fn door(limits: NetLimits) -> Door<u32> {
    Door::new(Arc::new(limits))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn nth(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + n).into()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Admits everything that may be admitted; returns it.
fn open_all(door: &mut Door<u32>, now: Duration) -> Vec<u32> {
    std::iter::from_fn(|| door.open(now))
        .map(|(_, payload)| payload)
        .collect()
}

#[test]
fn addresses_are_served_in_turn_and_not_attempts() {
    let mut door = door(limits());
    for (address, payload) in [(1, 10), (1, 11), (1, 12), (2, 20), (3, 30), (3, 31)] {
        assert_eq!(door.knock(nth(address), GIVEN, payload, ms(0)), Ok(()));
    }
    // 8 slots, the last 2 of which are reserved.
    assert_eq!(open_all(&mut door, ms(0)), [10, 20, 30, 11, 31, 12]);
}

#[test]
fn who_has_fewest_handshakes_under_way_goes_first() {
    let mut door = door(limits());
    for n in 0..3 {
        assert_eq!(door.knock(nth(1), GIVEN, n, ms(0)), Ok(()));
    }
    let first = door.open(ms(0)).unwrap().0;
    let _second = door.open(ms(0)).unwrap().0;
    for payload in [20, 21] {
        assert_eq!(door.knock(nth(2), GIVEN, payload, ms(1)), Ok(()));
    }
    // 2 under way against none, then 1 against 1 after one of them is done.
    assert_eq!(door.open(ms(1)).map(|(_, payload)| payload), Some(20));
    door.handshake_done(first);
    assert_eq!(open_all(&mut door, ms(1)), [2, 21]);
}

#[test]
fn the_last_places_are_kept_for_addresses_that_have_none_or_few() {
    let mut door = door(limits());
    for n in 0..8 {
        assert_eq!(door.knock(nth(n % 2), GIVEN, n, ms(0)), Ok(()));
    }
    assert_eq!(open_all(&mut door, ms(0)).len(), 6);
    for n in [10, 11, 12] {
        assert_eq!(door.knock(nth(n), GIVEN, n, ms(1)), Ok(()));
    }
    assert_eq!(open_all(&mut door, ms(1)), [10, 11], "8 are under way");

    // Few are an eighth of what is left: 2 of 16.
    for (held, left, has) in [(0, 1, true), (1, 8, false), (1, 9, true), (2, 16, false)] {
        assert_eq!(has_room(64 - left, 64, held), has, "{held} of {left}");
    }
}

#[test]
fn one_address_has_so_many_handshakes_under_way_and_another_does_not_wait_for_it() {
    let mut door = door(NetLimits {
        handshakes_max: 100,
        ..limits()
    });
    for n in 0..6 {
        assert_eq!(door.knock(nth(1), GIVEN, n, ms(0)), Ok(()));
    }
    assert_eq!(door.knock(nth(2), GIVEN, 20, ms(0)), Ok(()));
    assert_eq!(open_all(&mut door, ms(0)), [0, 20, 1, 2, 3]);
}

#[test]
fn ipv6_is_counted_by_the_subnet_and_mapped_ipv4_with_ipv4() {
    for (others, counted_together) in [
        (["2001:db8::1", "2001:db8::2", "2001:db8::ffff:0:0:1"], true),
        (["2001:db8::1", "2001:db8:0:1::1", "2001:db8:0:2::1"], false),
        (["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], true),
        (["192.0.2.1", "192.0.2.2", "192.0.2.3"], false),
    ] {
        let mut door = door(NetLimits {
            connections_per_address_max: 2,
            ..limits()
        });
        let answers = others.map(|other| door.knock(ip(other), GIVEN, 0, ms(0)));
        let third = if counted_together {
            Err((0, Turned::Away))
        } else {
            Ok(())
        };
        assert_eq!(answers, [Ok(()), Ok(()), third], "{others:?}");
    }
}

#[test]
fn connections_and_attempts_are_bounded_and_some_are_kept_for_who_has_none() {
    // Attempts that wait: 16, of which 4 are kept.
    let mut door = door(limits());
    let answers = (0..14).map(|n| door.knock(nth(n % 2), GIVEN, n, ms(0)).is_ok());
    assert_eq!(answers.filter(|waits| *waits).count(), 12);
    let answers = (20..26).map(|n| door.knock(nth(n), GIVEN, n, ms(0)).is_ok());
    assert_eq!(answers.filter(|waits| *waits).count(), 4);

    // Connections: 8, of which 2 are kept.
    let mut door = super::tests::door(NetLimits {
        connections_max: 8,
        connections_per_address_max: 7,
        ..limits()
    });
    let mut places = Vec::new();
    for n in 0..20 {
        let waits = door.knock(nth(n / 8), GIVEN, n, ms(0)).is_ok();
        assert_eq!(waits, n < 6 || n == 8 || n == 16, "{n}");
        if waits {
            let (place, _) = door.open(ms(0)).unwrap();
            door.handshake_done(place);
            places.push(place);
        }
    }
    assert_eq!(door.connections(), 8);
    for place in places {
        door.left(place);
    }
    assert_eq!(door.connections(), 0);
    assert!(door.origins.is_empty() && door.order.iter().all(BTreeSet::is_empty));
}

#[test]
fn exempt_addresses_have_no_limit_of_their_own() {
    let mut door = door(NetLimits {
        exempt: "10.0.0.7".parse().unwrap(),
        ..limits()
    });
    for n in 0..16 {
        let address = nth(if n < 8 { 7 } else { 8 });
        assert_eq!(door.knock(address, GIVEN, n, ms(0)).is_ok(), n < 12, "{n}");
    }
    assert_eq!(
        open_all(&mut door, ms(0))
            .iter()
            .filter(|n| **n < 8)
            .count(),
        7
    );
}

#[test]
fn under_load_an_address_proves_itself_before_it_takes_a_place() {
    let mut door = door(NetLimits {
        validate_from: 2,
        ..limits()
    });
    assert_eq!(door.knock(nth(1), MISSING, 1, ms(0)), Ok(()));
    assert_eq!(door.knock(nth(2), MISSING, 2, ms(0)), Ok(()));
    assert_eq!(
        door.knock(nth(3), MISSING, 3, ms(0)),
        Err((3, Turned::Back))
    );
    assert_eq!(door.knock(nth(4), GIVEN, 4, ms(0)), Ok(()));
    assert_eq!(
        open_all(&mut door, ms(0)),
        [4, 1, 2],
        "the proven one is first"
    );
    assert_eq!(
        door.knock(nth(1), MISSING, 5, ms(0)),
        Err((5, Turned::Back)),
        "those under way are load as well"
    );
}

#[test]
fn handshakes_begun_in_the_name_of_an_address_do_not_stand_in_its_way() {
    let mut door = door(limits());
    for n in 0..4 {
        assert_eq!(door.knock(nth(1), MISSING, n, ms(0)), Ok(()));
    }
    assert_eq!(open_all(&mut door, ms(0)).len(), 4);
    assert_eq!(door.knock(nth(1), MISSING, 4, ms(0)), Ok(()));
    assert_eq!(door.open(ms(0)), None, "4 of this address are under way");
    assert_eq!(door.knock(nth(1), GIVEN, 5, ms(0)), Ok(()));
    assert_eq!(open_all(&mut door, ms(0)), [5]);
}

#[test]
fn a_handshake_has_three_seconds_and_under_load_one_if_nothing_is_proven() {
    // How long each kind has, without and with load. 400 ms of delay are within all of them.
    for (proof, validate_from, deadline_ms) in [
        (GIVEN, 1_000, 3_000),
        (MISSING, 1_000, 3_000),
        (GIVEN, 1, 3_000),
        (MISSING, 1, 1_000),
    ] {
        let mut door = door(NetLimits {
            validate_from,
            ..limits()
        });
        assert_eq!(door.knock(nth(1), proof, 1, ms(0)), Ok(()));
        let (place, _) = door.open(ms(50)).unwrap();
        let at = ms(50 + deadline_ms);
        assert_eq!(door.next_look(), Some(at));
        assert_eq!(door.overdue(at - ms(1)), []);
        assert_eq!(door.overdue(at), [place]);
        assert_eq!(door.overdue(at), [], "it is said once");
        assert_eq!(door.connections(), 1, "its task has not ended");
        door.left(place);
        assert_eq!((door.connections(), door.next_look()), (0, None));
    }
}

#[test]
fn attempts_are_forgotten_when_their_clients_have_given_up() {
    let mut door = door(NetLimits {
        handshakes_max: 0,
        ..limits()
    });
    for (n, came) in [(1, 0), (2, 500)] {
        assert_eq!(door.knock(nth(n), GIVEN, n, ms(came)), Ok(()));
    }
    assert_eq!(door.open(ms(600)), None);
    assert_eq!(door.next_look(), Some(ms(1_000)));
    assert_eq!(door.forgotten(ms(999)), None);
    assert_eq!(door.forgotten(ms(1_000)), Some(1));
    assert_eq!(door.forgotten(ms(1_000)), None);
    assert_eq!(door.close().collect::<Vec<_>>(), [2]);
}

/// Attackers who prove their addresses and finish no handshake, and honest players who need 400 ms
/// for theirs: `clubs` of them at a time from one address. Returns the longest wait of an honest
/// player for a place, in milliseconds; nobody is refused.
fn longest_wait(attackers: u32, attempts_per_s: u64, clubs: &[u32]) -> u64 {
    const ATTACK: u32 = u32::MAX;
    let mut door = door(NetLimits::default());
    let (mut ends, mut came) = (BTreeMap::new(), HashMap::new());
    let mut longest = 0;
    let mut honest = 0;
    for now in 0..20_000_u64 {
        for n in now * attempts_per_s / 1_000..(now + 1) * attempts_per_s / 1_000 {
            let attacker = nth(u32::try_from(n).unwrap() % attackers);
            let _ = door.knock(attacker, GIVEN, ATTACK, ms(now));
        }
        // From when the attack has lasted for longer than a handshake may, a club each 100 ms.
        if now > 5_000 && now.is_multiple_of(100) {
            let club = clubs[usize::try_from(now / 100).unwrap() % clubs.len()];
            let address = nth(1_000 + u32::try_from(now).unwrap());
            for _ in 0..club {
                honest += 1;
                assert_eq!(
                    door.knock(address, GIVEN, honest, ms(now)),
                    Ok(()),
                    "at {now} ms"
                );
                came.insert(honest, now);
            }
        }
        for place in ends.remove(&now).unwrap_or_default() {
            door.handshake_done(place);
        }
        for place in door.overdue(ms(now)) {
            door.left(place);
        }
        while let Some(forgotten) = door.forgotten(ms(now)) {
            assert_eq!(forgotten, ATTACK, "an honest player waited for a second");
        }
        while let Some((place, payload)) = door.open(ms(now)) {
            if payload != ATTACK {
                longest = longest.max(now - came[&payload]);
                ends.entry(now + 400).or_insert_with(Vec::new).push(place);
            }
        }
    }
    longest
}

#[test]
fn half_open_handshakes_from_few_addresses_keep_nobody_out() {
    // The attack of 8 and of 24 addresses with 241 attempts a second, and worse ones.
    for (attackers, attempts_per_s) in [(1, 241), (8, 241), (24, 241), (24, 2_000), (60, 2_000)] {
        let wait_ms = longest_wait(attackers, attempts_per_s, &[1, 1, 1, 5]);
        assert!(wait_ms < 900, "{attackers} addresses: {wait_ms} ms");
    }
}
