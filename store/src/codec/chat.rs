//! The stored line of a chat.

use game_core::UnixMillis;
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{StoredSeat, refused};
use crate::chat::ChatLine;

/// A [`ChatLine`], version 2.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChatLineV2 {
    seat: Option<StoredSeat>,
    name: String,
    text: String,
    at_ms: u64,
}

impl Layout for ChatLineV2 {
    const FORMAT: Format = Format::ChatLine;
    const VERSION: u8 = 2;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

impl From<&ChatLine> for ChatLineV2 {
    fn from(line: &ChatLine) -> Self {
        Self {
            seat: line.seat().map(StoredSeat::from),
            name: line.name().to_owned(),
            text: line.text().to_owned(),
            at_ms: line.at().0,
        }
    }
}

impl TryFrom<ChatLineV2> for ChatLine {
    type Error = String;

    fn try_from(stored: ChatLineV2) -> Result<Self, String> {
        let seat = stored.seat.map(Into::into);
        let at = UnixMillis(stored.at_ms);
        Self::new(seat, &stored.name, &stored.text, at).map_err(refused)
    }
}
