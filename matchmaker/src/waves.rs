//! The waves of pools: which this process holds, and the matches that it makes of them.
//!
//! One matchmaker pairs a pool at a time, under a lease with an epoch ([`store::Waves`]); another one goes on when it is
//! gone. A pair is assigned in one step or not at all, and its match is created afterwards (`assign`), so that a
//! process that ends at any point leaves nothing but waiting tickets and assigned ones.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use store::{Holding, Paired, StoreError, Ticket, TicketList, TicketState, Wave};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use crate::assign;
use crate::clock::now;
use crate::pairing::{eligible, entrant, pair_up};
use crate::problem::Problem;
use crate::schedule::{CONTROLS, Schedule, control_of, is_few};
use crate::service::Service;

/// Interval at which pools are looked at; a ticket made here is looked at sooner.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Least time between two looks, however many tickets are made.
const LOOK_PAUSE: Duration = Duration::from_millis(25);

/// For how long a wave is leased. A process that is gone delays its pools by at most this.
const LEASE: Duration = Duration::from_secs(4);

/// Upper bound on tickets of one wave, the last requested ones.
const WAVE_MAX: usize = 5_000;

/// A pool of so many tickets is read at each look; a larger one when its wave is due.
const READ_ALWAYS_MAX: usize = 50;

/// Pools that are paired at once.
const POOLS_AT_ONCE: usize = 8;

/// Pairs that are assigned at once, in each pool.
const PAIRS_AT_ONCE: usize = 16;

/// Pairs after which the lease is prolonged: assigning them takes a fraction of it.
const PAIRS_PER_LEASE: usize = 128;

/// A pool has no pairs below this.
const PAIR: usize = 2;

/// Interval at which all who wait are counted, those who wait alone included.
const COUNT_EVERY: Duration = Duration::from_secs(2);

/// Longer than any interval of waves: a pool whose last wave is longer ago is due as one that had none.
const REMEMBERED: Duration = Duration::from_secs(120);

/// Pairs the players of all pools until the service shuts down.
pub(crate) async fn run_waves(service: Arc<Service>) {
    let mut waves = Waves {
        holder: rand::random(),
        last: HashMap::new(),
        held: HashMap::new(),
        counted_at: None,
    };
    loop {
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = service.new_ticket.notified() => {}
            () = service.shutdown.cancelled() => break,
        }
        if let Err(error) = waves.look(&service).await {
            // The outage itself is logged once, by the observer of the registry.
            debug!(%error, "the pools cannot be read");
        }
        tokio::select! {
            () = sleep(LOOK_PAUSE) => {}
            () = service.shutdown.cancelled() => break,
        }
    }
    // Another process goes on at once.
    for wave in waves.held.values() {
        let _ = service.store.release_wave(wave).await;
    }
}

/// What one process knows of the waves.
struct Waves {
    /// Names this process to the store.
    holder: u64,
    /// When the last wave of each pool was that was due by its schedule.
    last: HashMap<Box<str>, Instant>,
    /// The waves that this process has held.
    held: HashMap<Box<str>, Wave>,
    /// When all who wait were last counted.
    counted_at: Option<Instant>,
}

/// A pool whose wave may be due.
struct Due {
    pool: Box<str>,
    schedule: Schedule,
    since: Option<Duration>,
}

impl Waves {
    async fn look(&mut self, service: &Service) -> Result<(), StoreError> {
        let counts = self.counted_at.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
        if counts {
            count_waiting(service, &service.store.pools(now(), 1).await?);
            self.counted_at = Some(Instant::now());
        }
        // Without a shard, players keep waiting: a match that nobody can play helps none of them.
        if service.check_shards().is_err() {
            return Ok(());
        }
        let pools = service.store.pools(now(), PAIR).await?;
        self.last.retain(|_, last| last.elapsed() < REMEMBERED);
        self.held
            .retain(|pool, _| pools.iter().any(|(named, _)| named == pool));
        let every_max = service.config.wave_interval_max;
        let due = pools.into_iter().filter_map(|(pool, count)| {
            let schedule = Schedule::of(&pool, every_max);
            let since = self.last.get(&pool).map(Instant::elapsed);
            let may_be_due = count <= READ_ALWAYS_MAX || schedule.is_due(count, since);
            may_be_due.then_some(Due {
                pool,
                schedule,
                since,
            })
        });
        let holder = self.holder;
        let done: Vec<_> = stream::iter(due)
            .map(|due| async move { (service.wave(holder, &due).await, due.pool) })
            .buffer_unordered(POOLS_AT_ONCE)
            .collect()
            .await;
        for (done, pool) in done {
            match done {
                Ok(Done::Nothing) => {}
                Ok(Done::Wave(wave, is_scheduled)) => {
                    if is_scheduled {
                        self.last.insert(pool.clone(), Instant::now());
                    }
                    self.held.insert(pool, wave);
                }
                Err(error) => debug!(%error, %pool, "a pool cannot be paired"),
            }
        }
        Ok(())
    }
}

/// Sets the metrics of how many wait, by control: pools of other terms are too many for a metric each.
fn count_waiting(service: &Service, pools: &[(Box<str>, usize)]) {
    let mut waiting: HashMap<&str, usize> = HashMap::new();
    for (pool, count) in pools {
        *waiting.entry(control_of(pool)).or_default() += count;
    }
    for control in CONTROLS {
        service
            .metrics
            .set_waiting(control, waiting.get(control).copied().unwrap_or(0));
    }
}

/// What became of a look at a pool.
enum Done {
    /// Another process holds the wave.
    Nothing,
    /// This process holds it; whether a wave was made that was due by the schedule.
    Wave(Wave, bool),
}

/// What became of a pair.
enum Match {
    /// How long its players had waited, in milliseconds.
    Made([u32; 2]),
    NotMade,
    Fenced,
}

impl Service {
    /// Makes the wave of a pool, if this process holds it and it is due.
    async fn wave(&self, holder: u64, due: &Due) -> Result<Done, StoreError> {
        let Some(wave) = self.store.hold_wave(&due.pool, holder, LEASE).await? else {
            return Ok(Done::Nothing);
        };
        let list = TicketList::Pool(due.pool.clone());
        let waiting = self.store.waiting(&list, WAVE_MAX).await?;
        let at = now();
        let line = eligible(&waiting, at);
        if !due.schedule.is_due(line.len(), due.since) {
            return Ok(Done::Wave(wave, false));
        }
        let entrants: Vec<_> = line
            .iter()
            .map(|ticket| entrant(ticket, at, due.schedule.usual))
            .collect();
        let pairs = pair_up(&entrants);
        let mut waits = Vec::new();
        for pairs in pairs.chunks(PAIRS_PER_LEASE) {
            // The lease must outlast these pairs; a new epoch means that it did not outlast the last ones.
            if self.store.hold_wave(&due.pool, holder, LEASE).await? != Some(wave.clone()) {
                break;
            }
            let tickets = pairs.iter().map(|&(one, other)| (line[one], line[other]));
            let attempts = tickets.map(|(one, other)| self.make_pair(&wave, one, other));
            // Each is boxed: a future that borrows two tickets is not general enough for a stream of them.
            let attempts: Vec<_> = attempts.map(Box::pin).collect();
            let outcomes: Vec<_> = stream::iter(attempts)
                .buffer_unordered(PAIRS_AT_ONCE)
                .collect()
                .await;
            let made = outcomes.iter().filter_map(|outcome| match outcome {
                Match::Made(waits) => Some(waits),
                Match::NotMade | Match::Fenced => None,
            });
            waits.extend(made.flatten());
            if outcomes.iter().any(|made| matches!(made, Match::Fenced)) {
                break;
            }
        }
        self.metrics.count_wave(waits.len() / 2);
        if self.pools.is_offered(&due.pool) && !waits.is_empty() {
            let noted = self.store.note_waits(&due.pool, &waits).await;
            noted
                .inspect_err(|error| debug!(%error, "the waits of a pool are not recorded"))
                .ok();
        }
        Ok(Done::Wave(wave, !is_few(line.len())))
    }

    /// Gives two tickets a match.
    async fn make_pair(&self, wave: &Wave, one: &Ticket, other: &Ticket) -> Match {
        match self.try_pair(wave, one, other).await {
            Ok(made) => made,
            Err(problem) => {
                debug!(detail = problem.detail, "a pair is not made");
                Match::NotMade
            }
        }
    }

    async fn try_pair(&self, wave: &Wave, one: &Ticket, other: &Ticket) -> Result<Match, Problem> {
        let assignment = assign::draw_pair(self.new_match_id(), one, other);
        let id = assignment.match_id.to_string();
        let both = [one, other];
        for ticket in both {
            let player = &ticket.player.id;
            if ticket.is_exempt {
                self.list_uncounted(player, &id).await?;
            } else if !self.hold_counted(player, Holding::Match, &id).await? {
                // Otherwise later waves would find its player's list full again and again.
                self.store.cancel_ticket(ticket.id).await?;
                self.wakers.wake(ticket.id);
                self.let_go_of(both, &id).await?;
                return Ok(Match::NotMade);
            }
        }
        let tickets = [one.id, other.id];
        let paired = self.store.assign_pair(wave, tickets, &assignment).await?;
        match paired {
            Paired::Done => {
                let created = self.create_match(one, &assignment).await;
                for id in tickets {
                    self.wakers.wake(id);
                }
                if let Err(problem) = created {
                    // Whoever reads one of the tickets creates it.
                    warn!(detail = problem.detail, match_id = %id, "a match is not created yet");
                }
                let waited = |ticket: &Ticket| {
                    let waited_ms = assignment.at.0.saturating_sub(ticket.created_at.0);
                    u32::try_from(waited_ms).unwrap_or(u32::MAX)
                };
                Ok(Match::Made([waited(one), waited(other)]))
            }
            Paired::Taken => {
                self.let_go_of(both, &id).await?;
                Ok(Match::NotMade)
            }
            Paired::Fenced => {
                self.let_go_of(both, &id).await?;
                Ok(Match::Fenced)
            }
        }
    }

    /// Removes a match that is not created after all from the lists of the tickets' players.
    async fn let_go_of(&self, tickets: [&Ticket; 2], id: &str) -> Result<(), Problem> {
        for ticket in tickets {
            let kind = if ticket.is_exempt {
                Holding::Uncounted
            } else {
                Holding::Match
            };
            self.let_go(&ticket.player.id, kind, id).await?;
        }
        Ok(())
    }

    /// Ends the waits of a player's older tickets in the same pool.
    pub(crate) async fn replace_older(&self, ticket: &Ticket) -> Result<(), StoreError> {
        let theirs = TicketList::By(ticket.player.id.clone());
        let waiting = self.store.waiting(&theirs, WAVE_MAX).await?;
        for older in crate::pairing::replaced_by(ticket, &waiting) {
            self.store
                .end_ticket(older.id, &TicketState::Cancelled)
                .await?;
            self.wakers.wake(older.id);
        }
        Ok(())
    }
}
