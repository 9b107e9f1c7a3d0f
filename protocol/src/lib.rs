//! The messages between client, matchmaker and shard: frames over QUIC, JSON over HTTP ([`http`]).
//!
//! A *seat stream* is one bidirectional QUIC stream: one seat (or one spectator) in one match. The client's first frame
//! is [`Join`]; the shard answers with [`ServerBody::Joined`] or closes the stream with [`ServerBody::Closed`]. After
//! that, [`ClientFrame`]s carry commands, and [`ServerFrame`]s carry events, acknowledgements, refusals and clocks.
//! Only [`codec`] knows the bytes.

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

/// Interval at which a shard repeats [`ServerBody::Paused`] while play is paused. A client that receives
/// nothing for much longer may take the shard for lost.
pub const PAUSED_REPEATED_EVERY: std::time::Duration = std::time::Duration::from_secs(3);

/// The application protocol in QUIC's handshake (RFC 7301). It names the version of the wire format, so
/// that the handshake with an incompatible peer fails with a clear error.
pub const ALPN: &[u8] = b"rookery/1";
