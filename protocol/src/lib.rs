//! What client, matchmaker and shard say to each other: frames over QUIC, JSON over HTTP, tokens.
//!
//! A *seat stream* is one bidirectional QUIC stream: one seat (or one spectator) in one match. The
//! client's first frame is [`Join`]; the shard answers with [`ServerBody::Joined`] or closes the
//! stream with [`ServerBody::Closed`]. Only [`codec`] knows the bytes.

mod close;
pub mod codec;
pub mod http;
mod message;
pub mod name;
pub mod token;

pub use close::CloseCode;
pub use message::{
    CatchUp, ClientFrame, ClockView, Join, Joined, MatchState, Role, SeatView, ServerBody,
    ServerFrame, WireEvent, WireRefusal,
};

/// Interval at which a shard repeats [`ServerBody::Paused`] while play is paused. A client that receives
/// nothing for much longer may take the shard for lost.
pub const PAUSED_REPEATED_EVERY: std::time::Duration = std::time::Duration::from_secs(3);

/// The application protocol in QUIC's handshake (RFC 7301). It names the version of the wire format, so
/// that the handshake with an incompatible peer fails with a clear error.
pub const ALPN: &[u8] = b"rookery/1";
