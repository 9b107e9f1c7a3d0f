//! What is said beside a match.

use std::ops::Index;

use game_core::{Seat, UnixMillis};

/// Who hears a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChatRoom {
    /// The two seats.
    Seats,
    /// The spectators.
    Spectators,
}

impl ChatRoom {
    /// Both rooms.
    pub const BOTH: [Self; 2] = [Self::Seats, Self::Spectators];

    /// Its name in the store's keys.
    #[cfg_attr(not(feature = "backends"), allow(dead_code))]
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Seats => "seats",
            Self::Spectators => "spectators",
        }
    }
}

/// Why a line cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidChatLine {
    /// The text is longer than [`ChatLine::TEXT_MAX`] characters, or there is none.
    #[error("a line of a chat has 1 to {max} characters", max = ChatLine::TEXT_MAX)]
    Text,
    /// The name is longer than [`ChatLine::NAME_LEN_MAX`] bytes.
    #[error("a name in a chat has at most {max} bytes", max = ChatLine::NAME_LEN_MAX)]
    Name,
}

/// One line of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ChatLine {
    seat: Option<Seat>,
    name: Box<str>,
    text: Box<str>,
    at: UnixMillis,
}

impl ChatLine {
    /// Upper bound on the text, in characters.
    pub const TEXT_MAX: usize = 140;
    /// Upper bound on the name, in bytes.
    pub const NAME_LEN_MAX: usize = 256;

    /// A line that `name` said at `at`, from a seat, or as a spectator.
    ///
    /// # Errors
    ///
    /// [`InvalidChatLine`] when a part is empty that must not be, or longer than its bound.
    pub fn new(
        seat: Option<Seat>,
        name: &str,
        text: &str,
        at: UnixMillis,
    ) -> Result<Self, InvalidChatLine> {
        if text.is_empty() || text.chars().nth(Self::TEXT_MAX).is_some() {
            return Err(InvalidChatLine::Text);
        }
        if name.len() > Self::NAME_LEN_MAX {
            return Err(InvalidChatLine::Name);
        }
        Ok(Self {
            seat,
            name: name.into(),
            text: text.into(),
            at,
        })
    }

    /// The seat of the speaker; `None` for a spectator.
    #[must_use]
    pub const fn seat(&self) -> Option<Seat> {
        self.seat
    }

    /// The name of the speaker.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was said.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it was said.
    #[must_use]
    pub const fn at(&self) -> UnixMillis {
        self.at
    }
}

/// What is kept of the chats of a match: the newest [`CHAT_LINES_MAX`] lines of each room, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chats {
    /// What the seats said to each other.
    pub seats: Vec<ChatLine>,
    /// What the spectators said.
    pub spectators: Vec<ChatLine>,
}

/// How many lines of a room are kept.
pub const CHAT_LINES_MAX: usize = 50;

impl Index<ChatRoom> for Chats {
    type Output = Vec<ChatLine>;

    fn index(&self, room: ChatRoom) -> &Vec<ChatLine> {
        match room {
            ChatRoom::Seats => &self.seats,
            ChatRoom::Spectators => &self.spectators,
        }
    }
}
