//! The chats of matches on Redis.

use async_trait::async_trait;
use game_core::MatchId;
use redis::Pipeline;

use super::{RedisStore, reply, script};
use crate::chat::{CHAT_LINES_MAX, ChatLine, ChatRoom, Chats};
use crate::codec;
use crate::contract::Chat;
use crate::error::StoreError;

#[async_trait]
impl Chat for RedisStore {
    async fn append_chat(
        &self,
        id: MatchId,
        room: ChatRoom,
        line: &ChatLine,
    ) -> Result<bool, StoreError> {
        let keys = [self.keys.head(id), self.keys.chat(id, room)];
        let mut call = script::call(&self.scripts.chat, &keys.each_ref().map(String::as_str));
        call.arg(codec::encode_chat_line(line).as_ref())
            .arg(CHAT_LINES_MAX);
        Ok(reply::parsed::<u8>(&self.one_kept(call).await?)? == 1)
    }

    async fn load_chat(&self, id: MatchId) -> Result<Chats, StoreError> {
        let mut pipeline = Pipeline::with_capacity(ChatRoom::BOTH.len());
        for room in ChatRoom::BOTH {
            let key = self.keys.chat(id, room);
            pipeline.cmd("LRANGE").arg(key).arg(0).arg(-1);
        }
        let answers = self.control.run(&pipeline).await?;
        let [seats, spectators] = answers.as_slice() else {
            return Err(reply::strange("a chat"));
        };
        let lines = |answer| {
            let stored = reply::all_bytes(answer)?.into_iter();
            let lines = stored.filter_map(|line| codec::readable_chat_line(id, line));
            Ok::<_, StoreError>(lines.collect())
        };
        Ok(Chats {
            seats: lines(seats)?,
            spectators: lines(spectators)?,
        })
    }
}
