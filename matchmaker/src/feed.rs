//! `GET /v1/feed`: every finished match once, as lines of JSON or as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Deserialize;
use store::{FEED_PAGE_MAX, FeedCursor, FeedEntry, FeedPage, StoreError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use tracing::debug;
use utoipa::IntoParams;
use web::QueryOf;

use crate::allowances::Client;
use crate::clock::now;
use crate::described::{Gone, Problems};
use crate::limits::WAIT_MAX;
use crate::problem::{Kind, Problem};
use crate::service::Service;

/// How often a reader that waits looks for new entries.
pub(crate) const POLL_EVERY: Duration = Duration::from_millis(500);
/// How often a stream without entries sends a comment, so that no proxy takes it for dead.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
/// What `after` says to begin with what ends from now on.
const FROM_NOW: &str = "end";

/// Which entries are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedQuery {
    /// The cursor of the last entry that the reader has, or `end` for what ends from now on.
    after: Option<String>,
    /// Upper bound on entries.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<usize>,
    /// Milliseconds by which the reply may be delayed while there is no entry.
    #[param(maximum = 20_000)]
    wait_ms: Option<u64>,
}

/// Every finished match once, in one order: lines of JSON or, with `Accept: text/event-stream`, events.
#[utoipa::path(get, path = "/v1/feed", tag = "finished", params(FeedQuery),
    responses(
        (status = 200, description = "One entry a line, or events", content(
            (String = "application/x-ndjson"), (String = "text/event-stream"))),
        Problems, Gone))]
pub(crate) async fn read(
    State(service): State<Arc<Service>>,
    client: Client,
    headers: HeaderMap,
    QueryOf(query): QueryOf<FeedQuery>,
) -> Result<Response, Problem> {
    service.allowances.archive_read(client)?;
    let permit = service.feed_readers.clone().try_acquire_owned();
    let permit = permit.map_err(|_| {
        let detail = "As many readers as may be follow the feed here. Try again.";
        Problem::new(Kind::Overloaded, detail)
    })?;
    let last_seen = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after = match last_seen.or(query.after.as_deref()) {
        None => FeedCursor::START,
        Some(FROM_NOW) => service.store.feed_end().await?,
        Some(text) => text.parse::<FeedCursor>().map_err(|error| {
            let detail = format!("{}.", web::sentence(&format!("{error}")));
            Problem::new(Kind::InvalidRequest, detail)
        })?,
    };
    let limit = query.limit.unwrap_or(FEED_PAGE_MAX);
    if !(1..=FEED_PAGE_MAX).contains(&limit) {
        let detail = format!("limit is a number of 1 to {FEED_PAGE_MAX}.");
        return Err(Problem::new(Kind::InvalidRequest, detail));
    }
    let wait = Duration::from_millis(query.wait_ms.unwrap_or(0));
    if wait > WAIT_MAX {
        let detail = format!(
            "wait_ms is a number of milliseconds, 0 to {}.",
            WAIT_MAX.as_millis()
        );
        return Err(Problem::new(Kind::InvalidRequest, detail));
    }
    if accepts_events(&headers) {
        return follow(service, after, permit).await;
    }
    let page = service.wait_for_entries(after, limit, wait).await?;
    let lines: String = page.entries.iter().map(line).collect();
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from(lines)).into_response())
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

/// An entry as one line of JSON, with its end.
fn line((place, entry): &(FeedCursor, FeedEntry)) -> String {
    json(*place, entry) + "\n"
}

fn json(place: FeedCursor, entry: &FeedEntry) -> String {
    let (name, body) = (entry.name(), &entry.body);
    format!(r#"{{"cursor":"{place}","id":"{name}","match":{body}}}"#)
}

/// The entries of a page that the public may read already. Those behind one that it may not wait too, as the order is
/// part of what the feed promises.
pub(crate) fn public(mut page: FeedPage, after: FeedCursor) -> FeedPage {
    let now = now();
    let hidden = page
        .entries
        .iter()
        .position(|(_, entry)| entry.public_at > now);
    if let Some(hidden) = hidden {
        page.entries.truncate(hidden);
        page.next = page.entries.last().map_or(after, |(place, _)| *place);
    }
    page
}

impl Service {
    /// The entries after a place, once there is one, or after `wait` without.
    async fn wait_for_entries(
        &self,
        after: FeedCursor,
        limit: usize,
        wait: Duration,
    ) -> Result<FeedPage, Problem> {
        let until = Instant::now() + wait;
        loop {
            let page = self.store.feed_after(after, limit).await?;
            if page.missed {
                return Err(gone());
            }
            let page = public(page, after);
            if !page.entries.is_empty() || Instant::now() >= until {
                return Ok(page);
            }
            tokio::select! {
                () = sleep(POLL_EVERY.min(until - Instant::now())) => {}
                () = self.shutdown.cancelled() => return Ok(page),
            }
        }
    }
}

/// The problem of a reader that was away for too long.
fn gone() -> Problem {
    let detail = "Entries after this cursor have been removed for their age. Read the archive for what was \
                  missed, and go on without a cursor: the oldest entry that is kept comes first.";
    Problem::new(Kind::FeedGone, detail)
}

/// Answers with a stream of events that ends with the connection or the process.
async fn follow(
    service: Arc<Service>,
    after: FeedCursor,
    permit: OwnedSemaphorePermit,
) -> Result<Response, Problem> {
    // Before the answer begins: what fails here is answered with a problem.
    if service.store.feed_after(after, 1).await?.missed {
        return Err(gone());
    }
    let follower = Follower {
        service,
        after,
        waiting: Vec::new(),
        _permit: permit,
    };
    let events = stream::unfold(follower, |mut follower| async move {
        let (place, entry) = follower.next().await?;
        let event = Event::default().id(place.to_string()).event("match");
        let event = event.data(json(place, &entry));
        Some((Ok::<_, Infallible>(event), follower))
    });
    let alive = KeepAlive::new().interval(KEEP_ALIVE_EVERY);
    Ok(Sse::new(events).keep_alive(alive).into_response())
}

/// A reader that follows the feed.
struct Follower {
    service: Arc<Service>,
    after: FeedCursor,
    /// Entries that were read and not sent, the next one last.
    waiting: Vec<(FeedCursor, FeedEntry)>,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    /// The next entry; `None` when the process ends, or the reader has missed some: it is told at its next request.
    async fn next(&mut self) -> Option<(FeedCursor, FeedEntry)> {
        loop {
            if let Some(next) = self.waiting.pop() {
                return Some(next);
            }
            match self.page().await {
                Ok(page) if page.missed => return None,
                Ok(page) => {
                    self.after = page.next;
                    self.waiting = page.entries;
                    self.waiting.reverse();
                }
                Err(error) => debug!(%error, "the feed cannot be read"),
            }
            if self.waiting.is_empty() {
                tokio::select! {
                    () = sleep(POLL_EVERY) => {}
                    () = self.service.shutdown.cancelled() => return None,
                }
            }
        }
    }

    async fn page(&self) -> Result<FeedPage, StoreError> {
        let store = &self.service.store;
        let page = store.feed_after(self.after, FEED_PAGE_MAX).await?;
        Ok(public(page, self.after))
    }
}
