//! A match as its player sits at it, whatever the player looks at: what is typed goes in, news comes
//! out.

use std::time::{Duration, Instant};

use game_core::{CommandId, CommandKind, EventKind, MatchId, Role, Seat, Square, Uci, WithMove};

use super::input::{HELP, Input, Offer};
use super::{status, words};
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
    /// The opponent is gone, and the player knows.
    told_gone: bool,
    /// What the player asked for last, in words.
    asked: Option<(CommandId, String)>,
    /// A move as it was typed, which waits for its turn.
    premove: Option<String>,
    /// What the player's pawn may become, of which one is asked for.
    promotion: Option<Promotion>,
    /// The square that the player has clicked on.
    chosen: Option<Square>,
    /// The session said its last word.
    is_closed: bool,
    /// The player sees the board from the other side.
    pub(super) is_flipped: bool,
}

/// A move that lacks what its pawn becomes.
struct Promotion {
    choices: Vec<Uci>,
    with: WithMove,
    /// The position that it is for.
    position_seq: u32,
}

/// What typing came to.
pub(super) enum Typed {
    /// It was done, or sent.
    Done,
    /// There is something to say.
    Say(Vec<String>),
    /// All that can be typed is asked for.
    Help,
    /// The player leaves.
    Quit,
}

fn say(text: impl Into<String>) -> Typed {
    Typed::Say(vec![text.into()])
}

impl Dialog {
    pub(super) const fn new(session: SeatSession) -> Self {
        Self {
            session,
            told: None,
            told_gone: false,
            asked: None,
            premove: None,
            promotion: None,
            chosen: None,
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

    /// The match that both players have agreed on after this one, for one who plays in it.
    pub(super) fn rematch(&self) -> Option<MatchId> {
        let view = self.view();
        view.rematch().filter(|_| view.seat().is_some())
    }

    /// Nothing that was sent waits for an answer.
    pub(super) fn is_settled(&self) -> bool {
        self.is_closed || self.session.machine().unanswered() == 0
    }

    /// The square that the player has clicked on.
    pub(super) const fn chosen(&self) -> Option<Square> {
        self.chosen
    }

    /// The side that is seen from.
    pub(super) fn below(&self) -> Seat {
        let own = self.view().seat().unwrap_or(Seat::White);
        if self.is_flipped { own.opponent() } else { own }
    }

    pub(super) fn status(&self) -> String {
        if let Some(promotion) = self.asked_promotion() {
            return words::promotion(&promotion.choices);
        }
        let mut status = status::status(self.view(), self.waiting().as_deref(), Instant::now());
        if let Some(premove) = &self.premove {
            status.push_str(&format!(" Premove: {premove}."));
        }
        status
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
        let mut news = words::news(self.view(), &update);
        news.extend(self.gone_news());
        let standstill = self.view().standstill();
        if std::mem::replace(&mut self.told, standstill) != standstill && !self.is_over() {
            news.push(words::clock_news(self.view(), Instant::now()));
            news.extend(self.waiting());
        }
        if let Update::Event { event, .. } = &update {
            self.position_changed(event.kind, &mut news);
        }
        Ok(news)
    }

    /// The first word of an opponent who is gone, and that it is back.
    fn gone_news(&mut self) -> Option<String> {
        let gone = self.view().gone();
        if std::mem::replace(&mut self.told_gone, gone.is_some()) == gone.is_some() {
            return None;
        }
        gone.map(|(_, at)| words::gone(at, Instant::now()))
    }

    /// What waits for a position may be wanted no more, or now.
    fn position_changed(&mut self, event: Option<EventKind>, news: &mut Vec<String>) {
        match event {
            Some(EventKind::Moved { .. }) => self.chosen = None,
            Some(EventKind::TakenBack { .. } | EventKind::Ended { .. }) => {
                self.chosen = None;
                if self.premove.take().is_some() {
                    news.push("The premove is dropped.".into());
                }
            }
            _ => {}
        }
        if !self.view().is_my_turn() || self.moved() {
            return;
        }
        if let Some(premove) = self.premove.take()
            && let Typed::Say(why) = self.typed(&premove)
        {
            news.push(format!("The premove {premove} is dropped."));
            news.extend(why);
        }
    }

    /// Does what a line says.
    pub(super) fn typed(&mut self, line: &str) -> Typed {
        if let Some(answer) = self.answer_promotion(line) {
            return answer;
        }
        let view = self.view();
        if view.seat().is_some() && Input::is_written_as_move(line) {
            if self.is_over() {
                return say(OVER);
            }
            if !view.is_my_turn() || self.moved() {
                return self.wait_with(line);
            }
            if let Some(question) = self.ask_promotion(line) {
                return question;
            }
        }
        let input = match Input::parse(line, self.view().position()) {
            Ok(input) => input,
            Err(why) => return say(words::sentence(&why)),
        };
        let command = match input {
            Input::Quit => return Typed::Quit,
            Input::Help => return Typed::Help,
            Input::Flip => {
                self.is_flipped = !self.is_flipped;
                return Typed::Done;
            }
            Input::Say(text) => return self.chat(&text),
            _ if self.view().seat().is_none() => return say("You only watch."),
            Input::Rematch if self.is_closed => return say("The seat is closed."),
            Input::Rematch => Ok(CommandKind::OfferRematch),
            Input::Accept(offer) => self.answered(offer, true),
            Input::Decline(offer) => self.answered(offer, false),
            _ if self.is_over() => return say(OVER),
            Input::Cancel => {
                self.chosen = None;
                return match self.premove.take() {
                    Some(premove) => say(format!("The premove {premove} is dropped.")),
                    None => say("There is no premove."),
                };
            }
            Input::Move(uci) => Ok(self.move_of(uci, WithMove::Nothing)),
            Input::MoveWith(uci, with) => Ok(self.move_of(uci, with)),
            Input::Resign => Ok(CommandKind::Resign),
            Input::OfferDraw => Ok(CommandKind::OfferDraw),
            Input::Takeback => Ok(CommandKind::OfferTakeback),
            Input::Claim => self.claim(),
            Input::ClaimWin => Ok(CommandKind::ClaimWin),
            Input::ClaimDraw if self.view().gone().is_some() => Ok(CommandKind::ClaimAbandonedDraw),
            Input::ClaimDraw => Ok(CommandKind::ClaimDraw),
            Input::Give(seconds) => Ok(CommandKind::GiveTime { seconds }),
            Input::Abort => Ok(CommandKind::Abort),
        };
        match command {
            Ok(command) => self.send(command),
            Err(why) => say(why),
        }
    }

    /// The player clicks on a square: first on a piece, then on where it goes.
    pub(super) fn clicked(&mut self, square: Square) -> Typed {
        let view = self.view();
        let Some(seat) = view.seat() else {
            return say("You only watch.");
        };
        if self.is_over() {
            return say(OVER);
        }
        let piece = view.position().piece_at(square);
        let is_own = piece.is_some_and(|piece| piece.seat == seat);
        let Some(from) = self.chosen.take() else {
            self.chosen = is_own.then_some(square);
            return Typed::Done;
        };
        if from == square {
            return Typed::Done;
        }
        let made = format!("{from}{square}");
        // A king goes to its own rook to castle in Chess960.
        let castles = || {
            let uci: Option<Uci> = made.parse().ok();
            uci.is_some_and(|uci| self.view().position().resolve(uci).is_some())
        };
        if is_own && !castles() {
            self.chosen = Some(square);
            return Typed::Done;
        }
        self.typed(&made)
    }

    fn move_of(&self, uci: Uci, with: WithMove) -> CommandKind {
        CommandKind::Move {
            position_seq: self.view().position_seq(),
            uci,
            with,
        }
    }

    fn send(&mut self, command: CommandKind) -> Typed {
        match self.session.command(command) {
            Ok(id) => {
                self.asked = Some((id, words::asked(self.view(), command)));
                self.waiting().map_or(Typed::Done, say)
            }
            Err(why) => say(words::sentence(&why.to_string())),
        }
    }

    fn chat(&mut self, text: &str) -> Typed {
        if !self.view().has_chat() {
            return say("This match has no chat.");
        }
        if text.is_empty() {
            return say("Say what? For example: say Good luck!");
        }
        match self.session.say(text) {
            Ok(_) => Typed::Done,
            Err(why) => say(words::sentence(&why.to_string())),
        }
    }

    /// A move that is typed out of turn waits for it.
    fn wait_with(&mut self, line: &str) -> Typed {
        let line = line.trim();
        self.premove = Some(line.to_owned());
        say(format!(
            "{line} is played at once when it is your turn; cancel drops it."
        ))
    }

    /// The answer to what the opponent offers.
    fn answered(&self, named: Option<Offer>, accepts: bool) -> Result<CommandKind, String> {
        let view = self.view();
        let opponent = view.seat().map(Seat::opponent);
        let standing = [
            (Offer::Draw, view.draw_offer()),
            (Offer::Takeback, view.takeback_offer()),
            (Offer::Rematch, view.rematch_offer()),
        ];
        let faced = standing.iter().filter(|(_, by)| *by == opponent);
        let faced: Vec<Offer> = faced.map(|(offer, _)| *offer).collect();
        let offer = match (named, &faced[..]) {
            (Some(offer), _) => offer,
            (None, [offer]) => *offer,
            (None, []) => return Err("There is no offer to answer.".into()),
            (None, _) => {
                let names: Vec<&str> = faced.iter().map(|offer| offer.name()).collect();
                return Err(format!("Say which: {}.", names.join(" or ")));
            }
        };
        Ok(match (offer, accepts) {
            (Offer::Draw, true) => CommandKind::AcceptDraw,
            (Offer::Draw, false) => CommandKind::DeclineDraw,
            (Offer::Takeback, true) => CommandKind::AcceptTakeback,
            (Offer::Takeback, false) => CommandKind::DeclineTakeback,
            (Offer::Rematch, true) => CommandKind::AcceptRematch,
            (Offer::Rematch, false) => CommandKind::DeclineRematch,
        })
    }

    /// What can be claimed now.
    fn claim(&self) -> Result<CommandKind, String> {
        let view = self.view();
        let now = Instant::now();
        match view.gone() {
            Some((_, at)) if at <= now => Ok(CommandKind::ClaimWin),
            Some((_, at)) => Err(words::gone(at, now)),
            None if view.claimable_draw().is_some() => Ok(CommandKind::ClaimDraw),
            None => Err(
                "Nothing can be claimed: no position three times, no fifty moves, and the \
                 opponent is here."
                    .into(),
            ),
        }
    }

    /// The promotion that is asked for, if it is still for this position.
    fn asked_promotion(&self) -> Option<&Promotion> {
        let seq = self.view().position_seq();
        self.promotion
            .as_ref()
            .filter(|asked| asked.position_seq == seq && !self.is_over())
    }

    /// Whether the player is asked what a pawn becomes.
    pub(super) fn is_asking(&self) -> bool {
        self.asked_promotion().is_some()
    }

    /// Asks what the pawn becomes if a line does not say it.
    fn ask_promotion(&mut self, line: &str) -> Option<Typed> {
        let (choices, with) = Input::promotions(line, self.view().position());
        if choices.is_empty() {
            return None;
        }
        let choices: Vec<Uci> = choices.into_iter().map(|made| made.uci()).collect();
        let question = words::promotion(&choices);
        self.promotion = Some(Promotion {
            choices,
            with,
            position_seq: self.view().position_seq(),
        });
        Some(say(question))
    }

    /// A letter is the answer to what the pawn becomes; anything else withdraws the move.
    fn answer_promotion(&mut self, line: &str) -> Option<Typed> {
        self.asked_promotion()?;
        let promotion = self.promotion.take()?;
        let mut letters = line.trim().trim_start_matches('=').chars();
        let (letter, None) = (letters.next()?, letters.next()) else {
            return None;
        };
        let role = Role::from_letter(letter)?;
        let mut choices = promotion.choices.iter();
        let chosen = choices.find(|uci| uci.role() == Some(role))?;
        Some(self.send(self.move_of(*chosen, promotion.with)))
    }

    /// Whether a move for the position in view waits for its answer.
    fn moved(&self) -> bool {
        let seq = self.view().position_seq();
        let moves = |kind| matches!(kind, CommandKind::Move { position_seq: at, .. } if at == seq);
        self.session.machine().asked().any(moves)
    }

    /// Leaves the seat.
    pub(super) async fn leave(self) -> Result<(), SeatError> {
        self.session.leave().await
    }
}

/// All that can be typed.
pub(super) fn help() -> Vec<String> {
    HELP.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests;
