//! Who hears the chat of a match. A peer that joins first hears what was said before, which is in the store.

use protocol::Role;

use super::LiveMatch;
use crate::PeerKey;

/// What is known of the chat of a match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Listening {
    /// Something may have been said: what, is in the store.
    pub(super) may_have_lines: bool,
    /// Somebody joined who has not heard it.
    pub(super) is_wanted: bool,
    /// It is being read.
    pub(super) is_asked: bool,
    /// A line was said since.
    pub(super) is_stale: bool,
}

impl LiveMatch {
    /// Whether the chat has to be read now, for somebody who joined; if so, it counts as asked for.
    pub(crate) fn wants_chat(&mut self) -> bool {
        let wants = self.listening.is_wanted && !self.listening.is_asked;
        self.listening.is_asked |= wants;
        wants
    }

    /// A line was stored.
    pub(crate) fn said(&mut self) {
        self.listening.may_have_lines = true;
        self.listening.is_stale = true;
    }

    /// The chat was read: who has not heard it yet, and hears every new line from now on. `None` if it has to
    /// be read again, as a line was said meanwhile.
    pub(crate) fn hear(&mut self) -> Option<Vec<(PeerKey, Role)>> {
        if std::mem::take(&mut self.listening.is_stale) {
            return None;
        }
        self.listening.is_asked = false;
        self.listening.is_wanted = false;
        let deaf = |member: &&mut super::Member| member.joined && !member.hears_chat;
        let listeners = self.members.iter_mut().filter(deaf).map(|member| {
            member.hears_chat = true;
            (member.peer, member.role)
        });
        Some(listeners.collect())
    }

    /// A peer was answered its join.
    pub(super) fn begins_to_listen(&mut self, peer: PeerKey) {
        let chat = self.game.setup().chat;
        let may_have_lines = self.listening.may_have_lines;
        if let Some(member) = self.members.iter_mut().find(|member| member.peer == peer)
            && !member.joined
        {
            member.joined = true;
            member.hears_chat = chat && !may_have_lines;
            self.listening.is_wanted |= chat && may_have_lines;
            self.listening.is_stale &= self.listening.is_asked;
        }
    }
}
