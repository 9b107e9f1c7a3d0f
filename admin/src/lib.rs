//! What operators see and do, over HTTP: the same endpoint on every shard and matchmaker.
//!
//! A [`Source`] answers: a shard for its own matches, a matchmaker for all of them. What leaves by this
//! door obeys the output gate like everything else: it is confirmed, or it is a number of what is not.
//! GET only reads; each change is its own POST and is written to the log target `audit`.

// What is told, as plain values.
mod figures;
mod model;

// What is shown, as JSON.
mod problem;
mod source;
mod views;

// What it is told at the start.
mod access;
mod args;
mod certificate;
mod renewal;
mod tls;
mod validity;

// The edge: HTTP in, HTTP out.
mod actions;
mod events;
mod installation;
mod log;
mod matches;
mod page;
mod svg;

mod places;
mod router;
mod serve;

pub use access::{Access, InvalidTokens};
pub use args::{AdminArgs, InvalidAdmin};
pub use figures::{Figures, Times};
pub use model::{
    Facts, Inspection, Link, MatchQuery, MatchRow, Page, Position, Selection, ShardStatus, Sort,
};
pub use problem::{Kind, Problem};
pub use renewal::{CertificateMetrics, Kept, keep};
pub use serve::{bind, serve};
pub use source::{Part, Setting, Source};
pub use tls::{InvalidTls, SERVER_NAME, Tls, anonymous_client, server_name};
pub use validity::{OutOfDate, Validity};
pub use views::{
    ClocksView, HandedOff, HeldList, MatchDetails, MatchList, MatchStatus, MatchSummary, MoveView,
    OwnershipView, PlayerView, PlayersView, ResultView, Revoked, ShardList, ShardState, ShardView,
    Variant, millis,
};
