//! A match as its player sits at it, whatever the player looks at: what is typed goes in, news comes
//! out.

use game_core::CommandKind;

use super::input::{HELP, Input};
use super::words;
use crate::MatchView;
use crate::seat::{SeatError, SeatSession, Update};

/// A seat and what is going on around it.
pub(super) struct Table {
    session: SeatSession,
    /// The connection is lost and being made anew.
    is_apart: bool,
    /// The session said its last word.
    is_closed: bool,
    /// The player sees the board from the other side.
    pub(super) is_flipped: bool,
}

/// What typing came to.
pub(super) enum Typed {
    /// It was done, or sent.
    Done,
    /// There is something to say.
    Say(Vec<String>),
    /// The player leaves.
    Quit,
}

impl Table {
    pub(super) const fn new(session: SeatSession) -> Self {
        Self {
            session,
            is_apart: false,
            is_closed: false,
            is_flipped: false,
        }
    }

    pub(super) fn view(&self) -> &MatchView {
        self.session.view()
    }

    /// The match, or the seat in it, is over.
    pub(super) fn is_over(&self) -> bool {
        self.is_closed || self.view().result().is_some()
    }

    /// Nothing that was sent waits for an answer.
    pub(super) fn is_settled(&self) -> bool {
        self.is_closed || self.session.machine().unanswered() == 0
    }

    pub(super) fn status(&self) -> String {
        words::status(self.view(), self.is_apart)
    }

    /// Waits for something to happen, for ever once all has; news in words, if there is any.
    pub(super) async fn next(&mut self) -> Result<Option<String>, SeatError> {
        if self.is_closed {
            return std::future::pending().await;
        }
        let update = self.session.next().await?;
        match update {
            Update::Reconnecting(_) => self.is_apart = true,
            Update::Joined { .. } => self.is_apart = false,
            Update::Closed(_) => self.is_closed = true,
            _ => {}
        }
        Ok(words::news(self.view(), &update))
    }

    /// Does what a line says.
    pub(super) fn typed(&mut self, line: &str) -> Typed {
        let input = match Input::parse(line, self.view().position()) {
            Ok(input) => input,
            Err(why) => return Typed::Say(vec![why]),
        };
        let command = match input {
            Input::Quit => return Typed::Quit,
            Input::Help => return Typed::Say(HELP.iter().map(ToString::to_string).collect()),
            Input::Flip => {
                self.is_flipped = !self.is_flipped;
                return Typed::Done;
            }
            _ if self.view().seat().is_none() => {
                return Typed::Say(vec!["You only watch.".into()]);
            }
            _ if self.is_over() => return Typed::Say(vec!["The match is over.".into()]),
            Input::Move(_) if !self.view().is_my_turn() => {
                return Typed::Say(vec!["It is not your turn.".into()]);
            }
            Input::Move(uci) => CommandKind::Move {
                ply: self.view().ply(),
                uci,
                offers_draw: false,
            },
            Input::Resign => CommandKind::Resign,
            Input::OfferDraw => CommandKind::OfferDraw,
            Input::AcceptDraw => CommandKind::AcceptDraw,
            Input::DeclineDraw => CommandKind::DeclineDraw,
            Input::Abort => CommandKind::Abort,
        };
        match self.session.command(command) {
            Ok(_) => Typed::Done,
            Err(why) => Typed::Say(vec![format!("{why}.")]),
        }
    }

    /// Leaves the seat.
    pub(super) async fn leave(self) -> Result<(), SeatError> {
        self.session.leave().await
    }
}
