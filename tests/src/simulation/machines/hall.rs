//! The hall: all that there is, and the queue of what happens.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{Match, MatchId, Seat, ShardId};
use protocol::{ServerBody, ServerFrame};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use store::testing::Model;

use super::kinds::FaultKind;
use super::plan::{FAULTS_MAX, Machines, Ran};
use super::player::Player;
use super::process::Process;
use super::replica::Replica;
use super::time::{At, after};

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
    pub(super) replica: Replica,
    pub(super) courses: BTreeMap<MatchId, Course>,
    pub(super) processes: BTreeMap<ShardId, Process>,
    /// What has reached processes that stand still.
    pub(super) inboxes: BTreeMap<ShardId, VecDeque<Input>>,
    pub(super) deaths: BTreeMap<ShardId, At>,
    /// When processes stood still: who, from when, and until when.
    pub(super) stops: Vec<(ShardId, At, At)>,
    /// When the record of a shard in the store changed.
    pub(super) records: BTreeMap<ShardId, Vec<At>>,
    pub(super) started: u128,
    pub(super) players: Vec<Player>,
    /// Nobody reaches the store until then.
    pub(super) store_down_until: At,
    /// Frames under way.
    pub(super) frames: u32,
    pub(super) faults: BTreeMap<FaultKind, u64>,
    pub(super) unanswered: u64,
    /// Matches that processes which are gone have said to be lost.
    pub(super) said_lost: u64,
    /// Takeovers that processes which are gone found to have been needless.
    pub(super) needless: u64,
    /// Players that were ahead of all owners.
    pub(super) stuck: u64,
    /// What a process did that it must not.
    pub(super) wrong: Option<String>,
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
            replica: Replica::default(),
            courses: BTreeMap::new(),
            processes: BTreeMap::new(),
            inboxes: BTreeMap::new(),
            deaths: BTreeMap::new(),
            stops: Vec::new(),
            records: BTreeMap::new(),
            started: 0,
            players: Vec::new(),
            store_down_until: 0,
            frames: 0,
            faults: BTreeMap::new(),
            unanswered: 0,
            said_lost: 0,
            needless: 0,
            stuck: 0,
            wrong: None,
            arrivals: BTreeMap::new(),
        };
        hall.replica.is_waited_for = hall.dice.random();
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

    pub(super) fn is_calm(&self) -> bool {
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
                    self.show(number, connection, &frame)?;
                    self.at(at, Due::Player(number));
                }
                Due::Broken(number, connection) => self.broken(number, connection),
                Due::Fault => self.fault(),
                Due::Start => self.start_process(),
            }
            if let Some(wrong) = self.wrong.take() {
                return Err(wrong);
            }
            // What is under way to players arrives.
            let is_over = self.players.iter().all(|player| player.result.is_some());
            if is_over && self.frames == 0 && self.has_settled() {
                return Ok(());
            }
        }
        Err("nothing happens any more".to_owned())
    }

    /// Nothing is shown that is not stored, by the replica too if that is waited for.
    fn is_stored(&self, number: usize, frame: &ServerFrame) -> Result<(), String> {
        let id = self.players[number].match_id;
        let log = self.confirmed(id) as u32;
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
    pub(super) fn with(&mut self, id: ShardId, does: impl FnOnce(&mut Process, &mut Self)) {
        if let Some(mut process) = self.processes.remove(&id) {
            does(&mut process, self);
            self.processes.insert(id, process);
        }
    }

    fn start_process(&mut self) {
        self.started += 1;
        let id = ShardId::from_random(self.started << 32 | u128::from(self.dice.random::<u32>()));
        let run = self.replica.failovers;
        let limits = self.plan.limits.clone();
        let process = Process::new(id, self.started as u16, limits, self.now, run);
        self.processes.insert(id, process);
        self.at(self.now, Due::Heartbeat(id));
        self.at(self.now + 1_000, Due::Look(id));
    }

    // ---- the end -----------------------------------------------------------------------------------

    pub(super) fn ran(&self) -> Ran {
        let logs = self
            .store
            .all()
            .map(|(_, stored)| stored.log().len() as u64);
        let claims = self.courses.values();
        let losses = &self.replica.losses;
        let healed = losses.iter().filter(|loss| self.is_healed(loss)).count() as u64;
        let processes = self.processes.values();
        Ran {
            faults: self.faults.clone(),
            events: logs.sum(),
            changes: claims
                .map(|course| course.claims.len().saturating_sub(1) as u64)
                .sum(),
            unanswered: self.unanswered,
            failovers: self.replica.failovers.into(),
            rolled_back: losses
                .iter()
                .map(|loss| (loss.log.len() - loss.kept) as u64)
                .sum(),
            healed,
            lost: if self.replica.is_waited_for {
                0
            } else {
                losses.len() as u64 - healed
            },
            stuck: self.stuck,
            needless: self.needless + processes.map(Process::needless).sum::<u64>(),
            digest: self
                .players
                .iter()
                .fold(0, |sum, player| sum.rotate_left(7) ^ player.digest),
        }
    }
}
