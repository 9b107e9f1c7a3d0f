//! The shard's bookkeeping as a plain state machine: which matches it owns, what they wait for, and
//! what may leave. No I/O, no clock read, no task: the driver feeds it and carries
//! out its [`Output`]s.

mod allowance;
mod arbiter;
mod deadlines;
mod doubt;
mod drain;
mod figures;
mod gate;
mod healing;
mod inspect;
mod limits;
mod live;
mod loading;
mod play_clock;
mod shown;
mod store_watch;
mod takeover;
mod trouble;
mod uptime;
mod verifying;
mod writing;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use game_core::{Command, Epoch, MatchId, MatchTime, PlayerId, ShardId, Snapshot, UnixMillis};
use protocol::{CloseCode, Role, ServerBody, ServerFrame, WireRefusal, codec};
use slotmap::{SlotMap, new_key_type};
use store::{Append, HandOver, Liveness, ShardRecord};

use allowance::{Allowance, Joins, Verdict};
pub use arbiter::NotDone;
use deadlines::Deadlines;
use doubt::Doubt;
pub use figures::{Figures, Times};
pub use inspect::Measured;
#[cfg(feature = "sabotage")]
pub use limits::Sabotage;
pub use limits::ShardLimits;
use live::{Effect, LiveMatch, Moment};
use loading::{Elsewhere, Loading, Unplayable};
use play_clock::PlayClock;
pub use shown::{
    Facts, Inspection, Link, MatchQuery, MatchRow, Page, Position, Selection, ShardStatus, Sort,
};
use takeover::Takeover;
pub use uptime::Uptime;
use verifying::Verification;
use writing::Writing;

new_key_type! {
    /// A match in the shard's memory.
    pub struct MatchKey;
    /// A seat stream.
    pub struct PeerKey;
}

/// What the shard asks its driver to do.
#[derive(Debug)]
pub enum Output {
    /// Send a frame to a peer.
    Send {
        /// Whom.
        peer: PeerKey,
        /// What.
        frame: Bytes,
    },
    /// Say goodbye to a peer, after all that was sent to it; it is forgotten here already.
    Close {
        /// Whom.
        peer: PeerKey,
        /// The last frame, which says why.
        frame: Bytes,
        /// Why.
        code: CloseCode,
    },
    /// Read a match from the store, and answer with [`Shard::loaded`].
    Load(MatchId),
    /// Create a match of this shard that the store has lost, and answer with [`Shard::created`].
    Create(Box<Snapshot>),
    /// Claim a match, and answer with [`Shard::claimed`].
    Claim(MatchId, Epoch),
    /// Write a batch, and answer with [`Shard::appended`]. There is never more than one under way.
    Append(Arc<[Append]>),
    /// Take matches out of a shard's set in the store, up to an epoch each; it need not succeed.
    Disown(ShardId, Vec<(MatchId, Epoch)>),
    /// Read the set of a dead shard, and answer with [`Shard::orphans`].
    Orphans(ShardId),
    /// Take a dead shard that left no match out of the registry; it need not succeed.
    Deregister {
        /// Which shard.
        shard: ShardId,
        /// The heartbeat that it was last heard with; `None` if it has no record.
        heartbeat: Option<u64>,
    },
    /// Read who owns these matches, and their records at these seqs; answer with [`Shard::verified`].
    /// There is never more than one under way.
    Verify(Vec<(MatchId, u32)>),
    /// Give a match to another shard, and answer with [`Shard::handed_over`].
    HandOver(HandOver),
}

/// One moment: the driver's uptime and the calendar.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Time since the shard started.
    pub uptime: Uptime,
    /// The calendar, for what is shown and recorded.
    pub calendar: UnixMillis,
}

/// What a command that was accepted has done; the store is yet to confirm it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// In which match.
    pub match_id: MatchId,
    /// Under which epoch it will be written, unless the match is claimed anew before.
    pub epoch: Epoch,
    /// The event that it brought about.
    pub seq: u32,
    /// Half-moves made in the match, by then.
    pub ply: u16,
}

#[derive(Debug)]
struct Peer {
    match_id: MatchId,
    role: Role,
    /// Where it sits; `None` while the match is being loaded.
    seated: Option<MatchKey>,
    allowance: Allowance,
}

/// Figures of a shard since its start, for logs and metrics.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Events that the store confirmed.
    pub events_confirmed: u64,
    /// Moves among them.
    pub moves_confirmed: u64,
    /// Batches that the store confirmed.
    pub batches: u64,
    /// Batches that were sent again, after an answer that said nothing.
    pub batch_retries: u64,
    /// Matches lost to another owner at a write.
    pub fenced: u64,
    /// Writes that found the log other than it must be.
    pub conflicts: u64,
    /// Writes that the store had confirmed before.
    pub duplicates: u64,
    /// Matches of other shards that were claimed here.
    pub takeovers: u64,
    /// Matches whose confirmed events the store had lost, and was given again.
    pub healed: u64,
    /// Matches whose confirmed events the store had lost, and that this shard could not give it again.
    pub lost: u64,
}

/// The matches of one shard, and all that happens to them.
#[derive(Debug)]
pub struct Shard {
    id: ShardId,
    limits: ShardLimits,
    matches: SlotMap<MatchKey, LiveMatch>,
    by_id: HashMap<MatchId, MatchKey>,
    peers: SlotMap<PeerKey, Peer>,
    joins: Joins,
    loading: HashMap<MatchId, Loading>,
    unplayable: Unplayable,
    elsewhere: Elsewhere,
    deadlines: Deadlines,
    clock: PlayClock,
    writing: Writing,
    registry: Liveness,
    takeover: Takeover,
    doubt: Doubt,
    verification: Verification,
    outputs: VecDeque<Output>,
    counters: Counters,
    /// How often each refusal was given, by its stable code.
    refusals: BTreeMap<&'static str, u64>,
    measured: Measured,
}

impl Shard {
    /// A shard without matches.
    #[must_use]
    pub fn new(id: ShardId, limits: ShardLimits) -> Self {
        Self {
            id,
            limits,
            matches: SlotMap::with_key(),
            by_id: HashMap::new(),
            peers: SlotMap::with_key(),
            joins: Joins::default(),
            loading: HashMap::new(),
            unplayable: Unplayable::default(),
            elsewhere: Elsewhere::default(),
            deadlines: Deadlines::default(),
            clock: PlayClock::default(),
            writing: Writing::default(),
            registry: Liveness::default(),
            takeover: Takeover::default(),
            doubt: Doubt::default(),
            verification: Verification::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            refusals: BTreeMap::new(),
            measured: Measured::default(),
        }
    }

    /// Matches in memory that are not over.
    #[must_use]
    pub fn live(&self) -> u32 {
        let live = self.matches.values().filter(|live| !live.is_over()).count();
        u32::try_from(live).unwrap_or(u32::MAX)
    }

    /// Seat streams.
    #[must_use]
    pub fn peers(&self) -> usize {
        self.peers.len()
    }

    /// Figures since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The next thing to do, in order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// `player`, who has a right to `role` in a match, wants to join; it has seen the events up to
    /// `seen`. Whatever it is answered comes as output; [`Shard::has`] says whether it was let in.
    pub fn join(
        &mut self,
        match_id: MatchId,
        role: Role,
        player: &PlayerId,
        seen: Option<u32>,
        now: Now,
    ) -> PeerKey {
        let allowance = Allowance::new(&self.limits, now.uptime);
        let peer = self.peers.insert(Peer {
            match_id,
            role,
            seated: None,
            allowance,
        });
        let here = self.by_id.get(&match_id).copied();
        let departing = here
            .and_then(|key| self.matches.get(key))
            .is_some_and(LiveMatch::is_departing);
        let may_join = self.joins.admit(match_id, player, &self.limits, now.uptime);
        if !may_join {
            self.close(peer, CloseCode::RateLimited);
        } else if departing || (here.is_none() && self.takeover.is_draining()) {
            self.close(peer, CloseCode::ShuttingDown);
        } else if let Some(key) = here {
            self.seat(peer, key, seen, now);
        } else {
            self.load_for(match_id, Some((peer, seen)), now);
        }
        peer
    }

    /// Whether a peer is in its match, or waits until that is loaded.
    #[must_use]
    pub fn has(&self, peer: PeerKey) -> bool {
        self.peers.contains_key(peer)
    }

    /// A peer is gone.
    pub fn leave(&mut self, peer: PeerKey) {
        let Some(gone) = self.peers.remove(peer) else {
            return;
        };
        if let Some(loading) = self.loading.get_mut(&gone.match_id) {
            loading.forget(peer);
        }
        if let Some(key) = gone.seated {
            if let Some(live) = self.matches.get_mut(key) {
                live.leave(peer);
            }
            self.settle(key);
        }
    }

    /// A command of a peer, received at the uptime `received_at`; says what it has done, if something.
    pub fn command(
        &mut self,
        peer: PeerKey,
        command: &Command,
        received_at: Uptime,
        now: Now,
    ) -> Option<Accepted> {
        let from = self.peers.get_mut(peer)?;
        let Some(key) = from.seated else {
            // A client that speaks before it is answered breaks the protocol.
            self.close(peer, CloseCode::ProtocolViolation);
            return None;
        };
        let live = self.matches.get_mut(key);
        // What is said to a match on its way is left to be said again to its next owner.
        let live = live.filter(|live| !live.is_departing())?;
        let mut accepted = None;
        match from.allowance.judge(&self.limits, now.uptime) {
            Verdict::Apply => {
                let at = self.clock.at(received_at);
                match live.command(peer, from.role, command, at, &self.limits) {
                    Ok(Effect::Event(seq)) => {
                        live.waits(received_at);
                        accepted = Some(Accepted {
                            match_id: live.id(),
                            epoch: live.epoch(),
                            seq,
                            ply: live.ply(),
                        });
                    }
                    Ok(Effect::Repeat) => from.allowance.charge(),
                    Err(reason) => {
                        from.allowance.charge();
                        *self.refusals.entry(reason.code()).or_default() += 1;
                    }
                }
                self.settle(key);
            }
            Verdict::Refuse => {
                let reason = WireRefusal::RateLimited;
                live.refuse(peer, command.id, reason);
                *self.refusals.entry(reason.code()).or_default() += 1;
                self.settle(key);
            }
            Verdict::SendAway => self.close(peer, CloseCode::RateLimited),
        }
        accepted
    }

    /// Lets time do what is due, and sends the next batch to the store. To be called after every
    /// round of inputs, once all commands received so far were handed in: a command that waits is
    /// applied before a flag is called.
    pub fn turn(&mut self, now: Now) {
        self.watch_the_store(now);
        self.give_away(now);
        self.takeover.retry(now, &mut self.outputs);
        if !self.clock.is_frozen() {
            let time = self.clock.at(now.uptime);
            for key in self.deadlines.due(time) {
                self.match_due(key, time);
            }
        }
        self.write(now);
    }

    /// The uptime at which [`Shard::turn`] must be called, if nothing happens before.
    #[must_use]
    pub fn next_turn(&self) -> Option<Uptime> {
        let match_due = self
            .deadlines
            .next()
            .and_then(|time| self.clock.uptime_of(time));
        let store_look = self.writing.next_look(&self.limits);
        let departure = self.takeover.drain.as_ref().and_then(drain::Drain::next);
        let retry = self.takeover.next_retry();
        let soonest = [match_due, store_look, departure, retry]
            .into_iter()
            .flatten();
        soonest.min()
    }

    /// The process did not run for `gap`, which ends now: it is charged to nobody.
    pub fn skipped(&mut self, gap: Duration) {
        self.clock.skip(gap);
        self.writing.skipped(gap);
        self.doubt.was_away(gap);
    }

    /// Sends every peer away.
    pub fn close_all(&mut self, code: CloseCode) {
        let peers: Vec<_> = self.peers.keys().collect();
        for peer in peers {
            self.close(peer, code);
        }
    }

    /// Sends one peer away.
    pub fn close(&mut self, peer: PeerKey, code: CloseCode) {
        let Some(gone) = self.peers.get(peer) else {
            return;
        };
        let live = gone.seated.and_then(|key| self.matches.get(key));
        let frame = closing_frame(live, code);
        self.leave(peer);
        self.outputs.push_back(Output::Close { peer, frame, code });
    }

    /// What the registry is to say of this shard.
    #[must_use]
    pub fn record(&self, base: &ShardRecord) -> ShardRecord {
        ShardRecord {
            id: self.id,
            live: self.live(),
            draining: self.takeover.is_draining(),
            ..base.clone()
        }
    }

    // ---- parts ---------------------------------------------------------------------------------

    fn moment(&self, now: Now) -> Moment {
        Moment {
            time: self.clock.at(now.uptime),
            calendar: now.calendar,
        }
    }

    fn seat(&mut self, peer: PeerKey, key: MatchKey, seen: Option<u32>, now: Now) {
        let moment = self.moment(now);
        let (Some(joiner), Some(live)) = (self.peers.get_mut(peer), self.matches.get_mut(key))
        else {
            return;
        };
        if joiner.role.seat().is_none() && live.members().len() >= self.limits.peers_per_match_max {
            self.close(peer, CloseCode::Full);
            return;
        }
        joiner.seated = Some(key);
        let superseded = live.join(peer, joiner.role, seen, moment, self.clock.is_frozen());
        let pause = self
            .clock
            .is_frozen()
            .then(|| ungated_frame(Some(live), ServerBody::Paused));
        if let Some(old) = superseded {
            self.close(old, CloseCode::Superseded);
        }
        self.settle(key);
        // The answer to the join may have to wait for the store: then it is told why.
        if let Some(frame) = pause {
            self.outputs.push_back(Output::Send { peer, frame });
        }
    }

    fn match_due(&mut self, key: MatchKey, time: MatchTime) {
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        if live.has_left(time) {
            self.drop_match(key, CloseCode::Done);
        } else {
            live.tick(time, &self.limits);
            self.settle(key);
        }
    }

    /// Whatever has just happened to a match: lets out what may leave, notes what is to be written
    /// and when it needs a look again.
    fn settle(&mut self, key: MatchKey) {
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        while let Some(held) = live.release() {
            for member in live
                .members()
                .iter()
                .filter(|member| LiveMatch::is_for(held.to, member))
            {
                let (peer, frame) = (member.peer, held.frame.clone());
                self.outputs.push_back(Output::Send { peer, frame });
            }
        }
        if live.is_dirty() {
            self.writing.add(key);
        }
        if let Some(hand_over) = live.ready_to_go(self.id) {
            self.takeover.begin_hand_over(hand_over, &mut self.outputs);
        }
        let old = live.scheduled();
        self.deadlines.reschedule(key, old, live.schedule());
    }

    /// Forgets a match and sends its peers away.
    fn drop_match(&mut self, key: MatchKey, code: CloseCode) {
        let Some(live) = self.matches.remove(key) else {
            return;
        };
        self.by_id.remove(&live.id());
        self.deadlines.reschedule(key, live.scheduled(), None);
        for member in live.members() {
            let (peer, frame) = (member.peer, closing_frame(Some(&live), code));
            self.peers.remove(peer);
            self.outputs.push_back(Output::Close { peer, frame, code });
        }
    }

    /// Says to every peer what depends on no write.
    fn announce(&mut self, body: &ServerBody) {
        for live in self.matches.values() {
            let frame = ungated_frame(Some(live), body.clone());
            for member in live.members().iter().filter(|member| member.joined) {
                let (peer, frame) = (member.peer, frame.clone());
                self.outputs.push_back(Output::Send { peer, frame });
            }
        }
    }
}

/// The last frame of a stream. Like the word of a pause, it speaks of no unconfirmed state.
fn closing_frame(live: Option<&LiveMatch>, code: CloseCode) -> Bytes {
    ungated_frame(live, ServerBody::Closed(code))
}

fn ungated_frame(live: Option<&LiveMatch>, body: ServerBody) -> Bytes {
    let epoch = live.map_or(Epoch::default(), LiveMatch::epoch);
    let seq = live.map_or(0, LiveMatch::confirmed_seq);
    codec::encode_server(&ServerFrame { epoch, seq, body })
}
