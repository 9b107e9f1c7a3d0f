//! The stages of the path of a move, where the driver passes them: a trace is noted if there is a tracer.

use std::sync::Arc;

use game_core::{Command, CommandKind};
use store::{Append, Appended, StoreError};
use tokio::time::Instant;

use super::Driver;
use shard_core::{Now, PeerKey};

impl Driver {
    pub(super) fn command(
        &mut self,
        peer: PeerKey,
        command: &Command,
        received_at: Instant,
        now: Now,
    ) {
        if let Some(link) = self.peers.get_mut(peer) {
            link.heard_at = received_at;
        }
        let uptime = self.uptime(received_at);
        let Some(tracer) = self.tracer.as_mut().filter(|tracer| tracer.samples()) else {
            self.shard.command(peer, command, uptime, now);
            return;
        };
        let begun_at = Instant::now();
        if let Some(accepted) = self.shard.command(peer, command, uptime, now) {
            let is_move = matches!(command.kind, CommandKind::Move { .. });
            tracer.accepted(accepted, is_move, [received_at, begun_at, Instant::now()]);
        }
    }

    /// There is never more than one batch under way, so there is room for it.
    pub(super) fn append(&mut self, batch: Arc<[Append]>) {
        if let Some(tracer) = &mut self.tracer {
            tracer.sent(&batch, Instant::now());
        }
        self.writer_failed |= self.batches.try_send(batch).is_err();
    }

    pub(super) fn appended(
        &mut self,
        answer: Result<Vec<Appended>, StoreError>,
        at: Instant,
        now: Now,
    ) {
        if let (Some(tracer), Ok(answers)) = (&mut self.tracer, &answer) {
            tracer.answered(answers, at);
        }
        self.shard.appended(answer, now);
    }
}
