//! What is on the screen besides the board.

use lab::board::PieceSet;

/// What is on the screen besides the table.
#[derive(Debug, Default)]
pub(super) struct Screen {
    pub(super) pieces: PieceSet,
    /// What has been typed so far.
    pub(super) input: String,
    /// What was said, the last news last.
    pub(super) news: Vec<String>,
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
