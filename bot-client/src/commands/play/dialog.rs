//! A match as its player sits at it, whatever the player looks at: what is typed goes in, news comes
//! out.

use std::time::{Duration, Instant};

use game_core::{CommandId, CommandKind};

use super::input::{HELP, Input};
use super::words;
use client::seat::{SeatError, SeatSession, Update};
use client::{MatchView, Standstill};

/// A command whose answer takes longer is said to wait for it.
const ANSWER_SOON: Duration = Duration::from_millis(500);

const OVER: &str = "The match is over.";

/// A seat and what is going on around it.
pub(super) struct Dialog {
    session: SeatSession,
    /// Why the clocks stand still, as the player was told last.
    told: Option<Standstill>,
    /// What the player asked for last, in words.
    asked: Option<(CommandId, String)>,
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

impl Dialog {
    pub(super) const fn new(session: SeatSession) -> Self {
        Self {
            session,
            told: None,
            asked: None,
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
        words::status(self.view(), self.waiting().as_deref())
    }

    /// What the player asked for and has no answer to, if that takes long or the clocks stand still.
    fn waiting(&self) -> Option<String> {
        let (id, what) = self.asked.as_ref()?;
        let (age, was_sent) = self.session.machine().waiting(*id, Instant::now())?;
        let is_news = age >= ANSWER_SOON || self.view().standstill().is_some();
        is_news.then(|| words::waiting(what, was_sent))
    }

    /// Waits for something to happen, for ever once all has; news in words, if there is any.
    pub(super) async fn next(&mut self) -> Result<Vec<String>, SeatError> {
        if self.is_closed {
            return std::future::pending().await;
        }
        let update = self.session.next().await?;
        self.is_closed |= matches!(update, Update::Closed(_));
        let mut news: Vec<String> = words::news(self.view(), &update).into_iter().collect();
        let standstill = self.view().standstill();
        if std::mem::replace(&mut self.told, standstill) != standstill && !self.is_over() {
            news.push(words::clock_news(self.view(), Instant::now()));
            news.extend(self.waiting());
        }
        Ok(news)
    }

    /// Does what a line says.
    pub(super) fn typed(&mut self, line: &str) -> Typed {
        let view = self.view();
        if view.seat().is_some() && Input::is_written_as_move(line) {
            if self.is_over() {
                return Typed::Say(vec![OVER.into()]);
            }
            if !view.is_my_turn() {
                let turn = words::side(view.turn());
                return Typed::Say(vec![format!("It is {turn}'s turn.")]);
            }
        }
        let input = match Input::parse(line, self.view().position()) {
            Ok(input) => input,
            Err(why) => return Typed::Say(vec![words::sentence(&why)]),
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
            _ if self.is_over() => return Typed::Say(vec![OVER.into()]),
            Input::Move(_) if self.moved() => {
                return Typed::Say(vec!["You have moved already.".into()]);
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
            Ok(id) => {
                self.asked = Some((id, words::asked(self.view(), command)));
                self.waiting()
                    .map_or(Typed::Done, |waiting| Typed::Say(vec![waiting]))
            }
            Err(why) => Typed::Say(vec![format!("{why}.")]),
        }
    }

    /// Whether a move for the position in view waits for its answer.
    fn moved(&self) -> bool {
        let ply = self.view().ply();
        let moves = |kind| matches!(kind, CommandKind::Move { ply: at, .. } if at == ply);
        self.session.machine().asked().any(moves)
    }

    /// Leaves the seat.
    pub(super) async fn leave(self) -> Result<(), SeatError> {
        self.session.leave().await
    }
}
