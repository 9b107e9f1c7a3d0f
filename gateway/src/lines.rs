//! Bodies of newline-delimited JSON that stay open, with a blank line when there is nothing to say.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_core::Stream;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep};

/// Interval of blank lines: the most impatient client gives a silent stream up after nine seconds, and takes seven for
/// too many.
const ALIVE_EVERY: Duration = Duration::from_secs(5);

/// Lines that may wait for a reader; a reader that is further behind is cut off.
const WAITING_MAX: usize = 64;

/// Where the lines of one stream go in.
pub(crate) type LineSender = mpsc::Sender<Bytes>;

/// A stream of lines: where they go in, and the body that they come out of. With `count`, it is counted there as long as
/// its body lives.
pub(crate) fn lines(count: Option<Arc<AtomicUsize>>) -> (LineSender, Lines) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let lines = Lines {
        receiver,
        alive: Box::pin(sleep(ALIVE_EVERY)),
        _counted: count.map(Counted::new),
    };
    (sender, lines)
}

/// The body of a stream of lines.
pub(crate) struct Lines {
    receiver: mpsc::Receiver<Bytes>,
    alive: Pin<Box<Sleep>>,
    _counted: Option<Counted>,
}

struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A blank line: the stream is alive.
pub(crate) const BLANK: Bytes = Bytes::from_static(b"\n");

impl Stream for Lines {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let line = match self.receiver.poll_recv(context) {
            Poll::Ready(line) => line,
            Poll::Pending => {
                if self.alive.as_mut().poll(context).is_pending() {
                    return Poll::Pending;
                }
                Some(BLANK)
            }
        };
        self.alive.as_mut().reset(Instant::now() + ALIVE_EVERY);
        // The timer has to know its waker anew.
        let _ = self.alive.as_mut().poll(context);
        Poll::Ready(line.map(Ok))
    }
}

impl IntoResponse for Lines {
    fn into_response(self) -> Response {
        let kind = [
            (header::CONTENT_TYPE, "application/x-ndjson"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (kind, Body::from_stream(self)).into_response()
    }
}

/// A value as a line.
pub(crate) fn line(value: &Value) -> Bytes {
    let mut line = value.to_string().into_bytes();
    line.push(b'\n');
    line.into()
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn next(lines: &mut Lines) -> Option<Bytes> {
        let item = poll_fn(|context| Pin::new(&mut *lines).poll_next(context)).await;
        item.map(|Ok(line)| line)
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_has_a_blank_line_every_few_seconds_and_ends_with_its_sender() {
        let (sender, mut lines) = lines(None);
        let began = Instant::now();
        for beats in 1..=3 {
            assert_eq!(next(&mut lines).await, Some(BLANK));
            assert_eq!(began.elapsed(), ALIVE_EVERY * beats);
        }
        sender
            .send(line(&serde_json::json!({"a": 1})))
            .await
            .unwrap();
        assert_eq!(next(&mut lines).await.as_deref(), Some(&b"{\"a\":1}\n"[..]));
        drop(sender);
        assert_eq!(next(&mut lines).await, None);
    }

    #[tokio::test]
    async fn a_stream_is_counted_as_long_as_it_is_open() {
        let count = Arc::new(AtomicUsize::new(0));
        let (_sender, lines) = lines(Some(Arc::clone(&count)));
        assert_eq!(count.load(Ordering::Acquire), 1);
        drop(lines);
        assert_eq!(count.load(Ordering::Acquire), 0);
    }
}
