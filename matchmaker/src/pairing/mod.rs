//! Who plays whom in a wave of a pool: a pure decision on the waiting list.
//!
//! The pairs are a matching: as many as there can be, and among those the ones with the least sum of rating
//! differences. Up to [`EXACT_MAX`] players it is exact ([`blossom`]). Among more, players are paired within windows of
//! the order of their ratings ([`sliding`]), as often as that finds another pair; the last of them, exactly.

mod blossom;
mod eligible;
mod entrant;
mod sliding;

use std::collections::HashMap;

use game_core::{ColorChoice, PlayerId};

pub(crate) use eligible::{SEEN_WITHIN_MS, eligible, entrant, replaced_by};
pub use entrant::Entrant;

/// Upper bound on players who are paired exactly: it takes some ten milliseconds, and four times as many take a second.
const EXACT_MAX: usize = 200;

/// Upper bound on passes over the windows; two find all but a few of the pairs that there are.
const PASSES_MAX: usize = 4;

/// Weighs a point of rating against the order in which players came, which decides between equal sums.
const POINT: i64 = 1 << 14;

/// Whether two players may meet, whoever else waits.
fn may_meet(one: &Entrant<'_>, other: &Entrant<'_>) -> bool {
    let colors_go_together = match (one.color, other.color) {
        (ColorChoice::Random, _) | (_, ColorChoice::Random) => true,
        (one, other) => one != other,
    };
    colors_go_together && one.player != other.player && one.accepts(other) && other.accepts(one)
}

/// The pairs of a wave, as places in `entrants`, who stand in the order in which they came. Nobody is in two pairs, and
/// nobody meets the opponent of their last match while either of the two could meet someone else.
#[must_use]
pub fn pair_up(entrants: &[Entrant<'_>]) -> Vec<(usize, usize)> {
    let mut line: Vec<usize> = (0..entrants.len()).collect();
    line.sort_by_key(|&place| (entrants[place].rating(), place));
    let repeats = repeats(entrants, &line);
    let cost = |one: usize, other: usize| {
        let pair = (one.min(other), one.max(other));
        let may = may_meet(&entrants[one], &entrants[other]) && !repeats.contains_key(&pair);
        may.then(|| pair_cost(entrants, one, other))
    };
    let mut pairs = Vec::with_capacity(entrants.len() / 2);
    for _ in 0..PASSES_MAX {
        if line.len() <= EXACT_MAX {
            pairs.extend(exactly(&line, cost));
            return pairs;
        }
        let found = sliding::pairs_nearby(line.len(), alone(entrants.len()), |one, other| {
            cost(line[one], line[other])
        });
        if found.is_empty() {
            break;
        }
        let mut is_paired = vec![false; line.len()];
        for (one, other) in found {
            (is_paired[one], is_paired[other]) = (true, true);
            pairs.push((line[one], line[other]));
        }
        let mut paired = is_paired.into_iter();
        line.retain(|_| paired.next() == Some(false));
    }
    pairs
}

/// The cost of a pair: its difference in points and, between equal sums, less for those who came first. Never above
/// [`alone`].
fn pair_cost(entrants: &[Entrant<'_>], one: usize, other: usize) -> i64 {
    let difference = entrants[one].rating().abs_diff(entrants[other].rating());
    let newer = |place: usize| place.min((POINT / 2 - 1) as usize) as i64;
    i64::from(difference) * POINT + newer(one) + newer(other)
}

/// The cost of leaving one player out: above that of any matching of `n`, so that as many as can be are paired.
fn alone(n: usize) -> i64 {
    (n as i64 + 1) * (i64::from(u16::MAX) + 1) * POINT
}

fn exactly(line: &[usize], cost: impl Fn(usize, usize) -> Option<i64>) -> Vec<(usize, usize)> {
    let most = alone(line.len());
    let partners = blossom::greatest_weight(line.len(), |one, other| {
        cost(line[one], line[other]).map(|cost| most - cost)
    });
    let pairs = partners.iter().enumerate();
    pairs
        .filter_map(|(one, other)| {
            let other = other.filter(|other| one < *other)?;
            Some((line[one], line[other]))
        })
        .collect()
}

/// The pairs that would meet twice in a row although either of the two may meet someone else. `line` is everyone by
/// rating.
fn repeats(entrants: &[Entrant<'_>], line: &[usize]) -> HashMap<(usize, usize), ()> {
    let by_player: HashMap<&PlayerId, usize> = entrants
        .iter()
        .enumerate()
        .map(|(place, entrant)| (entrant.player, place))
        .collect();
    let mut repeats = HashMap::new();
    let mut at: Option<Vec<usize>> = None;
    for (one, entrant) in entrants.iter().enumerate() {
        let last = entrant.last_opponent.and_then(|last| by_player.get(last));
        let Some(&other) = last else { continue };
        let pair = (one.min(other), one.max(other));
        if repeats.contains_key(&pair) || !may_meet(entrant, &entrants[other]) {
            continue;
        }
        let at = at.get_or_insert_with(|| places_in(line));
        if [one, other]
            .into_iter()
            .any(|one| has_other_opponent(entrants, line, at, one))
        {
            repeats.insert(pair, ());
        }
    }
    repeats
}

/// The place in the line of each entrant.
fn places_in(line: &[usize]) -> Vec<usize> {
    let mut at = vec![0; line.len()];
    for (place, &entrant) in line.iter().enumerate() {
        at[entrant] = place;
    }
    at
}

/// Whether somebody may meet anyone but their last opponent; looks at those with the nearest ratings first, as they are
/// the most likely.
fn has_other_opponent(entrants: &[Entrant<'_>], line: &[usize], at: &[usize], one: usize) -> bool {
    let (before, after) = line.split_at(at[one]);
    let nearest = (0..line.len()).flat_map(|step| {
        let below = before
            .len()
            .checked_sub(step + 1)
            .map(|place| before[place]);
        let above = after.get(step + 1).copied();
        [below, above].into_iter().flatten()
    });
    let mut others = nearest.map(|other| &entrants[other]);
    let entrant = &entrants[one];
    others.any(|other| may_meet(entrant, other) && !entrant.is_last_opponent_of(other))
}

#[cfg(test)]
mod tests;
