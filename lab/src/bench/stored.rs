//! The stored relay: a relay that sends each batch of waiting messages through Redis before it passes them on, as a
//! shard does, without rules and without fences. What a shard costs above it is not the price of the store.

use std::sync::{Arc, Mutex, PoisonError};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, IntoConnectionInfo, Pipeline, Value};
use tokio::sync::Notify;

use super::BenchError;
use super::relay::{Message, Outlet};

/// A message that waits for the store.
pub(super) struct Entry {
    /// Whose message it is: two seats share a key, as two players share a match.
    pub(super) pair: u64,
    pub(super) message: Message,
    /// The seat that sent it, which is answered, and the one across the board, once it is there.
    pub(super) outlets: [Option<Outlet>; 2],
}

impl Entry {
    /// Acknowledges the message and passes it on.
    pub(super) async fn pass_on(&self) -> Result<(), BenchError> {
        for outlet in self.outlets.iter().flatten() {
            outlet.lock().await.write_all(&self.message).await?;
        }
        Ok(())
    }
}

/// Messages that wait for the next batch.
#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Waiting>);

#[derive(Default)]
struct Waiting {
    entries: Mutex<Vec<Entry>>,
    has_some: Notify,
}

impl Queue {
    pub(super) fn push(&self, entry: Entry) {
        let mut entries = self.lock();
        entries.push(entry);
        if entries.len() == 1 {
            self.0.has_some.notify_one();
        }
    }

    /// All that wait, as soon as there are any.
    async fn next_batch(&self) -> Vec<Entry> {
        loop {
            let batch = std::mem::take(&mut *self.lock());
            if !batch.is_empty() {
                return batch;
            }
            self.0.has_some.notified().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.0
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The one task that writes: at most one batch is in flight, and what arrives meanwhile is the next one.
pub(super) struct Writer {
    queue: Queue,
    redis: MultiplexedConnection,
}

impl Writer {
    pub(super) async fn connect(url: &str) -> Result<Self, BenchError> {
        Ok(Self {
            queue: Queue::default(),
            redis: connect(url).await?,
        })
    }

    pub(super) fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Writes batches until Redis fails.
    pub(super) async fn run(&self) -> Result<(), BenchError> {
        let mut redis = self.redis.clone();
        loop {
            let batch = self.queue.next_batch().await;
            let pipeline = appends(&batch);
            let sent = redis.req_packed_commands(&pipeline, 0, pipeline.len());
            if let Some(refused) = sent.await?.into_iter().find(is_refusal) {
                return Err(format!("Redis refused a message: {refused:?}").into());
            }
            for entry in &batch {
                // A pair that is gone is no error here.
                let _ = entry.pass_on().await;
            }
        }
    }
}

fn is_refusal(value: &Value) -> bool {
    matches!(value, Value::ServerError(_))
}

/// One append for each message.
fn appends(batch: &[Entry]) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(batch.len());
    for entry in batch {
        let append = pipeline.cmd("RPUSH");
        append.arg(format!("match:{}", entry.pair));
        append.arg(&entry.message);
    }
    pipeline
}

/// One multiplexed connection, without Nagle's algorithm, that waits for answers as long as they take.
pub(super) async fn connect(url: &str) -> Result<MultiplexedConnection, BenchError> {
    let at_once = TcpSettings::default().set_nodelay(true);
    let server = url.into_connection_info()?.set_tcp_settings(at_once);
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_pipeline_buffer_size(REQUESTS_WAITING);
    let connected = redis::Client::open(server)?;
    let connected = connected.get_multiplexed_async_connection_with_config(&config);
    Ok(connected.await?)
}

/// Requests that may wait to be sent: one for each match, so that nobody waits in line to ask.
const REQUESTS_WAITING: usize = 10_000;
