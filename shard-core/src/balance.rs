//! Even load: a shard that uses more of its CPU share than the others gives matches to those that use less.
//!
//! It gives in rounds. Each round is planned from the registry, spread over time, and followed by a wait until
//! the announced loads show its effect. Three rules keep matches from moving to and fro:
//!
//! - A round moves less than what this shard has above the mean, and no receiver is given more than takes it to
//!   the mean or a little above it, so that no shard changes sides.
//! - Giving begins well above the mean and ends near it (hysteresis).
//! - A match that has arrived stays for a while.

use std::collections::VecDeque;
use std::time::Duration;

use game_core::{MatchId, ShardId};
use store::ShardRecord;

use super::hand_offs::{HandOffs, Pace};
use super::live::Disturbance;
use super::{Now, Shard};
use crate::Uptime;

/// Shares of a core, in thousandths of a thousandth: load in permille times a share in thousandths.
type Work = u64;

/// What this shard gives away, and to whom.
#[derive(Debug, Default)]
pub(super) struct Balance {
    stage: Stage,
    /// How many matches of the present round each receiver is still to be given.
    gifts: Vec<(ShardId, u32)>,
    hand_offs: HandOffs,
    step: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// The load is even enough, as far as is known.
    #[default]
    Even,
    /// This shard has been far above the mean since then.
    Above(Uptime),
    /// A round is under way.
    Giving,
    /// The effect of a round is waited for.
    Settling(Uptime),
}

impl Balance {
    /// How far above the mean a shard must be to begin, in permille of its share.
    const BEGIN_ABOVE: u32 = 100;
    /// How far above the mean a shard may stay.
    const END_ABOVE: u32 = 40;
    /// How far above the mean a receiver may get: among many shards, nearly all are at the mean.
    const RECEIVES_UP_TO: u32 = 20;
    /// A shard that uses less of its share than this gives nothing away: its players notice nothing of the load.
    const LOAD_MIN: u32 = 500;
    /// How long a shard must be above the mean: a burst of handshakes is over by then.
    const SUSTAINED: Duration = Duration::from_secs(3);
    /// From the end of a round until its effect is in the announced loads: they are averages of five seconds, as
    /// of a second ago at most.
    const SETTLING: Duration = Duration::from_secs(7);
    /// How long a match stays where it has arrived.
    pub(super) const STAYS: Duration = Duration::from_secs(60);
    /// Longest interval between two matches.
    const STEP_MAX: Duration = Duration::from_millis(50);
    /// Longest duration of a round: what it is based on becomes out of date.
    const ROUND_MAX: Duration = Duration::from_secs(10);

    /// The registry was read: `shards` are those that may take matches, with this shard `me` among them. Returns
    /// whether a round begins, for which [`Balance::begin`] is to name the matches.
    pub(super) fn observe(&mut self, me: ShardId, shards: &[&ShardRecord], now: Uptime) -> bool {
        let above = above_mean(me, shards);
        let is_far_above = above.is_some_and(|above| above >= Self::BEGIN_ABOVE);
        self.stage = match self.stage {
            Stage::Giving => {
                let takes = |id| {
                    shards
                        .iter()
                        .any(|record| record.id == id && record.has_room())
                };
                self.gifts.retain(|&(id, _)| takes(id));
                return false;
            }
            Stage::Settling(until) if until > now => self.stage,
            Stage::Settling(_) if above.is_some_and(|above| above > Self::END_ABOVE) => {
                return self.plan(me, shards, now);
            }
            Stage::Above(since) if is_far_above && now.since(since) >= Self::SUSTAINED => {
                return self.plan(me, shards, now);
            }
            Stage::Above(_) if is_far_above => self.stage,
            Stage::Even | Stage::Settling(_) if is_far_above => Stage::Above(now),
            Stage::Even | Stage::Settling(_) | Stage::Above(_) => Stage::Even,
        };
        false
    }

    fn plan(&mut self, me: ShardId, shards: &[&ShardRecord], now: Uptime) -> bool {
        let own = shards.iter().find(|record| record.id == me);
        let live = own.map_or(0, |record| record.live);
        // One match in a hundred a second, where that is more.
        self.step = (Duration::from_secs(100) / live.max(1)).min(Self::STEP_MAX);
        let at_most = Self::ROUND_MAX.as_micros() / self.step.as_micros().max(1);
        self.gifts = gifts(me, shards, u32::try_from(at_most).unwrap_or(u32::MAX));
        // Where a single match is too much, it stays.
        self.stage = match self.gifts.is_empty() {
            true => Stage::Settling(now + Self::SETTLING),
            false => Stage::Giving,
        };
        self.stage == Stage::Giving
    }

    /// Begins the round with the matches that may be given away.
    pub(super) fn begin(&mut self, hand_offs: HandOffs) {
        self.hand_offs = hand_offs;
    }

    /// The uptime at which the next match is due.
    pub(super) fn next(&self) -> Option<Uptime> {
        let is_giving = self.stage == Stage::Giving && !self.gifts.is_empty();
        self.hand_offs
            .next(HandOffs::IN_FLIGHT_MAX)
            .filter(|_| is_giving)
    }

    /// The receiver that is next: the one that has most to come.
    fn receiver(&mut self) -> Option<&mut (ShardId, u32)> {
        self.gifts.iter_mut().max_by_key(|(id, left)| (*left, *id))
    }

    /// The match that is due, and its receiver; see [`HandOffs::due`]. [`Balance::given`] follows if it goes.
    fn due(
        &mut self,
        now: Now,
        is_in_flight: impl Fn(MatchId) -> bool,
        disturbance: impl Fn(MatchId) -> Option<Disturbance>,
    ) -> Option<(MatchId, ShardId)> {
        let &mut (to, _) = self.receiver()?;
        let pace = Pace {
            step: self.step,
            in_flight_max: HandOffs::IN_FLIGHT_MAX,
        };
        let id = self.hand_offs.due(now, pace, is_in_flight, disturbance)?;
        Some((id, to))
    }

    /// A match went to the receiver that was next.
    pub(super) fn given(&mut self) {
        if let Some((_, left)) = self.receiver() {
            *left -= 1;
        }
        self.gifts.retain(|&(_, left)| left > 0);
    }

    /// Ends the round if nothing is left to give.
    fn end_of_round(&mut self, now: Uptime) {
        let is_over = self.gifts.is_empty() || self.hand_offs.is_empty();
        if self.stage == Stage::Giving && is_over {
            self.gifts.clear();
            self.hand_offs = HandOffs::default();
            self.stage = Stage::Settling(now + Self::SETTLING);
        }
    }
}

/// How many permille of its share this shard is above the mean of all shares; `None` if it is not known, or not
/// loaded enough to matter.
fn above_mean(me: ShardId, shards: &[&ShardRecord]) -> Option<u32> {
    let own = shards.iter().find(|record| record.id == me)?;
    let mean = mean(shards)?;
    (own.load >= Balance::LOAD_MIN).then(|| own.load.saturating_sub(mean))
}

/// The load that each would have if it were even, in permille.
fn mean(shards: &[&ShardRecord]) -> Option<u32> {
    let work: Work = shards.iter().map(|record| work(record)).sum();
    let share: u64 = shards
        .iter()
        .map(|record| u64::from(record.cpu_share))
        .sum();
    u32::try_from(work.checked_div(share)?).ok()
}

fn work(record: &ShardRecord) -> Work {
    u64::from(record.load) * u64::from(record.cpu_share)
}

/// How many matches each shard below the mean is to be given, `at_most` in all.
fn gifts(me: ShardId, shards: &[&ShardRecord], at_most: u32) -> Vec<(ShardId, u32)> {
    let own = shards.iter().find(|record| record.id == me);
    let (Some(own), Some(mean)) = (own, mean(shards)) else {
        return Vec::new();
    };
    let missing = |record: &ShardRecord| {
        let level = mean + Balance::RECEIVES_UP_TO;
        u64::from(level.saturating_sub(record.load)) * u64::from(record.cpu_share)
    };
    let all_missing: Work = shards.iter().map(|record| missing(record)).sum();
    let a_match = work(own) / u64::from(own.live.max(1));
    let above = u64::from(own.load.saturating_sub(mean)) * u64::from(own.cpu_share);
    // Two thirds, as a match may be heavier than another.
    let (Some(matches), true) = ((above * 2 / 3).checked_div(a_match), all_missing > 0) else {
        return Vec::new();
    };
    let matches = matches.min(at_most.into());
    let mut receivers: Vec<_> = shards.iter().filter(|record| record.id != me).collect();
    // Each giver has an order of its own, so that single matches of many givers do not meet at one receiver.
    receivers.sort_unstable_by_key(|record| (mixed(me, record.id), record.id));
    let (mut gifts, mut rounded) = (Vec::new(), all_missing / 2);
    for record in receivers {
        let missing = missing(record);
        // Others give to the same receivers, in proportion to what they have above the mean.
        let before = rounded / all_missing;
        rounded += matches * missing;
        let room = u64::from(record.capacity.saturating_sub(record.live));
        let gift = (rounded / all_missing - before)
            .min(missing / a_match)
            .min(room);
        if let (Ok(gift), true) = (u32::try_from(gift), gift > 0) {
            gifts.push((record.id, gift));
        }
    }
    gifts
}

/// A number that depends on both shards and means nothing.
fn mixed(giver: ShardId, receiver: ShardId) -> u32 {
    let (giver, receiver) = (giver.to_string(), receiver.to_string());
    let bytes = giver.bytes().chain(receiver.bytes());
    // FNV-1a.
    bytes.fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

impl Shard {
    /// Judges whether this shard has more load than others.
    pub(super) fn judge_load(&mut self, now: Now) {
        let is_ready = self.registry.watched_for() >= store::Liveness::DEAD_AFTER;
        if self.takeover.is_draining() || !is_ready || self.clock.is_frozen() {
            return;
        }
        let suspects: Vec<_> = self.registry.suspects().collect();
        let takes = |record: &&ShardRecord| !record.draining && !suspects.contains(&record.id);
        let shards: Vec<_> = self.registry.lives().filter(takes).collect();
        if self.balance.observe(self.id, &shards, now.uptime) {
            let time = self.clock.at(now.uptime);
            let may_go = |live: &&super::LiveMatch| {
                !live.is_over() && time.since(live.arrived_at()) >= Balance::STAYS
            };
            let matches = self.matches.values().filter(may_go);
            let queue: VecDeque<_> = matches.map(super::LiveMatch::id).collect();
            tracing::info!(to = ?self.balance.gifts, "giving matches to shards with less load");
            self.balance.begin(HandOffs::new(queue, now));
        }
    }

    /// Gives away the matches that are due, in a round that moves load.
    pub(super) fn even_load(&mut self, now: Now) {
        if self.balance.stage != Stage::Giving {
            return;
        }
        let time = self.clock.at(now.uptime);
        let mut balance = std::mem::take(&mut self.balance);
        loop {
            let is_in_flight = |id| self.is_on_its_way(id);
            let disturbance = |id| self.disturbance(id, time);
            let Some((id, to)) = balance.due(now, is_in_flight, disturbance) else {
                break;
            };
            match self.hand_over(id, Some(to), now) {
                Ok(_) => {
                    balance.given();
                    self.counters.given_for_load += 1;
                }
                // The receiver is gone: the next look at the registry says so too.
                Err(reason) => tracing::debug!(match_id = %id, %reason, "not given away"),
            }
        }
        balance.end_of_round(now.uptime);
        self.balance = balance;
    }
}

#[cfg(test)]
mod tests;
