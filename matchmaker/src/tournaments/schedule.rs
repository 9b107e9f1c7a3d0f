//! The rounds that the server pairs: round robin by Berger's tables, and gauntlet.

use protocol::http::PairingSystem;

/// Who plays whom in a round, by starting numbers, White first.
pub(super) type Pairs = Vec<(u16, u16)>;

/// The rounds of a cycle.
fn rounds_of_cycle(system: PairingSystem, players: u16, heads: u16) -> u16 {
    match system {
        PairingSystem::Free => 0,
        // With an odd number, somebody does not play in each round.
        PairingSystem::RoundRobin => players - 1 + players % 2,
        PairingSystem::Gauntlet => players - heads,
    }
}

/// The number of rounds that a system takes; `None` if these numbers do not go together, or others pair.
pub(super) fn rounds(system: PairingSystem, players: u16, cycles: u16, heads: u16) -> Option<u16> {
    let fits = match system {
        PairingSystem::Free => false,
        PairingSystem::RoundRobin => players >= 2,
        // In a round each head plays another one of the rest.
        PairingSystem::Gauntlet => heads >= 1 && players >= 2 && heads <= players / 2,
    };
    if fits {
        rounds_of_cycle(system, players, heads).checked_mul(cycles)
    } else {
        None
    }
}

/// The pairs of a round, from 1, of those that the system takes.
pub(super) fn pairs(system: PairingSystem, players: u16, heads: u16, round: u16) -> Pairs {
    let in_cycle = rounds_of_cycle(system, players, heads).max(1);
    let (cycle, round) = ((round - 1) / in_cycle, (round - 1) % in_cycle);
    let pairs = match system {
        PairingSystem::Free => Vec::new(),
        PairingSystem::RoundRobin => berger(players, round),
        PairingSystem::Gauntlet => gauntlet(players, heads, round),
    };
    if cycle.is_multiple_of(2) {
        pairs
    } else {
        let swapped = pairs.into_iter().map(|(white, black)| (black, white));
        swapped.collect()
    }
}

/// A round, from 0, of Berger's table (FIDE Handbook C.05, annex 1). With an odd number of players, whoever would meet the
/// one after the last does not play.
fn berger(players: u16, round: u16) -> Pairs {
    let last = players + players % 2;
    let modulus = last - 1;
    let sum = (round + 2) % modulus;
    let mut pairs = Vec::with_capacity(usize::from(last / 2));
    for one in 1..last {
        // Those meet whose numbers add up to the same, as far as the last number is not concerned.
        let other = (sum + modulus - one % modulus) % modulus;
        let other = if other == 0 { modulus } else { other };
        if other == one {
            let meets_last = if one <= last / 2 {
                (one, last)
            } else {
                (last, one)
            };
            pairs.insert(0, meets_last);
        } else if one < other {
            let is_odd = (one + other) % 2 == 1;
            pairs.push(if is_odd { (one, other) } else { (other, one) });
        }
    }
    pairs.retain(|&(white, black)| white.max(black) <= players);
    pairs
}

/// A round, from 0, of a gauntlet: each head meets one of the rest.
fn gauntlet(players: u16, heads: u16, round: u16) -> Pairs {
    let rest = players - heads;
    let pairs = (0..heads).map(|head| {
        let other = heads + 1 + (round + head) % rest;
        if (round + head).is_multiple_of(2) {
            (head + 1, other)
        } else {
            (other, head + 1)
        }
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    /// As the FIDE Handbook prints it for 5 or 6 players and for 7 or 8.
    #[test]
    fn round_robins_are_as_bergers_tables_say() {
        let six: [&[(u16, u16)]; 5] = [
            &[(1, 6), (2, 5), (3, 4)],
            &[(6, 4), (5, 3), (1, 2)],
            &[(2, 6), (3, 1), (4, 5)],
            &[(6, 5), (1, 4), (2, 3)],
            &[(3, 6), (4, 2), (5, 1)],
        ];
        let eight: [&[(u16, u16)]; 7] = [
            &[(1, 8), (2, 7), (3, 6), (4, 5)],
            &[(8, 5), (6, 4), (7, 3), (1, 2)],
            &[(2, 8), (3, 1), (4, 7), (5, 6)],
            &[(8, 6), (7, 5), (1, 4), (2, 3)],
            &[(3, 8), (4, 2), (5, 1), (6, 7)],
            &[(8, 7), (1, 6), (2, 5), (3, 4)],
            &[(4, 8), (5, 3), (6, 2), (7, 1)],
        ];
        for (players, table) in [(6, &six[..]), (8, &eight[..])] {
            for (round, expected) in (1..).zip(table) {
                let found = pairs(PairingSystem::RoundRobin, players, 1, round);
                let found: HashSet<_> = found.into_iter().collect();
                let expected: HashSet<_> = expected.iter().copied().collect();
                assert_eq!(found, expected, "round {round} of {players}");
            }
        }
    }

    /// Checks that a schedule has each of these pairs once a cycle, colours exchanged from one to the next, and each
    /// player once a round.
    fn check(system: PairingSystem, players: u16, heads: u16, cycles: u16, pairs_expected: usize) {
        let total = rounds(system, players, cycles, heads).unwrap();
        let mut met: HashMap<(u16, u16), u16> = HashMap::new();
        for round in 1..=total {
            let mut seen = HashSet::new();
            for (white, black) in pairs(system, players, heads, round) {
                assert!((1..=players).contains(&white) && (1..=players).contains(&black));
                assert!(
                    seen.insert(white) && seen.insert(black),
                    "{system:?} {players} {round}"
                );
                *met.entry((white, black)).or_default() += 1;
            }
        }
        let meetings = met.iter().map(|((white, black), count)| {
            let back = met.get(&(*black, *white)).copied().unwrap_or(0);
            assert_eq!(count + back, cycles, "{white} and {black}");
            assert!(count.abs_diff(back) <= 1, "{white} and {black}");
            (*white.min(black), *white.max(black))
        });
        let pairs: HashSet<_> = meetings.collect();
        assert_eq!(pairs.len(), pairs_expected, "{system:?} of {players}");
    }

    #[test]
    fn everybody_meets_everybody_as_often_as_cycles_say() {
        for players in 2..=41_u16 {
            let all = usize::from(players) * usize::from(players - 1) / 2;
            for cycles in [1, 2, 3] {
                check(PairingSystem::RoundRobin, players, 1, cycles, all);
            }
        }
    }

    #[test]
    fn the_heads_of_a_gauntlet_meet_everybody_else() {
        for players in 2..=20 {
            for heads in 1..=players / 2 {
                let all = usize::from(heads) * usize::from(players - heads);
                check(PairingSystem::Gauntlet, players, heads, 2, all);
            }
        }
    }

    #[test]
    fn colours_are_even_in_a_round_robin_and_alternate_for_one_head() {
        for players in [6, 7, 20] {
            let mut whites = vec![0_i32; usize::from(players) + 1];
            for round in 1..=rounds(PairingSystem::RoundRobin, players, 1, 1).unwrap() {
                for (white, black) in pairs(PairingSystem::RoundRobin, players, 1, round) {
                    whites[usize::from(white)] += 1;
                    whites[usize::from(black)] -= 1;
                }
            }
            assert!(whites.iter().all(|more| more.abs() <= 1), "{whites:?}");
        }
        let whites = (1..=4).map(|round| pairs(PairingSystem::Gauntlet, 5, 1, round)[0].0 == 1);
        assert_eq!(whites.collect::<Vec<_>>(), [true, false, true, false]);
    }

    #[test]
    fn numbers_that_do_not_go_together_are_no_schedule() {
        assert_eq!(rounds(PairingSystem::RoundRobin, 1, 1, 1), None);
        assert_eq!(rounds(PairingSystem::Gauntlet, 3, 1, 2), None);
        assert_eq!(rounds(PairingSystem::Free, 8, 1, 1), None);
        assert_eq!(rounds(PairingSystem::RoundRobin, 60_000, 20, 1), None);
    }
}
