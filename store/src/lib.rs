//! What outlives a process: one contract, [`Store`], implemented on Redis (`RedisStore`) and on an embedded database
//! (`EmbeddedStore`). [`MemoryStore`] keeps nothing when its process ends and exists to measure the others against.
//!
//! [`Store`] consists of one trait for each concern: [`Matches`] and [`MatchLog`] for ownership and events,
//! [`Outbox`] for what follows from their end, [`Chat`] for what is said beside, [`Registry`] and [`Beats`] for live shards,
//! [`Tickets`] and [`Waves`], [`Holdings`], [`Idempotency`], [`Accounts`], [`Revocations`], [`Retention`], [`Ratings`],
//! [`Archive`], [`Feed`] and [`Presence`].
//!
//! Two checks in [`MatchLog::append`] prevent a fork of a match: the epoch (only the current owner writes) and the
//! position (a record is added at the end of the log and nowhere else). Nothing relies on a timeout inside the store.
//!
//! [`codec`] alone knows the stored bytes. The feature `backends` adds the two stores, without which this crate links
//! no runtime; the feature `testing` adds the contract's model and its conformance tests.
#![cfg_attr(
    not(feature = "backends"),
    allow(dead_code, reason = "the formats of what only backends store")
)]

mod account;
mod archived;
mod beat;
mod chat;
mod durability;
mod error;
mod feed;
mod holding;
mod ownership;
mod presence;
mod rating;
mod request;
mod shard;
mod ticket;
mod tournament;
mod transfer;
mod wave;

pub mod codec;

mod append;
mod contract;

mod audit;
mod checkpoint;
mod front;
mod heirs;
mod liveness;
// What it makes public is for tests, through `testing`.
#[cfg_attr(not(feature = "testing"), allow(unreachable_pub))]
mod model;

#[cfg(feature = "backends")]
mod args;
#[cfg(feature = "backends")]
mod embedded;
mod memory;
#[cfg(feature = "backends")]
mod postgres;
#[cfg(feature = "backends")]
mod prove;
#[cfg(feature = "backends")]
mod redis;

#[cfg(feature = "testing")]
pub mod testing;

pub use account::{
    ACCOUNTS_PAGE_MAX, API_TOKEN_UNUSED_KEPT, Account, AccountCreated, ApiToken,
    INVITATION_LIFE_MAX, Invitation, LoginCode, PasswordHash, Scope, SecretDigest,
};
pub use append::{Append, Appended};
pub use archived::{
    ARCHIVE_PAGE_MAX, ArchiveCursor, ArchiveFilter, ArchivePage, ArchivedMatch,
    InvalidArchiveCursor,
};
#[cfg(feature = "backends")]
pub use args::{RedisUrl, Secret, StoreArgs, StoreOptions};
pub use audit::{Finding, InMemory, audit};
pub use beat::{Beat, Heard, StoreConnection};
pub use chat::{CHAT_LINES_MAX, ChatLine, ChatRoom, Chats, InvalidChatLine};
pub use contract::{
    ANY_EPOCH, Accounts, Archive, Beats, Chat, Checkpoint, Claim, Claiming, Created,
    ENDED_IDS_KEEP, FEED_PAGE_MAX, FINISHED_KEEP, FINISHED_KEEP_MIN, Feed, HOOK_KEPT, HandOver,
    HandedOver, Holdings, Idempotency, LIVE_KEEP, MANY_MAX, MatchHead, MatchLog, MatchPage,
    Matches, OUTBOX_LEASE_MAX, OUTBOX_PAGE_MAX, Outbox, OutboxEntry, OutboxPosition, OutboxTag,
    Presence, REVOCATION_KEPT, RatingApplied, Ratings, Registry, Retention, Revocations, Room,
    SCAN_LIMIT_MAX, ScanCursor, Standing, Store, Swept, Tenure, Tickets, Tournaments, Transfers,
    Validity, Waves, WorkerId,
};
pub use durability::{Durability, UnknownDurability};
#[cfg(feature = "backends")]
pub use embedded::{
    Backup, EmbeddedStore, Enclosed, check_unused, contains_panics, give_to_owner_of,
};
pub use error::StoreError;
pub use feed::{FeedCursor, FeedEntry, FeedPage, HookLease, InvalidFeedCursor};
pub use front::Front;
pub use heirs::Heirs;
pub use holding::{HOLDING_KEPT, Holding, UNCOUNTED_MAX};
pub use liveness::{Liveness, LivenessFigures, Port, Proof, Suspicion};
pub use memory::MemoryStore;
pub use ownership::{Ownership, Status};
#[cfg(feature = "backends")]
pub use postgres::{PostgresArchive, PostgresConfig};
pub use presence::{HINT_PLAYERS_MAX, Hint, Hints, ONLINE_MAX, Online};
#[cfg(feature = "backends")]
pub use prove::prove;
pub use rating::{
    Category, InvalidCategory, RATED_KEPT, RATING_HISTORY_MAX, RATING_KEPT, RATING_PAGE_MAX,
    RatedMatch, Rating, RatingChange, Strength,
};
#[cfg(feature = "backends")]
pub use redis::{RedisConfig, RedisLogin, RedisPassword, RedisStore, RedisTls};
pub use request::{Begun, REQUEST_KEPT, REQUEST_RUNS, RequestDigest};
pub use shard::{Registered, ShardRecord, WebDoors, WebTransportDoor};
pub use ticket::{
    Assignment, RatingRange, TICKET_WAITS, Terms, Ticket, TicketId, TicketList, TicketState,
};
pub use tournament::{
    InvalidTournamentId, RESULT_LEN_MAX, ROUND_MATCHES_MAX, TOURNAMENT_KEPT, TOURNAMENT_LEN_MAX,
    TOURNAMENTS_PAGE_MAX, Tournament, TournamentChange, TournamentChanged, TournamentId,
};
pub use transfer::Transfer;
pub use wave::{Paired, WAITS_MAX, Wave};
