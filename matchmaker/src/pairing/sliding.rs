//! A matching of small cost among very many: each with one of those next to them in a line.
//!
//! Players who should meet stand close to each other in the order of their ratings. So of all matchings that pair
//! nobody across more than [`SPAN`] places, the best is found exactly, from one end of the line to the other: what
//! matters at a place is which of the last [`SPAN`] before it are still unmatched.

/// Over how many places a pair may go. The effort doubles with each; colours, ranges and last opponents seldom exclude
/// more than a few neighbours, and who finds nobody so near is looked at again among those who are left.
const SPAN: usize = 8;

/// Sets of the last [`SPAN`] places: bit `n` is the place `n + 1` before.
const SETS: usize = 1 << SPAN;

/// No such set is reached.
const NEVER: i64 = i64::MAX;

/// In a [`Step`]: the one at this place waits for a later one.
const WAITS: u8 = u8::MAX;

/// How a set was reached at least cost.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    /// The set at the place before.
    from: u8,
    /// The bit of the partner, or [`WAITS`].
    partner: u8,
}

/// The pairs of a matching of `n` in a line, by their places. `cost` is `None` where two may not be paired; nobody who
/// can be paired is left out for less than `alone`.
pub(super) fn pairs_nearby(
    n: usize,
    alone: i64,
    mut cost: impl FnMut(usize, usize) -> Option<i64>,
) -> Vec<(usize, usize)> {
    let mut costs = [NEVER; SETS];
    costs[0] = 0;
    let mut steps: Vec<[Step; SETS]> = Vec::with_capacity(n);
    for place in 0..n {
        let mut next = [NEVER; SETS];
        let mut step = [Step::default(); SETS];
        let with: [Option<i64>; SPAN] = std::array::from_fn(|bit| {
            let other = place.checked_sub(bit + 1)?;
            cost(other, place)
        });
        for (set, &so_far) in costs.iter().enumerate() {
            if so_far == NEVER {
                continue;
            }
            let mut reach = |reached: usize, cost: i64, partner: u8| {
                // Who is too far back now stays alone.
                let cost = if reached >= SETS { cost + alone } else { cost };
                let reached = reached % SETS;
                if cost < next[reached] {
                    next[reached] = cost;
                    let from = set as u8;
                    step[reached] = Step { from, partner };
                }
            };
            reach(set << 1 | 1, so_far, WAITS);
            for (bit, with) in with.iter().enumerate() {
                if let Some(with) = with
                    && set & 1 << bit != 0
                {
                    reach((set & !(1 << bit)) << 1, so_far + with, bit as u8);
                }
            }
        }
        costs = next;
        steps.push(step);
    }
    let total = |set: usize, cost: i64| match cost {
        NEVER => NEVER,
        cost => cost + alone * i64::from(set.count_ones()),
    };
    let best = (0..SETS).min_by_key(|&set| total(set, costs[set]));
    let mut set = best.unwrap_or(0);
    let mut pairs = Vec::with_capacity(n / 2);
    for (place, step) in steps.iter().enumerate().rev() {
        let Step { from, partner } = step[set];
        if partner != WAITS {
            pairs.push((place - 1 - usize::from(partner), place));
        }
        set = usize::from(from);
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Costs `alone` each for those who are left, and the distance of the ratings for those who are paired.
    #[track_caller]
    fn check(ratings: &[i64], forbidden: &[(usize, usize)], expected: &[(usize, usize)]) {
        let pairs = pairs_nearby(ratings.len(), 1_000_000, |one, other| {
            let may = !forbidden.contains(&(one, other));
            may.then(|| (ratings[one] - ratings[other]).abs())
        });
        let mut sorted = pairs.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected);
    }

    #[test]
    fn neighbours_are_paired_and_the_one_who_is_left_costs_least() {
        check(&[], &[], &[]);
        check(&[1_500], &[], &[]);
        check(&[1_000, 1_010], &[], &[(0, 1)]);
        check(&[1_000, 1_100, 1_101, 1_400, 1_401], &[], &[(1, 2), (3, 4)]);
        check(&[1_000, 1_001, 1_300, 1_400, 1_401], &[], &[(0, 1), (3, 4)]);
    }

    #[test]
    fn who_may_not_meet_meets_another() {
        let ratings = [1_000, 1_001, 1_010, 1_011];
        check(&ratings, &[(0, 1)], &[(0, 2), (1, 3)]);
        check(&ratings, &[(0, 1), (0, 2)], &[(0, 3), (1, 2)]);
        check(&ratings, &[(0, 1), (0, 2), (0, 3)], &[(2, 3)]);
        check(
            &ratings,
            &[(0, 1), (0, 2), (0, 3), (1, 2), (2, 3)],
            &[(1, 3)],
        );
    }

    #[test]
    fn pairs_go_over_as_many_places_as_is_said() {
        let n = SPAN + 2;
        for over in [SPAN, SPAN + 1] {
            let pairs = pairs_nearby(n, 1_000, |one, other| (other - one == over).then_some(1));
            assert_eq!(pairs.len(), if over == SPAN { 2 } else { 0 });
        }
    }
}
