//! What client, matchmaker and shard say to each other: frames over QUIC, JSON over HTTP.
//!
//! A *seat stream* is one bidirectional QUIC stream: one seat (or one spectator) in one match. The
//! client's first frame is [`Join`]; the shard answers with [`ServerBody::Joined`] or closes the
//! stream with [`ServerBody::Closed`]. Bytes are known to [`codec`] alone.

mod close;
pub mod codec;
pub mod http;
mod message;
pub mod name;

pub use close::CloseCode;
pub use message::{
    CatchUp, ClientFrame, ClockView, Join, Joined, MatchState, Role, SeatView, ServerBody,
    ServerFrame, WireEvent, WireRefusal,
};

/// While play is paused, a shard says so again and again ([`ServerBody::Paused`]) after this: a client
/// that hears nothing for much longer knows that the shard is gone.
pub const PAUSED_SAID_EVERY: std::time::Duration = std::time::Duration::from_secs(3);

/// The application protocol of QUIC's handshake (RFC 7301): it names the version of everything on
/// the wire, so that an incompatible peer fails at once and by name.
pub const ALPN: &[u8] = b"rookery/1";
