//! A cluster on simulated time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use game_core::testing::SetupBuilder;
use game_core::{Match, MatchId, MatchTime, ShardId, UnixMillis};
use shard_core::{Now, Output, Shard, ShardLimits, Uptime};
use store::testing::Model;
use store::{Claim, Claiming, Liveness, MatchHead, Registered, ShardRecord, StoreError};

use super::nodes::Node;
use super::plan::Plan;
use super::report::Outcome;

/// When the shards are killed: by then, each has watched the registry for long enough to judge.
const KILL_AT: Duration = Duration::from_secs(8);
/// The figures of the registry are those from here to the kill.
const STEADY_FROM: Duration = Duration::from_secs(3);
/// The simulation ends at the latest.
const END: Duration = Duration::from_secs(90);
/// Reads and claims of one shard in flight, as its driver bounds them.
const IN_FLIGHT_MAX: usize = 16;

/// What happens next.
#[derive(Debug)]
enum Happens {
    /// A shard sends its heartbeat.
    Beat(usize),
    /// The registry was served, as it is then.
    Registry(usize, Arc<Vec<Registered>>),
    Orphans(usize, ShardId, Vec<MatchId>),
    HeadsRead(
        usize,
        Vec<MatchId>,
        Vec<Result<Option<MatchHead>, StoreError>>,
    ),
    Claimed(usize, Vec<(MatchId, Result<Claim, StoreError>)>),
    Kill,
}

/// A request of a shard that waits for others of it.
#[derive(Debug)]
enum Ask {
    Orphans(ShardId),
    ReadHeads(Vec<MatchId>),
    Claim(Vec<Claiming>),
}

struct SimShard {
    shard: Shard,
    record: ShardRecord,
    /// Matches that are not simulated: of shards that are not killed.
    others: u32,
    is_dead: bool,
    waiting: VecDeque<Ask>,
    in_flight: usize,
    /// Until then, it is busy with what it has received.
    busy_until: Duration,
}

struct World {
    plan: Plan,
    shards: Vec<SimShard>,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    events: HashMap<u64, Happens>,
    next: u64,
    now: Duration,
    store: Model,
    registry: Arc<Vec<Registered>>,
    registry_node: Node,
    nodes: Vec<Node>,
    /// The node of the registry when the steady state began, and at the kill.
    steady: Option<Node>,
    at_kill: Option<Node>,
    known: HashMap<ShardId, Duration>,
    taken: HashMap<MatchId, (usize, Duration)>,
    sets_read: u64,
    needless: usize,
}

/// Runs a cluster until every match of the killed shards is in another's memory.
#[must_use]
pub fn simulate(plan: Plan) -> Outcome {
    let mut world = World::new(plan);
    let all = plan.killed * plan.matches;
    while world.taken.len() < all
        && let Some(Reverse((at, number))) = world.queue.pop()
        && at < END
    {
        world.now = at;
        if let Some(event) = world.events.remove(&number) {
            world.happens(event);
        }
    }
    world.outcome()
}

fn shard_id(index: usize) -> ShardId {
    ShardId::from_random(
        (index as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
    )
}

impl World {
    fn new(plan: Plan) -> Self {
        let mut world = Self {
            plan,
            shards: (0..plan.shards)
                .map(|index| SimShard::new(index, plan))
                .collect(),
            queue: BinaryHeap::new(),
            events: HashMap::new(),
            next: 0,
            now: Duration::ZERO,
            store: Model::default(),
            registry: Arc::default(),
            registry_node: Node::default(),
            nodes: vec![Node::default(); plan.nodes],
            steady: None,
            at_kill: None,
            known: HashMap::new(),
            taken: HashMap::new(),
            sets_read: 0,
            needless: 0,
        };
        for index in 0..plan.killed {
            let owner = world.shards[index].record.id;
            for n in 0..plan.matches {
                // The tag takes the place of the first two of 62 digits.
                let number = (index * plan.matches + n) as u128 * 62 * 62;
                let id = MatchId::with_tag(owner.home(), number);
                let setup = SetupBuilder::new().id(id).timed("60+0").build();
                world.store.create(owner, &Match::new(setup).snapshot());
            }
        }
        let every = Liveness::HEARTBEAT_EVERY;
        for index in 0..plan.shards {
            // Their heartbeats spread over the interval.
            let phase = every.mul_f64(index as f64 / plan.shards as f64);
            world.at(phase, Happens::Beat(index));
        }
        world.at(KILL_AT, Happens::Kill);
        world
    }

    fn at(&mut self, at: Duration, event: Happens) {
        self.queue.push(Reverse((at, self.next)));
        self.events.insert(self.next, event);
        self.next += 1;
    }

    fn moment(&self) -> Now {
        Now {
            uptime: Uptime::from_start(self.now),
            calendar: UnixMillis(0),
        }
    }

    fn happens(&mut self, event: Happens) {
        let (now, since_boot) = (self.moment(), self.now);
        let index = match event {
            Happens::Kill => return self.kill(),
            Happens::Beat(index) => {
                if !self.shards[index].is_dead {
                    self.beat(index);
                }
                return;
            }
            Happens::Registry(index, _)
            | Happens::Orphans(index, ..)
            | Happens::HeadsRead(index, ..)
            | Happens::Claimed(index, ..) => index,
        };
        let to = &mut self.shards[index];
        if to.is_dead {
            return;
        }
        to.in_flight -= usize::from(!matches!(event, Happens::Registry(..)));
        match event {
            Happens::Registry(_, registry) => {
                let registry = registry.to_vec();
                to.shard.heartbeat_answered(Ok(registry), now, since_boot);
            }
            Happens::Orphans(_, of, matches) => to.shard.orphans(of, Ok(matches), now),
            Happens::HeadsRead(_, ids, heads) => to.shard.heads_read(&ids, heads, now),
            Happens::Claimed(_, claims) => {
                for (id, claim) in claims {
                    if matches!(claim, Ok(Claim::Claimed(_))) {
                        self.taken.insert(id, (index, self.now));
                    }
                    to.shard.claimed(id, claim, now);
                }
            }
            Happens::Beat(_) | Happens::Kill => {}
        }
        self.carry_out(index);
    }

    fn beat(&mut self, index: usize) {
        let (now, since_boot) = (self.moment(), self.now);
        let costs = self.plan.costs;
        let sender = &mut self.shards[index];
        sender.shard.heartbeat_sent(now, since_boot);
        sender.record.heartbeat += 1;
        let mut record = sender.shard.record(&sender.record);
        record.live += sender.others;
        let registry = Arc::make_mut(&mut self.registry);
        match registry.binary_search_by_key(&record.id, Registered::id) {
            Ok(place) => registry[place] = record.into(),
            Err(place) => registry.insert(place, record.into()),
        }
        let shards = u32::try_from(registry.len()).unwrap_or(u32::MAX);
        let bytes = costs.record_bytes * u64::from(shards);
        let cost = costs.beat + costs.record * shards;
        let served = self
            .registry_node
            .serve(self.now + costs.network, cost, bytes);
        if self.steady.is_none() && self.now >= STEADY_FROM {
            self.steady = Some(self.registry_node.clone());
        }
        let answer = Happens::Registry(index, Arc::clone(&self.registry));
        self.at(served + costs.network, answer);
        self.at(self.now + Liveness::HEARTBEAT_EVERY, Happens::Beat(index));
    }

    fn kill(&mut self) {
        self.at_kill = Some(self.registry_node.clone());
        for shard in &mut self.shards[..self.plan.killed] {
            shard.is_dead = true;
        }
    }

    fn carry_out(&mut self, index: usize) {
        while let Some(output) = self.shards[index].shard.next_output() {
            let ask = match output {
                Output::Orphans(of) => {
                    self.known.entry(of).or_insert(self.now);
                    self.sets_read += 1;
                    self.needless += usize::from(!self.is_killed(of));
                    Ask::Orphans(of)
                }
                Output::ReadHeads(ids) => Ask::ReadHeads(ids),
                Output::Claim(claims) => Ask::Claim(claims),
                Output::Disown(of, matches) => {
                    self.store.disown(of, &matches);
                    continue;
                }
                _ => continue,
            };
            self.shards[index].waiting.push_back(ask);
        }
        while self.shards[index].in_flight < IN_FLIGHT_MAX
            && let Some(ask) = self.shards[index].waiting.pop_front()
        {
            self.shards[index].in_flight += 1;
            self.ask(index, ask);
        }
    }

    fn is_killed(&self, id: ShardId) -> bool {
        let killed = self.shards[..self.plan.killed].iter();
        killed
            .map(|shard| shard.record.id)
            .any(|killed| killed == id)
    }

    /// The store serves a request.
    fn ask(&mut self, index: usize, ask: Ask) {
        let costs = self.plan.costs;
        let arrives = self.now + costs.network;
        let (served, event) = match ask {
            Ask::Orphans(of) => {
                let matches = self.store.owned(of);
                let names = u32::try_from(matches.len()).unwrap_or(u32::MAX);
                let bytes = costs.name_bytes * u64::from(names);
                let served = self.registry_node.serve(arrives, costs.name * names, bytes);
                (served, Happens::Orphans(index, of, matches))
            }
            Ask::ReadHeads(ids) => {
                let heads = ids.iter().map(|&id| self.store.head(id)).collect();
                let served = self.serve_each(&ids, arrives, costs.load);
                (served, Happens::HeadsRead(index, ids, heads))
            }
            Ask::Claim(claims) => {
                let me = self.shards[index].record.id;
                let ids: Vec<_> = claims.iter().map(|claim| claim.match_id).collect();
                let served = self.serve_each(&ids, arrives, costs.claim);
                let claim = |claim: &Claiming| (claim.match_id, self.store.claim_with(me, claim));
                let answers: Vec<_> = claims.iter().map(claim).collect();
                // The shard installs one after the other.
                let matches = u32::try_from(answers.len()).unwrap_or(u32::MAX);
                let busy = &mut self.shards[index].busy_until;
                *busy = (*busy).max(served) + costs.install * matches;
                (*busy, Happens::Claimed(index, answers))
            }
        };
        self.at(served + costs.network, event);
    }

    /// The nodes that hold these matches serve them; returns when the last is served.
    fn serve_each(&mut self, ids: &[MatchId], arrives: Duration, cost: Duration) -> Duration {
        let served = ids.iter().map(|&id| self.node(id).serve(arrives, cost, 0));
        served.max().unwrap_or(arrives)
    }

    /// The node that holds a match, by its tag.
    fn node(&mut self, id: MatchId) -> &mut Node {
        let tag = id.tag();
        let sum = tag
            .as_str()
            .bytes()
            .fold(0_usize, |sum, byte| 131 * sum + usize::from(byte));
        let nodes = self.nodes.len();
        &mut self.nodes[sum % nodes]
    }

    fn outcome(self) -> Outcome {
        let (steady, at_kill) = (
            self.steady.unwrap_or_default(),
            self.at_kill.unwrap_or_default(),
        );
        let seconds = (KILL_AT - STEADY_FROM).as_secs_f64();
        let since_kill = |at: Duration| at.saturating_sub(KILL_AT);
        let known = || self.known.values().copied();
        let mut taken: Vec<_> = self.taken.values().map(|(_, at)| since_kill(*at)).collect();
        taken.sort_unstable();
        let mut by_shard: HashMap<usize, usize> = HashMap::new();
        for (index, _) in self.taken.values() {
            *by_shard.entry(*index).or_default() += 1;
        }
        Outcome {
            registry_requests: (at_kill.requests - steady.requests) as f64 / seconds,
            registry_bytes: (at_kill.bytes - steady.bytes) as f64 / seconds,
            registry_busy: (at_kill.busy - steady.busy).as_secs_f64() / seconds,
            known: (
                since_kill(known().min().unwrap_or(END)),
                since_kill(known().max().unwrap_or(END)),
            ),
            most_taken: by_shard.values().copied().max().unwrap_or(0),
            sets_read: self.sets_read,
            missing: self.plan.killed * self.plan.matches - taken.len(),
            needless: self.needless,
            taken,
            plan: self.plan,
        }
    }
}

impl SimShard {
    fn new(index: usize, plan: Plan) -> Self {
        let id = shard_id(index);
        let capacity = u32::try_from(2 * plan.matches + 100).unwrap_or(u32::MAX);
        let record = ShardRecord {
            id,
            heartbeat: 0,
            address: (
                [10, (index >> 16) as u8, (index >> 8) as u8, index as u8],
                7100,
            )
                .into(),
            certificate_sha256: Some([7; 32]),
            capacity,
            live: 0,
            load: 500,
            cpu_share: 1_000,
            draining: false,
            admin: None,
            clock: MatchTime::default(),
            liveness: None,
            connections: Vec::new(),
            web: store::WebDoors::default(),
        };
        Self {
            shard: Shard::new(id, ShardLimits::for_capacity(capacity)),
            record,
            others: u32::try_from(plan.matches).unwrap_or(u32::MAX),
            is_dead: false,
            waiting: VecDeque::new(),
            in_flight: 0,
            busy_until: Duration::ZERO,
        }
    }
}
