//! Every bound on a request or a connection, with its reason.

use std::time::Duration;

/// Longest body of a request, in bytes: a challenge with its position has about 400.
pub(crate) const BODY_LEN_MAX: usize = 4 * 1_024;

/// A body must be complete within this after its head.
pub(crate) const BODY_WITHIN: Duration = Duration::from_secs(10);

/// A head must be complete within this after the connection or the last answer; so idle connections are closed
/// too.
pub(crate) const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Age at which a connection is closed, after the answer under way, so that clients spread over matchmakers that
/// were added.
pub(crate) const CONNECTION_AGE_MAX: Duration = Duration::from_secs(600);

/// Longest wait of a request for an opponent: load balancers and browsers give up on a silent request after 30 s.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(20);

/// A request must be answered within this, the wait for an opponent included.
pub(crate) const ANSWER_WITHIN: Duration = WAIT_MAX.saturating_add(Duration::from_secs(10));

/// Longest stream of events of a ticket. A client asks for the next one, of whichever matchmaker.
pub(crate) const EVENTS_FOR: Duration = Duration::from_secs(5 * 60);

/// Interval at which a stream of events without news shows that it is alive: proxies close silent connections after
/// 30 s.
pub(crate) const EVENTS_ALIVE: Duration = Duration::from_secs(15);

/// Upper bound on exports of the archive under way: each makes the store and this process work for as long as its reader
/// keeps up.
pub(crate) const EXPORTS_MAX: usize = 8;

/// Upper bound on readers that follow the feed or wait for its next entry: each asks the store twice a second.
pub(crate) const FEED_READERS_MAX: usize = 64;

/// Open files reserved for everything but players' connections: the store, the admin endpoint and its connections,
/// probes, logs. At most half of the limit.
const FILES_KEPT: u64 = 512;

/// A connection for probes alone must bring its head within this, and is closed after one answer.
pub(crate) const PROBE_WITHIN: Duration = Duration::from_secs(2);

/// The connections, up to `wanted`, that a limit of `open_files` leaves room for.
pub(crate) fn connections_that_fit(wanted: usize, open_files: u64) -> usize {
    let kept = FILES_KEPT.min(open_files / 2);
    wanted.min(usize::try_from(open_files - kept).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_everything_else() {
        for (wanted, open_files, expected) in [
            (20_000, 1_048_576, 20_000),
            (20_000, u64::MAX, 20_000),
            (20_000, 4_096, 3_584),
            (20_000, 1_024, 512),
            (20_000, 256, 128),
            (20_000, 3, 2),
            (20_000, 0, 0),
            (100, 1_024, 100),
        ] {
            assert_eq!(
                connections_that_fit(wanted, open_files),
                expected,
                "{open_files}"
            );
        }
    }
}
