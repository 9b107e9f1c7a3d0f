//! Webhooks: the feed, delivered to other servers (Standard Webhooks 1.0).
//!
//! Each subscriber is told of each finished match in the feed's order, at least once, by whichever matchmaker has the
//! lease on it. What is not accepted is sent again, with a backoff, for as long as the feed keeps it; `webhook-id` is
//! the same each time. How far a subscriber was told is in the store, so that the next matchmaker goes on from there.

mod sending;

use std::sync::Arc;
use std::time::Duration;

use ring::digest;
use store::{FeedCursor, FeedEntry, HookLease, Store, StoreError};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use self::sending::Sender;
use crate::clock::now;
use crate::feed::{POLL_EVERY, public};
use crate::webhook_config::{Pace, WebhookConfig};
use crate::webhook_figures::WebhookFigures;

/// How long a matchmaker has a subscriber without prolonging that. If it dies, another one goes on after this.
const LEASE: Duration = Duration::from_secs(30);
/// A lease is prolonged when so much of it has passed.
const PROLONGED_AFTER: Duration = Duration::from_secs(10);
/// Wait after a failure of the store.
const STORE_WAIT: Duration = Duration::from_secs(1);

/// Delivers to one subscriber until `shutdown`.
pub(crate) async fn deliver(
    store: Arc<dyn Store>,
    url: String,
    config: WebhookConfig,
    figures: WebhookFigures,
    shutdown: CancellationToken,
) {
    let Some(keys) = config.keys else {
        return;
    };
    let delivery = Delivery {
        store,
        hook: hook_name(&url),
        holder: format!("{:032x}", rand::random::<u128>()),
        sender: Sender::new(&url, keys),
        url: settings::without_password(&url),
        pace: config.pace,
        figures,
    };
    let running = async {
        loop {
            if let Err(error) = delivery.run().await {
                debug!(%error, "webhooks wait for the store");
                sleep(STORE_WAIT).await;
            }
        }
    };
    tokio::select! {
        () = running => {}
        () = shutdown.cancelled() => {}
    }
}

/// The name of a subscriber in the store, where its URL may hold a secret.
pub(crate) fn hook_name(url: &str) -> String {
    let digest = digest::digest(&digest::SHA256, url.as_bytes());
    protocol::http::hex(&digest.as_ref()[..8])
}

/// One subscriber.
struct Delivery {
    store: Arc<dyn Store>,
    /// Its name in the store.
    hook: String,
    /// Names this matchmaker.
    holder: String,
    /// For messages.
    url: String,
    sender: Sender,
    pace: Pace,
    figures: WebhookFigures,
}

impl Delivery {
    /// Delivers while this matchmaker has the lease; waits for it first.
    async fn run(&self) -> Result<(), StoreError> {
        let Some(lease) = self.take().await? else {
            self.figures.set_even(&self.hook);
            sleep(LEASE / 2).await;
            return Ok(());
        };
        let (mut position, mut taken) = (lease.position, Instant::now());
        loop {
            if taken.elapsed() >= PROLONGED_AFTER {
                if !self.prolong(lease).await? {
                    return Ok(());
                }
                taken = Instant::now();
            }
            let page = self.store.feed_after(position, 1).await?;
            if page.missed {
                warn!(
                    url = self.url,
                    "a webhook was away for so long that matches were missed"
                );
            }
            let page = public(page, position);
            let Some((place, entry)) = page.entries.first() else {
                position = page.next;
                self.figures.set_even(&self.hook);
                sleep(POLL_EVERY).await;
                continue;
            };
            if !self.send(lease, entry).await? || !self.done(lease, *place).await? {
                return Ok(());
            }
            position = *place;
        }
    }

    async fn take(&self) -> Result<Option<HookLease>, StoreError> {
        let (now, mut until) = (now(), now());
        until.0 = until.0.saturating_add(LEASE.as_millis() as u64);
        self.store
            .take_hook(&self.hook, &self.holder, now, until)
            .await
    }

    /// Whether this matchmaker still has the lease.
    async fn prolong(&self, lease: HookLease) -> Result<bool, StoreError> {
        let now_has = self.take().await?;
        Ok(now_has.is_some_and(|has| has.epoch == lease.epoch))
    }

    async fn done(&self, lease: HookLease, place: FeedCursor) -> Result<bool, StoreError> {
        self.store.hook_done(&self.hook, lease.epoch, place).await
    }

    fn note_behind(&self, entry: &FeedEntry) {
        self.figures.set_behind(&self.hook, entry.public_at, now());
    }

    /// Sends an entry until it is accepted; `false` if another matchmaker has the lease by then.
    async fn send(&self, lease: HookLease, entry: &FeedEntry) -> Result<bool, StoreError> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            self.note_behind(entry);
            let sent = self.sender.send(entry, now().0 / 1_000).await;
            self.figures.count(attempts, sent.is_ok());
            let refused = match sent {
                Ok(()) => {
                    if attempts > 1 {
                        info!(url = self.url, attempts, "a webhook is accepted again");
                    }
                    return Ok(true);
                }
                Err(refused) => refused,
            };
            let wait = self.pace.wait(attempts, rand::random());
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            warn!(
                url = self.url,
                refused, attempts, wait_ms, "a webhook was not accepted"
            );
            let until = Instant::now() + wait;
            loop {
                if !self.prolong(lease).await? {
                    return Ok(false);
                }
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                sleep(left.min(PROLONGED_AFTER)).await;
                self.note_behind(entry);
            }
        }
    }
}
