//! Chat: a room for the seats and one for the spectators of each match. It is no event of the match and has no
//! seq, but like everything here it is shown only once it is stored.

use std::time::Duration;

use game_core::MatchId;
use protocol::{ChatLine, ChatRefusal, CloseCode, Role, ServerBody};
use store::{ChatRoom, Chats, StoreError};

use crate::Shard;
use crate::allowance::AllowanceVerdict;
use crate::delivery::ungated_frame;
use crate::keys::PeerKey;
use crate::output::{Output, Saying};
use crate::uptime::Now;

/// Minimum interval between two lines of a peer.
const LINE_EVERY: Duration = Duration::from_secs(1);

impl Shard {
    /// A peer says a line, in the room of its role.
    pub fn say(&mut self, peer: PeerKey, id: u64, text: &str, now: Now) {
        self.observe(now);
        let Some(from) = self.peers.get_mut(peer) else {
            return;
        };
        let answer = match from.allowance.judge(&self.limits, now.uptime) {
            AllowanceVerdict::Apply => self.accept_line(peer, id, text),
            AllowanceVerdict::Refuse => Err(ChatRefusal::RateLimited),
            AllowanceVerdict::SendAway => {
                self.close(peer, CloseCode::RateLimited);
                return;
            }
        };
        match answer {
            Ok(saying) => self.outputs.push_back(Output::Say(saying)),
            Err(reason) => {
                if let Some(from) = self.peers.get_mut(peer) {
                    from.allowance.charge();
                }
                self.send_ungated(peer, ServerBody::NotSaid { id, reason });
            }
        }
    }

    fn accept_line(&mut self, peer: PeerKey, id: u64, text: &str) -> Result<Saying, ChatRefusal> {
        let off = ChatRefusal::ChatOff;
        let uptime = self.moment.uptime;
        let from = self.peers.get_mut(peer).ok_or(off)?;
        let key = from.seated.ok_or(off)?;
        let live = self.matches.get_mut(key).ok_or(off)?;
        if !live.setup().chat {
            return Err(off);
        }
        let text = protocol::chat::check(text)?;
        if from.said_at.is_some_and(|at| uptime < at + LINE_EVERY) {
            return Err(ChatRefusal::RateLimited);
        }
        let role = from.role;
        if !live.may_say(room_of(role), uptime) {
            return Err(ChatRefusal::RateLimited);
        }
        from.said_at = Some(uptime);
        let seat = role.seat();
        let name = match seat {
            Some(seat) => live.setup().players[seat].name.to_string(),
            None => from.player.to_string(),
        };
        let at = self.moment.calendar;
        let line =
            store::ChatLine::new(seat, &name, &text, at).map_err(|_| ChatRefusal::TooLong)?;
        live.begins_to_say();
        Ok(Saying {
            peer,
            id,
            match_id: live.id(),
            room: room_of(role),
            line,
        })
    }

    /// The answer to [`Output::Say`]: the line is shown to its room, once it is stored.
    pub fn chat_stored(&mut self, saying: &Saying, answer: Result<bool, StoreError>) {
        let id = saying.id;
        let key = self.by_id.get(&saying.match_id).copied();
        let is_stored = matches!(answer, Ok(true));
        if let Some(live) = key.and_then(|key| self.matches.get_mut(key)) {
            live.said(is_stored);
        }
        // A match that is no longer in the store has no chat either.
        if !is_stored {
            let reason = ChatRefusal::Unavailable;
            self.send_ungated(saying.peer, ServerBody::NotSaid { id, reason });
            return;
        }
        self.send_ungated(saying.peer, ServerBody::Said { id });
        let Some(live) = key.and_then(|key| self.matches.get(key)) else {
            return;
        };
        let body = ServerBody::Chat(vec![as_sent(&saying.line)]);
        let frame = ungated_frame(Some(live), body).stamp(self.moment.server_time);
        let in_room = |member: &&crate::live::Member| {
            member.hears_chat && room_of(member.role) == saying.room
        };
        let mut spectators = Vec::new();
        for member in live.members().iter().filter(in_room) {
            let peer = member.peer;
            if member.role.seat().is_some() {
                let frame = frame.clone();
                self.outputs.push_back(Output::Send { peer, frame });
            } else {
                spectators.push(peer);
            }
        }
        if !spectators.is_empty() {
            self.outputs.push_back(Output::Show { spectators, frame });
        }
    }

    /// The answer to [`Output::LoadChat`]: whoever has joined since then hears what was said before.
    pub fn chat_loaded(&mut self, id: MatchId, answer: Result<Chats, StoreError>) {
        let Some(&key) = self.by_id.get(&id) else {
            return;
        };
        let Some(live) = self.matches.get_mut(key) else {
            return;
        };
        let Ok(chat) = answer else {
            // It is read again with the next change of the match, at the latest when the store answers again.
            live.chat_unread();
            return;
        };
        let Some(listeners) = live.hear() else {
            self.outputs.push_back(Output::LoadChat(id));
            return;
        };
        for (peer, role) in listeners {
            let lines = &chat[room_of(role)];
            if !lines.is_empty() {
                let lines = lines.iter().map(as_sent).collect();
                self.send_ungated(peer, ServerBody::Chat(lines));
            }
        }
    }

    fn send_ungated(&mut self, peer: PeerKey, body: ServerBody) {
        let Some(to) = self.peers.get(peer) else {
            return;
        };
        let live = to.seated.and_then(|key| self.matches.get(key));
        let frame = ungated_frame(live, body).stamp(self.moment.server_time);
        self.outputs.push_back(Output::Send { peer, frame });
    }
}

fn room_of(role: Role) -> ChatRoom {
    match role {
        Role::White | Role::Black => ChatRoom::Seats,
        Role::Spectator => ChatRoom::Spectators,
    }
}

fn as_sent(line: &store::ChatLine) -> ChatLine {
    ChatLine {
        seat: line.seat(),
        name: line.name().to_owned(),
        text: line.text().to_owned(),
        at: line.at(),
    }
}
