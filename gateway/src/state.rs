//! What the parts of a gateway share.

use std::sync::Arc;
use std::time::Duration;

use client::connection::ConnectionTimes;
use client::seat::SeatTimes;
use client::{Connector, Matchmaker, SessionConfig};
use protocol::JoinFlags;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{Config, Unusable};
use crate::identity::Identities;
use crate::people::People;
use crate::places::Places;
use crate::seats::Seats;
use crate::streams::Streams;

/// UDP sockets that all seats share.
const SOCKETS: usize = 4;
/// How long one request asks the matchmaker again, within a hold.
const PATIENCE: Duration = Duration::from_millis(800);
/// How long a seat tries to return to its match: streams stay open meanwhile.
const SEAT_PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long the matchmaker may take to say where a match is, before a seat asks again.
const PLACE_PATIENCE: Duration = Duration::from_secs(5);

/// A gateway.
pub(crate) struct Gateway {
    pub(crate) config: Config,
    /// Asked within a hold.
    pub(crate) matchmaker: Matchmaker,
    /// Asked by seats, which have more time.
    pub(crate) patient: Matchmaker,
    pub(crate) connector: Arc<Connector>,
    pub(crate) identities: Identities,
    pub(crate) people: People,
    pub(crate) places: Arc<Places>,
    pub(crate) seats: Seats,
    pub(crate) streams: Streams,
    /// Every task of this gateway, which ends when that is cancelled.
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
}

impl Gateway {
    pub(crate) fn new(
        config: Config,
        places: Arc<Places>,
        shutdown: CancellationToken,
    ) -> Result<Self, Unusable> {
        let matchmaker = Matchmaker::trusting(&config.matchmaker, config.ca.as_deref(), PATIENCE)?;
        Ok(Self {
            patient: matchmaker.with_patience(PLACE_PATIENCE),
            connector: Arc::new(Connector::bind(SOCKETS, connection_times())?),
            identities: Identities::new(matchmaker.clone()),
            people: People::new(matchmaker.clone()),
            seats: Seats::new(config.limits.seats_max),
            streams: Streams::default(),
            places,
            matchmaker,
            config,
            tasks: TaskTracker::new(),
            shutdown,
        })
    }
}

/// A seat knows within about three seconds that its shard is gone, also while it has nothing to send.
fn connection_times() -> ConnectionTimes {
    ConnectionTimes {
        keep_alive: Duration::from_millis(1_500),
        ..ConnectionTimes::default()
    }
}

/// How seats behave: what the network between client and gateway costs is not measured here, so nothing is given back.
pub(crate) fn session_config() -> SessionConfig {
    SessionConfig {
        times: SeatTimes {
            pings_after: Some(Duration::from_millis(1_500)),
            unresponsive_after: Some(Duration::from_secs(3)),
            returns_after_end: false,
            ..SeatTimes::default()
        },
        flags: JoinFlags::NO_LAG_COMPENSATION,
        patience: SEAT_PATIENCE,
        ..SessionConfig::default()
    }
}
