//! How many commands that cause nothing a peer may send.

use std::time::Duration;

use super::ShardLimits;

/// A peer's allowance for commands that are refused or repeated. What causes an event is limited by the
/// rules of the match and costs nothing.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: u32,
    /// Commands refused unread since the allowance was used up.
    overdrawn: u32,
    refilled_at: Duration,
}

/// What an allowance has to say of the next command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It may be applied.
    Apply,
    /// It is refused unread.
    Refuse,
    /// The peer does not listen to refusals: it is sent away.
    SendAway,
}

impl Allowance {
    pub(crate) fn new(limits: &ShardLimits, now: Duration) -> Self {
        Self {
            left: limits.refusals_burst,
            overdrawn: 0,
            refilled_at: now,
        }
    }

    /// Whether one more command may come.
    pub(crate) fn judge(&mut self, limits: &ShardLimits, now: Duration) -> Verdict {
        let refill_ns = limits.refusal_refill.as_nanos().max(1);
        let periods = now.saturating_sub(self.refilled_at).as_nanos() / refill_ns;
        if periods > 0 {
            let refill = u32::try_from(periods).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(refill).min(limits.refusals_burst);
            self.overdrawn = self.overdrawn.saturating_sub(refill);
            self.refilled_at = now;
        }
        if self.left > 0 {
            Verdict::Apply
        } else {
            self.overdrawn += 1;
            let listens = self.overdrawn <= limits.refusals_burst;
            if listens {
                Verdict::Refuse
            } else {
                Verdict::SendAway
            }
        }
    }

    /// A command caused nothing.
    pub(crate) fn charge(&mut self) {
        self.left = self.left.saturating_sub(1);
    }
}
