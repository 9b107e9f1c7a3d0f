//! The hall: all that there is, and the queue of what happens.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{Match, MatchId, Seat, ShardId};
use protocol::{ServerBody, ServerFrame};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::testing::Model;
use store::{Append, Appended, Beat, Claim, Claiming, StoreError};

use super::plan::{FAULTS_MAX, Machines, Ran};
use super::player::Player;
use super::process::Process;
use super::time::{At, after};
use crate::simulation::world::Breach;

/// Faults happen until then.
const CALM_AT: Duration = Duration::from_secs(8);
/// A match that is not over by then, counted from the last fault, never will be: longer than the clocks of both sides and a takeover.
const FINISH_WITHIN: Duration = Duration::from_secs(120);
const MATCHES: u128 = 2;

/// What happens at a moment.
pub(super) enum Due {
    /// A process comes to its turn.
    Turn(ShardId),
    /// A process looks at what it hears, and sends a beat at every other look.
    Look(ShardId),
    /// A process stores a heartbeat, if it is time.
    Heartbeat(ShardId),
    /// A process that stood still takes in what has arrived.
    GoOn(ShardId),
    /// Something reaches a process.
    Input(ShardId, Input),
    /// A question takes effect at the store.
    Effect(Box<dyn FnOnce(&mut Hall)>),
    /// A player looks around.
    Player(usize),
    /// A frame reaches a player, over its connection of this number.
    Frame(usize, u64, Box<ServerFrame>),
    /// A player's connection breaks.
    Broken(usize, u64),
    /// Something goes wrong.
    Fault,
    /// A process starts.
    Start,
}

/// What a process is told.
pub(super) type Input = Box<dyn FnOnce(&mut Process, &mut Hall)>;

/// What was done to a match, and when.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub(super) claims: Vec<(At, ShardId)>,
    pub(super) ended_at: Option<At>,
}

/// Everything.
pub(super) struct Hall {
    pub(super) plan: Machines,
    pub(super) dice: StdRng,
    pub(super) now: At,
    pub(super) order: u64,
    pub(super) queue: BTreeMap<(At, u64), Due>,
    pub(super) store: Model,
    pub(super) courses: BTreeMap<MatchId, Course>,
    pub(super) processes: BTreeMap<ShardId, Process>,
    /// What has reached processes that stand still.
    pub(super) inboxes: BTreeMap<ShardId, VecDeque<Input>>,
    pub(super) deaths: BTreeMap<ShardId, At>,
    /// The newest beat of each process that has reached the others.
    pub(super) beats: BTreeMap<ShardId, Beat>,
    pub(super) started: u128,
    pub(super) players: Vec<Player>,
    /// Nobody reaches the store until then.
    pub(super) store_down_until: At,
    /// Frames under way.
    pub(super) frames: u32,
    pub(super) faults: u32,
    pub(super) unanswered: u64,
    /// What shard processes still have to say to whom is in order: the last arrival of each connection.
    pub(super) arrivals: BTreeMap<(usize, u64), At>,
}

impl Hall {
    pub(super) fn new(plan: Machines, seed: u64) -> Self {
        let mut hall = Self {
            plan,
            dice: StdRng::seed_from_u64(seed),
            now: 0,
            order: 0,
            queue: BTreeMap::new(),
            store: Model::default(),
            courses: BTreeMap::new(),
            processes: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            deaths: BTreeMap::new(),
            beats: BTreeMap::new(),
            started: 0,
            players: Vec::new(),
            store_down_until: 0,
            frames: 0,
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
    pub(super) fn at(&mut self, at: At, due: Due) {
        self.order += 1;
        self.queue.insert((at.max(self.now), self.order), due);
    }

    fn is_calm(&self) -> bool {
        self.now >= after(CALM_AT)
    }

    pub(super) fn play(&mut self) -> Result<(), String> {
        while let Some(((at, _), due)) = self.queue.pop_first() {
            self.now = at;
            if at > after(CALM_AT + FINISH_WITHIN) {
                let waiting = self.players.iter().find(|player| player.result.is_none());
                return Err(format!("a match does not come to its end: {waiting:#?}"));
            }
            match due {
                Due::Turn(id) => self.with(id, Process::turn),
                Due::Look(id) => self.with(id, Process::look),
                Due::GoOn(id) => self.with(id, Process::go_on),
                Due::Heartbeat(id) => self.with(id, Process::heartbeat),
                Due::Input(id, input) => self.with(id, |process, hall| process.hear(input, hall)),
                Due::Effect(effect) => effect(self),
                Due::Player(number) => self.player(number),
                Due::Frame(number, connection, frame) => {
                    self.frames -= 1;
                    self.is_stored(number, &frame)?;
                    self.players[number].shown(connection, &frame, at)?;
                    self.at(at, Due::Player(number));
                }
                Due::Broken(number, connection) => self.broken(number, connection),
                Due::Fault => self.fault(),
                Due::Start => self.start_process(),
            }
            // What is under way to players arrives.
            let is_over = self.players.iter().all(|player| player.result.is_some());
            if is_over && self.frames == 0 {
                return Ok(());
            }
        }
        Err("nothing happens any more".to_owned())
    }

    /// Nothing is shown that is not stored.
    fn is_stored(&self, number: usize, frame: &ServerFrame) -> Result<(), String> {
        let log = self.store[&self.players[number].match_id].log().len() as u32;
        let acked = match frame.body {
            ServerBody::Ack { event, .. } => event,
            _ => 0,
        };
        if frame.seq.max(acked) <= log {
            return Ok(());
        }
        Err(format!("{frame:?} is shown, and the log has {log} events"))
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
        let process = Process::new(id, self.started as u16, self.plan.limits.clone(), self.now);
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
    pub(super) fn end(&mut self, id: ShardId) {
        if self.processes.get(&id).is_some_and(Process::is_drained) {
            self.store.leave(id);
        }
        self.kill(id);
    }

    // ---- the store ---------------------------------------------------------------------------------

    /// Asks the store for a process; what becomes of the question is chance.
    pub(super) fn ask<T: 'static>(
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

    pub(super) fn append(&mut self, append: &Append) -> Appended {
        let append = Breach::let_through(self.plan.breach, &self.store, append);
        let answer = self.store.append(&append);
        if append.ends && answer == (Appended::Stored { duplicate: false }) {
            let now = self.now;
            let course = self.courses.entry(append.match_id).or_default();
            course.ended_at = Some(now);
        }
        answer
    }

    pub(super) fn claimed(&mut self, id: MatchId, owner: ShardId) {
        let now = self.now;
        let course = self.courses.entry(id).or_default();
        course.claims.push((now, owner));
        let forgets = self.plan.breach == Some(Breach::Forgets) && course.claims.len() > 1;
        if forgets && let Some(stored) = self.store.stored_mut(id) {
            stored.truncate(stored.log().len().saturating_sub(1));
        }
    }

    /// Claims a match; what it holds is what the store has left.
    pub(super) fn claim(
        &mut self,
        claimant: ShardId,
        claim: &Claiming,
    ) -> Result<Claim, StoreError> {
        let id = claim.match_id;
        let answer = self.store.claim_with(claimant, claim)?;
        if !matches!(answer, Claim::Claimed(_)) {
            return Ok(answer);
        }
        self.claimed(id, claimant);
        if self.plan.breach != Some(Breach::Forgets) {
            return Ok(answer);
        }
        let left = self.store.load(id)?;
        Ok(left.map_or(Claim::Missing, |left| Claim::Claimed(Box::new(left))))
    }

    // ---- the end -----------------------------------------------------------------------------------

    pub(super) fn ran(&self) -> Ran {
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
