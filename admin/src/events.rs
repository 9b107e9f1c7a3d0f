//! `GET /v1/matches/{match}/events`: a live match as server-sent events.
//!
//! The match is looked at when it has changed, and only while the peer reads: a stream holds one answer in memory,
//! however slow its reader is.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_core::Stream;
use game_core::MatchId;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use web::PathId;

use crate::matches::WAIT_MAX;
use crate::problem::{Kind, Problem, Problems};
use crate::state::Admin;
use crate::views::{MatchDetails, MatchStatus};

/// Between two looks, however often the match changes: what changes together is told together.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(50);
/// Before another look at a match whose owner may be changing.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// Interval at which an event is sent although only round-trip times and the like have changed.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// A stream ends after this; its reader opens a new one.
const STREAM_MAX: Duration = Duration::from_secs(600);

/// The match and, as it changes, the match again: events named `match`, each with all there is to know,
/// as in `GET /v1/matches/{match}`. An event named `problem` with an RFC 9457 object is the last one. It
/// also ends with the match, and after ten minutes.
#[utoipa::path(get, path = "/v1/matches/{match}/events", tag = "matches",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "Server-sent events", body = String,
        content_type = "text/event-stream"), Problems))]
pub(crate) async fn watch(
    State(admin): State<Arc<Admin>>,
    PathId(id): PathId<MatchId>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = Arc::clone(&admin.streams).try_acquire_owned();
    let place = place.map_err(|_| {
        let why = "As many streams as may be are open. Close one, or poll the match.";
        Problem::new(Kind::Overloaded, why)
    })?;
    let first = admin.source.inspect(id).await?;
    let watch = Watch {
        admin,
        id,
        until: Instant::now() + STREAM_MAX,
        _place: place,
    };
    Ok(Sse::new(Looks::new(watch, first)).keep_alive(KeepAlive::default()))
}

struct Watch {
    admin: Arc<Admin>,
    id: MatchId,
    until: Instant,
    /// One of the streams that may be open.
    _place: OwnedSemaphorePermit,
}

/// The next event.
enum Step {
    Match(Box<MatchDetails>),
    Problem(Problem),
}

impl Watch {
    /// Waits until there is news.
    async fn next(&self, told: &MatchDetails) -> Option<Step> {
        let told_at = Instant::now();
        if told.summary.status == MatchStatus::Finished {
            return None;
        }
        sleep(LOOK_EVERY_MIN).await;
        while Instant::now() < self.until {
            let source = &self.admin.source;
            match source.follow(self.id, &told.revision, WAIT_MAX).await {
                Ok(seen) if seen.revision != told.revision || told_at.elapsed() >= TELL_EVERY => {
                    return Some(Step::Match(Box::new(seen)));
                }
                // An owner of another version does not wait.
                Ok(_) => sleep(LOOK_EVERY_MIN).await,
                Err(problem) if problem.kind.is_passing() && told_at.elapsed() < TELL_EVERY => {
                    sleep(RETRY_AFTER).await;
                }
                Err(problem) => return Some(Step::Problem(problem)),
            }
        }
        None
    }
}

type Look = Pin<Box<dyn Future<Output = (Watch, Option<Step>)> + Send>>;

/// The looks at a match as a stream: each begins when the event before was read.
struct Looks {
    first: Option<(Watch, Box<MatchDetails>)>,
    look: Option<Look>,
}

impl Looks {
    fn new(watch: Watch, first: MatchDetails) -> Self {
        Self {
            first: Some((watch, Box::new(first))),
            look: None,
        }
    }

    fn tell(&mut self, watch: Watch, details: Box<MatchDetails>) -> Event {
        let event = Event::default().event("match");
        let event = event.json_data(&details).unwrap_or_default();
        self.look = Some(Box::pin(async move {
            let step = watch.next(&details).await;
            (watch, step)
        }));
        event
    }
}

impl Stream for Looks {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some((watch, details)) = self.first.take() {
            return Poll::Ready(Some(Ok(self.tell(watch, details))));
        }
        let Some(look) = &mut self.look else {
            return Poll::Ready(None);
        };
        let Poll::Ready((watch, step)) = look.as_mut().poll(context) else {
            return Poll::Pending;
        };
        self.look = None;
        let event = match step {
            None => return Poll::Ready(None),
            Some(Step::Match(details)) => self.tell(watch, details),
            Some(Step::Problem(problem)) => {
                let event = Event::default().event("problem");
                event.json_data(problem.body()).unwrap_or_default()
            }
        };
        Poll::Ready(Some(Ok(event)))
    }
}
