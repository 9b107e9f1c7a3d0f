//! The store that keeps nothing: the model in this process, for measuring a server without the cost of a
//! store.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use game_core::{Epoch, MatchId, PlayerId, ShardId, Snapshot, Tag, UnixMillis};

use crate::account::{
    Account, AccountCreated, ApiToken, Invitation, LoginCode, PasswordHash, SecretDigest,
};
use crate::append::{Append, Appended};
use crate::archived::{ArchiveCursor, ArchiveFilter, ArchivePage, ArchivedMatch};
use crate::beat::{Beat, Board, Heard, StoreConnection};
use crate::chat::{ChatLine, ChatRoom, Chats};
use crate::contract::{
    Accounts, Archive, Beats, Chat, Checkpoint, Claim, Claiming, Created, FINISHED_KEEP, Feed,
    HandOver, HandedOver, Holdings, Idempotency, LIVE_KEEP, MatchHead, MatchLog, MatchPage,
    Matches, Outbox, OutboxEntry, OutboxPosition, OutboxTag, Presence, RatingApplied, Ratings,
    Registry, Retention, Revocations, Room, ScanCursor, Standing, Swept, Tickets, Tournaments,
    Transfers, Validity, Waves, WorkerId,
};
use crate::error::StoreError;
use crate::feed::{FeedCursor, FeedEntry, FeedPage, HookLease};
use crate::holding::Holding;
use crate::model::Model;
use crate::ownership::Ownership;
use crate::presence::{Hint, HintBoard, Hints, Online, OnlineBoard};
use crate::rating::{Category, RatedMatch, Rating};
use crate::request::{Begun, RequestDigest};
use crate::shard::{Registered, ShardRecord};
use crate::ticket::{Assignment, Ticket, TicketId, TicketList, TicketState};
use crate::tournament::{
    Tournament, TournamentChange, TournamentChanged, TournamentId, check_result,
};
use crate::transfer::Transfer;
use crate::wave::{Paired, Wave, WaveBoard};

/// A store that ends with its process.
///
/// It has the answers of a store, its fences and its encodings, and none of its durability: what is confirmed
/// outlives a shard of this process, and nothing else. It exists for measurements.
#[derive(Debug)]
pub struct MemoryStore {
    model: Mutex<Model>,
    board: Mutex<Board>,
    online: Mutex<OnlineBoard>,
    hints: Mutex<HintBoard>,
    /// Who pairs which pool.
    waves: Mutex<WaveBoard>,
    /// What the times of leases are counted from.
    began: Instant,
    /// How long the archive keeps a match.
    finished_keep: Duration,
    /// How long a match is kept after its outbox entry is done.
    live_keep: Duration,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self {
            model: Mutex::default(),
            board: Mutex::default(),
            online: Mutex::default(),
            hints: Mutex::default(),
            waves: Mutex::default(),
            began: Instant::now(),
            finished_keep: FINISHED_KEEP,
            live_keep: LIVE_KEEP,
        }
    }
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps matches in the archive for this long, instead of [`FINISHED_KEEP`].
    #[must_use]
    pub fn keeping_finished(self, keep: Duration) -> Self {
        Self {
            finished_keep: keep,
            ..self
        }
    }

    /// Keeps matches among the live ones for this long after their outbox entries are done, instead of
    /// [`LIVE_KEEP`].
    #[must_use]
    pub fn keeping_live(self, keep: Duration) -> Self {
        Self {
            live_keep: keep,
            ..self
        }
    }

    /// Locked for one operation, and never across a wait.
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waves(&self) -> MutexGuard<'_, WaveBoard> {
        self.waves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn online_board(&self) -> MutexGuard<'_, OnlineBoard> {
        self.online.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hint_board(&self) -> MutexGuard<'_, HintBoard> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Matches for MemoryStore {
    async fn create(&self, owner: ShardId, snapshot: &Snapshot) -> Result<Created, StoreError> {
        Ok(self.model().create(owner, snapshot))
    }

    async fn load(&self, id: MatchId) -> Result<Option<Checkpoint>, StoreError> {
        self.model().load(id)
    }

    async fn ownership(&self, id: MatchId) -> Result<Option<Ownership>, StoreError> {
        Ok(self.model().ownership(id))
    }

    async fn matches(
        &self,
        after: Option<ScanCursor>,
        limit: usize,
    ) -> Result<MatchPage, StoreError> {
        self.model().matches(after, limit)
    }

    async fn claim_many(
        &self,
        claimant: ShardId,
        claims: &[Claiming],
    ) -> Vec<Result<Claim, StoreError>> {
        let mut model = self.model();
        let answers = claims.iter().map(|claim| model.claim_with(claimant, claim));
        answers.collect()
    }

    async fn heads(&self, matches: &[MatchId]) -> Vec<Result<Option<MatchHead>, StoreError>> {
        let model = self.model();
        matches.iter().map(|id| model.head(*id)).collect()
    }

    async fn hand_over(&self, hand_over: &HandOver) -> Result<HandedOver, StoreError> {
        Ok(self.model().hand_over(hand_over))
    }

    async fn standing(&self, matches: &[(MatchId, u32)]) -> Result<Vec<Standing>, StoreError> {
        let model = self.model();
        let answers = matches.iter().map(|(id, seq)| model.standing(*id, *seq));
        Ok(answers.collect())
    }
}

#[async_trait]
impl MatchLog for MemoryStore {
    async fn append(&self, batch: &[Append]) -> Result<Vec<Appended>, StoreError> {
        let mut model = self.model();
        Ok(batch.iter().map(|append| model.append(append)).collect())
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn outbox_tags(&self) -> Result<Vec<OutboxTag>, StoreError> {
        Ok(self.model().outbox_tags())
    }

    async fn take_outbox(
        &self,
        tag: Tag,
        worker: WorkerId,
        lease: Duration,
        now: UnixMillis,
    ) -> Result<Option<Epoch>, StoreError> {
        Ok(self.model().take_outbox(tag, worker, lease, now))
    }

    async fn outbox_after(
        &self,
        tag: Tag,
        after: Option<OutboxPosition>,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        Ok(self.model().outbox_after(tag, after, limit))
    }

    async fn outbox_done(
        &self,
        worker: WorkerId,
        epoch: Epoch,
        entry: &OutboxEntry,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        Ok(self.model().outbox_done(worker, epoch, entry, now))
    }
}

#[async_trait]
impl Ratings for MemoryStore {
    async fn rating(
        &self,
        player: &PlayerId,
        category: Category,
    ) -> Result<Option<Rating>, StoreError> {
        Ok(self.model().rating(player, category))
    }

    async fn ratings(&self, player: &PlayerId) -> Result<Vec<(Category, Rating)>, StoreError> {
        Ok(self.model().ratings(player))
    }

    async fn apply_rating(&self, rated: &RatedMatch) -> Result<RatingApplied, StoreError> {
        Ok(self.model().apply_rating(rated))
    }

    async fn rated(&self, id: MatchId) -> Result<Option<RatedMatch>, StoreError> {
        Ok(self.model().rated(id))
    }

    async fn rating_history(
        &self,
        player: &PlayerId,
        category: Category,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<Rating>, StoreError> {
        let model = self.model();
        Ok(model.rating_history(player, category, before, limit))
    }
}

#[async_trait]
impl Chat for MemoryStore {
    async fn append_chat(
        &self,
        id: MatchId,
        room: ChatRoom,
        line: &ChatLine,
    ) -> Result<bool, StoreError> {
        Ok(self.model().append_chat(id, room, line))
    }

    async fn load_chat(&self, id: MatchId) -> Result<Chats, StoreError> {
        Ok(self.model().load_chat(id))
    }
}

#[async_trait]
impl Beats for MemoryStore {
    async fn publish(&self, beat: &Beat) -> Result<(), StoreError> {
        self.board().hear(*beat);
        Ok(())
    }

    fn heard(&self) -> Heard {
        self.board().heard()
    }

    fn connections(&self) -> Vec<StoreConnection> {
        Vec::new()
    }

    async fn are_connected(&self, _connections: &[StoreConnection]) -> Option<bool> {
        None
    }
}

#[async_trait]
impl Registry for MemoryStore {
    async fn heartbeat(&self, shard: &ShardRecord) -> Result<Vec<Registered>, StoreError> {
        Ok(self.model().heartbeat(shard))
    }

    async fn shards(&self) -> Result<Vec<Registered>, StoreError> {
        Ok(self.model().shards())
    }

    async fn leave(&self, shard: ShardId) -> Result<usize, StoreError> {
        let left = self.model().leave(shard);
        self.board().notice();
        Ok(left)
    }

    async fn deregister(&self, shard: ShardId, heartbeat: Option<u64>) -> Result<bool, StoreError> {
        Ok(self.model().deregister(shard, heartbeat))
    }

    async fn owned(&self, shard: ShardId) -> Result<Vec<MatchId>, StoreError> {
        Ok(self.model().owned(shard))
    }

    async fn own(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        self.model().own(shard, matches);
        Ok(())
    }

    async fn disown(&self, shard: ShardId, matches: &[(MatchId, Epoch)]) -> Result<(), StoreError> {
        self.model().disown(shard, matches);
        Ok(())
    }

    async fn shard_traces(&self) -> Result<Vec<ShardId>, StoreError> {
        let registry = self.model().shards();
        Ok(registry.iter().map(Registered::id).collect())
    }
}

#[async_trait]
impl Tickets for MemoryStore {
    async fn put_ticket(&self, ticket: &Ticket) -> Result<(), StoreError> {
        self.model().put_ticket(ticket);
        Ok(())
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        Ok(self.model().ticket(id))
    }

    async fn waiting(&self, list: &TicketList, limit: usize) -> Result<Vec<Ticket>, StoreError> {
        Ok(self.model().waiting(list, limit))
    }

    async fn pools(
        &self,
        now: UnixMillis,
        least: usize,
    ) -> Result<Vec<(Box<str>, usize)>, StoreError> {
        Ok(self.model().pools(now, least))
    }

    async fn touch_ticket(&self, id: TicketId, now: UnixMillis) -> Result<(), StoreError> {
        self.model().touch_ticket(id, now);
        Ok(())
    }

    async fn end_ticket(&self, id: TicketId, end: &TicketState) -> Result<bool, StoreError> {
        Ok(self.model().end_ticket(id, end))
    }

    async fn assign_tickets(
        &self,
        tickets: &[TicketId],
        assignment: &Assignment,
    ) -> Result<bool, StoreError> {
        Ok(self.model().assign_tickets(tickets, assignment))
    }
}

#[async_trait]
impl Waves for MemoryStore {
    async fn hold_wave(
        &self,
        pool: &str,
        holder: u64,
        lease: Duration,
    ) -> Result<Option<Wave>, StoreError> {
        let now = self.began.elapsed();
        Ok(self.waves().hold(pool, holder, lease, now))
    }

    async fn release_wave(&self, wave: &Wave) -> Result<(), StoreError> {
        self.waves().release(wave);
        Ok(())
    }

    async fn assign_pair(
        &self,
        wave: &Wave,
        tickets: [TicketId; 2],
        assignment: &Assignment,
    ) -> Result<Paired, StoreError> {
        // The leases stay locked, so that the pair and the epoch are of one moment.
        let mut waves = self.waves();
        let now = self.began.elapsed();
        let is_held = waves.is_held(wave, now);
        let paired = self.model().assign_pair(is_held, tickets, assignment);
        if paired == Paired::Done {
            let (white, black) = (&assignment.players.white.id, &assignment.players.black.id);
            waves.note_pair(white, black, now);
        }
        Ok(paired)
    }

    async fn last_opponent(&self, player: &PlayerId) -> Result<Option<PlayerId>, StoreError> {
        let now = self.began.elapsed();
        Ok(self.waves().last_opponent(player, now))
    }

    async fn note_waits(&self, pool: &str, waits_ms: &[u32]) -> Result<(), StoreError> {
        self.waves()
            .note_waits(pool, waits_ms, self.began.elapsed());
        Ok(())
    }

    async fn waits(&self, pools: &[Box<str>]) -> Result<Vec<Vec<u32>>, StoreError> {
        let (waves, now) = (self.waves(), self.began.elapsed());
        Ok(pools.iter().map(|pool| waves.waits(pool, now)).collect())
    }
}

#[async_trait]
impl Idempotency for MemoryStore {
    async fn begin_request(
        &self,
        key: &str,
        request: &RequestDigest,
        id: MatchId,
        now: UnixMillis,
    ) -> Result<Begun, StoreError> {
        Ok(self.model().begin_request(key, request, id, now))
    }

    async fn end_request(&self, key: &str, response: Option<&[u8]>) -> Result<(), StoreError> {
        self.model().end_request(key, response);
        Ok(())
    }

    async fn forget_request(&self, key: &str) -> Result<(), StoreError> {
        self.model().forget_request(key);
        Ok(())
    }
}

#[async_trait]
impl Holdings for MemoryStore {
    async fn hold(
        &self,
        player: &PlayerId,
        kind: Holding,
        id: &str,
        max: u32,
        now: UnixMillis,
    ) -> Result<bool, StoreError> {
        Ok(self.model().hold(player, kind, id, max, now))
    }

    async fn held(
        &self,
        player: &PlayerId,
        kind: Holding,
    ) -> Result<Vec<(String, UnixMillis)>, StoreError> {
        Ok(self.model().held(player, kind))
    }

    async fn let_go(
        &self,
        player: &PlayerId,
        kind: Holding,
        ids: &[String],
    ) -> Result<(), StoreError> {
        self.model().let_go(player, kind, ids);
        Ok(())
    }
}

#[async_trait]
impl Revocations for MemoryStore {
    async fn revoke(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        self.model().revoke(player, at);
        Ok(())
    }

    async fn restore(&self, player: &PlayerId) -> Result<bool, StoreError> {
        Ok(self.model().restore(player))
    }

    async fn void_tokens(&self, player: &PlayerId, at: UnixMillis) -> Result<(), StoreError> {
        self.model().void_tokens(player, at);
        Ok(())
    }

    async fn validity(&self, player: &PlayerId) -> Result<Validity, StoreError> {
        Ok(self.model().validity(player))
    }

    async fn revoked_at(&self, player: &PlayerId) -> Result<Option<UnixMillis>, StoreError> {
        Ok(self.model().revoked_at(player))
    }

    async fn revoked_since(&self, since: UnixMillis) -> Result<Vec<PlayerId>, StoreError> {
        Ok(self.model().revoked_since(since))
    }
}

#[async_trait]
impl Accounts for MemoryStore {
    async fn create_account(
        &self,
        account: &Account,
        invitation: Option<&SecretDigest>,
    ) -> Result<AccountCreated, StoreError> {
        Ok(self.model().create_account(account, invitation))
    }

    async fn account(&self, id: &PlayerId) -> Result<Option<Account>, StoreError> {
        Ok(self.model().account(id))
    }

    async fn account_named(&self, name_key: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.model().account_named(name_key))
    }

    async fn accounts(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Account>, StoreError> {
        Ok(self.model().accounts(prefix, after, limit))
    }

    async fn set_password(
        &self,
        id: &PlayerId,
        password: &PasswordHash,
    ) -> Result<bool, StoreError> {
        Ok(self.model().set_password(id, password))
    }

    async fn remove_account(&self, id: &PlayerId) -> Result<bool, StoreError> {
        Ok(self.model().remove_account(id))
    }

    async fn put_api_token(&self, token: &ApiToken, max: u32) -> Result<bool, StoreError> {
        Ok(self.model().put_api_token(token, max))
    }

    async fn api_token(
        &self,
        digest: &SecretDigest,
    ) -> Result<Option<(ApiToken, Account)>, StoreError> {
        Ok(self.model().api_token(digest))
    }

    async fn api_tokens(&self, owner: &PlayerId) -> Result<Vec<ApiToken>, StoreError> {
        Ok(self.model().api_tokens(owner))
    }

    async fn touch_api_token(&self, token: &ApiToken, now: UnixMillis) -> Result<(), StoreError> {
        self.model().touch_api_token(token, now);
        Ok(())
    }

    async fn remove_api_token(
        &self,
        owner: &PlayerId,
        digest: &SecretDigest,
    ) -> Result<bool, StoreError> {
        Ok(self.model().remove_api_token(owner, digest))
    }

    async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError> {
        self.model().put_invitation(invitation);
        Ok(())
    }

    async fn invitations(&self, now: UnixMillis) -> Result<Vec<Invitation>, StoreError> {
        Ok(self.model().invitations(now))
    }

    async fn remove_invitation(&self, digest: &SecretDigest) -> Result<bool, StoreError> {
        Ok(self.model().remove_invitation(digest))
    }

    async fn put_login_code(&self, code: &LoginCode) -> Result<(), StoreError> {
        self.model().put_login_code(code);
        Ok(())
    }

    async fn use_login_code(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<PlayerId>, StoreError> {
        Ok(self.model().use_login_code(digest, request, now))
    }
}

#[async_trait]
impl Transfers for MemoryStore {
    async fn put_transfer(&self, transfer: &Transfer) -> Result<(), StoreError> {
        self.model().put_transfer(transfer);
        Ok(())
    }

    async fn use_transfer(
        &self,
        digest: &SecretDigest,
        request: u64,
        now: UnixMillis,
    ) -> Result<Option<Transfer>, StoreError> {
        Ok(self.model().use_transfer(digest, request, now))
    }
}

#[async_trait]
impl Tournaments for MemoryStore {
    async fn change_tournament(
        &self,
        change: &TournamentChange,
    ) -> Result<TournamentChanged, StoreError> {
        change.check()?;
        Ok(self.model().change_tournament(change))
    }

    async fn tournament(&self, id: &TournamentId) -> Result<Option<Tournament>, StoreError> {
        Ok(self.model().tournament(id))
    }

    async fn tournaments(
        &self,
        limit: usize,
    ) -> Result<Vec<(TournamentId, UnixMillis)>, StoreError> {
        Ok(self.model().tournaments(limit))
    }

    async fn pending_tournaments(&self) -> Result<Vec<TournamentId>, StoreError> {
        Ok(self.model().pending_tournaments())
    }

    async fn tournament_of(&self, id: MatchId) -> Result<Option<TournamentId>, StoreError> {
        Ok(self.model().tournament_of(id))
    }

    async fn put_result(
        &self,
        tournament: &TournamentId,
        id: MatchId,
        result: &str,
    ) -> Result<(), StoreError> {
        check_result(result)?;
        self.model().put_result(tournament, id, result);
        Ok(())
    }
}

#[async_trait]
impl Retention for MemoryStore {
    async fn sweep(&self, now: UnixMillis) -> Result<Swept, StoreError> {
        Ok(self.model().sweep(now, self.live_keep, self.finished_keep))
    }

    async fn room(&self) -> Result<Room, StoreError> {
        Ok(Room::default())
    }
}

#[async_trait]
impl Archive for MemoryStore {
    async fn put(&self, finished: &ArchivedMatch) -> Result<bool, StoreError> {
        self.model().archive(finished)
    }

    async fn get(&self, id: MatchId) -> Result<Option<ArchivedMatch>, StoreError> {
        Ok(self.model().archived(id))
    }

    async fn list(
        &self,
        filter: &ArchiveFilter,
        after: Option<ArchiveCursor>,
        limit: usize,
    ) -> Result<ArchivePage, StoreError> {
        Ok(self.model().archived_matches(filter, after, limit))
    }
}

#[async_trait]
impl Feed for MemoryStore {
    async fn publish_match(&self, entry: &FeedEntry) -> Result<FeedCursor, StoreError> {
        self.model().publish_match(entry)
    }

    async fn feed_after(&self, after: FeedCursor, limit: usize) -> Result<FeedPage, StoreError> {
        Ok(self.model().feed_after(after, limit))
    }

    async fn feed_end(&self) -> Result<FeedCursor, StoreError> {
        Ok(self.model().feed_end())
    }

    async fn take_hook(
        &self,
        hook: &str,
        holder: &str,
        now: UnixMillis,
        until: UnixMillis,
    ) -> Result<Option<HookLease>, StoreError> {
        Ok(self.model().take_hook(hook, holder, now, until))
    }

    async fn hook_done(
        &self,
        hook: &str,
        epoch: u64,
        position: FeedCursor,
    ) -> Result<bool, StoreError> {
        Ok(self.model().hook_done(hook, epoch, position))
    }
}

#[async_trait]
impl Presence for MemoryStore {
    async fn put_online(&self, players: &[Online], now: UnixMillis) -> Result<(), StoreError> {
        self.online_board().put(players, now);
        Ok(())
    }

    async fn online(
        &self,
        bots: bool,
        now: UnixMillis,
        limit: usize,
    ) -> Result<Vec<PlayerId>, StoreError> {
        Ok(self.online_board().list(bots, now, limit))
    }

    async fn are_online(
        &self,
        players: &[PlayerId],
        now: UnixMillis,
    ) -> Result<Vec<bool>, StoreError> {
        Ok(self.online_board().have(players, now))
    }

    async fn hint(&self, hint: &Hint) -> Result<(), StoreError> {
        self.hint_board().hear(hint.clone());
        Ok(())
    }

    fn hints_after(&self, place: u64) -> Hints {
        self.hint_board().after(place)
    }
}
