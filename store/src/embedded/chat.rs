//! The chats of matches in the file.

use async_trait::async_trait;
use game_core::MatchId;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::EmbeddedStore;
use super::fault::WriteFault;
use super::heads::head;
use super::tables::{CHATS, HEADS};
use crate::chat::{CHAT_LINES_MAX, ChatLine, ChatRoom, Chats};
use crate::codec;
use crate::contract::Chat;
use crate::error::StoreError;

#[async_trait]
impl Chat for EmbeddedStore {
    async fn append_chat(
        &self,
        id: MatchId,
        room: ChatRoom,
        line: &ChatLine,
    ) -> Result<bool, StoreError> {
        let line = codec::encode_chat_line(line);
        self.writer
            .write(move |txn| append(txn, id, room, &line))
            .await
    }

    async fn load_chat(&self, id: MatchId) -> Result<Chats, StoreError> {
        self.writer.read(move |txn| load(txn, id)).await
    }
}

fn append(
    txn: &WriteTransaction,
    id: MatchId,
    room: ChatRoom,
    line: &[u8],
) -> Result<bool, WriteFault> {
    if head(&txn.open_table(HEADS)?, id)?.is_none() {
        return Ok(false);
    }
    let mut chats = txn.open_table(CHATS)?;
    let (id, room) = (id.as_str(), room.key());
    let (mut kept, mut last) = (Vec::new(), 0);
    for entry in chats.range((id, room, 0)..=(id, room, u64::MAX))? {
        let (key, stored) = entry?;
        if stored.value() == line {
            return Ok(true);
        }
        last = key.value().2;
        kept.push(last);
    }
    chats.insert((id, room, last + 1), line)?;
    let old = (kept.len() + 1).saturating_sub(CHAT_LINES_MAX);
    for number in kept.into_iter().take(old) {
        chats.remove((id, room, number))?;
    }
    Ok(true)
}

fn load(txn: &ReadTransaction, id: MatchId) -> Result<Chats, WriteFault> {
    let chats = txn.open_table(CHATS)?;
    let lines = |room: ChatRoom| {
        let (match_id, room) = (id.as_str(), room.key());
        let stored = chats.range((match_id, room, 0)..=(match_id, room, u64::MAX))?;
        let mut lines = Vec::new();
        for entry in stored {
            lines.extend(codec::readable_chat_line(id, entry?.1.value()));
        }
        Ok::<_, WriteFault>(lines)
    };
    Ok(Chats {
        seats: lines(ChatRoom::Seats)?,
        spectators: lines(ChatRoom::Spectators)?,
    })
}
