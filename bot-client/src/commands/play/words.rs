//! What a player is told, in words.

use std::time::{Duration, Instant};

use game_core::{ClockStart, CommandKind, EventKind, Outcome, Refusal, Seat, Termination};
use protocol::{CloseCode, WireEvent, WireRefusal};

use client::seat::Update;
use client::{MatchView, Standstill};

/// A clock as `m:ss`, with hours where there are any, and tenths below ten seconds.
pub(super) fn clock(left: Duration) -> String {
    let seconds = left.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, seconds) {
        (0, 0..10) => format!("0:{seconds:02}.{}", left.subsec_millis() / 100),
        (0, _) => format!("{minutes}:{:02}", seconds % 60),
        _ => format!("{hours}:{minutes:02}:{:02}", seconds % 60),
    }
}

/// A reason as a sentence of its own.
pub(super) fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}

/// A seat at the beginning of a sentence.
pub(super) const fn side(seat: Seat) -> &'static str {
    match seat {
        Seat::White => "White",
        Seat::Black => "Black",
    }
}

/// A seat's name, with a word on whether it is there.
pub(super) fn name(view: &MatchView, seat: Seat) -> String {
    let name = &view.players()[seat].name;
    let you = if view.seat() == Some(seat) {
        " (you)"
    } else {
        ""
    };
    let away = if view.connected()[seat] {
        ""
    } else {
        " [away]"
    };
    format!("{name}{you}{away}")
}

/// The moves, a line for each pair: `1. e4 e5`.
pub(super) fn move_list(view: &MatchView) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut number = view.start().move_number();
    let mut turn = view.start().turn();
    for san in view.sans() {
        match (turn, lines.last_mut()) {
            (Seat::White, _) => lines.push(format!("{number:>3}. {san:<8}")),
            (Seat::Black, Some(line)) => line.push_str(&san),
            (Seat::Black, None) => lines.push(format!("{number:>3}. {:<8}{san}", "…")),
        }
        if turn == Seat::Black {
            number += 1;
        }
        turn = turn.opponent();
    }
    lines
}

/// What ended a match, in words.
fn how(outcome: Outcome, termination: Termination) -> String {
    let draw = outcome == Outcome::Draw;
    match termination {
        Termination::Resignation if draw => {
            "resignation, as the other side could not have mated".into()
        }
        // Or the opponent had offered a draw.
        Termination::TimeForfeit if draw => {
            "time forfeit, as the other side could not have mated or had offered a draw".into()
        }
        Termination::WhiteNoStart => "White did not make its first move in time".into(),
        Termination::BlackNoStart => "Black did not make its first move in time".into(),
        Termination::Aborted => "the match was aborted".into(),
        Termination::Adjudicated => "an arbiter's decision".into(),
        Termination::SeventyFiveMoves => "75 moves without a capture or a pawn move".into(),
        Termination::MaxLength => "the limit of 600 moves".into(),
        _ => termination.code().replace('_', " "),
    }
}

/// The result in a sentence.
pub(super) fn result(view: &MatchView, outcome: Outcome, termination: Termination) -> String {
    let how = how(outcome, termination);
    match (outcome.winner(), view.seat()) {
        (Some(winner), Some(seat)) if winner == seat => format!("You win: {outcome} by {how}."),
        (Some(_), Some(_)) => format!("You lose: {outcome} by {how}."),
        (Some(winner), None) => format!("{} wins: {outcome} by {how}.", side(winner)),
        (None, _) if outcome == Outcome::Draw => format!("A draw: {outcome} by {how}."),
        (None, _) => format!("No result: {how}."),
    }
}

/// Why both clocks stand still, in words that say so.
const fn standstill(why: Standstill) -> &'static str {
    match why {
        Standstill::Paused => "The server waits for its store: clocks stopped.",
        Standstill::Unresponsive => "The server does not answer: clocks stopped.",
        Standstill::Reconnecting => "Reconnecting…: clocks stopped.",
        Standstill::Closed => "The seat is closed: clocks stopped.",
    }
}

/// Clocks stand still, or run again: what they show.
pub(super) fn clock_news(view: &MatchView, now: Instant) -> String {
    let what = view.standstill().map_or("Play goes on.", standstill);
    let [white, black] = clocks(view, now);
    format!("{what} White has {white}, Black {black}.")
}

/// What a player asked for, in words.
pub(super) fn asked(view: &MatchView, kind: CommandKind) -> String {
    match kind {
        CommandKind::Move { uci, .. } => {
            let mut position = view.position().clone();
            let legal = position.resolve(uci);
            let san = legal.map(|legal| position.play_in_san(legal));
            format!("Your move {}", san.unwrap_or_else(|| uci.to_string()))
        }
        CommandKind::Resign => "Your resignation".into(),
        CommandKind::Abort => "Your abort".into(),
        CommandKind::OfferDraw => "Your draw offer".into(),
        CommandKind::AcceptDraw => "Your acceptance of the draw".into(),
        CommandKind::DeclineDraw => "Your refusal of the draw".into(),
    }
}

/// Something that a player asked for has no answer yet.
pub(super) fn waiting(what: &str, was_sent: bool) -> String {
    let until = if was_sent { "confirmed" } else { "sent" };
    format!("{what} waits to be {until}.")
}

/// How things stand, in a line; `waiting` is what the player waits for.
pub(super) fn status(view: &MatchView, waiting: Option<&str>) -> String {
    if let Some((outcome, termination)) = view.result() {
        return result(view, outcome, termination);
    }
    if let Some(why) = view.standstill() {
        let mut status = standstill(why).to_owned();
        if let Some(waiting) = waiting {
            status.push(' ');
            status.push_str(waiting);
        }
        return status;
    }
    if let Some(waiting) = waiting {
        return waiting.to_owned();
    }
    let mut status = match view.seat() {
        Some(seat) if seat == view.turn() => "Your move.".to_owned(),
        Some(_) => "The opponent is to move.".to_owned(),
        None => format!("{} is to move.", side(view.turn())),
    };
    if let Some(limit) = first_move_limit(view) {
        let seconds = limit.as_secs();
        status.push_str(&format!(
            " The first move must come within {seconds} s, or the match is aborted."
        ));
    }
    match (view.draw_offer(), view.seat()) {
        (Some(offer), Some(seat)) if offer == seat => status.push_str(" You offer a draw."),
        (Some(_), Some(_)) => {
            status.push_str(" A draw is offered: accept, decline, or simply move.");
        }
        (Some(offer), None) => status.push_str(&format!(" {} offers a draw.", side(offer))),
        (None, _) => {}
    }
    if let Some(seat) = view.seat()
        && !view.connected()[seat.opponent()]
    {
        status.push_str(" The opponent is not connected.");
    }
    status
}

/// How long the side to move has for its first move, if that is what is waited for.
fn first_move_limit(view: &MatchView) -> Option<Duration> {
    let untimed = view.clock_start() == ClockStart::AfterFirstMoves && view.ply() < 2;
    untimed.then(|| view.time_control().speed().first_move_timeout())
}

/// News, where there is any that the board does not show.
pub(super) fn news(view: &MatchView, update: &Update) -> Option<String> {
    match update {
        Update::Event { event, .. } => event_news(view, event),
        Update::Refused { kind, reason, .. } => Some(refused(*kind, *reason)),
        Update::Presence { seat, connected } if view.seat() != Some(*seat) => {
            let verb = if *connected { "is here" } else { "has left" };
            Some(format!("{} {verb}.", view.players()[*seat].name))
        }
        Update::Reconnecting(loss) => Some(format!("Connection lost: {loss}.")),
        Update::Responsive => Some("The server answers again.".into()),
        Update::Joined { again: true } => Some("Connected again.".into()),
        Update::Closed(CloseCode::Superseded) => {
            Some("The seat was taken from elsewhere with your player's token.".into())
        }
        Update::Closed(code) if *code != CloseCode::Done => {
            Some(format!("The server closed the seat: {code}."))
        }
        _ => None,
    }
}

fn event_news(view: &MatchView, event: &WireEvent) -> Option<String> {
    let is_mine = event.seat.is_some() && event.seat == view.seat();
    let who = || match event.seat {
        Some(seat) => view.players()[seat].name.clone(),
        None => "The server".into(),
    };
    match event.kind {
        EventKind::DrawOffered
        | EventKind::Moved {
            offers_draw: true, ..
        } if !is_mine => Some(format!("{} offers a draw.", who())),
        EventKind::DrawDeclined if !is_mine => Some(format!("{} declines the draw.", who())),
        EventKind::Ended {
            outcome,
            termination,
        } => Some(result(view, outcome, termination)),
        _ => None,
    }
}

fn refused(kind: CommandKind, reason: WireRefusal) -> String {
    let why = match reason {
        WireRefusal::Match(refusal) => match refusal {
            Refusal::MatchOver => "the match is over",
            Refusal::NotYourTurn => "it is not your turn",
            Refusal::StalePly => "the position has changed",
            Refusal::IllegalMove => "the rules do not allow it",
            Refusal::TooEarly => "both sides must have moved first; abort instead",
            Refusal::TooLate => "both sides have moved; resign instead",
            Refusal::OfferTooSoon => "you offered a draw a short while ago",
            Refusal::NoOffer => "there is no offer",
            Refusal::CommandIdReused => "its number was used for another command",
        },
        WireRefusal::NotAPlayer => "you only watch",
        WireRefusal::RateLimited => "too many commands",
        WireRefusal::Paused => "the server waits for its store",
    };
    let what = match kind {
        CommandKind::Move { uci, .. } => format!("The move {uci}"),
        CommandKind::Resign => "Resigning".into(),
        CommandKind::Abort => "Aborting".into(),
        CommandKind::OfferDraw => "The draw offer".into(),
        CommandKind::AcceptDraw => "Accepting".into(),
        CommandKind::DeclineDraw => "Declining".into(),
    };
    format!("{what} is refused: {why}.")
}

/// Both clocks as they stand now: White's and Black's.
pub(super) fn clocks(view: &MatchView, now: Instant) -> [String; 2] {
    Seat::BOTH.map(|seat| clock(view.remaining(seat, now)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_becomes_a_sentence() {
        for (why, said) in [
            ("no pawn can take on a8", "No pawn can take on a8."),
            ("\"e9\" is no move", "\"e9\" is no move."),
            ("é is no move.", "É is no move."),
        ] {
            assert_eq!(sentence(why), said);
        }
    }

    #[test]
    fn clocks_show_hours_where_there_are_any_and_tenths_at_the_end() {
        for (ms, expected) in [
            (0, "0:00.0"),
            (9_999, "0:09.9"),
            (10_000, "0:10"),
            (61_999, "1:01"),
            (3_600_000, "1:00:00"),
            (10_800_000, "3:00:00"),
        ] {
            assert_eq!(clock(Duration::from_millis(ms)), expected);
        }
    }

    #[test]
    fn a_drawn_resignation_says_why_it_is_drawn() {
        let drawn = how(Outcome::Draw, Termination::Resignation);
        assert!(drawn.contains("could not have mated"), "{drawn}");
        assert_eq!(
            how(Outcome::WhiteWins, Termination::Resignation),
            "resignation"
        );
    }

    #[test]
    fn a_match_without_first_moves_says_so_in_words() {
        let said = how(Outcome::Aborted, Termination::WhiteNoStart);
        assert_eq!(said, "White did not make its first move in time");
    }

    #[test]
    fn refusals_are_sentences() {
        let reason = WireRefusal::Match(Refusal::TooEarly);
        let expected = "Resigning is refused: both sides must have moved first; abort instead.";
        assert_eq!(refused(CommandKind::Resign, reason), expected);
    }
}
