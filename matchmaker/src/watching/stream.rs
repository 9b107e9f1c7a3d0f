//! `GET /v1/matches/{match}/events`: a match as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use game_core::MatchId;
use protocol::http::MatchReply;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};
use web::PathId;

use super::subscriptions::{Known, Seen};
use crate::described::Problems;
use crate::matches::Shown;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// A stream ends after this, before its connection is too old; its reader opens a new one.
const STREAM_MAX: Duration = Duration::from_secs(540);

/// The match as the public sees it and, as it changes, the match again: events named `match`, whose id is the number of
/// the last event of the match, and whose data is as in `GET /v1/matches/{match}`. The stream ends with the match, and
/// after nine minutes.
#[utoipa::path(get, path = "/v1/matches/{match}/events", tag = "matches",
    params(("match" = String, Path, pattern = "^[0-9A-Za-z]{12}$")),
    responses((status = 200, description = "Server-sent events", body = String,
        content_type = "text/event-stream"), Problems))]
pub(crate) async fn events(
    State(service): State<Arc<Service>>,
    PathId(id): PathId<MatchId>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = Arc::clone(&service.watching.streams).try_acquire_owned();
    let place = place.map_err(|_| {
        let why = "As many streams as may be are open. Try again, or read the match.";
        Problem::new(Kind::Overloaded, why)
    })?;
    let known = service.subscribe(id).await?;
    let first = service.shown(id, None).await?;
    let watcher = Watcher {
        id,
        known,
        last: None,
        until: Instant::now() + STREAM_MAX,
        service,
        _place: place,
    };
    let state = (watcher, Some(first));
    let events = unfold(state, async |(mut watcher, first)| {
        let event = match first {
            Some(first) => watcher.first(first),
            None => watcher.next().await?,
        };
        Some((Ok(event), (watcher, None)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// One reader of a stream.
struct Watcher {
    id: MatchId,
    known: Option<watch::Receiver<Known>>,
    /// What the reader was last told of what a shard has told.
    last: Option<Seen>,
    until: Instant,
    service: Arc<Service>,
    /// One of the streams that may be open.
    _place: OwnedSemaphorePermit,
}

impl Watcher {
    fn first(&mut self, shown: Shown) -> Event {
        if shown.game.outcome().is_some() {
            self.known = None;
        }
        let reply = shown.reply(self.id);
        self.last = shown.seen;
        event(&reply)
    }

    /// Waits until there is news.
    async fn next(&mut self) -> Option<Event> {
        let known = self.known.as_mut()?;
        let last = self.last.as_ref();
        let is_news = |known: &Known| match known {
            Known::Seen(seen) => last.is_none_or(|last| seen.is_news_to(last)),
            Known::Nothing | Known::Absent => false,
        };
        let seen = tokio::select! {
            () = self.service.shutdown.cancelled() => return None,
            news = timeout_at(self.until, known.wait_for(is_news)) => match &*news.ok()?.ok()? {
                Known::Seen(seen) => seen.clone(),
                Known::Nothing | Known::Absent => return None,
            },
        };
        Some(self.first(Shown::of(seen)))
    }
}

fn event(reply: &MatchReply) -> Event {
    let event = Event::default().event("match").id(reply.seq.to_string());
    event.json_data(reply).unwrap_or_default()
}
