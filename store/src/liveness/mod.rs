//! Which shards are live, as one observer sees them.

mod evidence;
mod guard;
mod listening;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use game_core::{MatchId, MatchTime, ShardId};

pub use self::evidence::{Port, Proof, Suspicion};
use self::guard::Guard;
use self::listening::Listening;
use crate::beat::{Beat, Heard};
use crate::heirs::Heirs;
use crate::shard::{Registered, ShardRecord};

/// Watches registry and beats: evidence first, silence second.
///
/// A shard is dead at once when it has left, or when there is evidence that its process has ended
/// ([`proved`](Self::proved)). Else it is dead when its sign of life, the count in its beats and in its record, has
/// stood still for [`SILENT_AFTER`](Self::SILENT_AFTER) where its beats are heard, and for
/// [`DEAD_AFTER`](Self::DEAD_AFTER) where only its record is read; always of the observer's own monotonic time
/// *while it heard its own beats and the store answered*. Of a record that cannot be read, whatever changes in it
/// is the sign, and of a shard without a record, that a record appears.
///
/// No wall clock and no expiry in the store is involved, so a slow or restarted store makes no shard look
/// dead. What was never observed is not dead: an observer that has just started knows nothing yet.
#[derive(Debug, Default)]
pub struct Liveness {
    shards: HashMap<ShardId, Observed>,
    /// Queried shards that the registry does not name, and for how long it has not.
    unnamed: HashMap<ShardId, Duration>,
    /// The last observation succeeded; the time between two successes is what counts.
    last_answer: Option<Duration>,
    /// How long the registry was watched.
    watched_for: Duration,
    has_observed: bool,
    listening: Listening,
    guard: Guard,
    /// This observer's own id, which it does not judge.
    me: Option<ShardId>,
    /// Shards that were taken for dead and have left the registry since, as those without matches do.
    departed: HashSet<ShardId>,
    /// The newest notice that was heeded.
    notices: u64,
    notice_is_due: bool,
    /// How long the silence of each shard had lasted when the read of the registry under way began is told from
    /// this mark.
    reading: Option<Duration>,
    figures: LivenessFigures,
}

/// What an observer counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LivenessFigures {
    /// Shards that missed a beat, so that evidence was asked for.
    pub suspicions: u64,
    /// Deaths by evidence.
    pub deaths_by_evidence: u64,
    /// Deaths by silence.
    pub deaths_by_silence: u64,
    /// Shards that were taken for dead, and were seen alive again under the same id.
    pub needless_takeovers: u64,
}

#[derive(Debug)]
struct Observed {
    seen: Registered,
    /// How long the sign of life in the registry has been unchanged while the store was answering.
    still_for: Duration,
    /// Its newest beat, if one was heard.
    heard: Option<HeardBeat>,
    /// The newest reading of its play clock.
    clock: Option<MatchTime>,
    /// It was taken for dead, and gave no sign of life since.
    is_dead: bool,
    /// When it was last taken for dead by silence.
    silenced_at: Option<Duration>,
    /// Its count was seen to move.
    has_moved: bool,
    /// Its liveness port has answered to this observer.
    port_is_known: bool,
    /// When evidence was last asked for.
    asked_at: Option<Duration>,
    /// When its port last answered.
    answered_at: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct HeardBeat {
    count: u64,
    /// Where the silence after it begins.
    mark: Duration,
    at: Duration,
}

impl Observed {
    fn new(seen: Registered) -> Self {
        Self {
            clock: seen.record().map(|record| record.clock),
            seen,
            still_for: Duration::ZERO,
            heard: None,
            is_dead: false,
            silenced_at: None,
            has_moved: false,
            port_is_known: false,
            asked_at: None,
            answered_at: None,
        }
    }

    fn is_dead(&self) -> bool {
        match self.seen {
            Registered::Left(_) => true,
            Registered::Absent(_) => self.is_dead || self.still_for >= Liveness::DEAD_AFTER,
            _ => self.is_dead,
        }
    }

    /// Its newest beat, if beats are how it is known to live: its record is not ahead of them.
    fn beating(&self) -> Option<HeardBeat> {
        let stored = self.seen.record().map_or(0, |record| record.heartbeat);
        let behind = |beat: &HeardBeat| stored <= beat.count + Liveness::STORED_AHEAD_MAX;
        self.heard.filter(behind)
    }

    /// Reads the registry's entry again. Returns whether it has a new sign of life.
    fn read(&mut self, seen: &Registered, step: Duration) -> bool {
        let is_sign = sign_of_life(&self.seen) != sign_of_life(seen);
        self.still_for = if is_sign {
            Duration::ZERO
        } else {
            self.still_for + step
        };
        let port = |seen: &Registered| seen.record().and_then(|record| record.liveness);
        if port(&self.seen) != port(seen) {
            self.port_is_known = false;
        }
        self.clock = seen.record().map(|record| record.clock).max(self.clock);
        self.seen = seen.clone();
        // What was stored with the newest beat, or with one that was never heard, is no news of it.
        let is_ahead = match (self.heard, self.seen.record()) {
            (Some(beat), Some(record)) => {
                record.heartbeat > beat.count + Liveness::STORED_AHEAD_MAX
            }
            _ => true,
        };
        is_sign && is_ahead && sign_of_life(seen).is_some()
    }

    fn hear(&mut self, beat: &Beat, mark: Duration, now: Duration) -> bool {
        let is_new = self.heard.is_none_or(|known| known.count < beat.count);
        // The first that is heard of may have been received long ago.
        let stored = self.seen.record().map(|record| record.heartbeat);
        let is_sign = self.heard.is_some() || stored.is_some_and(|stored| stored < beat.count);
        if is_new {
            self.clock = Some(beat.clock).max(self.clock);
            self.heard = Some(HeardBeat {
                count: beat.count,
                mark,
                at: now,
            });
        }
        is_new && is_sign
    }
}

/// The value that changes while a shard is live.
fn sign_of_life(seen: &Registered) -> Option<u64> {
    match seen {
        Registered::Recorded(record) => Some(record.heartbeat),
        Registered::Unreadable { sign, .. } => Some(*sign),
        Registered::Left(_) | Registered::Absent(_) => None,
    }
}

impl Liveness {
    /// A shard whose stored count is unchanged for this long is dead, where its beats are not heard: six
    /// missed heartbeats.
    pub const DEAD_AFTER: Duration = Duration::from_secs(3);
    /// A shard whose beats were heard and of which nothing was heard for this long is dead, if a read of its
    /// record that begins then shows nothing newer.
    pub const SILENT_AFTER: Duration = Duration::from_millis(1_050);
    /// A shard may be dead if nothing was heard of it for this long: callers that can wait for certainty should.
    pub const SUSPECT_AFTER: Duration = Duration::from_millis(300);
    /// The same where its beats are not heard.
    const SUSPECT_UNHEARD_AFTER: Duration = Duration::from_millis(1_500);
    /// Evidence is asked for if a beat is missing for this long: a beat and a half.
    const PROVE_AFTER: Duration = Duration::from_millis(150);
    /// Between two questions for evidence about one shard.
    const PROVE_EVERY: Duration = Duration::from_millis(90);
    /// Between two attempts to see a liveness port answer for the first time.
    const PORT_EVERY: Duration = Duration::from_secs(2);
    /// Upper bound on the shards that evidence is asked about at once; the others follow.
    const PROVE_MAX: usize = 64;
    /// Shards that start at the same time have registered within this.
    pub const SETTLED_AFTER: Duration = Duration::from_millis(1_500);
    /// How often a shard sends a beat.
    pub const BEAT_EVERY: Duration = Duration::from_millis(100);
    /// How often an observer looks at what it has heard.
    pub const LOOK_EVERY: Duration = Duration::from_millis(50);
    /// How often a shard stores its count while its beats come back, and an observer reads it at least.
    pub const STORED_EVERY: Duration = Duration::from_secs(1);
    /// How often a shard stores its count while its beats do not come back.
    pub const HEARTBEAT_EVERY: Duration = Duration::from_millis(500);
    /// A dead shard stays in the registry for this long after its last stored sign of life, so that every observer, and
    /// whoever looks at an operator's page, sees that it is down.
    const SHOWN_FOR: Duration = Duration::from_secs(10);
    /// A record further ahead of the beats than this shows that beats are lost: only the record counts then.
    const STORED_AHEAD_MAX: u64 = 3;
    /// Upper bound on the time counted between two observations: an observer that was itself paused does not
    /// mistake that for the silence of others.
    const STEP_MAX: Duration = Duration::from_secs(1);
    /// Upper bound on the shards that are watched although the registry does not name them; beyond it, the
    /// observation of all of them begins again.
    const UNNAMED_MAX: usize = 1_024;

    /// A read of the registry begins; [`observe`](Self::observe) or [`store_was_down`](Self::store_was_down)
    /// follows. Without it, silence in beats is not judged by that read: its answer may be older.
    pub fn reading(&mut self) {
        self.reading.get_or_insert(self.listening.mark());
    }

    /// The registry as read at `now`, a point on the observer's monotonic clock.
    pub fn observe(&mut self, registry: &[Registered], now: Duration) {
        let step = self
            .last_answer
            .map_or(Duration::ZERO, |last| now.saturating_sub(last));
        let step = step.min(Self::STEP_MAX);
        self.last_answer = Some(now);
        self.watched_for += step;
        self.has_observed = true;
        let mut before = std::mem::take(&mut self.shards);
        for seen in registry {
            let id = seen.id();
            let mut observed = match before.remove(&id) {
                Some(observed) => observed,
                None => {
                    let is_back = seen.record().is_some() && self.departed.remove(&id);
                    self.figures.needless_takeovers += u64::from(is_back);
                    self.shards.insert(id, Observed::new(seen.clone()));
                    continue;
                }
            };
            if observed.read(seen, step) {
                self.figures.needless_takeovers += u64::from(observed.revive());
            }
            self.shards.insert(id, observed);
        }
        let departed = before.into_iter().filter(|(_, observed)| observed.is_dead);
        self.departed.extend(departed.map(|(id, _)| id));
        if self.departed.len() > Self::UNNAMED_MAX {
            self.departed.clear();
        }
        self.unnamed.retain(|id, _| !self.shards.contains_key(id));
        self.unnamed.values_mut().for_each(|absent| *absent += step);
        self.judge_silence(now);
        self.reading = None;
    }

    /// The store did not answer: the time until it does counts against no shard.
    pub fn store_was_down(&mut self) {
        self.last_answer = None;
        self.reading = None;
    }

    /// What was heard, as observer `me`, whose own beats are among it, sees it at `now`: to be called every
    /// [`LOOK_EVERY`](Self::LOOK_EVERY).
    pub fn heard(&mut self, heard: &Heard, me: ShardId, now: Duration) {
        self.me = Some(me);
        let own = heard.beats.iter().find(|beat| beat.shard == me);
        self.listening.look(own.map(|beat| beat.count), now);
        let mark = self.listening.mark();
        for beat in &heard.beats {
            if let Some(observed) = self.shards.get_mut(&beat.shard)
                && observed.hear(beat, mark, now)
            {
                self.figures.needless_takeovers += u64::from(observed.revive());
            }
        }
        if heard.notices != self.notices {
            self.notices = heard.notices;
            self.notice_is_due = true;
        }
    }

    /// Whether this observer's own beats come back to it, so that it would hear the others'.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.listening.hears()
    }

    /// Whether the registry is to be read now, before its time: it is known to have changed, or a silence is to
    /// be judged. Never while a read is under way.
    pub fn wants_registry(&mut self) -> bool {
        if self.reading.is_some() || !self.has_observed {
            return false;
        }
        if std::mem::take(&mut self.notice_is_due) {
            return true;
        }
        let silence = |beat: HeardBeat| self.listening.silence_since(beat.mark);
        self.shards.iter().any(|(id, observed)| {
            Some(*id) != self.me
                && !observed.is_dead()
                && observed.beating().map(silence) >= Some(Self::SILENT_AFTER)
                // Held back by a guard, it is judged at the next read that is made anyway.
                && !self.guard.holds(*id)
        })
    }

    /// The shards of which a beat is missing, and those whose liveness port has not answered yet: evidence is to
    /// be asked for now, and told by [`proved`](Self::proved).
    pub fn suspicions(&mut self) -> Vec<Suspicion> {
        let now = self.listening.last_look();
        let hears = self.listening.hears();
        let mut suspicions = Vec::new();
        for (id, observed) in &mut self.shards {
            if Some(*id) == self.me || observed.is_dead() || suspicions.len() >= Self::PROVE_MAX {
                continue;
            }
            let Registered::Recorded(record) = &observed.seen else {
                continue;
            };
            let Some(port) = record.liveness else {
                continue;
            };
            let is_missing = match observed.beating() {
                Some(beat) if hears => now.saturating_sub(beat.at) >= Self::PROVE_AFTER,
                _ => observed.still_for >= Self::SUSPECT_UNHEARD_AFTER,
            };
            let every = match (is_missing, observed.port_is_known) {
                (true, _) => Self::PROVE_EVERY,
                (false, false) => Self::PORT_EVERY,
                (false, true) => continue,
            };
            if observed.asked_at.is_some_and(|at| now < at + every) {
                continue;
            }
            observed.asked_at = Some(now);
            self.figures.suspicions += u64::from(is_missing);
            suspicions.push(Suspicion {
                shard: *id,
                port,
                connections: record.connections.clone(),
            });
        }
        suspicions
    }

    /// What was found out about a suspicion. Returns whether the shard is dead by it, which it was not before.
    pub fn proved(&mut self, suspicion: &Suspicion, proof: Proof) -> bool {
        let now = self.listening.last_look();
        let Some(observed) = self.shards.get_mut(&suspicion.shard) else {
            return false;
        };
        let is_current = observed.seen.record().is_some_and(|record| {
            record.liveness == Some(suspicion.port) && record.connections == suspicion.connections
        });
        if observed.is_dead() || !is_current {
            return false;
        }
        if proof.port == Port::Answered {
            observed.port_is_known = true;
            observed.answered_at = Some(now);
        }
        let is_death = proof.is_death(observed.port_is_known);
        observed.is_dead = is_death;
        self.figures.deaths_by_evidence += u64::from(is_death);
        is_death
    }

    /// Takes shards for dead by silence, within what the guards allow.
    fn judge_silence(&mut self, now: Duration) {
        let read_from = self.reading;
        let listening = &self.listening;
        let silence = |observed: &Observed| -> Option<Duration> {
            let still_for = observed.still_for;
            let Some(beat) = observed.beating() else {
                return (still_for >= Self::DEAD_AFTER).then_some(still_for);
            };
            if !listening.hears() {
                // This observer is deaf, and goes by the record alone.
                let still_for = still_for.min(now.saturating_sub(beat.at));
                return (still_for >= Self::DEAD_AFTER).then_some(still_for);
            }
            let silence = listening.silence_since(beat.mark);
            let at_the_read = read_from?.saturating_sub(beat.mark);
            (silence.min(at_the_read) >= Self::SILENT_AFTER).then_some(silence)
        };
        let others = self.shards.iter().filter(|(id, observed)| {
            Some(**id) != self.me
                && !observed.is_dead()
                && !matches!(observed.seen, Registered::Absent(_))
        });
        let silent: Vec<_> = others
            .filter_map(|(id, observed)| {
                let silence = silence(observed)?;
                Some((*id, silence, observed.silenced_at))
            })
            .collect();
        let live = self.shards.values().filter(|observed| !observed.is_dead());
        let live = live.count();
        for id in self.guard.judge(&silent, live, now) {
            if let Some(observed) = self.shards.get_mut(&id) {
                observed.is_dead = true;
                observed.silenced_at = Some(now);
                self.figures.deaths_by_silence += 1;
            }
        }
    }

    /// What was counted since the start.
    #[must_use]
    pub fn figures(&self) -> LivenessFigures {
        self.figures
    }

    /// Whether the count of a shard was seen to move.
    #[must_use]
    pub fn has_moved(&self, id: ShardId) -> bool {
        self.shards
            .get(&id)
            .is_some_and(|observed| observed.has_moved)
    }

    /// Whether the registry was ever read.
    #[must_use]
    pub fn has_observed(&self) -> bool {
        self.has_observed
    }

    /// For how long the registry was watched, without the time in which the store did not answer.
    #[must_use]
    pub fn watched_for(&self) -> Duration {
        self.watched_for
    }

    /// Whether a shard is known to be dead. A shard that the registry does not name is known to be dead once
    /// it has not been named for the whole time since the first query: it may have registered since the
    /// registry was read.
    pub fn is_dead(&mut self, id: ShardId) -> bool {
        if let Some(observed) = self.shards.get(&id) {
            return observed.is_dead();
        }
        if self.unnamed.len() >= Self::UNNAMED_MAX && !self.unnamed.contains_key(&id) {
            self.unnamed.clear();
        }
        *self.unnamed.entry(id).or_default() >= Self::DEAD_AFTER
    }

    /// The shards that may be dead, and those without a record. One whose liveness port has just answered is none.
    pub fn suspects(&self) -> impl Iterator<Item = ShardId> {
        let now = self.listening.last_look();
        self.shards
            .values()
            .filter(|observed| !observed.is_dead())
            .filter(move |observed| {
                if matches!(observed.seen, Registered::Absent(_)) {
                    return true;
                }
                let answered = observed.answered_at.filter(|_| self.listening.hears());
                if answered.is_some_and(|at| now < at + Self::SUSPECT_AFTER) {
                    return false;
                }
                match observed.beating() {
                    Some(beat) => self.listening.silence_since(beat.mark) >= Self::SUSPECT_AFTER,
                    None => observed.still_for >= Self::SUSPECT_UNHEARD_AFTER,
                }
            })
            .map(|observed| observed.seen.id())
    }

    /// The record of a shard that is not dead.
    #[must_use]
    pub fn live(&self, id: ShardId) -> Option<&ShardRecord> {
        let observed = self.shards.get(&id)?;
        observed.seen.record().filter(|_| !observed.is_dead())
    }

    /// The records of all shards that are not dead, as far as they can be read.
    pub fn lives(&self) -> impl Iterator<Item = &ShardRecord> {
        self.all()
            .filter(|(_, is_dead)| !is_dead)
            .map(|(record, _)| record)
    }

    /// Every shard of the registry that has a record, and whether it is dead.
    pub fn all(&self) -> impl Iterator<Item = (&ShardRecord, bool)> {
        let observed = self.shards.values();
        observed.filter_map(|observed| Some((observed.seen.record()?, observed.is_dead())))
    }

    /// The shards that take over the matches of one that is gone: see [`Heirs`].
    #[must_use]
    pub fn heirs(&self, gone: ShardId) -> Heirs<'_> {
        Heirs::of(gone, self.lives().map(|record| (record, record.has_room())))
    }

    /// The shard that should take over a match of one that is gone.
    #[must_use]
    pub fn heir(&self, match_id: MatchId, gone: ShardId) -> Option<ShardId> {
        self.heirs(gone).of_match(match_id).map(|record| record.id)
    }

    /// The newest reading of a shard's play clock that this observer knows, by its beats and its record, while
    /// it is alive and after its death.
    #[must_use]
    pub fn last_clock(&self, id: ShardId) -> Option<MatchTime> {
        self.shards.get(&id)?.clock
    }

    /// Whether a dead shard that has no match any more leaves the registry: it has no record, or nobody who watches
    /// the registry can have missed its death.
    #[must_use]
    pub fn is_past(&self, id: ShardId) -> bool {
        let Some(observed) = self.shards.get(&id) else {
            return false;
        };
        let has_record = !matches!(observed.seen, Registered::Left(_) | Registered::Absent(_));
        observed.is_dead() && (!has_record || observed.still_for >= Self::SHOWN_FOR)
    }

    /// The shards that the registry names and that are dead, each with the heartbeat that it was last
    /// heard with, if its record can be read.
    pub fn dead(&self) -> impl Iterator<Item = (ShardId, Option<u64>)> {
        let dead = self.shards.values().filter(|observed| observed.is_dead());
        dead.map(|observed| {
            let heartbeat = observed.seen.record().map(|record| record.heartbeat);
            (observed.seen.id(), heartbeat)
        })
    }
}

impl Observed {
    /// It gave a sign of life. Returns whether it had been taken for dead.
    fn revive(&mut self) -> bool {
        self.has_moved = true;
        std::mem::take(&mut self.is_dead)
    }
}
