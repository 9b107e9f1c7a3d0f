//! What a process does, as a shard's driver does it.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use game_core::{Command, MatchId, Seat, ShardId, UnixMillis};
use protocol::{Role, ServerFrame, codec};
use rand::RngExt;
use shard_core::{Now, Output, PeerKey, Reception, Uptime};
use store::{HandedOver, Standing, Status, StoreError};

use super::hall::{Due, Hall, Input};
use super::process::Process;
use super::replica::Kept;
use super::time::{At, after};

/// How a matchmaker's tokens name the players.
const NAMES: [&str; 2] = ["ann", "bob"];
/// A process that did not run for longer notices it.
const GAP_MIN: Duration = Duration::from_millis(250);

impl Process {
    /// SIGTERM: it hands its matches over, and ends.
    pub(super) fn drain(&mut self, hall: &mut Hall) {
        self.record.draining = true;
        let now = self.now(hall);
        self.shard.drain(Duration::from_secs(1), now);
        let id = self.id();
        let ends = hall.now + 3_000_000;
        hall.at(ends, Due::Effect(Box::new(move |hall| hall.end(id))));
        hall.at(ends, Due::Start);
        self.round(hall);
    }

    pub(super) fn now(&self, hall: &Hall) -> Now {
        let since = Duration::from_micros(hall.now - self.started_at);
        Now {
            uptime: Uptime::from_start(Duration::from_secs(1) + since),
            calendar: UnixMillis(1_800_000_000_000 + hall.now / 1_000),
        }
    }

    pub(super) fn since_boot(&self, hall: &Hall) -> Duration {
        self.now(hall).uptime.since_start()
    }

    /// Whether it stands still; what was to happen then happens when it goes on.
    pub(super) fn postpones(&self, due: Due, hall: &mut Hall) -> Option<Due> {
        if hall.now < self.still_until {
            hall.at(self.still_until, due);
            return None;
        }
        Some(due)
    }

    // ---- rounds ------------------------------------------------------------------------------------

    /// Something has arrived. While the process stands still it waits, and what comes later behind it.
    pub(super) fn hear(&mut self, input: Input, hall: &mut Hall) {
        let id = self.id();
        hall.inboxes.entry(id).or_default().push_back(input);
        if hall.now < self.still_until {
            hall.at(self.still_until, Due::GoOn(id));
        } else {
            self.go_on(hall);
        }
    }

    /// Takes in what has arrived, unless it stands still.
    pub(super) fn go_on(&mut self, hall: &mut Hall) {
        if self.postpones(Due::GoOn(self.id()), hall).is_none() {
            return;
        }
        self.runs(hall);
        let waiting = hall.inboxes.remove(&self.id()).unwrap_or_default();
        for input in waiting {
            input(self, hall);
            self.round(hall);
        }
    }

    pub(super) fn turn(&mut self, hall: &mut Hall) {
        if self.turn_at != Some(hall.now) {
            // Another one is due instead.
            return;
        }
        if self.postpones(Due::Turn(self.id()), hall).is_none() {
            self.turn_at = Some(self.still_until);
            return;
        }
        self.turn_at = None;
        self.runs(hall);
        self.round(hall);
    }

    /// It runs, and notices that it did not run before.
    pub(super) fn runs(&mut self, hall: &Hall) {
        let gap = Duration::from_micros(hall.now - self.ran_at);
        self.ran_at = hall.now;
        if gap > GAP_MIN {
            self.shard.skipped(gap);
        }
        if hall.now >= self.isolated_until.max(hall.store_down_until) {
            self.reaches(hall.replica.failovers);
        }
    }

    /// What is due is applied, and what the shard asks for is done.
    pub(super) fn round(&mut self, hall: &mut Hall) {
        let now = self.now(hall);
        self.shard.advance(now);
        // In an order of their own: that of a shard is in part that of its hash maps, which no seed decides.
        let mut outputs = Vec::new();
        while let Some(output) = self.shard.next_output() {
            outputs.push((self.rank(&output), output));
        }
        outputs.sort_by_key(|(rank, _)| *rank);
        for (_, output) in outputs {
            self.carry_out(output, hall);
        }
        let Some(next) = self.shard.next_turn() else {
            return;
        };
        let wait = next.since(now.uptime);
        if wait > Duration::from_secs(600) {
            return;
        }
        // A deadline that is due all the time would never let time pass.
        let at = hall.now + after(wait).max(1);
        if self.turn_at.is_none_or(|due| due > at || due <= hall.now) {
            self.turn_at = Some(at);
            hall.at(at, Due::Turn(self.id()));
        }
    }

    /// By what outputs of one round are sorted. What goes to one peer keeps its order.
    fn rank(&self, output: &Output) -> (u8, usize, Option<MatchId>, Option<ShardId>) {
        let kind = |kind| (kind, 0, None, None);
        let of_match = |kind, id: MatchId| (kind, 0, Some(id), None);
        let of_shard = |kind, id: ShardId| (kind, 0, None, Some(id));
        match output {
            Output::Send { peer, .. } | Output::Close { peer, .. } => {
                let number = self.peers.get(peer).map_or(0, |(number, _)| *number);
                (0, number, None, None)
            }
            Output::Show { .. } => kind(1),
            Output::Append(_) => kind(2),
            Output::Claim(_) => kind(3),
            Output::ReadHeads(_) => kind(4),
            Output::Load(id) => of_match(5, *id),
            Output::Create(snapshot) => of_match(6, snapshot.setup().id),
            Output::Say(saying) => of_match(7, saying.match_id),
            Output::LoadChat(id) => of_match(8, *id),
            Output::Disown(shard, _) => of_shard(9, *shard),
            Output::Deregister { shard, .. } => of_shard(10, *shard),
            Output::Orphans(shard) => of_shard(11, *shard),
            Output::ReadRegistry => kind(12),
            Output::Verify(_) => kind(13),
            Output::Arrivals(_) => kind(14),
            Output::HandOver(given) => of_match(15, given.match_id),
            Output::Prove(_) => kind(16),
            Output::Changed(id) => of_match(17, *id),
        }
    }

    fn carry_out(&mut self, output: Output, hall: &mut Hall) {
        let me = self.id();
        match output {
            Output::Send { peer, frame } => self.send(peer, &frame, hall),
            Output::Show { spectators, frame } => {
                for peer in spectators {
                    self.send(peer, &frame, hall);
                }
            }
            Output::Close { peer, frame, .. } => {
                self.send(peer, &frame, hall);
                if let Some((number, connection)) = self.peers.remove(&peer) {
                    let last = hall.arrivals.get(&(number, connection)).copied();
                    let at = last.unwrap_or(hall.now).max(hall.now);
                    hall.at(at, Due::Broken(number, connection));
                }
            }
            Output::Append(batch) => {
                let asked = Arc::clone(&batch);
                hall.ask(
                    self,
                    Kept::Twice,
                    move |hall| asked.iter().map(|append| hall.append(append)).collect(),
                    |process, hall, answer| {
                        let now = process.now(hall);
                        process.shard.appended(answer, now);
                    },
                );
            }
            Output::Claim(mut claims) => {
                claims.sort_unstable_by_key(|claim| claim.match_id);
                let asked = claims.clone();
                hall.ask(
                    self,
                    Kept::Twice,
                    move |hall| -> Vec<_> {
                        asked.iter().map(|claim| hall.claim(me, claim)).collect()
                    },
                    move |process, hall, answers| {
                        let now = process.now(hall);
                        match answers {
                            Ok(answers) => {
                                for (claim, answer) in claims.iter().zip(answers) {
                                    process.shard.claimed(claim.match_id, answer, now);
                                }
                            }
                            Err(error) => {
                                for claim in &claims {
                                    process
                                        .shard
                                        .claimed(claim.match_id, Err(error.clone()), now);
                                }
                            }
                        }
                    },
                );
            }
            Output::ReadHeads(mut ids) => {
                ids.sort_unstable();
                let asked = ids.clone();
                hall.ask(
                    self,
                    Kept::Here,
                    move |hall| -> Vec<_> { asked.iter().map(|id| hall.store.head(*id)).collect() },
                    move |process, hall, heads| {
                        let heads = heads.unwrap_or_else(|error| {
                            ids.iter().map(|_| Err(error.clone())).collect()
                        });
                        let now = process.now(hall);
                        process.shard.heads_read(&ids, heads, now);
                    },
                );
            }
            Output::Load(id) => hall.ask(
                self,
                Kept::Twice,
                move |hall| hall.store.load(id),
                move |process, hall, answer| {
                    let now = process.now(hall);
                    process
                        .shard
                        .loaded(id, answer.and_then(|found| found), now);
                },
            ),
            Output::Create(snapshot) => {
                let id = snapshot.setup().id;
                hall.ask(
                    self,
                    Kept::Twice,
                    move |hall| hall.store.create(me, &snapshot),
                    move |process, hall, answer| {
                        let now = process.now(hall);
                        process.shard.created(id, answer, now);
                    },
                );
            }
            Output::Say(saying) => {
                let said = saying.clone();
                hall.ask(
                    self,
                    Kept::Twice,
                    move |hall| hall.store.append_chat(said.match_id, said.room, &said.line),
                    move |process, _, answer| process.shard.chat_stored(&saying, answer),
                );
            }
            Output::LoadChat(id) => hall.ask(
                self,
                Kept::Here,
                move |hall| hall.store.load_chat(id),
                move |process, _, answer| process.shard.chat_loaded(id, answer),
            ),
            other => self.look_after(other, hall),
        }
    }

    /// What is about owners and the registry.
    fn look_after(&mut self, output: Output, hall: &mut Hall) {
        let me = self.id();
        match output {
            Output::Disown(shard, matches) => hall.ask(
                self,
                Kept::Here,
                move |hall| hall.disown(shard, &matches),
                |_, _, _| {},
            ),
            Output::Deregister { shard, heartbeat } => hall.ask(
                self,
                Kept::Here,
                move |hall| hall.store.deregister(shard, heartbeat),
                |_, _, _| {},
            ),
            Output::Orphans(shard) => hall.ask(
                self,
                Kept::Here,
                move |hall| hall.store.owned(shard),
                move |process, hall, answer| {
                    let now = process.now(hall);
                    process.shard.orphans(shard, answer, now);
                },
            ),
            Output::ReadRegistry => hall.ask(
                self,
                Kept::Here,
                |hall| (hall.now, hall.store.shards()),
                |process, hall, answer| {
                    let now = process.now(hall);
                    let (read_at, answer) = apart(answer);
                    process.shard.registry_read(answer, now);
                    process.judge_silence(read_at, hall);
                },
            ),
            Output::Verify(matches) => hall.ask(
                self,
                Kept::Twice,
                move |hall| hall.compare(me, &matches),
                |process, _, answer| process.shard.verified(answer),
            ),
            Output::Arrivals(matches) => {
                let asked = matches.clone();
                hall.ask(
                    self,
                    Kept::Here,
                    move |hall| -> Vec<_> {
                        asked.iter().map(|id| hall.store.standing(*id, 0)).collect()
                    },
                    move |process, _, answer| process.shard.arrivals(&matches, answer),
                );
            }
            Output::HandOver(given) => hall.ask(
                self,
                Kept::Twice,
                move |hall| {
                    let answer = hall.store.hand_over(&given);
                    if answer == HandedOver::Done {
                        hall.claimed(given.match_id, given.to);
                    }
                    answer
                },
                move |process, hall, answer| {
                    let now = process.now(hall);
                    process.shard.handed_over(given.match_id, answer, now);
                },
            ),
            Output::Prove(suspicions) => self.prove(suspicions, hall),
            // Nobody follows a match here.
            _ => {}
        }
    }

    // ---- players -----------------------------------------------------------------------------------

    /// A player takes its seat.
    pub(super) fn join(
        &mut self,
        (number, connection): (usize, u64),
        (id, seat): (MatchId, Seat),
        seen: Option<u32>,
        hall: &mut Hall,
    ) {
        let player = NAMES[seat as usize].parse().expect("a player id");
        let now = self.now(hall);
        let peer = self.shard.join(id, Role::from(seat), &player, seen, now);
        self.peers.insert(peer, (number, connection));
    }

    fn peer_of(&self, connection: (usize, u64)) -> Option<PeerKey> {
        let mut peers = self.peers.iter();
        peers.find_map(|(peer, other)| (*other == connection).then_some(*peer))
    }

    pub(super) fn command(&mut self, connection: (usize, u64), command: &Command, hall: &Hall) {
        if let Some(peer) = self.peer_of(connection) {
            let now = self.now(hall);
            let received = Reception::from(now.uptime);
            self.shard.command(peer, command, received, now);
        }
    }

    pub(super) fn leave(&mut self, connection: (usize, u64)) {
        if let Some(peer) = self.peer_of(connection) {
            self.peers.remove(&peer);
            self.shard.leave(peer);
        }
    }

    pub(super) fn is_drained(&self) -> bool {
        self.shard.is_drained()
    }

    /// Frames of one connection arrive in their order.
    fn send(&mut self, peer: PeerKey, frame: &[u8], hall: &mut Hall) {
        let Some(&(number, connection)) = self.peers.get(&peer) else {
            return;
        };
        if hall.now < hall.players[number].cut_until {
            // The connection has a gap from here on: it is of no more use.
            hall.at(hall.now + 300_000, Due::Broken(number, connection));
            self.leave((number, connection));
            return;
        }
        let delay = hall.dice.random_range(100..20_000);
        let last = hall.arrivals.entry((number, connection)).or_default();
        let at = (hall.now + delay).max(*last);
        *last = at;
        hall.frames += 1;
        hall.at(at, Due::Frame(number, connection, Box::new(decoded(frame))));
    }
}

/// The answer to a read of the registry, and of when it is.
pub(super) fn apart<T>(answer: Result<(At, T), StoreError>) -> (At, Result<T, StoreError>) {
    match answer {
        Ok((read_at, answer)) => (read_at, Ok(answer)),
        Err(error) => (0, Err(error)),
    }
}

fn decoded(frame: &[u8]) -> ServerFrame {
    let received = codec::decode_server(&mut BytesMut::from(frame));
    received.expect("a frame").expect("a whole frame").frame
}

impl Hall {
    /// How matches stand in the store; those that are this shard's are in its set afterwards.
    fn compare(&mut self, shard: ShardId, matches: &[(MatchId, u32)]) -> Vec<Standing> {
        let standing = |&(id, seq): &(MatchId, u32)| self.store.standing(id, seq);
        let standings: Vec<_> = matches.iter().map(standing).collect();
        let own = matches
            .iter()
            .zip(&standings)
            .filter_map(|((id, _), standing)| match standing {
                Standing::Stored { ownership, .. }
                    if ownership.owner == shard && ownership.status == Status::Live =>
                {
                    Some((*id, ownership.epoch))
                }
                _ => None,
            });
        let own: Vec<_> = own.collect();
        self.store.own(shard, &own);
        standings
    }
}
