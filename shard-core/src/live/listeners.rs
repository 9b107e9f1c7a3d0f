//! Who hears the chat of a match. A peer that joins first hears what was said before, which is in the store.

use std::time::Duration;

use protocol::Role;
use store::ChatRoom;

use super::LiveMatch;
use crate::{PeerKey, Uptime};

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
    /// Lines on their way to the store.
    pub(super) in_flight: u32,
    /// When all lines of the seats, and of the spectators, are forgiven.
    pub(super) forgiven_at: [Uptime; 2],
}

/// Time after which one more line may be said in a room, and how many may be said in a burst. Each is sent to
/// everybody there, so a thousand spectators must not say a thousand lines a second to a thousand others.
const LINE_REFILL: Duration = Duration::from_millis(200);
const LINES_BURST: u32 = 10;

impl LiveMatch {
    /// Whether the chat has to be read now, for somebody who joined; if so, it counts as asked for.
    pub(crate) fn wants_chat(&mut self) -> bool {
        let wants = self.listening.is_wanted && !self.listening.is_asked;
        self.listening.is_asked |= wants;
        wants
    }

    /// Whether one more line may be said in a room; it counts if so.
    pub(crate) fn may_say(&mut self, room: ChatRoom, now: Uptime) -> bool {
        let forgiven_at =
            &mut self.listening.forgiven_at[usize::from(room == ChatRoom::Spectators)];
        let next = (*forgiven_at).max(now) + LINE_REFILL;
        let may_say = next.since(now) <= LINE_REFILL * LINES_BURST;
        if may_say {
            *forgiven_at = next;
        }
        may_say
    }

    /// A line is on its way to the store.
    pub(crate) fn begins_to_say(&mut self) {
        self.listening.in_flight += 1;
    }

    /// A line was stored, or could not be.
    pub(crate) fn said(&mut self, is_stored: bool) {
        self.listening.in_flight = self.listening.in_flight.saturating_sub(1);
        self.listening.may_have_lines |= is_stored;
        self.listening.is_stale |= is_stored;
    }

    /// The chat could not be read.
    pub(crate) fn chat_unread(&mut self) {
        self.listening.is_asked = false;
    }

    /// The chat was read: who has not heard it yet, and hears every new line from now on. `None` if it has to
    /// be read again, as a line was said meanwhile.
    pub(crate) fn hear(&mut self) -> Option<Vec<(PeerKey, Role)>> {
        // A line on its way may be in what was read, and would be heard twice.
        if std::mem::take(&mut self.listening.is_stale) || self.listening.in_flight > 0 {
            return None;
        }
        self.listening.is_asked = false;
        self.listening.is_wanted = false;
        let members = self.members.iter_mut();
        let deaf = members.filter(|member| member.joined && !member.hears_chat);
        let listeners = deaf.map(|member| {
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
