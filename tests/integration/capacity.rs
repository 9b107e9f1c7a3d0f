//! A small selection of what docs/capacity.md says of large clusters, by the same simulation.

use std::time::Duration;

use store::Liveness;
use tests::capacity::{Costs, Outcome, Plan, simulate};

fn outcome(shards: usize, killed: usize) -> Outcome {
    let plan = Plan {
        shards,
        matches: 40,
        killed,
        nodes: 4,
        costs: Costs::default(),
    };
    let outcome = simulate(plan);
    assert_eq!((outcome.missing, outcome.needless), (0, 0), "{outcome}");
    outcome
}

/// The time after which a death is known by stored heartbeats, with what reading them adds.
const KNOWN_MAX: Duration = Duration::from_secs(5);

#[test]
fn the_matches_of_a_shard_a_rack_and_half_of_a_cluster_are_taken_over() {
    assert!(Liveness::DEAD_AFTER < KNOWN_MAX);
    for killed in [1, 10, 40] {
        let outcome = outcome(80, killed);
        assert!(outcome.known.1 <= KNOWN_MAX, "{outcome}");
        let all = outcome.within(1.0) - outcome.known.1;
        assert!(all < Duration::from_secs(1), "{outcome}");
        // Half of the shards with the matches of the other half: no survivor gets four times its share.
        let share = 40 * killed / (80 - killed) + 1;
        assert!(outcome.most_taken <= 4 * share + 10, "{outcome}");
    }
}

/// The sets of the dead are read by few, so that the store has as much to do for each in a large cluster as in a
/// small one.
#[test]
fn reading_the_sets_of_the_dead_does_not_grow_with_the_cluster() {
    let [small, large] = [40, 160].map(|shards| outcome(shards, 1).sets_read);
    assert!(large <= 2 * small, "{small}, {large}");
}
