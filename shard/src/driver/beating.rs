//! The beats of this shard, and those of the others.

use std::sync::Arc;

use shard_core::Now;
use store::{StoreError, Suspicion};

use super::Driver;
use super::boot_clock::boot_clock;
use super::storing::StoreAnswer;

/// Upper bound on beats that wait for an answer; beyond it none is sent, as the store does not answer.
pub(super) const BEATS_UNDER_WAY_MAX: usize = 8;

impl Driver {
    /// Looks at what was heard, and sends a beat at every other look.
    ///
    /// The driver sends its beats itself, so that they show that matches are served, not only that the process is
    /// there.
    pub(super) fn listen(&mut self) {
        let now = self.look();
        self.looks = self.looks.wrapping_add(1);
        if self.looks.is_multiple_of(2) {
            self.beat(now);
        }
        let heard = self.store.heard();
        self.say_if_refused(heard.is_refused);
        self.shard.heard(&heard, now, boot_clock());
        // Others that still look for the former connections would ask the port in vain.
        let connections = self.store.connections();
        if connections != self.record.connections && !connections.is_empty() {
            self.record.connections = connections;
            self.heartbeat();
        }
    }

    fn beat(&mut self, now: Now) {
        let Ok(turn) = Arc::clone(&self.beats).try_acquire_owned() else {
            return;
        };
        self.record.heartbeat += 1;
        let beat = self.shard.beat(self.record.heartbeat, now);
        let store = Arc::clone(&self.store);
        self.tasks.spawn(async move {
            if let Err(error) = store.publish(&beat).await {
                tracing::trace!(%error, "a beat is lost");
            }
            drop(turn);
        });
    }

    /// Warns once when the store begins to refuse beats.
    fn say_if_refused(&mut self, is_refused: bool) {
        if std::mem::replace(&mut self.beats_refused, is_refused) == is_refused {
            return;
        }
        self.metrics.beats_refused.set(is_refused.into());
        if is_refused {
            tracing::warn!(
                "the store's user may not publish or subscribe to the channel of beats, so a dead shard is noticed \
                 after 3 s instead of 1.2 s: give it the right to the channel (&PREFIX:beats) and to PUBLISH \
                 and SUBSCRIBE"
            );
        } else {
            tracing::info!("the store lets beats through again");
        }
    }

    pub(super) fn read_registry(&self) {
        let (store, answers) = (Arc::clone(&self.store), self.answers.clone());
        self.tasks.spawn(async move {
            let answer: Result<_, StoreError> = store.shards().await;
            let _ = answers.send(StoreAnswer::Registry(answer)).await;
        });
    }

    pub(super) fn prove(&self, suspicions: Vec<Suspicion>) {
        for suspicion in suspicions {
            let (store, answers) = (Arc::clone(&self.store), self.answers.clone());
            self.tasks.spawn(async move {
                let proof = store::prove(&*store, &suspicion).await;
                let _ = answers.send(StoreAnswer::Proved(suspicion, proof)).await;
            });
        }
    }
}
