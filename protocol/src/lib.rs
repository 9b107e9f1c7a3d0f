//! The messages between client, matchmaker and shard: frames over QUIC, JSON over HTTP ([`http`]).
//!
//! A *seat stream* is one bidirectional QUIC stream: one seat (or one spectator) in one match. The client's first frame
//! is [`Join`]; the shard answers with [`ServerBody::Joined`] or closes the stream with [`ServerBody::Closed`]. After
//! that, [`ClientFrame`]s carry commands, and [`ServerFrame`]s carry events, acknowledgements, refusals and clocks.
//! Only [`codec`] knows the bytes.

pub mod chat;
mod close;
pub mod codec;
mod format;
pub mod http;
mod message;
pub mod name;
mod refusal;
mod state;
mod view;

pub use close::CloseCode;
pub use message::{
    CatchUp, ChatLine, ClientFrame, Join, JoinFlags, Joined, Received, ServerBody, ServerFrame,
    UnixMicros, WireEvent,
};
pub use refusal::{ChatRefusal, WireRefusal};
pub use view::{ClockView, MatchState, Role, SeatView, TagsView};

use std::time::Duration;

/// Interval at which a shard repeats [`ServerBody::Paused`] while play is paused. A client that receives
/// nothing for much longer may take the shard for lost.
pub const PAUSED_REPEATED_EVERY: Duration = Duration::from_secs(3);

/// How long a shard is silent before it sends a [`ServerBody::Heartbeat`] to a peer that asked for it.
pub const HEARTBEAT_EVERY: Duration = Duration::from_secs(5);
/// The same for a peer that asked for [`FAST_HEARTBEATS`](JoinFlags::FAST_HEARTBEATS).
pub const FAST_HEARTBEAT_EVERY: Duration = Duration::from_secs(1);

/// Interval at which a shard repeats [`ServerBody::Gone`] to a seat whose opponent is gone.
pub const GONE_REPEATED_EVERY: Duration = Duration::from_secs(5);

/// Upper bound on a line of chat, in characters.
pub const CHAT_LEN_MAX: usize = 140;

/// Upper bound on the lines of chat of a room that are kept and sent to a peer that joins.
pub const CHAT_KEPT_MAX: usize = 50;

/// The version of the messages, which the first frame of a stream names ([`Join::version`]).
///
/// It is raised by a change that an older peer would misunderstand. Members at the end of a frame, of a
/// state, an event or a line of chat, and kinds of server frame, event and refusal may be added without.
pub const VERSION: u16 = 2;

/// The oldest version that a shard accepts.
pub const VERSION_MIN: u16 = 2;

/// The application protocol in QUIC's handshake (RFC 7301). It names no version: that is in the first
/// frame, on every transport.
pub const ALPN: &[u8] = b"rookery";
