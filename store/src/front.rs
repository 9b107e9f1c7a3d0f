//! Stores in front of other stores, which forward operations.

use std::time::Duration;

use async_trait::async_trait;
use game_core::{Epoch, MatchId, PlayerId, ShardId, Snapshot, Tag, UnixMillis};

use crate::account::{
    Account, AccountCreated, ApiToken, Invitation, LoginCode, PasswordHash, SecretDigest,
};
use crate::archived::{ArchiveCursor, ArchiveFilter, ArchivePage, ArchivedMatch};
use crate::beat::{Beat, Heard, StoreConnection};
use crate::chat::{ChatLine, ChatRoom, Chats};
use crate::contract::{
    Accounts, Archive, Beats, Chat, Checkpoint, Claim, Claiming, Created, Feed, HandOver,
    HandedOver, Holdings, Idempotency, MatchHead, MatchPage, Matches, Outbox, OutboxEntry,
    OutboxPosition, OutboxTag, Presence, RatingApplied, Ratings, Registry, Retention, Revocations,
    Room, ScanCursor, Standing, Store, Swept, Tickets, Tournaments, Transfers, Validity, Waves,
    WorkerId,
};
use crate::error::StoreError;
use crate::feed::{FeedCursor, FeedEntry, FeedPage, HookLease};
use crate::holding::Holding;
use crate::ownership::Ownership;
use crate::presence::{Hint, Hints, Online};
use crate::rating::{Category, RatedMatch, Rating};
use crate::request::{Begun, RequestDigest};
use crate::shard::{Registered, ShardRecord};
use crate::ticket::{Assignment, Ticket, TicketId, TicketList, TicketState};
use crate::tournament::{Tournament, TournamentChange, TournamentChanged, TournamentId};
use crate::transfer::Transfer;
use crate::wave::{Paired, Wave};

/// A store in front of another one, or of a part of it: `P` is `dyn Store` or `dyn` one part.
///
/// A type that implements this for a part has that part, and one that implements it for `dyn Store` has every
/// part but [`MatchLog`](crate::MatchLog): each operation is forwarded. Writes are not forwarded
/// automatically: a store in front of another one usually changes them, and if it does not, it has to do so
/// explicitly.
pub trait Front<P: ?Sized>: Send + Sync + 'static {
    /// The store to which operations are forwarded.
    ///
    /// # Errors
    ///
    /// The error of every operation while there is none.
    fn behind(&self) -> Result<&P, StoreError>;
}

impl<T: Front<dyn Store>> Front<dyn Matches> for T {
    fn behind(&self) -> Result<&dyn Matches, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Ratings> for T {
    fn behind(&self) -> Result<&dyn Ratings, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Tournaments> for T {
    fn behind(&self) -> Result<&dyn Tournaments, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Transfers> for T {
    fn behind(&self) -> Result<&dyn Transfers, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Presence> for T {
    fn behind(&self) -> Result<&dyn Presence, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Outbox> for T {
    fn behind(&self) -> Result<&dyn Outbox, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Chat> for T {
    fn behind(&self) -> Result<&dyn Chat, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Registry> for T {
    fn behind(&self) -> Result<&dyn Registry, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Beats> for T {
    fn behind(&self) -> Result<&dyn Beats, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Tickets> for T {
    fn behind(&self) -> Result<&dyn Tickets, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Waves> for T {
    fn behind(&self) -> Result<&dyn Waves, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Idempotency> for T {
    fn behind(&self) -> Result<&dyn Idempotency, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Holdings> for T {
    fn behind(&self) -> Result<&dyn Holdings, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Revocations> for T {
    fn behind(&self) -> Result<&dyn Revocations, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Accounts> for T {
    fn behind(&self) -> Result<&dyn Accounts, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Retention> for T {
    fn behind(&self) -> Result<&dyn Retention, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Archive> for T {
    fn behind(&self) -> Result<&dyn Archive, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

impl<T: Front<dyn Store>> Front<dyn Feed> for T {
    fn behind(&self) -> Result<&dyn Feed, StoreError> {
        let store = Front::<dyn Store>::behind(self)?;
        Ok(store)
    }
}

#[async_trait]
impl<T: Front<dyn Matches>> Matches for T {
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError> {
        self.behind()?.create(owner, snapshot).await
    }

    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        self.behind()?.load(id).await
    }

    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError> {
        self.behind()?.ownership(id).await
    }

    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        self.behind()?.matches(after, limit).await
    }

    async fn claim_many(
        &self,
        claimant: ShardId,
        claims: &[Claiming],
    ) -> Vec<Result<Claim, StoreError>> {
        match self.behind() {
            Ok(store) => store.claim_many(claimant, claims).await,
            Err(error) => vec![Err(error); claims.len()],
        }
    }

    async fn heads(&self, matches: &[MatchId]) -> Vec<Result<Option<MatchHead>, StoreError>> {
        match self.behind() {
            Ok(store) => store.heads(matches).await,
            Err(error) => vec![Err(error); matches.len()],
        }
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError> {
        self.behind()?.hand_over(hand_over).await
    }

    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        self.behind()?.standing(matches).await
    }

    fn regressions(&self) -> u64 {
        self.behind().map_or(0, |store| store.regressions())
    }
}

#[async_trait]
impl<T: Front<dyn Outbox>> Outbox for T {
    async fn outbox_tags(&self) -> Result<Vec<OutboxTag>, StoreError> {
        self.behind()?.outbox_tags().await
    }

    async fn take_outbox(
        &self,
        tag: Tag,
        worker: WorkerId,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<Option<Epoch>, StoreError> {
        self.behind()?.take_outbox(tag, worker, lease, now).await
    }

    async fn outbox_after(
        &self,
        tag: Tag,
        after: Option<OutboxPosition>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        self.behind()?.outbox_after(tag, after, limit).await
    }

    async fn outbox_done(
        &self,
        worker: WorkerId,
        epoch: Epoch,
        entry: &OutboxEntry,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.behind()?.outbox_done(worker, epoch, entry, now).await
    }
}

#[async_trait]
impl<T: Front<dyn Ratings>> Ratings for T {
    async fn rating(
        &self,
        player: &PlayerId,
        category: Category,
    ) -> Result<Option<Rating>, StoreError> {
        self.behind()?.rating(player, category).await
    }

    async fn ratings(&self, player: &PlayerId) -> Result<Vec<(Category, Rating)>, StoreError> {
        self.behind()?.ratings(player).await
    }

    async fn apply_rating(&self, rated: &RatedMatch) -> Result<RatingApplied, StoreError> {
        self.behind()?.apply_rating(rated).await
    }

    async fn rated(&self, id: MatchId) -> Result<Option<RatedMatch>, StoreError> {
        self.behind()?.rated(id).await
    }

    async fn rating_history(
        &self,
        player: &PlayerId,
        category: Category,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<Rating>, StoreError> {
        let store = self.behind()?;
        store.rating_history(player, category, before, limit).await
    }
}

#[async_trait]
impl<T: Front<dyn Chat>> Chat for T {
    async fn append_chat(
        &self,
        id: MatchId,
        room: ChatRoom,
        line: &ChatLine,
    ) -> Result<bool, StoreError> {
        self.behind()?.append_chat(id, room, line).await
    }

    async fn load_chat(&self, id: MatchId) -> Result<Chats, StoreError> {
        self.behind()?.load_chat(id).await
    }
}

#[async_trait]
impl<T: Front<dyn Registry>> Registry for T {
    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError> {
        self.behind()?.heartbeat(shard).await
    }

    async fn heartbeat_in_steps(
        &self,
        shard: &ShardRecord,
        answered: &(dyn Fn() + Send + Sync),
    ) -> Result<Vec<Registered>, StoreError> {
        self.behind()?.heartbeat_in_steps(shard, answered).await
    }

    async fn shards(&self) -> Result<Vec<Registered>, StoreError> {
        self.behind()?.shards().await
    }

    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError> {
        self.behind()?.leave(shard).await
    }

    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError> {
        self.behind()?.deregister(shard, heartbeat).await
    }

    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        self.behind()?.owned(shard).await
    }

    async fn own(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        self.behind()?.own(shard, matches).await
    }

    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        self.behind()?.disown(shard, matches).await
    }

    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError> {
        self.behind()?.shard_traces().await
    }
}

#[async_trait]
impl<T: Front<dyn Beats>> Beats for T {
    async fn publish(&self, beat: &Beat) -> Result<(), StoreError> {
        self.behind()?.publish(beat).await
    }

    fn heard(&self) -> Heard {
        self.behind().map(Beats::heard).unwrap_or_default()
    }

    fn connections(&self) -> Vec<StoreConnection> {
        self.behind().map(Beats::connections).unwrap_or_default()
    }

    async fn are_connected(&self, connections: &[StoreConnection]) -> Option<bool> {
        self.behind().ok()?.are_connected(connections).await
    }
}

#[async_trait]
impl<T: Front<dyn Tickets>> Tickets for T {
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        self.behind()?.put_ticket(ticket).await
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        self.behind()?.ticket(id).await
    }

    async fn waiting(&self, list: &TicketList, limit: usize) -> Result<Vec<Ticket>, StoreError> {
        self.behind()?.waiting(list, limit).await
    }

    async fn pools(
        &self,
        now: UnixMillis,
        least: usize,
    ) -> Result<Vec<(Box<str>, usize)>, StoreError> {
        self.behind()?.pools(now, least).await
    }

    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        self.behind()?.touch_ticket(id, now).await
    }

    async fn end_ticket(&self, id: TicketId, end: &TicketState) -> Result<bool, StoreError> {
        self.behind()?.end_ticket(id, end).await
    }

    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        self.behind()?.assign_tickets(tickets, assignment).await
    }
}

#[async_trait]
impl<T: Front<dyn Waves>> Waves for T {
    async fn hold_wave(
        &self,
        pool: &str,
        holder: u64,
        lease: Duration,
    ) -> Result<Option<Wave>, StoreError> {
        self.behind()?.hold_wave(pool, holder, lease).await
    }

    async fn release_wave(&self, wave: &Wave) -> Result<(), StoreError> {
        self.behind()?.release_wave(wave).await
    }

    async fn assign_pair(
        &self,
        wave: &Wave,
        tickets: [TicketId; 2],
        assignment: &Assignment,
    ) -> Result<Paired, StoreError> {
        self.behind()?.assign_pair(wave, tickets, assignment).await
    }

    async fn last_opponent(&self, player: &PlayerId) -> Result<Option<PlayerId>, StoreError> {
        self.behind()?.last_opponent(player).await
    }

    async fn note_waits(&self, pool: &str, waits_ms: &[u32]) -> Result<(), StoreError> {
        self.behind()?.note_waits(pool, waits_ms).await
    }

    async fn waits(&self, pools: &[Box<str>]) -> Result<Vec<Vec<u32>>, StoreError> {
        self.behind()?.waits(pools).await
    }
}

#[async_trait]
impl<T: Front<dyn Idempotency>> Idempotency for T {
    async fn begin_request(
        &self,
        key: &str,
        request: &RequestDigest,
        id: MatchId,
        now: UnixMillis,
    ) -> Result<Begun, StoreError> {
        self.behind()?.begin_request(key, request, id, now).await
    }

    async fn end_request(&self, key: &str, response: Option<&[u8]>) -> Result<(), StoreError> {
        self.behind()?.end_request(key, response).await
    }

    async fn forget_request(&self, key: &str) -> Result<(), StoreError> {
        self.behind()?.forget_request(key).await
    }
}

#[async_trait]
impl<T: Front<dyn Holdings>> Holdings for T {
    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        self.behind()?.hold(player, kind, id, max, now).await
    }

    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError> {
        self.behind()?.held(player, kind).await
    }

    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError> {
        self.behind()?.let_go(player, kind, ids).await
    }
}

#[async_trait]
impl<T: Front<dyn Revocations>> Revocations for T {
    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        self.behind()?.revoke(player, at).await
    }

    async fn restore(&self, player: &PlayerId) -> Result<bool, StoreError> {
        self.behind()?.restore(player).await
    }

    async fn void_tokens(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        self.behind()?.void_tokens(player, at).await
    }

    async fn validity(&self, player: &PlayerId) -> Result<Validity, StoreError> {
        self.behind()?.validity(player).await
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        self.behind()?.revoked_at(player).await
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        self.behind()?.revoked_since(since).await
    }
}

#[async_trait]
impl<T: Front<dyn Accounts>> Accounts for T {
    async fn create_account(
        &self,
        account: &Account,
        invitation: Option<&SecretDigest>,
    ) -> Result<AccountCreated, StoreError> {
        self.behind()?.create_account(account, invitation).await
    }

    async fn account(&self, id: &PlayerId) -> Result<Option<Account>, StoreError> {
        self.behind()?.account(id).await
    }

    async fn account_named(&self, name_key: &str) -> Result<Option<Account>, StoreError> {
        self.behind()?.account_named(name_key).await
    }

    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        self.behind()?.accounts(prefix, after, limit).await
    }

    async fn set_password(
        &self,
        id: &PlayerId,
        password: &PasswordHash,
    ) -> Result<bool, StoreError> {
        self.behind()?.set_password(id, password).await
    }

    async fn remove_account(&self, id: &PlayerId) -> Result<bool, StoreError> {
        self.behind()?.remove_account(id).await
    }

    async fn put_api_token(&self, token: &ApiToken, max: u32) -> Result<bool, StoreError> {
        self.behind()?.put_api_token(token, max).await
    }

    async fn api_token(
        &self,
        digest: &SecretDigest,
    ) -> Result<Option<(ApiToken, Account)>, StoreError> {
        self.behind()?.api_token(digest).await
    }

    async fn api_tokens(&self, owner: &PlayerId) -> Result<Vec<ApiToken>, StoreError> {
        self.behind()?.api_tokens(owner).await
    }

    async fn touch_api_token(&self, token: &ApiToken, now: UnixMillis) -> Result<(), StoreError> {
        self.behind()?.touch_api_token(token, now).await
    }

    async fn remove_api_token(
        &self,
        owner: &PlayerId,
        digest: &SecretDigest,
    ) -> Result<bool, StoreError> {
        self.behind()?.remove_api_token(owner, digest).await
    }

    async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError> {
        self.behind()?.put_invitation(invitation).await
    }

    async fn invitations(&self, now: UnixMillis) -> Result<Vec<Invitation>, StoreError> {
        self.behind()?.invitations(now).await
    }

    async fn remove_invitation(&self, digest: &SecretDigest) -> Result<bool, StoreError> {
        self.behind()?.remove_invitation(digest).await
    }

    async fn put_login_code(&self, code: &LoginCode) -> Result<(), StoreError> {
        self.behind()?.put_login_code(code).await
    }

    async fn use_login_code(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<PlayerId>, StoreError> {
        self.behind()?.use_login_code(digest, request, now).await
    }
}

#[async_trait]
impl<T: Front<dyn Transfers>> Transfers for T {
    async fn put_transfer(&self, transfer: &Transfer) -> Result<(), StoreError> {
        self.behind()?.put_transfer(transfer).await
    }

    async fn use_transfer(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<Transfer>, StoreError> {
        self.behind()?.use_transfer(digest, request, now).await
    }
}

#[async_trait]
impl<T: Front<dyn Tournaments>> Tournaments for T {
    async fn change_tournament(
        &self,
        change: &TournamentChange,
    ) -> Result<TournamentChanged, StoreError> {
        self.behind()?.change_tournament(change).await
    }

    async fn tournament(&self, id: &TournamentId) -> Result<Option<Tournament>, StoreError> {
        self.behind()?.tournament(id).await
    }

    async fn tournaments(
        &self,
        limit: usize,
    ) -> Result<Vec<(TournamentId, UnixMillis)>, StoreError> {
        self.behind()?.tournaments(limit).await
    }

    async fn pending_tournaments(&self) -> Result<Vec<TournamentId>, StoreError> {
        self.behind()?.pending_tournaments().await
    }

    async fn tournament_of(&self, id: MatchId) -> Result<Option<TournamentId>, StoreError> {
        self.behind()?.tournament_of(id).await
    }

    async fn put_result(
        &self,
        tournament: &TournamentId,
        id: MatchId,
        result: &str,
    ) -> Result<(), StoreError> {
        self.behind()?.put_result(tournament, id, result).await
    }
}

#[async_trait]
impl<T: Front<dyn Retention>> Retention for T {
    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        self.behind()?.sweep(now).await
    }

    async fn room(&self) -> Result<Room, StoreError> {
        self.behind()?.room().await
    }
}

#[async_trait]
impl<T: Front<dyn Archive>> Archive for T {
    async fn put(&self, finished: &ArchivedMatch) -> Result<bool, StoreError> {
        self.behind()?.put(finished).await
    }

    async fn get(&self, id: MatchId) -> Result<Option<ArchivedMatch>, StoreError> {
        self.behind()?.get(id).await
    }

    async fn list(
        &self,
        filter: &ArchiveFilter,
        after: Option<ArchiveCursor>,
        limit: usize,
    ) -> Result<ArchivePage, StoreError> {
        self.behind()?.list(filter, after, limit).await
    }
}

#[async_trait]
impl<T: Front<dyn Feed>> Feed for T {
    async fn publish_match(&self, entry: &FeedEntry) -> Result<FeedCursor, StoreError> {
        self.behind()?.publish_match(entry).await
    }

    async fn feed_after(&self, after: FeedCursor, limit: usize) -> Result<FeedPage, StoreError> {
        self.behind()?.feed_after(after, limit).await
    }

    async fn feed_end(&self) -> Result<FeedCursor, StoreError> {
        self.behind()?.feed_end().await
    }

    async fn take_hook(
        &self,
        hook: &str,
        holder: &str,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<Option<HookLease>, StoreError> {
        self.behind()?.take_hook(hook, holder, now, until).await
    }

    async fn hook_done(
        &self,
        hook: &str,
        epoch: u64,
        position: FeedCursor,
    ) -> Result<bool, StoreError> {
        self.behind()?.hook_done(hook, epoch, position).await
    }
}

#[async_trait]
impl<T: Front<dyn Presence>> Presence for T {
    async fn put_online(&self, players: &[Online], now: UnixMillis) -> Result<(), StoreError> {
        self.behind()?.put_online(players, now).await
    }

    async fn online(
        &self,
        bots: bool,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<PlayerId>, StoreError> {
        self.behind()?.online(bots, now, limit).await
    }

    async fn are_online(
        &self,
        players: &[PlayerId],
        now: UnixMillis,
    ) -> Result<Vec<bool>, StoreError> {
        self.behind()?.are_online(players, now).await
    }

    async fn hint(&self, hint: &Hint) -> Result<(), StoreError> {
        self.behind()?.hint(hint).await
    }

    fn hints_after(&self, place: u64) -> Hints {
        let heard = self.behind().map(|store| store.hints_after(place));
        heard.unwrap_or_default()
    }
}
