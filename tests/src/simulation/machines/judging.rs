//! Whether a process may take another one for dead: what it was told is held against what is so.
//!
//! By evidence nobody who lives is ever dead. By silence only who was silent is: for as long as silence takes no beat of it
//! arrived where own beats did, or its record in the store was the same for as long as that takes.

use std::collections::BTreeSet;

use game_core::ShardId;
use store::Liveness;

use super::hall::Hall;
use super::process::Process;
use super::time::{At, after};

/// How long ago at most an own beat arrived where beats are heard: as long as is taken for normal, until it was noticed, and
/// until it was looked at.
const OWN_MAX: At = 450_000;

impl Process {
    /// It was told what it asked about suspects.
    pub(super) fn judge_evidence(&mut self, hall: &mut Hall) {
        for shard in self.newly_dead() {
            if hall.processes.contains_key(&shard) {
                hall.goes_wrong(format!("{shard} lives, and {} has evidence", self.id()));
            }
        }
    }

    /// It was told what the registry says, as read at a moment.
    pub(super) fn judge_silence(&mut self, read_at: At, hall: &mut Hall) {
        for shard in self.newly_dead() {
            let lives = hall.processes.contains_key(&shard);
            if lives && !self.is_unheard(shard) && !hall.is_unrecorded(shard, read_at) {
                hall.goes_wrong(format!(
                    "{shard} was heard, and {} calls it silent",
                    self.id()
                ));
            }
        }
    }

    /// Whether no beat of a shard arrived for as long as silence takes, and own beats did.
    fn is_unheard(&self, shard: ShardId) -> bool {
        let until = self.looked_at;
        let silence = after(Liveness::SILENT_AFTER) - after(Liveness::LOOK_EVERY);
        let hears = self
            .hearing
            .has_heard(self.id(), until.saturating_sub(OWN_MAX), until);
        hears
            && !self
                .hearing
                .has_heard(shard, until.saturating_sub(silence), until)
    }

    /// The shards that it takes for dead since it was last asked.
    fn newly_dead(&mut self) -> Vec<ShardId> {
        let registry = self.shard.registry();
        let dead = registry.filter_map(|(record, is_dead)| is_dead.then_some(record.id));
        let dead: BTreeSet<_> = dead.collect();
        let new = dead.difference(&self.dead).copied().collect();
        self.dead = dead;
        new
    }
}

impl Hall {
    /// Whether the record of a shard was the same for as long as that takes, when it was read.
    fn is_unrecorded(&self, shard: ShardId, read_at: At) -> bool {
        let since = self.now.saturating_sub(after(Liveness::DEAD_AFTER));
        let changes = self.records.get(&shard);
        changes.is_some_and(|all| !all.iter().any(|at| (since + 1..=read_at).contains(at)))
    }

    fn goes_wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }
}
