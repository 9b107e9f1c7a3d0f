//! What is said beside matches.

use async_trait::async_trait;
use game_core::MatchId;

use crate::chat::{ChatLine, ChatRoom, Chats};
use crate::error::StoreError;

/// The chats of matches. They are not events: they have no seq, nothing follows from them, and a former owner
/// of a match may still add a line. They are removed with their match.
#[async_trait]
pub trait Chat: Send + Sync + 'static {
    /// Adds a line to a room of a match, and removes the oldest beyond
    /// [`CHAT_LINES_MAX`](crate::CHAT_LINES_MAX). Returns whether the match exists; if not, nothing is kept.
    ///
    /// A line that equals one of those kept in all its parts, its time included, is a retransmission, and is
    /// not added again.
    async fn append_chat(
        &self,
        id: MatchId,
        room: ChatRoom,
        line: &ChatLine,
    ) -> Result<bool, StoreError>;

    /// What is kept of both rooms; nothing if there is no such match. A line that cannot be read is omitted,
    /// with a warning.
    async fn load_chat(&self, id: MatchId) -> Result<Chats, StoreError>;
}
