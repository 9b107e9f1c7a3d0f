//! Chat: lines that this client says.

use protocol::{CHAT_LEN_MAX, ClientFrame};

use super::{Phase, SeatMachine};
use crate::seat::unanswered::Unanswered;
use crate::seat::update::{CommandError, Update};

impl SeatMachine {
    /// Says a line of chat. It is sent once: what becomes of it is [`Update::Said`] or [`Update::NotSaid`], and if
    /// the connection is lost before, the lines that come at the return show it.
    ///
    /// # Errors
    ///
    /// [`CommandError`].
    pub fn say(&mut self, text: &str) -> Result<u64, CommandError> {
        if self.leaving || matches!(self.phase, Phase::Over(_)) {
            return Err(CommandError::Over);
        }
        if self.phase != Phase::Seated {
            return Err(CommandError::Away);
        }
        if text.chars().count() > CHAT_LEN_MAX {
            return Err(CommandError::LineTooLong);
        }
        if self.lines.len() == Unanswered::MAX {
            return Err(CommandError::TooMany);
        }
        let id = self.next_line;
        self.next_line += 1;
        self.lines.push(id);
        let text = text.into();
        self.output.push_back(ClientFrame::Say { id, text });
        Ok(id)
    }

    /// A line of this client was said or not; which of the two, `news` tells.
    pub(super) fn line_answered(&mut self, id: u64, news: Update) {
        self.lines.retain(|line| *line != id);
        self.updates.push_back(news);
    }
}
