//! Which other shards live: what was heard of them, and what was found out.

use std::time::Duration;

use store::{Beat, Heard, LivenessFigures, Proof, Registered, StoreError, Suspicion};

use super::doubt::ClockReadings;
use super::{Now, Output, Shard};

impl Shard {
    /// The beat with this count, which the driver publishes.
    #[must_use]
    pub fn beat(&self, count: u64, now: Now) -> Beat {
        Beat {
            shard: self.id,
            count,
            clock: self.clock.at(now.uptime),
        }
    }

    /// What was heard of all shards by now, this one among them. `since_boot` as for
    /// [`heartbeat_sent`](Self::heartbeat_sent).
    pub fn heard(&mut self, heard: &Heard, now: Now, since_boot: Duration) {
        self.observe(now);
        let own = heard.beats.iter().find(|beat| beat.shard == self.id);
        if let Some(own) = own {
            let readings = ClockReadings::new(now, since_boot);
            self.doubt.own_beat_heard(own.count, readings);
        }
        #[cfg(feature = "sabotage")]
        let heard = &self.as_if_heard(heard, now);
        self.registry
            .heard(heard, self.id, now.uptime.since_start());
        if self.registry.wants_registry() {
            self.registry.reading();
            self.outputs.push_back(Output::ReadRegistry);
        }
        let suspicions = self.registry.suspicions();
        if !suspicions.is_empty() {
            self.outputs.push_back(Output::Prove(suspicions));
        }
        self.look_at_suspects_again();
    }

    /// What is heard, with a beat of this shard at every moment if that safeguard is taken out.
    #[cfg(feature = "sabotage")]
    fn as_if_heard(&self, heard: &Heard, now: Now) -> Heard {
        let mut heard = heard.clone();
        if self.limits.sabotage == Some(super::Sabotage::Silence) {
            heard.beats.retain(|beat| beat.shard != self.id);
            let ms = now.uptime.since_start().as_millis();
            heard
                .beats
                .push(self.beat(u64::try_from(ms).unwrap_or(u64::MAX), now));
        }
        heard
    }

    /// The answer to [`Output::Prove`] about one shard.
    pub fn proved(&mut self, suspicion: &Suspicion, proof: Proof) {
        #[cfg(feature = "sabotage")]
        let connected = match self.limits.sabotage {
            Some(super::Sabotage::Evidence) => Some(false),
            _ => proof.connected,
        };
        #[cfg(feature = "sabotage")]
        let proof = Proof { connected, ..proof };
        if self.registry.proved(suspicion, proof) {
            tracing::info!(shard = %suspicion.shard, "there is evidence that a shard's process has ended");
            self.look_after_owners();
        } else {
            self.look_at_suspects_again();
        }
    }

    /// The answer to [`Output::ReadRegistry`].
    pub fn registry_read(&mut self, answer: Result<Vec<Registered>, StoreError>, now: Now) {
        match answer {
            Ok(registry) => {
                self.registry.observe(&registry, now.uptime.since_start());
                self.look_after_owners();
            }
            Err(_) => self.registry.store_was_down(),
        }
    }

    /// Whether this shard's own beats come back to it. If not, it stores its heartbeat more often, as others go
    /// by that.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.registry.hears() && !self.clock.is_frozen()
    }

    /// What was counted of others' deaths.
    #[must_use]
    pub fn liveness_figures(&self) -> LivenessFigures {
        self.registry.figures()
    }
}
