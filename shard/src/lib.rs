//! The game-server shard: the QUIC endpoint and the driver around the state machine of the crate `shard-core`.
//!
//! [`run`] runs one shard. It receives everything from outside: its [`ShardConfig`], and in [`Surroundings`] a bound
//! endpoint, the store, the calendar and the public key of the seat tokens.
//!
//! A task for each QUIC stream reads frames and passes them to the driver over a bounded channel. The driver is the
//! only task that changes matches: it feeds the state machine, appends batches to the store, and writes frames to the
//! streams. [`Inspector`] asks it on behalf of operators; [`Metrics`] holds what it counts.

mod config;
mod connection;
mod door;
mod driver;
mod endpoint;
mod handshake;
mod inspection;
mod liveness_port;
mod metrics;
mod origins;
mod stream;
mod sweeping;
pub mod tls;
mod token_refusals;
mod traces;
mod transport;

use std::sync::Arc;
use std::time::Duration;

use game_core::UnixMillis;
use quinn::{Endpoint, VarInt};
use store::Store;
use tokens::VerifyingKey;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use config::{NetLimits, ShardConfig};
use driver::Driver;
use endpoint::Doors;
pub use inspection::{Ask, AskError, Inspected, Inspector, inspection};
pub use metrics::Metrics;
pub use origins::{AllowedOrigin, OriginError, Origins};
use stream::Streams;
pub use traces::{CollectorUrl, CollectorUrlError, SampleRatio, SampleRatioError, TraceConfig};
pub use transport::{WebListener, bind_web};

/// What a shard needs besides its configuration.
pub struct Surroundings {
    /// The bound endpoint; its local address corresponds to the address in the configuration.
    pub endpoint: Endpoint,
    /// The bound TCP port for browsers, if they are served there; [`ShardConfig::web`] is where they reach it.
    pub web: Option<WebListener>,
    /// The bound liveness port, if it has one; [`ShardConfig::liveness`] is where others reach it.
    pub liveness: Option<TcpListener>,
    /// Where checkpoints go.
    pub store: Arc<dyn Store>,
    /// The key that checks seat tokens.
    pub key: VerifyingKey,
    /// The calendar: milliseconds since 1970.
    pub calendar: fn() -> UnixMillis,
    /// The operators' requests, and the metrics.
    pub inspected: Inspected,
}

/// How long peers have at a shutdown to receive their last frame.
const FAREWELL: Duration = Duration::from_secs(1);

/// Runs one shard until `shutdown`; returns when its last writes are confirmed or abandoned, and its streams
/// are closed.
pub async fn run(config: ShardConfig, with: Surroundings, shutdown: CancellationToken) {
    let Surroundings {
        endpoint,
        web,
        liveness,
        store,
        key,
        calendar,
        inspected,
    } = with;
    inspected.begin();
    let (inbox, inputs) = mpsc::channel(config.net.inbox_len);
    let limits = Arc::new(config.net.clone());
    let streams = Streams {
        limits,
        inbox,
        key: Arc::new(key),
        calendar,
        metrics: inspected.metrics.door.clone(),
    };
    // While matches are handed over, players may come back to those that remain.
    let closing = CancellationToken::new();
    let doors = Doors {
        endpoint: endpoint.clone(),
        web,
        origins: config.origins.clone(),
    };
    let accepting = tokio::spawn(endpoint::accept(doors, streams, closing.clone()));
    let alive = CancellationToken::new();
    let _alive = alive.clone().drop_guard();
    let answering = liveness
        .map(|listener| tokio::spawn(liveness_port::answer(listener, config.id, alive.clone())));
    let sweeping = tokio::spawn(sweeping::sweep(
        Arc::clone(&store),
        calendar,
        shutdown.clone(),
    ));
    tracing::info!(shard = %config.id, address = %config.address, "shard is open");
    Driver::run(&config, store, calendar, inputs, inspected, shutdown).await;
    closing.cancel();
    let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
    endpoint.close(
        VarInt::from_u32(protocol::CloseCode::ShuttingDown.number()),
        b"",
    );
    let _ = timeout(FAREWELL, accepting).await;
    // There is no need to wait for a step in progress: the next sweep does what it leaves.
    sweeping.abort();
    if let Some(answering) = answering {
        alive.cancel();
        let _ = answering.await;
    }
    tracing::info!(shard = %config.id, "shard is closed");
}

/// The system's calendar.
#[must_use]
pub fn system_calendar() -> UnixMillis {
    UnixMillis(program::calendar::unix_ms())
}
