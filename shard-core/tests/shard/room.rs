//! A shard under test with a store whose answers and their times the test decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use game_core::testing::SetupBuilder;
use game_core::{
    ClockStart, ClockState, Command, CommandId, CommandKind, Epoch, Event, Match, MatchId,
    MatchTime, RoundTrip, ShardId, UnixMillis, WithMove,
};
use protocol::{CloseCode, Role, ServerBody, ServerFrame, codec};
use shard_core::{Now, Output, PeerKey, Reception, Shard, ShardLimits, Uptime};
use store::testing::Model;
use store::{
    Append, Appended, HandOver, Ownership, Registered, ShardRecord, Standing, StoreError,
    codec as stored,
};

/// What one peer was sent, and how it was sent away.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) frames: Vec<ServerFrame>,
    pub(crate) closed: Option<CloseCode>,
}

pub(crate) struct Room {
    pub(crate) shard: Shard,
    pub(crate) me: ShardId,
    pub(crate) limits: ShardLimits,
    pub(crate) uptime: Uptime,
    /// How long the machine was suspended.
    pub(crate) suspended: Duration,
    pub(crate) received: BTreeMap<PeerKey, Received>,
    pub(crate) store: Model,
    /// The shard's requests about ownership.
    pub(crate) asked: Vec<Output>,
    /// What the shard took out of which set, up to which epoch.
    pub(crate) disowned: Vec<(ShardId, MatchId, Epoch)>,
    /// The batch that the store was sent and has not answered.
    pub(crate) in_flight: Option<Arc<[Append]>>,
    /// Whether chat cannot be read.
    pub(crate) chat_is_away: bool,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self::with(ShardLimits::default())
    }

    pub(crate) fn with(limits: ShardLimits) -> Self {
        Self::of(ShardId::from_random(1), limits)
    }

    /// Another shard, in whose eyes the first is dead, with the same store.
    pub(crate) fn next_owner(self, n: u128) -> Self {
        let mut next = Self::of(ShardId::from_random(n), ShardLimits::default());
        next.store = self.store;
        next.others_left();
        next
    }

    /// Another shard, in whose eyes the first lives, with the same store.
    pub(crate) fn guest(self, n: u128) -> Self {
        let mut guest = Self::of(ShardId::from_random(n), self.limits.clone());
        let registry = [self.record(self.me, 9), guest.record(guest.me, 2)];
        guest.store = self.store;
        guest.registry(Ok(registry.map(Registered::from).to_vec()));
        guest
    }

    /// Another shard with the same store, which heard `self` last with what it announced at the reading of `clock`.
    pub(crate) fn heir(self, n: u128, clock: MatchTime) -> Self {
        let limits = self.limits.clone();
        let mut heir = Self::of(ShardId::from_random(n), limits);
        let last = ShardRecord {
            clock,
            ..self.record(self.me, 9)
        };
        heir.store = self.store;
        let me = heir.record(heir.me, 2);
        heir.registry(Ok(vec![last.clone().into(), me.clone().into()]));
        heir.registry(Ok(vec![Registered::Left(last.id), me.into()]));
        heir
    }

    /// The registry reports that every other shard that owns a match has left.
    pub(crate) fn others_left(&mut self) {
        let owners = self.store.all().map(|(_, stored)| stored.ownership.owner);
        let left = owners
            .filter(|owner| *owner != self.me)
            .map(Registered::Left);
        let mut registry: Vec<_> = left.collect();
        registry.push(self.record(self.me, 9).into());
        self.registry(Ok(registry));
    }

    fn of(me: ShardId, limits: ShardLimits) -> Self {
        let mut room = Self {
            shard: Shard::new(me, limits.clone()),
            me,
            limits,
            uptime: Uptime::from_start(Duration::from_secs(1)),
            suspended: Duration::ZERO,
            received: BTreeMap::new(),
            store: Model::default(),
            asked: Vec::new(),
            disowned: Vec::new(),
            in_flight: None,
            chat_is_away: false,
        };
        room.heartbeat(Ok(vec![room.record(me, 1)]));
        room
    }

    pub(crate) fn record(&self, id: ShardId, heartbeat: u64) -> ShardRecord {
        ShardRecord {
            id,
            heartbeat,
            address: "127.0.0.1:7100".parse().unwrap(),
            certificate_sha256: None,
            capacity: 100,
            live: 0,
            load: 0,
            cpu_share: 1_000,
            draining: false,
            admin: None,
            clock: MatchTime::default(),
            liveness: None,
            connections: Vec::new(),
            web: store::WebDoors::default(),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            uptime: self.uptime,
            calendar: UnixMillis(0),
        }
    }

    /// A clock that counts while the machine is suspended.
    pub(crate) fn since_boot(&self) -> Duration {
        self.uptime.since_start() + self.suspended
    }

    /// The store answers the heartbeat under way.
    pub(crate) fn beat_answered(&mut self, registry: Vec<ShardRecord>) {
        let registry = registry.into_iter().map(Registered::from).collect();
        let (now, since_boot) = (self.now(), self.since_boot());
        self.shard.heartbeat_answered(Ok(registry), now, since_boot);
    }

    /// Lets time pass, and the shard act on it.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end = self.uptime + Duration::from_millis(ms);
        while let Some(next) = self.shard.next_turn().filter(|&next| next <= end) {
            self.uptime = self.uptime.max(next);
            self.advance();
            // A deadline that stays due would never let time pass.
            assert_ne!(
                self.shard.next_turn(),
                Some(next),
                "the shard does not make progress"
            );
        }
        self.uptime = end;
        self.advance();
    }

    /// One round of the driver.
    pub(crate) fn advance(&mut self) {
        self.shard.advance(self.now());
        while let Some(output) = self.shard.next_output() {
            match output {
                Output::Send { peer, frame } => {
                    let frame = decode(&frame);
                    self.received.entry(peer).or_default().frames.push(frame);
                }
                Output::Show { spectators, frame } => {
                    for peer in spectators {
                        let frame = decode(&frame);
                        self.received.entry(peer).or_default().frames.push(frame);
                    }
                }
                Output::Say(saying) => {
                    let stored = self
                        .store
                        .append_chat(saying.match_id, saying.room, &saying.line);
                    self.shard.chat_stored(&saying, Ok(stored));
                }
                Output::LoadChat(id) => {
                    let chats = if self.chat_is_away {
                        Err(StoreError::Unavailable("away".to_owned()))
                    } else {
                        Ok(self.store.load_chat(id))
                    };
                    self.shard.chat_loaded(id, chats);
                }
                Output::Close { peer, frame, code } => {
                    assert_eq!(decode(&frame).body, ServerBody::Closed(code));
                    self.received.entry(peer).or_default().closed = Some(code);
                }
                Output::Append(batch) => self.in_flight = Some(batch),
                Output::Load(id) => {
                    let checkpoint = self.store.load(id);
                    self.shard.loaded(id, checkpoint, self.now());
                }
                Output::Create(snapshot) => {
                    let created = self.store.create(self.me, &snapshot);
                    let id = snapshot.setup().id;
                    self.shard.created(id, Ok(created), self.now());
                }
                Output::ReadHeads(ids) => {
                    let heads = ids.iter().map(|id| self.store.head(*id)).collect();
                    self.shard.heads_read(&ids, heads, self.now());
                }
                Output::Claim(claims) => {
                    for claim in claims {
                        let answer = self.store.claim_with(self.me, &claim);
                        self.shard.claimed(claim.match_id, answer, self.now());
                    }
                }
                Output::Disown(shard, matches) => {
                    self.disowned
                        .extend(matches.iter().map(|&(id, up_to)| (shard, id, up_to)));
                }
                // Its players come back at once.
                Output::Arrivals(matches) => {
                    let claimed = |id: &MatchId| match self.store.standing(*id, 0) {
                        Standing::Stored { ownership, record } => Standing::Stored {
                            ownership: Ownership {
                                epoch: ownership.epoch.next(),
                                ..ownership
                            },
                            record,
                        },
                        other => other,
                    };
                    let answers = matches.iter().map(claimed).collect();
                    self.shard.arrivals(&matches, Ok(answers));
                }
                asked @ (Output::Changed(_)
                | Output::Orphans(_)
                | Output::ReadRegistry
                | Output::Prove(_)
                | Output::Verify(_)
                | Output::HandOver(_)
                | Output::Deregister { .. }) => {
                    self.asked.push(asked);
                }
            }
        }
    }

    pub(crate) fn heartbeat(&mut self, answer: Result<Vec<ShardRecord>, StoreError>) {
        self.registry(answer.map(|records| records.into_iter().map(Registered::from).collect()));
    }

    pub(crate) fn registry(&mut self, answer: Result<Vec<Registered>, StoreError>) {
        let now = self.now();
        let since_boot = self.since_boot();
        self.shard.heartbeat_sent(now, since_boot);
        self.shard.heartbeat_answered(answer, now, since_boot);
        self.advance();
    }

    /// The store answers heartbeats until play goes on, and no millisecond longer.
    pub(crate) fn steady(&mut self) {
        for ms in 0..3_000 {
            if ms % 500 == 0 {
                self.heartbeat(Ok(vec![self.record(self.me, 2)]));
            }
            if !self.shard.status().paused {
                return;
            }
            self.pass(1);
        }
        panic!("play does not go on");
    }

    /// The store accepts and confirms the requested hand-over; nothing if there is none.
    pub(crate) fn hand_over(&mut self) -> Option<HandOver> {
        let is_hand_over = |asked: &Output| matches!(asked, Output::HandOver(_));
        let asked = self.asked.iter().position(is_hand_over)?;
        let Output::HandOver(given) = self.asked.remove(asked) else {
            return None;
        };
        let answer = self.store.hand_over(&given);
        self.shard
            .handed_over(given.match_id, Ok(answer), self.now());
        self.advance();
        Some(given)
    }

    /// The store answers the comparison of the matches in memory; returns their number.
    pub(crate) fn verify(&mut self) -> usize {
        let is_verify = |asked: &Output| matches!(asked, Output::Verify(_));
        let Some(asked) = self.asked.iter().position(is_verify) else {
            return 0;
        };
        let Output::Verify(matches) = self.asked.remove(asked) else {
            return 0;
        };
        let standing = |&(id, seq): &(MatchId, u32)| self.store.standing(id, seq);
        let answers = matches.iter().map(standing).collect();
        self.shard.verified(Ok(answers));
        self.advance();
        matches.len() + self.verify()
    }

    /// Puts a new match into the store, assigned to `owner`.
    pub(crate) fn create(&mut self, n: u128, owner: ShardId, clock_start: ClockStart) -> MatchId {
        let id = MatchId::from_random(n);
        let setup = SetupBuilder::new().id(id).timed("60+0");
        let setup = setup.clock_start(clock_start).build();
        let snapshot = Match::new(setup).snapshot();
        self.store.create(owner, &snapshot);
        id
    }

    /// Puts a record into a log that its match does not allow.
    pub(crate) fn spoil(&mut self, id: MatchId) {
        let stored = self.store.stored_mut(id).expect("the match exists");
        stored.push(&Event {
            seq: 1,
            seat: Some(game_core::Seat::Black),
            command_id: Some(CommandId(1)),
            clocks: ClockState::default(),
            at: MatchTime::default(),
            round_trip: None,
            kind: game_core::EventKind::DrawDeclined,
        });
    }

    /// A match of this shard with both players in it.
    pub(crate) fn begun(clock_start: ClockStart) -> (Self, MatchId, PeerKey, PeerKey) {
        Self::begun_with(clock_start, ShardLimits::default())
    }

    /// The same on a shard of these limits.
    pub(crate) fn begun_with(
        clock_start: ClockStart,
        limits: ShardLimits,
    ) -> (Self, MatchId, PeerKey, PeerKey) {
        let mut room = Self::with(limits);
        let id = room.create(7, room.me, clock_start);
        let white = room.join(id, Role::White, None);
        let black = room.join(id, Role::Black, None);
        (room, id, white, black)
    }

    pub(crate) fn join(&mut self, id: MatchId, role: Role, seen: Option<u32>) -> PeerKey {
        let name = match role {
            Role::White => "ann",
            Role::Black => "bob",
            Role::Spectator => "eve",
        };
        self.join_as(name, id, role, seen)
    }

    pub(crate) fn join_as(
        &mut self,
        player: &str,
        id: MatchId,
        role: Role,
        seen: Option<u32>,
    ) -> PeerKey {
        let player = player.parse().unwrap();
        let peer = self.shard.join(id, role, &player, seen, self.now());
        self.advance();
        peer
    }

    pub(crate) fn command(&mut self, peer: PeerKey, id: u64, kind: CommandKind) {
        let command = Command {
            id: CommandId(id),
            kind,
        };
        let received = Reception {
            // Of its own for each move, so that no two are taken for each other.
            round_trip: Some(RoundTrip::from_millis(7 * id as u16)),
            ..self.uptime.into()
        };
        self.shard.command(peer, &command, received, self.now());
        self.advance();
    }

    pub(crate) fn play(&mut self, peer: PeerKey, ply: u16, uci: &str) {
        let kind = CommandKind::Move {
            position_seq: ply.into(),
            uci: uci.parse().unwrap(),
            with: WithMove::Nothing,
        };
        self.command(peer, 1000 + u64::from(ply), kind);
    }

    /// The store stores and confirms the batch in flight.
    pub(crate) fn store_all(&mut self) {
        let batch = self.in_flight.take().expect("a batch is in flight");
        let answers = batch.iter().map(|append| self.append(append)).collect();
        self.answer(Ok(answers));
    }

    /// The store takes the batch in flight, and the answer is lost.
    pub(crate) fn store_and_lose_the_answer(&mut self) -> Arc<[Append]> {
        let batch = self.in_flight.take().expect("a batch is in flight");
        for append in &*batch {
            self.append(append);
        }
        self.answer(Err(StoreError::Unavailable(
            "the connection broke".to_owned(),
        )));
        batch
    }

    pub(crate) fn answer(&mut self, answer: Result<Vec<Appended>, StoreError>) {
        self.in_flight = None;
        self.shard.appended(answer, self.now());
        self.advance();
    }

    fn append(&mut self, append: &Append) -> Appended {
        let answer = self.store.append(append);
        let stored = self.store.stored(append.match_id);
        if let (Some(stored), Appended::Conflict { .. } | Appended::Stored { duplicate: true }) =
            (stored, &answer)
        {
            let records = append.records.iter();
            let records: Vec<Event> = records
                .map(|bytes| stored::decode_record(bytes).unwrap())
                .collect();
            assert_eq!(
                stored.log()[append.after as usize..],
                records,
                "a repetition is the same to the bit"
            );
        }
        answer
    }

    /// What a peer was sent since the last time.
    pub(crate) fn take(&mut self, peer: PeerKey) -> Vec<ServerFrame> {
        std::mem::take(&mut self.received.entry(peer).or_default().frames)
    }

    /// The bodies that a peer was sent since the last time.
    pub(crate) fn bodies(&mut self, peer: PeerKey) -> Vec<ServerBody> {
        self.take(peer)
            .into_iter()
            .map(|frame| frame.body)
            .collect()
    }

    pub(crate) fn closed(&self, peer: PeerKey) -> Option<CloseCode> {
        self.received
            .get(&peer)
            .and_then(|received| received.closed)
    }
}

fn decode(frame: &[u8]) -> ServerFrame {
    let received = codec::decode_server(&mut BytesMut::from(frame));
    received.unwrap().unwrap().frame
}

/// Events without their times: of all but the last events of a match, memory does not keep them.
pub(crate) fn timeless(events: &[Event]) -> Vec<Event> {
    let timeless = |event: &Event| Event {
        at: MatchTime::default(),
        ..event.clone()
    };
    events.iter().map(timeless).collect()
}
