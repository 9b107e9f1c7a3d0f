//! How many commands that cause nothing a peer may send, and how often a player may join.

use std::collections::HashMap;
use std::time::Duration;

use game_core::{MatchId, PlayerId};

use super::ShardLimits;
use crate::Uptime;

/// A peer's allowance for commands that are refused or repeated. What causes an event is limited by the
/// rules of the match and costs nothing.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: u32,
    /// Commands refused unread since the allowance was used up.
    overdrawn: u32,
    refilled_at: Uptime,
}

/// The verdict of an allowance on the next command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AllowanceVerdict {
    /// It may be applied.
    Apply,
    /// It is refused unread.
    Refuse,
    /// The peer does not listen to refusals: it is sent away.
    SendAway,
}

impl Allowance {
    pub(crate) fn new(limits: &ShardLimits, now: Uptime) -> Self {
        Self {
            left: limits.refusals_burst,
            overdrawn: 0,
            refilled_at: now,
        }
    }

    /// Whether one more command may come.
    pub(crate) fn judge(&mut self, limits: &ShardLimits, now: Uptime) -> AllowanceVerdict {
        let refill_ns = limits.refusal_refill.as_nanos().max(1);
        let periods = now.since(self.refilled_at).as_nanos() / refill_ns;
        if periods > 0 {
            let refill = u32::try_from(periods).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(refill).min(limits.refusals_burst);
            self.overdrawn = self.overdrawn.saturating_sub(refill);
            self.refilled_at = now;
        }
        if self.left > 0 {
            AllowanceVerdict::Apply
        } else {
            self.overdrawn += 1;
            let listens = self.overdrawn <= limits.refusals_burst;
            if listens {
                AllowanceVerdict::Refuse
            } else {
                AllowanceVerdict::SendAway
            }
        }
    }

    /// A command caused nothing.
    pub(crate) fn charge(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}

/// How often each player has joined each match of late; it outlives the streams.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    /// When all joins so far are forgiven. Without an entry they are.
    forgiven_at: HashMap<(MatchId, PlayerId), Uptime>,
    /// When full allowances were last dropped.
    swept_at: Uptime,
}

impl Joins {
    /// Interval at which full allowances, which are no different from new ones, are dropped.
    const SWEEP_EVERY: Duration = Duration::from_secs(1);
    /// Entries at most; beyond, joins are not counted. An entry lasts for the time in which a burst is
    /// forgiven, and each is of a player and match that the matchmaker has signed for.
    const ENTRIES_MAX: usize = 65_536;

    /// Whether the player may join the match once more; it counts if so.
    pub(crate) fn admit(
        &mut self,
        match_id: MatchId,
        player: &PlayerId,
        limits: &ShardLimits,
        now: Uptime,
    ) -> bool {
        self.sweep(now);
        let key = (match_id, player.clone());
        let forgiven_at = self.forgiven_at.get(&key).copied().unwrap_or_default();
        let forgiven_at = forgiven_at.max(now) + limits.join_refill;
        let may_join = forgiven_at.since(now) <= limits.join_refill * limits.joins_burst;
        let has_room = self.forgiven_at.len() < Self::ENTRIES_MAX;
        if may_join && (has_room || self.forgiven_at.contains_key(&key)) {
            self.forgiven_at.insert(key, forgiven_at);
        }
        may_join
    }

    fn sweep(&mut self, now: Uptime) {
        if now >= self.swept_at + Self::SWEEP_EVERY {
            self.forgiven_at.retain(|_, forgiven_at| *forgiven_at > now);
            self.swept_at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> ShardLimits {
        ShardLimits {
            joins_burst: 3,
            join_refill: Duration::from_secs(2),
            ..ShardLimits::default()
        }
    }

    #[test]
    fn a_player_may_join_a_match_so_often_and_again_with_time() {
        let (mut joins, limits) = (Joins::default(), limits());
        let [one, other] = [1, 2].map(MatchId::from_random);
        let [ann, bob] = ["ann", "bob"].map(|name| name.parse().unwrap());
        // Seconds, who, where, and whether that is let in: a burst of 3, then one in 2 s.
        for (at, player, match_id, expected) in [
            (10, &ann, one, true),
            (10, &ann, one, true),
            (10, &ann, one, true),
            (10, &ann, one, false),
            (10, &ann, other, true),
            (10, &bob, one, true),
            (11, &ann, one, false),
            (12, &ann, one, true),
            (12, &ann, one, false),
            (100, &ann, one, true),
            (100, &ann, one, true),
            (100, &ann, one, true),
            (100, &ann, one, false),
        ] {
            let now = Uptime::from_start(Duration::from_secs(at));
            let admitted = joins.admit(match_id, player, &limits, now);
            assert_eq!(admitted, expected, "{player} in {match_id} at {at} s");
        }
    }

    #[test]
    fn what_is_forgiven_is_forgotten_and_the_rest_is_bounded() {
        let (mut joins, limits) = (Joins::default(), limits());
        let ann = "ann".parse().unwrap();
        for n in 0..20_000_u32 {
            let now = Uptime::from_start(Duration::from_millis(n.into()));
            assert!(joins.admit(MatchId::from_random(n.into()), &ann, &limits, now));
            // 2 s after a join nothing is left of it, and a second later neither is the entry.
            assert!(joins.forgiven_at.len() <= 3_000 + 1, "{n}");
        }
        for n in 0..100_000_u32 {
            let now = Uptime::from_start(Duration::from_secs(1_000));
            assert!(joins.admit(MatchId::from_random(n.into()), &ann, &limits, now));
        }
        assert_eq!(joins.forgiven_at.len(), Joins::ENTRIES_MAX);
    }
}
