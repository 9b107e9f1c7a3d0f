//! The matches of one shard as a plain state machine: which matches it owns, what each is waiting for, and which
//! frames may leave. It performs no I/O, reads no clock and spawns no task.
//!
//! Start at [`Shard`]. The driver (crate `shard`) calls its methods with what has happened and the time ([`Now`]),
//! takes an [`Output`] at a time, carries it out, and reports the result by another method.
//!
//! - A command is applied to its match at once, but the resulting frames stay behind the match's output gate until
//!   the store has confirmed the events that they depend on.
//! - Writes go out in batches ([`Output::Append`]), one at a time. A batch without an answer is retransmitted unchanged.
//! - Matches are loaded, claimed, handed over and dropped as shards start, stop and die.
//! - Operators see copies of confirmed state ([`MatchRow`], [`ShardStatus`]).

mod allowance;
mod arbiter;
mod balance;
mod chat;
mod deadlines;
mod delivery;
mod detection;
mod doubt;
mod drain;
mod figures;
mod gate;
mod hand_offs;
mod healing;
mod inspect;
mod keys;
mod late;
mod limits;
mod live;
mod loading;
mod new_ids;
mod output;
mod play_clock;
mod present;
mod requests;
mod shown;
mod store_watch;
mod takeover;
mod trouble;
mod uptime;
mod verifying;
mod writing;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use game_core::{Command, Epoch, Match, MatchId, MatchTime, PlayerId, Receipt, RoundTrip, ShardId};
use protocol::{CloseCode, Role, ServerBody, UnixMicros, WireRefusal};
use slotmap::SlotMap;
use store::{Liveness, ShardRecord};

use allowance::{Allowance, AllowanceVerdict, Joins};
pub use arbiter::NotDone;
use balance::Balance;
use deadlines::Deadlines;
use delivery::{closing_frame, deliver, reveal, ungated_frame};
use doubt::Doubt;
pub use figures::{Figures, Times};
pub use inspect::ShardSamples;
pub use keys::{MatchKey, PeerKey};
#[cfg(feature = "sabotage")]
pub use limits::Sabotage;
pub use limits::ShardLimits;
use live::{Effect, LiveMatch, Moment};
use loading::{Elsewhere, Loading, UnplayableMatches};
use new_ids::NewIds;
pub use output::{Output, Saying};
use play_clock::PlayClock;
use present::Present;
use requests::Requests;
pub use shown::{
    Inspection, ListPosition, MatchFacts, MatchKind, MatchQuery, MatchRow, Page, PageSelection,
    PeerLink, PublicMatch, ShardStatus, Sort,
};
use takeover::Takeover;
pub use uptime::{Now, Uptime};
use verifying::Verification;
use writing::Writing;

/// The effect of an accepted command, which the store has not confirmed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// In which match.
    pub match_id: MatchId,
    /// Under which epoch it will be written, unless the match is claimed again before.
    pub epoch: Epoch,
    /// The event that it caused.
    pub seq: u32,
    /// Half-moves made in the match, this command's included.
    pub ply: u16,
}

/// How a command arrived.
#[derive(Debug, Clone, Copy)]
pub struct Reception {
    /// The uptime at which its last byte was received.
    pub at: Uptime,
    /// Half of the connection's round trip and its variation, as the transport estimates them; zero for a
    /// peer that wants no lag compensation.
    pub lag: Duration,
    /// The connection's round trip, as the transport estimates it, whether or not its lag is compensated.
    pub round_trip: Option<RoundTrip>,
}

impl From<Uptime> for Reception {
    /// A reception without lag, over no connection.
    fn from(at: Uptime) -> Self {
        Self {
            at,
            lag: Duration::ZERO,
            round_trip: None,
        }
    }
}

#[derive(Debug)]
struct Peer {
    match_id: MatchId,
    role: Role,
    player: PlayerId,
    /// When it last said something.
    said_at: Option<Uptime>,
    /// The match in memory; `None` while it is being loaded.
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
    /// Batches that were retransmitted because their outcome was unknown.
    pub batch_retries: u64,
    /// Matches lost to another owner at a write.
    pub fenced: u64,
    /// Writes that found an unexpected log.
    pub conflicts: u64,
    /// Writes that the store had confirmed before.
    pub duplicates: u64,
    /// Matches of other shards that were claimed here.
    pub takeovers: u64,
    /// Matches that were given to shards with less load.
    pub given_for_load: u64,
    /// Matches whose confirmed events the store had lost, and which were written again.
    pub healed: u64,
    /// Matches whose confirmed events the store had lost, and which could not be written again.
    pub lost: u64,
}

/// The matches of one shard, and all that happens to them.
#[derive(Debug)]
pub struct Shard {
    id: ShardId,
    limits: ShardLimits,
    matches: SlotMap<MatchKey, LiveMatch>,
    by_id: HashMap<MatchId, MatchKey>,
    /// New matches that are being made, each with the one that it follows.
    rematches: HashMap<MatchId, MatchKey>,
    peers: SlotMap<PeerKey, Peer>,
    joins: Joins,
    loading: HashMap<MatchId, Loading>,
    unplayable: UnplayableMatches,
    elsewhere: Elsewhere,
    deadlines: Deadlines,
    clock: PlayClock,
    writing: Writing,
    registry: Liveness,
    takeover: Takeover,
    balance: Balance,
    doubt: Doubt,
    verification: Verification,
    requests: Requests,
    followed: HashSet<MatchId>,
    outputs: VecDeque<Output>,
    moment: Present,
    ids: NewIds,
    counters: Counters,
    /// Number of refusals by stable code.
    refusals: BTreeMap<&'static str, u64>,
    measured: ShardSamples,
}

impl Shard {
    /// Upper bound on the matches whose deadlines are applied between two rounds of inputs: the waits of all matches
    /// that were taken over end at the same moment.
    const DUE_AT_ONCE: usize = 1_024;

    /// A shard without matches.
    #[must_use]
    pub fn new(id: ShardId, limits: ShardLimits) -> Self {
        Self {
            id,
            limits,
            matches: SlotMap::with_key(),
            by_id: HashMap::new(),
            rematches: HashMap::new(),
            peers: SlotMap::with_key(),
            joins: Joins::default(),
            loading: HashMap::new(),
            unplayable: UnplayableMatches::default(),
            elsewhere: Elsewhere::default(),
            deadlines: Deadlines::default(),
            clock: PlayClock::default(),
            writing: Writing::default(),
            registry: Liveness::default(),
            takeover: Takeover::default(),
            balance: Balance::default(),
            doubt: Doubt::default(),
            verification: Verification::default(),
            requests: Requests::default(),
            followed: HashSet::new(),
            outputs: VecDeque::new(),
            moment: Present::default(),
            ids: NewIds::new(id),
            counters: Counters::default(),
            refusals: BTreeMap::new(),
            measured: ShardSamples::default(),
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

    /// The time that frames which leave now say.
    #[must_use]
    pub fn server_time(&self) -> UnixMicros {
        self.moment.server_time
    }

    /// Figures since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The next output, in order.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop_front().or_else(|| self.next_request())
    }

    /// Joins `player`, whose token allows `role`, to a match; the peer has seen the events up to `seen`. The
    /// answer follows as output; [`Shard::has`] returns whether the join was accepted.
    pub fn join(
        &mut self,
        match_id: MatchId,
        role: Role,
        player: &PlayerId,
        seen: Option<u32>,
        now: Now,
    ) -> PeerKey {
        self.observe(now);
        let allowance = Allowance::new(&self.limits, now.uptime);
        let peer = self.peers.insert(Peer {
            match_id,
            role,
            player: player.clone(),
            said_at: None,
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
        self.remove(peer, false);
    }

    /// A peer leaves on purpose.
    pub fn say_goodbye(&mut self, peer: PeerKey) {
        self.close_as(peer, CloseCode::Done, true);
    }

    fn remove(&mut self, peer: PeerKey, said_goodbye: bool) {
        let Some(gone) = self.peers.remove(peer) else {
            return;
        };
        if let Some(loading) = self.loading.get_mut(&gone.match_id) {
            loading.forget(peer);
        }
        if let Some(key) = gone.seated {
            if let Some(live) = self.matches.get_mut(key) {
                let now = self.clock.at(self.moment.uptime);
                live.leave(peer, said_goodbye, now);
            }
            self.after_change(key);
        }
    }

    /// A command of a peer, as it was `received`; returns its effect, if it was accepted.
    pub fn command(
        &mut self,
        peer: PeerKey,
        command: &Command,
        received: impl Into<Reception>,
        now: Now,
    ) -> Option<Accepted> {
        self.observe(now);
        let received = received.into();
        let from = self.peers.get_mut(peer)?;
        let Some(key) = from.seated else {
            // A client that sends a command before its join is answered violates the protocol.
            self.close(peer, CloseCode::ProtocolViolation);
            return None;
        };
        let live = self.matches.get_mut(key);
        // A command to a departing match is ignored; the client retransmits it to the next owner.
        let live = live.filter(|live| !live.is_departing())?;
        if live.is_for_the_owner(from.role, command) {
            self.drop_match(key, CloseCode::NotOwner);
            return None;
        }
        let mut accepted = None;
        match from.allowance.judge(&self.limits, now.uptime) {
            AllowanceVerdict::Apply => {
                let next_match = command
                    .kind
                    .may_agree_on_a_rematch()
                    .then(|| self.ids.next(live.id().tag()));
                let receipt = Receipt {
                    at: self.clock.at(received.at),
                    lag: received.lag,
                    round_trip: received.round_trip,
                    next_match,
                };
                match live.command(peer, from.role, command, receipt, &self.limits) {
                    Ok(Effect::Event(seq)) => {
                        live.waits(received.at);
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
                self.after_change(key);
            }
            AllowanceVerdict::Refuse => {
                let reason = WireRefusal::RateLimited;
                live.refuse(peer, command.id, reason);
                *self.refusals.entry(reason.code()).or_default() += 1;
                self.after_change(key);
            }
            AllowanceVerdict::SendAway => self.close(peer, CloseCode::RateLimited),
        }
        accepted
    }

    /// Applies what is due by now, and sends the next batch to the store. Call it after every round of
    /// inputs, when all commands received so far have been passed in: a waiting command is applied before a
    /// flag falls.
    pub fn advance(&mut self, now: Now) {
        self.observe(now);
        self.watch_the_store(now);
        self.look_for_arrivals(now);
        self.give_away(now);
        self.takeover.retry(now, &mut self.outputs);
        if !self.clock.is_frozen() {
            let time = self.clock.at(now.uptime);
            for key in self.deadlines.due(time, Self::DUE_AT_ONCE) {
                self.match_due(key, time);
            }
        }
        self.write(now);
    }

    /// The uptime at which [`Shard::advance`] must be called, if nothing happens before.
    #[must_use]
    pub fn next_turn(&self) -> Option<Uptime> {
        let match_due = self
            .deadlines
            .next()
            .and_then(|time| self.clock.uptime_of(time));
        let store_look = self.writing.next_look(&self.limits);
        let departure = match &self.takeover.drain {
            Some(drain) => drain.next(self.moment.uptime),
            None => self.balance.next(),
        };
        let retry = self.takeover.next_retry();
        let arrivals = self.takeover.away.next();
        let soonest = [match_due, store_look, departure, retry, arrivals]
            .into_iter()
            .flatten();
        soonest.min()
    }

    /// The process did not run for `gap`, which ends now; no player is charged for it.
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
        self.close_as(peer, code, false);
    }

    fn close_as(&mut self, peer: PeerKey, code: CloseCode, said_goodbye: bool) {
        let Some(gone) = self.peers.get(peer) else {
            return;
        };
        let live = gone.seated.and_then(|key| self.matches.get(key));
        let frame = closing_frame(live, code).stamp(self.moment.server_time);
        self.remove(peer, said_goodbye);
        self.outputs.push_back(Output::Close { peer, frame, code });
    }

    /// The record of this shard for the registry.
    #[must_use]
    pub fn record(&self, base: &ShardRecord) -> ShardRecord {
        ShardRecord {
            id: self.id,
            live: self.live(),
            draining: self.takeover.is_draining(),
            clock: self.counted_up_to(),
            ..base.clone()
        }
    }

    /// The play clock up to which a survivor may charge the side to move of any match, if this shard dies. What
    /// came later may not be confirmed yet, or will have been a pause of the store. The slowest answer of the store is
    /// taken off, because a clock starts when an event is confirmed, and its record has the time at which it happened.
    /// No later reading makes an earlier one too high.
    #[must_use]
    pub fn counted_up_to(&self) -> MatchTime {
        let now = self.moment.uptime;
        let waits = |key: MatchKey| self.matches.get(key).and_then(LiveMatch::unconfirmed_since);
        let oldest = self.writing.unconfirmed().filter_map(waits);
        let oldest = oldest.chain(self.writing.owed_since()).min();
        let counted = self.clock.at(oldest.map_or(now, |oldest| oldest.min(now)));
        let slowest = u64::try_from(self.writing.slowest().as_micros()).unwrap_or(u64::MAX);
        MatchTime::from_micros(counted.as_micros().saturating_sub(slowest))
    }

    // ---- parts ---------------------------------------------------------------------------------

    /// Notes the present moment, for frames that leave and for what happens without one of its own.
    fn observe(&mut self, now: Now) {
        self.moment.observe(now);
    }

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
            .then(|| ungated_frame(Some(live), ServerBody::Paused))
            .map(|frame| frame.stamp(self.moment.server_time));
        if let Some(old) = superseded {
            self.close(old, CloseCode::Superseded);
        }
        self.after_change(key);
        // If the answer to the join waits for the store, the peer learns why.
        if let Some(frame) = pause {
            self.outputs.push_back(Output::Send { peer, frame });
        }
    }

    fn match_due(&mut self, key: MatchKey, time: MatchTime) {
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        if live.has_left(time, &self.limits) {
            self.drop_match(key, CloseCode::Done);
        } else {
            live.tick(time, &self.limits);
            self.after_change(key);
        }
    }

    /// Call after any change of a match: releases frames that may leave, queues events to be written, and
    /// reschedules its deadline.
    fn after_change(&mut self, key: MatchKey) {
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        let time = self.clock.at(self.moment.uptime);
        while let Some(held) = live.release() {
            let spectators_too = live.shows_spectators(&held, time);
            let frame = held.frame.stamp(self.moment.server_time);
            deliver(live, held.to, &frame, spectators_too, &mut self.outputs);
        }
        reveal(live, time, self.moment.server_time, &mut self.outputs);
        if live.wants_chat() {
            self.outputs.push_back(Output::LoadChat(live.id()));
        }
        if let Some(setup) = live.take_rematch(time, self.moment.calendar) {
            self.rematches.insert(setup.id, key);
            let beginning = Match::new(setup).snapshot();
            self.outputs.push_back(Output::Create(Box::new(beginning)));
        }
        if live.is_dirty() {
            self.writing.add(key);
        }
        if !self.followed.is_empty() && self.followed.remove(&live.id()) {
            self.outputs.push_back(Output::Changed(live.id()));
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
        if self.followed.remove(&live.id()) {
            self.outputs.push_back(Output::Changed(live.id()));
        }
        self.deadlines.reschedule(key, live.scheduled(), None);
        for member in live.members() {
            let frame = closing_frame(Some(&live), code).stamp(self.moment.server_time);
            let peer = member.peer;
            self.peers.remove(peer);
            self.outputs.push_back(Output::Close { peer, frame, code });
        }
    }

    /// Sends every peer a frame that depends on no write.
    fn announce(&mut self, body: &ServerBody) {
        self.outputs
            .extend(self.followed.drain().map(Output::Changed));
        for live in self.matches.values() {
            let frame = ungated_frame(Some(live), body.clone());
            let frame = frame.stamp(self.moment.server_time);
            for member in live.members().iter().filter(|member| member.joined) {
                let (peer, frame) = (member.peer, frame.clone());
                self.outputs.push_back(Output::Send { peer, frame });
            }
        }
    }
}
