//! The admin endpoint: what operators see and do, over HTTP, on every shard and matchmaker.
//!
//! A [`Source`] answers: a shard for its own matches, a matchmaker for all of them. Answers obey the output gate
//! like everything else: they hold what the store has confirmed, and of the rest a count only. GET changes nothing;
//! each change is a POST of its own and is written to the log target `audit`.

// JSON.
mod club_views;
mod problem;
mod source;
mod state;
mod views;

// Configuration, access and certificates.
mod access;
mod action_log;
mod args;
mod certificate;
mod tls;

// The routes.
mod actions;
mod arbiter;
mod club;
mod events;
mod installation;
mod log;
mod matches;
mod page;
mod players;
mod svg;
mod tournaments;
mod visitor;

mod places;
mod router;
mod serve;

pub use access::{Access, InvalidTokens};
pub use arbiter::OrderBody;
pub use args::{AdminArgs, InvalidAdmin};
pub use club_views::{
    Backlog, FinishedList, FinishedPlayer, FinishedView, OpenChallenge, OpenChallengeList,
    PoolList, PoolView, TicketList, TicketView,
};
pub use matches::{kind_text, list_position};
pub use problem::{Kind, Problem};
pub use serve::{bind, serve};
pub use source::{FinishedQuery, Part, Setting, Source};
pub use tls::{InvalidTls, SERVER_NAME, Tls, anonymous_client, server_name};
pub use views::{
    AccountView, ClocksView, CodeLife, CodeMade, HandedOff, HeldList, InvitationList,
    InvitationMade, InvitationView, ListedPlayer, MatchDetails, MatchList, MatchStatus,
    MatchSummary, MoveView, NewInvitation, NewPlayers, OwnershipView, PlayerList, PlayerMade,
    PlayerQuery, PlayerView, PlayersMade, PlayersView, Removed, Restored, ResultView, Revoked,
    ShardList, ShardState, ShardView, Variant, WatchedList, WatchedMatch, millis,
};
