//! State that all requests share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use web::{Api, Bounds};

use crate::action_log::ActionLog;
use crate::problem::Problem;
use crate::source::Source;
use crate::tls::Tls;

/// Longest body of a request, in bytes: a tournament of a thousand players. Only operators get so far.
const BODY_LEN_MAX: usize = 128 * 1_024;
/// A body must be complete within this after its head.
const BODY_WITHIN: Duration = Duration::from_secs(5);
/// Upper bound on requests under way; streams of events, which are few and long, have their own.
const REQUESTS_MAX: usize = 64;
/// Upper bound on open streams of events.
const STREAMS_MAX: usize = 32;
/// A request must be answered within this; the slowest ends a match, and waits for the store.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// State that all requests share.
pub(crate) struct Admin {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) streams: Arc<Semaphore>,
    /// Its certificate, which has metrics of its own.
    pub(crate) tls: Option<Tls>,
    /// The latest changes by operators.
    pub(crate) actions: ActionLog,
    bounds: Bounds,
}

impl Admin {
    pub(crate) fn new(source: Arc<dyn Source>, tls: Option<Tls>) -> Self {
        Self {
            source,
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            tls,
            actions: ActionLog::default(),
            bounds: Bounds {
                body_len_max: BODY_LEN_MAX,
                body_within: BODY_WITHIN,
                answer_within: ANSWER_WITHIN,
                requests: Semaphore::new(REQUESTS_MAX),
            },
        }
    }
}

impl Api for Admin {
    type Problem = Problem;

    const TOKEN_NEEDED: &'static str = "Send \"Authorization: Bearer TOKEN\" with a token of this endpoint's \
        token file, or show a certificate of its authority if it speaks TLS; in dev mode, the token is printed \
        at the start and stands in the ready file.";

    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}
