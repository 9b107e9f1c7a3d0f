//! What is on the screen besides the board.

use std::cell::Cell;

use lab::board::PieceSet;
use ratatui::layout::Rect;

/// What is on the screen besides the table.
#[derive(Debug, Default)]
pub(super) struct Screen {
    pub(super) pieces: PieceSet,
    /// What has been typed so far.
    pub(super) input: String,
    /// What was said, the last news last.
    pub(super) news: Vec<String>,
    /// All that can be typed is shown, until the next key.
    pub(super) shows_help: bool,
    /// Where the board was drawn last.
    pub(super) board: Cell<Rect>,
}

impl Screen {
    /// More is not kept.
    const NEWS_MAX: usize = 50;

    pub(super) fn say(&mut self, line: String) {
        if self.news.len() == Self::NEWS_MAX {
            self.news.remove(0);
        }
        self.news.push(line);
    }
}
