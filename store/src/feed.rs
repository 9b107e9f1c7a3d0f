//! The feed: one entry for each finished match, in one order.

use std::fmt;
use std::str::FromStr;

use game_core::{MatchId, UnixMillis};

use crate::error::StoreError;

/// What the feed says of one finished match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedEntry {
    /// Which match.
    pub match_id: MatchId,
    /// The seq of the event that ended it: `match:seq` names the entry for good.
    pub seq: u32,
    /// From when on the public may read it, in Unix milliseconds: spectators of some matches are behind.
    pub public_at: UnixMillis,
    /// The document for readers, JSON on one line of at most [`Self::BODY_LEN_MAX`] bytes. The store does not read
    /// it.
    pub body: Box<str>,
}

impl FeedEntry {
    /// Upper bound on the document, in bytes. That of the longest match, 600 moves a side, has about 30,000.
    pub const BODY_LEN_MAX: usize = 60_000;

    /// Checks that the document can be kept and sent.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if it is too long or has line breaks.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.body.len() <= Self::BODY_LEN_MAX && !self.body.contains(['\n', '\r']) {
            return Ok(());
        }
        Err(StoreError::Corrupt(format!(
            "the feed's document of match {} is not one line of at most {} bytes",
            self.match_id,
            Self::BODY_LEN_MAX
        )))
    }

    /// The name by which readers recognise an entry that they have seen.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.match_id, self.seq)
    }
}

/// A place in the feed, after an entry or before the first. Opaque to readers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedCursor {
    pub(crate) major: u64,
    pub(crate) minor: u64,
}

/// Text that is no place in a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is two numbers with a dash between them, as an entry of the feed has it")]
pub struct InvalidFeedCursor;

impl FeedCursor {
    /// The place before the first entry.
    pub const START: Self = Self { major: 0, minor: 0 };

    /// The place after the entry of this number, where entries are counted.
    pub(crate) const fn of_number(number: u64) -> Self {
        Self {
            major: number,
            minor: 0,
        }
    }
}

impl fmt::Display for FeedCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.major, self.minor)
    }
}

impl FromStr for FeedCursor {
    type Err = InvalidFeedCursor;

    fn from_str(text: &str) -> Result<Self, InvalidFeedCursor> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number = is_number.then(|| text.parse().ok());
            number.flatten().ok_or(InvalidFeedCursor)
        };
        let (major, minor) = text.split_once('-').ok_or(InvalidFeedCursor)?;
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

/// Some entries of the feed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedPage {
    /// Each entry with the place after it.
    pub entries: Vec<(FeedCursor, FeedEntry)>,
    /// The place to go on from: that of the reader, if there is nothing after it.
    pub next: FeedCursor,
    /// Entries after the reader's place have been removed for their age, so that the reader has missed some.
    pub missed: bool,
}

/// The right to deliver the feed to one subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HookLease {
    /// The fencing number of this lease; it rises with each.
    pub epoch: u64,
    /// Everything up to here was delivered.
    pub position: FeedCursor,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        for (major, minor) in [(0, 0), (1, 2), (u64::MAX, u64::MAX)] {
            let place = FeedCursor { major, minor };
            assert_eq!(place.to_string().parse(), Ok(place));
        }
        for odd in [
            "",
            "-",
            "1",
            "1-",
            "-1",
            "+1-1",
            "1--1",
            "$",
            "0x1-1",
            "18446744073709551616-0",
        ] {
            assert_eq!(odd.parse::<FeedCursor>(), Err(InvalidFeedCursor), "{odd}");
        }
    }
}
