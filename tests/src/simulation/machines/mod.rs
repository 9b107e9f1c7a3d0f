//! Shards as plain state machines: several of them, the model of a store that is slow, deaf and late, and players. Nothing
//! here waits, sends or reads a clock: what happens next is the earliest entry of one queue.
//!
//! `process` is a shard with the part of its driver that matters: rounds, beats, heartbeats, requests to the store.
//! `player` is a client that makes moves, keeps what it was shown, and comes back. `verdict` holds both against the log.

mod player;
mod process;
mod verdict;

use std::collections::BTreeMap;
use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{Match, MatchId, Seat, ShardId};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use shard_core::ShardLimits;
use store::testing::Model;
use store::{Append, Appended, Beat, StoreError};

use self::player::Player;
use self::process::Process;
use super::world::Breach;

/// Faults happen until then.
const CALM_AT: Duration = Duration::from_secs(8);
/// A match that is not over so long after the last fault never will be: longer than the clocks of both sides and a takeover.
const FINISH_WITHIN: Duration = Duration::from_secs(120);
/// Upper bound on faults.
const FAULTS_MAX: u32 = 6;
const MATCHES: u128 = 2;

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Machines {
    /// Those of every shard.
    pub limits: ShardLimits,
    /// How the store breaks its contract.
    pub breach: Option<Breach>,
    /// Upper bound on faults: a failing seed is shrunk by a lower one.
    pub faults_max: u32,
}

impl Default for Machines {
    fn default() -> Self {
        Self {
            limits: ShardLimits::default(),
            breach: None,
            faults_max: FAULTS_MAX,
        }
    }
}

/// What one simulation came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ran {
    /// Faults that happened.
    pub faults: u32,
    /// Events in the logs.
    pub events: u64,
    /// Claims beyond the first of each match, and hand-overs.
    pub changes: u64,
    /// Questions whose answer was lost, refused or late.
    pub unanswered: u64,
    /// A digest of all that the players were shown and when.
    pub digest: u64,
}

impl Ran {
    /// Adds what another came to.
    pub fn add(&mut self, other: Self) {
        self.faults += other.faults;
        self.events += other.events;
        self.changes += other.changes;
        self.unanswered += other.unanswered;
        self.digest ^= other.digest;
    }
}

impl Machines {
    /// Runs the simulation of a seed, and judges it.
    ///
    /// # Errors
    ///
    /// In words: what does not hold.
    pub fn run(&self, seed: u64) -> Result<Ran, String> {
        let mut hall = Hall::new(self.clone(), seed);
        hall.play()?;
        verdict::check(&hall)?;
        Ok(hall.ran())
    }
}

/// Microseconds since the simulation began.
type At = u64;

fn after(duration: Duration) -> At {
    duration.as_micros() as At
}

/// What happens at a moment.
enum Due {
    /// A process comes to its turn.
    Turn(ShardId),
    /// A process looks at what it hears, and sends a beat at every other look.
    Look(ShardId),
    /// A process stores a heartbeat, if it is time.
    Heartbeat(ShardId),
    /// Something reaches a process.
    Input(ShardId, Input),
    /// A question takes effect at the store.
    Effect(Box<dyn FnOnce(&mut Hall)>),
    /// A player looks around.
    Player(usize),
    /// A frame reaches a player, over its connection of this number.
    Frame(usize, u64, Box<protocol::ServerFrame>),
    /// A player's connection breaks.
    Broken(usize, u64),
    /// Something goes wrong.
    Fault,
    /// A process starts.
    Start,
}

/// What a process is told.
type Input = Box<dyn FnOnce(&mut Process, &mut Hall)>;

/// What was done to a match, and when.
#[derive(Default)]
struct Course {
    claims: Vec<(At, ShardId)>,
    ended_at: Option<At>,
}

/// Everything.
struct Hall {
    plan: Machines,
    dice: StdRng,
    now: At,
    order: u64,
    queue: BTreeMap<(At, u64), Due>,
    store: Model,
    courses: BTreeMap<MatchId, Course>,
    processes: BTreeMap<ShardId, Process>,
    deaths: BTreeMap<ShardId, At>,
    /// The newest beat of each process that has reached the others.
    beats: BTreeMap<ShardId, Beat>,
    started: u128,
    players: Vec<Player>,
    /// Nobody reaches the store until then.
    store_down_until: At,
    faults: u32,
    unanswered: u64,
    /// What shard processes still have to say to whom is in order: the last arrival of each connection.
    arrivals: BTreeMap<(usize, u64), At>,
}

impl Hall {
    fn new(plan: Machines, seed: u64) -> Self {
        let mut hall = Self {
            plan,
            dice: StdRng::seed_from_u64(seed),
            now: 0,
            order: 0,
            queue: BTreeMap::new(),
            store: Model::default(),
            courses: BTreeMap::new(),
            processes: BTreeMap::new(),
            deaths: BTreeMap::new(),
            beats: BTreeMap::new(),
            started: 0,
            players: Vec::new(),
            store_down_until: 0,
            faults: 0,
            unanswered: 0,
            arrivals: BTreeMap::new(),
        };
        let shards = hall.dice.random_range(2..=3);
        (0..shards).for_each(|_| hall.start_process());
        let owners: Vec<_> = hall.processes.keys().copied().collect();
        for n in 1..=MATCHES {
            let id = MatchId::from_random(n << 64 | 7);
            let setup = SetupBuilder::new().id(id).timed("20+0").at_once().build();
            let owner = owners[hall.dice.random_range(0..owners.len())];
            hall.store.create(owner, &Match::new(setup).snapshot());
            hall.courses.insert(id, Course::default());
            for seat in [Seat::White, Seat::Black] {
                let number = hall.players.len();
                hall.players.push(Player::new(id, seat));
                hall.at(hall.now + 1_000 * number as At, Due::Player(number));
            }
        }
        let faults = hall.dice.random_range(1..=FAULTS_MAX);
        let mut times: Vec<At> = (0..faults)
            .map(|_| hall.dice.random_range(200_000..after(CALM_AT) - 1_000_000))
            .collect();
        times.sort_unstable();
        times.truncate(hall.plan.faults_max as usize);
        times.into_iter().for_each(|at| hall.at(at, Due::Fault));
        hall
    }

    /// Something happens at a moment, after all else that is known to happen then.
    fn at(&mut self, at: At, due: Due) {
        self.order += 1;
        self.queue.insert((at.max(self.now), self.order), due);
    }

    fn is_calm(&self) -> bool {
        self.now >= after(CALM_AT)
    }

    fn play(&mut self) -> Result<(), String> {
        while let Some(((at, _), due)) = self.queue.pop_first() {
            self.now = at;
            if at > after(CALM_AT + FINISH_WITHIN) {
                let waiting = self.players.iter().find(|player| player.result.is_none());
                return Err(format!("a match does not come to its end: {waiting:#?}"));
            }
            match due {
                Due::Turn(id) => self.with(id, Process::turn),
                Due::Look(id) => self.with(id, Process::look),
                Due::Heartbeat(id) => self.with(id, Process::heartbeat),
                Due::Input(id, input) => self.with(id, |process, hall| process.hear(input, hall)),
                Due::Effect(effect) => effect(self),
                Due::Player(number) => self.player(number),
                Due::Frame(number, connection, frame) => {
                    self.players[number].shown(connection, &frame, at)?;
                    self.at(at, Due::Player(number));
                }
                Due::Broken(number, connection) => self.broken(number, connection),
                Due::Fault => self.fault(),
                Due::Start => self.start_process(),
            }
            if self.players.iter().all(|player| player.result.is_some()) {
                return Ok(());
            }
        }
        Err("nothing happens any more".to_owned())
    }

    /// Lets a process do something, if it lives.
    fn with(&mut self, id: ShardId, does: impl FnOnce(&mut Process, &mut Self)) {
        if let Some(mut process) = self.processes.remove(&id) {
            does(&mut process, self);
            self.processes.insert(id, process);
        }
    }

    fn start_process(&mut self) {
        self.started += 1;
        let id = ShardId::from_random(self.started << 32 | u128::from(self.dice.random::<u32>()));
        let process = Process::new(id, self.plan.limits.clone(), self.now);
        self.processes.insert(id, process);
        self.at(self.now, Due::Heartbeat(id));
        self.at(self.now + 1_000, Due::Look(id));
    }

    // ---- what goes wrong ---------------------------------------------------------------------------

    fn fault(&mut self) {
        self.faults += 1;
        let spell = self.dice.random_range(50_000..5_000_000);
        let until = self.now + spell;
        let chosen = self.dice.random_range(0..self.processes.len().max(1));
        let chosen = self.processes.keys().copied().nth(chosen);
        match (self.dice.random_range(0..10), chosen) {
            (0..4, Some(id)) => {
                self.kill(id);
                self.at(self.now + spell / 2, Due::Start);
            }
            (4, Some(id)) => self.with(id, |process, _| process.stand_still(until)),
            (5, Some(id)) => self.with(id, |process, _| process.isolate(until)),
            (6, Some(id)) => self.with(id, Process::drain),
            (7, _) => self.store_down_until = until,
            (8, _) => {
                let number = self.dice.random_range(0..self.players.len());
                self.players[number].cut_until = until;
                let connection = self.players[number].connection;
                self.at(self.now + 1_000_000, Due::Broken(number, connection));
            }
            _ => {
                // Two at once.
                if let Some(id) = chosen {
                    self.kill(id);
                    self.at(until, Due::Start);
                }
                self.store_down_until = self.now + spell / 4;
            }
        }
    }

    /// `kill -9`: what it has sent arrives all the same.
    fn kill(&mut self, id: ShardId) {
        let Some(process) = self.processes.remove(&id) else {
            return;
        };
        self.deaths.insert(id, self.now);
        for (number, connection) in process.connections() {
            let notices = self.dice.random_range(1_000..1_500_000);
            self.at(self.now + notices, Due::Broken(number, connection));
        }
    }

    /// A process that was told to ends; its record goes with it if it has no match any more.
    fn end(&mut self, id: ShardId) {
        if self.processes.get(&id).is_some_and(Process::is_drained) {
            self.store.leave(id);
        }
        self.kill(id);
    }

    // ---- the store ---------------------------------------------------------------------------------

    /// Asks the store for a process; what becomes of the question is chance.
    fn ask<T: 'static>(
        &mut self,
        process: &Process,
        question: impl FnOnce(&mut Self) -> T + 'static,
        answer: impl FnOnce(&mut Process, &mut Self, Result<T, StoreError>) + 'static,
    ) {
        let id = process.id();
        let unreachable = self.now < self.store_down_until || self.now < process.isolated_until();
        let roll = if self.is_calm() {
            1_000
        } else {
            self.dice.random_range(0..1_000)
        };
        let there = self.now + self.dice.random_range(50..1_500);
        let back = self.dice.random_range(50..1_500);
        let failed = |at| (at, "no answer");
        let (effect_at, failure) = match roll {
            _ if unreachable => (None, Some(failed(self.now + 200_000))),
            0..10 => (None, Some(failed(there))),
            10..30 => (Some(there), Some(failed(there + back))),
            // The connection breaks, and what was sent arrives after the answer to its repetition.
            30..45 => {
                let late = self.dice.random_range(200_000..3_000_000);
                (Some(self.now + late), Some(failed(self.now + 150_000)))
            }
            45..55 => (
                Some(there + self.dice.random_range(10_000..2_000_000)),
                None,
            ),
            _ => (Some(there), None),
        };
        let mut answer = Some(answer);
        if let Some((at, why)) = failure {
            self.unanswered += 1;
            if let Some(answer) = answer.take() {
                let error = StoreError::Unavailable(why.to_owned());
                let input: Input = Box::new(move |process, hall| answer(process, hall, Err(error)));
                self.at(at, Due::Input(id, input));
            }
        }
        if let Some(at) = effect_at {
            let effect = move |hall: &mut Self| {
                let done = question(hall);
                if let Some(answer) = answer {
                    let input: Input =
                        Box::new(move |process, hall| answer(process, hall, Ok(done)));
                    hall.at(hall.now + back, Due::Input(id, input));
                }
            };
            self.at(at, Due::Effect(Box::new(effect)));
        }
    }

    fn append(&mut self, append: &Append) -> Appended {
        let append = Breach::let_through(self.plan.breach, &self.store, append);
        let answer = self.store.append(&append);
        if append.ends && answer == (Appended::Stored { duplicate: false }) {
            let now = self.now;
            let course = self.courses.entry(append.match_id).or_default();
            course.ended_at = Some(now);
        }
        answer
    }

    fn claimed(&mut self, id: MatchId, owner: ShardId) {
        let now = self.now;
        let course = self.courses.entry(id).or_default();
        course.claims.push((now, owner));
        if self.plan.breach == Some(Breach::Forgets)
            && course.claims.len() > 1
            && let Some(stored) = self.store.stored_mut(id)
        {
            stored.truncate(stored.log().len().saturating_sub(1));
        }
    }

    // ---- the end -----------------------------------------------------------------------------------

    fn ran(&self) -> Ran {
        let logs = self
            .store
            .all()
            .map(|(_, stored)| stored.log().len() as u64);
        let claims = self.courses.values();
        Ran {
            faults: self.faults,
            events: logs.sum(),
            changes: claims
                .map(|course| course.claims.len().saturating_sub(1) as u64)
                .sum(),
            unanswered: self.unanswered,
            digest: self
                .players
                .iter()
                .fold(0, |sum, player| sum.rotate_left(7) ^ player.digest),
        }
    }
}
