//! What the writer remembers of live matches, so that the check of an append reads no table.

use std::collections::HashMap;

use game_core::MatchId;

use crate::ownership::Ownership;

/// Upper bound on live matches that the writer remembers; when there are more, it forgets all and reads them again.
const REMEMBERED_MAX: usize = 65_536;

/// What the writer knows of live matches, so that the checks of an append read no table. It is the only writer.
#[derive(Debug, Default)]
pub(super) struct Remembered(HashMap<MatchId, (Ownership, u32)>);

impl Remembered {
    pub(super) fn known(&self, id: MatchId) -> Option<(Ownership, u32)> {
        self.0.get(&id).copied()
    }

    pub(super) fn forget(&mut self, id: MatchId) {
        self.0.remove(&id);
    }

    pub(super) fn remember(&mut self, id: MatchId, ownership: Ownership, len: u32) {
        if self.0.len() >= REMEMBERED_MAX {
            self.0.clear();
        }
        self.0.insert(id, (ownership, len));
    }

    pub(super) fn grown(&mut self, id: MatchId, len: u32) {
        if let Some((_, known)) = self.0.get_mut(&id) {
            *known = len;
        }
    }
}
