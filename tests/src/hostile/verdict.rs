//! What counts as harm.

use serde::Serialize;

use super::facts::AttackFacts;
use super::memory::Memory;

const MIB: u64 = 1_024 * 1_024;

/// What a process may hold after an attack beyond what it held before: its allocator keeps pages that were
/// in use at the peak, and hands them out again.
const PROCESS_GROWTH_MAX: u64 = 32 * MIB;
/// What Redis may hold beyond it: the records of honest play, and what an attacker is entitled to.
const REDIS_GROWTH_MAX: u64 = 4 * MIB;
/// Keys that a match which honest players have played leaves in the store, until it is old.
const KEYS_PER_MATCH: u64 = 8;
/// Keys that attackers may leave behind: what one address is entitled to make at once for a hall of 300
/// guests, until it is old.
const KEYS_GROWTH_MAX: u64 = 3_000;
/// Upper bound on the p99 of acknowledgements, as a multiple of the calm p99.
const SLOWDOWN_MAX: f64 = 5.0;
/// Below this nobody notices, whatever the ratio, in milliseconds.
const UNNOTICED_MS: f64 = 20.0;

/// What came of an attack.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Verdict {
    /// Why the attack did harm, if it did.
    pub broken: Vec<String>,
    /// How many times as long acknowledgements took as before (99th percentile).
    pub slowdown: f64,
    /// Whether that is too long. It depends on the machine, and breaks nothing.
    pub is_slow: bool,
}

impl Verdict {
    /// Whether no harm was done.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        self.broken.is_empty()
    }
}

/// Upper bounds after an attack: `before` with what `matches` honest matches and the attacker may add.
pub(super) fn allowed(before: &Memory, matches: u32) -> Memory {
    Memory {
        shard: before.shard + PROCESS_GROWTH_MAX,
        matchmaker: before.matchmaker + PROCESS_GROWTH_MAX,
        redis: before.redis + REDIS_GROWTH_MAX,
        keys: before.keys + KEYS_GROWTH_MAX + KEYS_PER_MATCH * u64::from(matches),
    }
}

/// Judges what was measured.
pub(super) fn judge(facts: &AttackFacts) -> Verdict {
    let mut broken = Vec::new();
    let phases = [
        ("before the attack", &facts.calm),
        ("during the attack", &facts.attacked),
        ("after the attack", &facts.afterwards),
    ];
    for (when, arrivals) in phases {
        if !arrivals.is_complete() {
            let kept_out = arrivals.tried - arrivals.let_in;
            let why = arrivals.reasons.first().map_or("", |(why, _)| why);
            broken.push(format!(
                "{kept_out} of {} newcomers kept out {when} ({why})",
                arrivals.tried
            ));
        }
    }
    for acks in [&facts.calm_acks, &facts.attacked_acks] {
        if let Some(why) = acks.failures.first() {
            broken.push(format!(
                "{} honest matches broke off ({why})",
                acks.failures.len()
            ));
        }
    }
    for livez in &facts.livez {
        if livez.answered < livez.asked {
            let missed = livez.asked - livez.answered;
            broken.push(format!(
                "the {} left {missed} of {} probes unanswered",
                livez.endpoint, livez.asked
            ));
        }
    }
    broken.extend(not_flat(facts));
    for (breach, n) in &facts.deeds.breaches {
        broken.push(match n {
            1 => breach.clone(),
            n => format!("{breach} ({n} times)"),
        });
    }
    broken.extend(facts.alarms.iter().cloned());
    let (calm, attacked) = (facts.calm_acks.p99_ms, facts.attacked_acks.p99_ms);
    let slowdown = if calm > 0.0 { attacked / calm } else { 0.0 };
    Verdict {
        broken,
        slowdown,
        is_slow: slowdown > SLOWDOWN_MAX && attacked > UNNOTICED_MS,
    }
}

/// The parts that hold more than they may.
fn not_flat(facts: &AttackFacts) -> Vec<String> {
    let allowed = allowed(&facts.before, facts.attacked.tried + facts.afterwards.tried);
    let (before, after) = (&facts.before, &facts.after);
    let parts = [
        ("the shard", before.shard, after.shard, allowed.shard),
        (
            "the matchmaker",
            before.matchmaker,
            after.matchmaker,
            allowed.matchmaker,
        ),
        ("Redis", before.redis, after.redis, allowed.redis),
    ];
    let grown = parts
        .into_iter()
        .filter(|(_, _, after, allowed)| after > allowed);
    let mut broken: Vec<String> = grown
        .map(|(name, before, after, _)| {
            format!("{name} went from {} to {} MiB", before / MIB, after / MIB)
        })
        .collect();
    if after.keys > allowed.keys {
        broken.push(format!("{} keys have become {}", before.keys, after.keys));
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile::newcomers::Arrivals;
    use crate::hostile::probes::Livez;

    fn harmless() -> AttackFacts {
        let all_in = Arrivals {
            tried: 40,
            let_in: 40,
            ..Arrivals::default()
        };
        AttackFacts {
            calm: all_in.clone(),
            attacked: all_in.clone(),
            afterwards: all_in,
            ..AttackFacts::default()
        }
    }

    #[test]
    fn each_kind_of_harm_is_told() {
        assert!(judge(&harmless()).is_harmless());
        type Harm = fn(&mut AttackFacts);
        let harms: [(&str, Harm); 8] = [
            ("1 of 40 newcomers kept out during", |facts| {
                facts.attacked.let_in -= 1
            }),
            ("1 of 40 newcomers kept out after", |facts| {
                facts.afterwards.let_in -= 1
            }),
            ("1 honest matches broke off", |facts| {
                facts.attacked_acks.failures.push("gone".into())
            }),
            ("the door left 1 of 9 probes", |facts| {
                facts.livez.push(Livez {
                    endpoint: "door",
                    asked: 9,
                    answered: 8,
                    slowest_ms: 1.0,
                });
            }),
            ("the shard went from 0 to", |facts| {
                facts.after.shard = PROCESS_GROWTH_MAX + 1
            }),
            ("Redis went from 0 to", |facts| {
                facts.after.redis = REDIS_GROWTH_MAX + 1
            }),
            ("0 keys have become", |facts| {
                facts.after.keys = KEYS_GROWTH_MAX + 80 * KEYS_PER_MATCH + 1
            }),
            ("a seat was given", |facts| {
                facts.deeds.breaches.insert("a seat was given".into(), 1);
            }),
        ];
        for (told, harm) in harms {
            let mut facts = harmless();
            harm(&mut facts);
            let verdict = judge(&facts);
            assert!(
                verdict.broken.len() == 1 && verdict.broken[0].starts_with(told),
                "{verdict:?}"
            );
        }
    }

    #[test]
    fn what_is_slow_is_no_harm() {
        let mut facts = harmless();
        (facts.calm_acks.p99_ms, facts.attacked_acks.p99_ms) = (10.0, 60.0);
        let verdict = judge(&facts);
        assert!(verdict.is_harmless() && verdict.is_slow);
        assert_eq!(verdict.slowdown, 6.0);
    }
}
