//! What the contract means: a store as a plain state machine, without durability, faults or other callers.
//!
//! [`MemoryStore`](crate::MemoryStore) is this behind a lock. The conformance tests compare every store with
//! it, the simulation's store is this behind a faulty network, and the tests of the shard's state machine use
//! it as their store.

mod accounts;
mod archive;
mod feed;
mod holdings;
mod matches;
mod outbox;
mod ratings;
mod registry;
mod requests;
mod tickets;
mod tournaments;
mod transfers;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::time::Duration;

use game_core::{Epoch, MatchId, PlayerId, ShardId, Snapshot, Tag, UnixMillis};

use self::accounts::Accounts;
use self::archive::Archive;
use self::feed::Feed;
use self::holdings::Holdings;
pub use self::matches::StoredMatch;
use self::outbox::Outboxes;
use self::ratings::Ratings;
use self::registry::Registry;
use self::requests::Requests;
use self::tickets::Tickets;
use self::tournaments::Tournaments;
use self::transfers::Transfers;
use crate::account::{
    Account, AccountCreated, ApiToken, Invitation, LoginCode, PasswordHash, SecretDigest,
};
use crate::append::{Append, Appended};
use crate::archived::{ArchiveCursor, ArchiveFilter, ArchivePage, ArchivedMatch};
use crate::chat::{ChatLine, ChatRoom, Chats};
use crate::contract::{
    Checkpoint, Claim, Claiming, Created, HandOver, HandedOver, MatchHead, MatchPage, OutboxEntry,
    OutboxPosition, OutboxTag, REVOCATION_KEPT, RatingApplied, SCAN_LIMIT_MAX, ScanCursor,
    Standing, Swept, Validity, WorkerId,
};
use crate::error::StoreError;
use crate::feed::{FeedCursor, FeedEntry, FeedPage, HookLease};
use crate::holding::Holding;
use crate::ownership::{Ownership, Status};
use crate::rating::{Category, RatedMatch, Rating};
use crate::request::{Begun, RequestDigest};
use crate::shard::{Registered, ShardRecord};
use crate::ticket::{Assignment, Ticket, TicketId, TicketList, TicketState};
use crate::tournament::{Tournament, TournamentChange, TournamentChanged, TournamentId};
use crate::transfer::Transfer;
use crate::wave::Paired;

/// A store as maps in memory. Its methods are the operations of [`Store`](crate::Store), done at once.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub(crate) matches: BTreeMap<MatchId, StoredMatch>,
    outboxes: Outboxes,
    /// When the outbox entries of matches were done, and which.
    ended: BTreeSet<(UnixMillis, MatchId)>,
    ratings: Ratings,
    pub(crate) registry: Registry,
    tickets: Tickets,
    holdings: Holdings,
    requests: Requests,
    /// When players were revoked.
    revoked: HashMap<PlayerId, UnixMillis>,
    /// Up to when the tokens of players are void.
    void: HashMap<PlayerId, UnixMillis>,
    accounts: Accounts,
    transfers: Transfers,
    tournaments: Tournaments,
    archive: Archive,
    feed: Feed,
}

/// The part [`Matches`](crate::Matches).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn create(&mut self, owner: ShardId, snapshot: &Snapshot) -> Created {
        assert_eq!(
            snapshot.seq(),
            0,
            "a match is created before its first event"
        );
        let id = snapshot.setup().id;
        if let Some(stored) = self.matches.get(&id) {
            return Created::Exists(stored.ownership);
        }
        if let Some(ownership) = self.outboxes.ended(id) {
            return Created::Exists(ownership);
        }
        self.matches.insert(id, StoredMatch::new(owner, snapshot));
        self.registry.hint(owner, id);
        Created::New
    }

    pub fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        let stored = self.matches.get(&id);
        stored.map(|stored| stored.checkpoint(id)).transpose()
    }

    pub fn ownership(&self, id: MatchId) -> Option<Ownership> {
        self.matches.get(&id).map(|stored| stored.ownership)
    }

    pub fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        let after = after.map(ScanCursor::id).transpose()?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.matches.range((from, Bound::Unbounded));
        let page = rest.by_ref().take(limit.clamp(1, SCAN_LIMIT_MAX));
        let matches: Vec<_> = page.map(|(id, stored)| (*id, stored.ownership)).collect();
        let last = matches.last().map(|(id, _)| ScanCursor::After(*id));
        Ok(MatchPage {
            next: last.filter(|_| rest.next().is_some()),
            matches,
        })
    }

    pub fn claim_with(&mut self, claimant: ShardId, claim: &Claiming) -> Result<Claim, StoreError> {
        let id = claim.match_id;
        let Some(stored) = self.matches.get_mut(&id) else {
            return Ok(Claim::Missing);
        };
        let claim = stored.claim(claimant, claim)?;
        if let Claim::Claimed(_) = claim {
            self.registry.hint(claimant, id);
        }
        Ok(claim)
    }

    pub fn head(&self, id: MatchId) -> Result<Option<MatchHead>, StoreError> {
        let stored = self.matches.get(&id);
        stored.map(|stored| stored.head(id)).transpose()
    }

    pub fn hand_over(&mut self, given: &HandOver) -> HandedOver {
        let Some(stored) = self.matches.get_mut(&given.match_id) else {
            return HandedOver::Missing;
        };
        let answer = stored.hand_over(given);
        if answer == HandedOver::Done {
            self.registry.hint(given.to, given.match_id);
        }
        answer
    }

    pub fn standing(&self, id: MatchId, seq: u32) -> Standing {
        let stored = self.matches.get(&id);
        stored.map_or(Standing::Missing, |stored| stored.standing(seq))
    }
}

/// The part [`MatchLog`](crate::MatchLog), element by element.
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn append(&mut self, append: &Append) -> Appended {
        assert!(
            !append.records.is_empty(),
            "an append has at least one record"
        );
        let Some(stored) = self.matches.get_mut(&append.match_id) else {
            return Appended::Missing;
        };
        let answer = stored.append(append);
        if append.ends && answer == (Appended::Stored { duplicate: false }) {
            self.outboxes.add(append.match_id);
        }
        answer
    }
}

/// The part [`Outbox`](crate::Outbox).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn outbox_tags(&self) -> Vec<OutboxTag> {
        self.outboxes.tags()
    }

    pub fn take_outbox(
        &mut self,
        tag: Tag,
        worker: WorkerId,
        lease: Duration,
        now: UnixMillis,
    ) -> Option<Epoch> {
        self.outboxes.take(tag, worker, lease, now)
    }

    pub fn outbox_after(
        &self,
        tag: Tag,
        after: Option<OutboxPosition>,
        limit: usize,
    ) -> Vec<OutboxEntry> {
        self.outboxes.after(tag, after, limit)
    }

    pub fn outbox_done(
        &mut self,
        worker: WorkerId,
        epoch: Epoch,
        entry: &OutboxEntry,
        now: UnixMillis,
    ) -> bool {
        let Some(was_there) = self.outboxes.remove(worker, epoch, entry) else {
            return false;
        };
        let id = entry.match_id;
        if let Some(ownership) = self.ownership(id)
            && was_there
            && ownership.status == Status::Finished
            && !self.outboxes.has(id)
        {
            self.outboxes.mark_ended(id, ownership, now);
            self.ended.insert((now, id));
        }
        true
    }
}

/// The part [`Ratings`](crate::Ratings).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn rating(&self, player: &PlayerId, category: Category) -> Option<Rating> {
        self.ratings.get(player, category)
    }

    pub fn ratings(&self, player: &PlayerId) -> Vec<(Category, Rating)> {
        self.ratings.all(player)
    }

    pub fn apply_rating(&mut self, rated: &RatedMatch) -> RatingApplied {
        self.ratings.apply(rated)
    }

    pub fn rated(&self, id: MatchId) -> Option<RatedMatch> {
        self.ratings.rated(id)
    }

    pub fn rating_history(
        &self,
        player: &PlayerId,
        category: Category,
        before: Option<u32>,
        limit: usize,
    ) -> Vec<Rating> {
        self.ratings.history(player, category, before, limit)
    }
}

/// The part [`Chat`](crate::Chat).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn append_chat(&mut self, id: MatchId, room: ChatRoom, line: &ChatLine) -> bool {
        let Some(stored) = self.matches.get_mut(&id) else {
            return false;
        };
        stored.say(room, line);
        true
    }

    pub fn load_chat(&self, id: MatchId) -> Chats {
        let stored = self.matches.get(&id);
        stored
            .map(|stored| stored.chats.clone())
            .unwrap_or_default()
    }
}

/// The part [`Registry`](crate::Registry).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn heartbeat(&mut self, shard: &ShardRecord) -> Vec<Registered> {
        self.registry.heartbeat(shard);
        self.shards()
    }

    pub fn shards(&self) -> Vec<Registered> {
        self.registry.registered()
    }

    pub fn leave(&mut self, shard: ShardId) -> usize {
        self.registry.leave(shard)
    }

    pub fn deregister(&mut self, shard: ShardId, heartbeat: Option<u64>) -> bool {
        self.registry.deregister(shard, heartbeat)
    }

    pub fn owned(&self, shard: ShardId) -> Vec<MatchId> {
        self.registry.owned(shard)
    }

    pub fn own(&mut self, shard: ShardId, matches: &[(MatchId, Epoch)]) {
        for (id, _) in matches {
            self.registry.hint(shard, *id);
        }
    }

    pub fn disown(&mut self, shard: ShardId, matches: &[(MatchId, Epoch)]) {
        for (id, up_to) in matches {
            let stays = self.ownership(*id).is_some_and(|current| {
                current.status == Status::Live && current.owner == shard && current.epoch > *up_to
            });
            if !stays {
                self.registry.unhint(shard, *id);
            }
        }
    }
}

/// The part [`Tickets`](crate::Tickets).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn put_ticket(&mut self, ticket: &Ticket) {
        self.tickets.put(ticket);
    }

    pub fn ticket(&self, id: TicketId) -> Option<Ticket> {
        self.tickets.get(id)
    }

    pub fn waiting(&self, list: &TicketList, limit: usize) -> Vec<Ticket> {
        self.tickets.waiting(list, limit)
    }

    pub fn pools(&self, now: UnixMillis, least: usize) -> Vec<(Box<str>, usize)> {
        self.tickets.pools(now, least)
    }

    pub fn touch_ticket(&mut self, id: TicketId, now: UnixMillis) {
        self.tickets.touch(id, now);
    }

    pub fn end_ticket(&mut self, id: TicketId, end: &TicketState) -> bool {
        assert!(
            matches!(end, TicketState::Cancelled | TicketState::Declined(_)),
            "a wait that ends without a match"
        );
        self.tickets.end_wait(id, end.clone())
    }

    pub fn assign_tickets(&mut self, ids: &[TicketId], assignment: &Assignment) -> bool {
        self.tickets.assign(ids, assignment)
    }
}

/// The pairs of the part [`Waves`](crate::Waves); who holds a wave is for the caller to know.
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn assign_pair(
        &mut self,
        is_held: bool,
        tickets: [TicketId; 2],
        assignment: &Assignment,
    ) -> Paired {
        if self.tickets.are_given(&tickets, assignment) {
            return Paired::Done;
        }
        if !is_held {
            return Paired::Fenced;
        }
        if !self.tickets.assign(&tickets, assignment) {
            return Paired::Taken;
        }
        for player in [&assignment.players.white.id, &assignment.players.black.id] {
            self.tickets.withdraw_others(player);
        }
        Paired::Done
    }
}

/// The part [`Idempotency`](crate::Idempotency).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn begin_request(
        &mut self,
        key: &str,
        request: &RequestDigest,
        id: MatchId,
        now: UnixMillis,
    ) -> Begun {
        self.requests.begin(key, request, id, now)
    }

    pub fn end_request(&mut self, key: &str, response: Option<&[u8]>) {
        self.requests.end(key, response);
    }

    pub fn forget_request(&mut self, key: &str) {
        self.requests.forget(key);
    }
}

/// The parts [`Holdings`](crate::Holdings) and [`Revocations`](crate::Revocations).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn hold(
        &mut self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> bool {
        self.holdings.hold(player, kind, id, max, now)
    }

    pub fn held(&self, player: &PlayerId, kind: Holding) -> Vec<(String, UnixMillis)> {
        let theirs = self.holdings.of(player, kind);
        theirs.map(|(id, at)| (id.clone(), at)).collect()
    }

    pub fn let_go(&mut self, player: &PlayerId, kind: Holding, ids: &[String]) {
        self.holdings.let_go(player, kind, ids);
    }

    pub fn revoke(&mut self, player: &PlayerId, at: UnixMillis) {
        let latest = self.revoked.entry(player.clone()).or_default();
        *latest = at.max(*latest);
        self.remove_revocations(at);
    }

    pub fn restore(&mut self, player: &PlayerId) -> bool {
        self.revoked.remove(player).is_some()
    }

    pub fn void_tokens(&mut self, player: &PlayerId, at: UnixMillis) {
        let latest = self.void.entry(player.clone()).or_default();
        *latest = at.max(*latest);
        self.remove_revocations(at);
    }

    pub fn validity(&self, player: &PlayerId) -> Validity {
        Validity {
            revoked_at: self.revoked_at(player),
            void_up_to: self.void.get(player).copied(),
        }
    }

    pub fn revoked_at(&self, player: &PlayerId) -> Option<UnixMillis> {
        self.revoked.get(player).copied()
    }

    pub fn revoked_since(&self, since: UnixMillis) -> Vec<PlayerId> {
        let recent = self.revoked.iter().filter(|&(_, &at)| at >= since);
        recent.map(|(player, _)| player.clone()).collect()
    }

    fn remove_revocations(&mut self, now: UnixMillis) {
        let old = u128::from(now.0).saturating_sub(REVOCATION_KEPT.as_millis());
        self.revoked.retain(|_, at| u128::from(at.0) >= old);
        self.void.retain(|_, at| u128::from(at.0) >= old);
    }
}

/// The part [`Accounts`](crate::Accounts).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn create_account(
        &mut self,
        account: &Account,
        invitation: Option<&SecretDigest>,
    ) -> AccountCreated {
        self.accounts.create(account, invitation)
    }

    pub fn account(&self, id: &PlayerId) -> Option<Account> {
        self.accounts.account(id)
    }

    pub fn account_named(&self, name_key: &str) -> Option<Account> {
        self.accounts.named(name_key)
    }

    pub fn accounts(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Account> {
        self.accounts.page(prefix, after, limit)
    }

    pub fn set_password(&mut self, id: &PlayerId, password: &PasswordHash) -> bool {
        self.accounts.set_password(id, password)
    }

    pub fn remove_account(&mut self, id: &PlayerId) -> bool {
        self.transfers.remove_of(id);
        self.accounts.remove(id)
    }

    pub fn put_api_token(&mut self, token: &ApiToken, max: u32) -> bool {
        self.accounts.put_api_token(token, max)
    }

    pub fn api_token(&self, digest: &SecretDigest) -> Option<(ApiToken, Account)> {
        self.accounts.api_token(digest)
    }

    pub fn api_tokens(&self, owner: &PlayerId) -> Vec<ApiToken> {
        self.accounts.api_tokens(owner)
    }

    pub fn touch_api_token(&mut self, token: &ApiToken, now: UnixMillis) {
        self.accounts.touch_api_token(&token.digest, now);
    }

    pub fn remove_api_token(&mut self, owner: &PlayerId, digest: &SecretDigest) -> bool {
        self.accounts.remove_api_token(owner, digest)
    }

    pub fn put_invitation(&mut self, invitation: &Invitation) {
        self.accounts.put_invitation(invitation);
    }

    pub fn invitations(&self, now: UnixMillis) -> Vec<Invitation> {
        self.accounts.invitations(now)
    }

    pub fn remove_invitation(&mut self, digest: &SecretDigest) -> bool {
        self.accounts.remove_invitation(digest)
    }

    pub fn put_login_code(&mut self, code: &LoginCode) {
        self.accounts.put_login_code(code);
    }

    pub fn use_login_code(
        &mut self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Option<PlayerId> {
        self.accounts.use_login_code(digest, request, now)
    }
}

/// The part [`Transfers`](crate::Transfers).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn put_transfer(&mut self, transfer: &Transfer) {
        self.transfers.put(transfer);
    }

    pub fn use_transfer(
        &mut self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Option<Transfer> {
        self.transfers.redeem(digest, request, now)
    }
}

/// The part [`Tournaments`](crate::Tournaments).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn change_tournament(&mut self, change: &TournamentChange) -> TournamentChanged {
        self.tournaments.change(change)
    }

    pub fn tournament(&self, id: &TournamentId) -> Option<Tournament> {
        self.tournaments.get(id)
    }

    pub fn tournaments(&self, limit: usize) -> Vec<(TournamentId, UnixMillis)> {
        self.tournaments.newest(limit)
    }

    pub fn pending_tournaments(&self) -> Vec<TournamentId> {
        self.tournaments.pending()
    }

    pub fn tournament_of(&self, id: MatchId) -> Option<TournamentId> {
        self.tournaments.of(id)
    }

    pub fn put_result(&mut self, tournament: &TournamentId, id: MatchId, result: &str) {
        self.tournaments.put_result(tournament, id, result);
    }
}

/// The parts [`Archive`](crate::Archive) and [`Feed`](crate::Feed).
#[allow(missing_docs, reason = "each is what the part of the contract says")]
impl Model {
    pub fn archive(&mut self, finished: &ArchivedMatch) -> Result<bool, StoreError> {
        self.archive.put(finished)
    }

    pub fn archived(&self, id: MatchId) -> Option<ArchivedMatch> {
        self.archive.get(id).cloned()
    }

    pub fn archived_matches(
        &self,
        filter: &ArchiveFilter,
        after: Option<ArchiveCursor>,
        limit: usize,
    ) -> ArchivePage {
        self.archive.list(filter, after, limit)
    }

    pub fn publish_match(&mut self, entry: &FeedEntry) -> Result<FeedCursor, StoreError> {
        self.feed.publish(entry)
    }

    pub fn feed_after(&self, after: FeedCursor, limit: usize) -> FeedPage {
        self.feed.after(after, limit)
    }

    pub fn feed_end(&self) -> FeedCursor {
        self.feed.end()
    }

    pub fn take_hook(
        &mut self,
        hook: &str,
        holder: &str,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Option<HookLease> {
        self.feed.take_hook(hook, holder, now, until)
    }

    pub fn hook_done(&mut self, hook: &str, epoch: u64, position: FeedCursor) -> bool {
        self.feed.hook_done(hook, epoch, position)
    }
}

/// The part [`Retention`](crate::Retention).
impl Model {
    /// Matches that are removed in one step, during which other operations wait.
    const SWEPT_AT_ONCE: usize = 256;

    /// Removes what has reached its age at `now`: a match when its outbox entry has been done for `live_keep`, and what is archived or
    /// published after `finished_keep`.
    pub fn sweep(
        &mut self,
        now: UnixMillis,
        live_keep: Duration,
        finished_keep: Duration,
    ) -> Swept {
        self.tickets.remove_old(now);
        self.remove_revocations(now);
        self.holdings.remove_old(now);
        self.requests.remove_old(now);
        self.accounts.remove_old(now);
        self.transfers.remove_old(now);
        self.tournaments.remove_old(now);
        self.outboxes.remove_old(now);
        let outboxes = &self.outboxes;
        self.ratings.remove_old(now, |id| outboxes.has(id));
        let millis = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let (live_ms, archive_ms) = (millis(live_keep), millis(finished_keep));
        self.archive
            .remove_old(now, archive_ms, Self::SWEPT_AT_ONCE);
        self.feed.remove_old(now, archive_ms, Self::SWEPT_AT_ONCE);
        self.remove_ended(now, live_ms)
    }

    fn remove_ended(&mut self, now: UnixMillis, keep_ms: u64) -> Swept {
        let mut swept = Swept::default();
        for _ in 0..Self::SWEPT_AT_ONCE {
            let Some(&(ended_at, id)) = self.ended.first() else {
                return swept;
            };
            if ended_at.0.saturating_add(keep_ms) <= now.0 {
                self.ended.pop_first();
                if let Some(stored) = self.matches.remove(&id) {
                    self.registry.unhint(stored.ownership.owner, id);
                }
                swept.matches += 1;
            } else {
                return swept;
            }
        }
        swept.more = true;
        swept
    }
}
