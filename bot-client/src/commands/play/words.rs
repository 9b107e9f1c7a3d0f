//! What a player is told, in words.

use std::time::{Duration, Instant};

use game_core::{
    CommandKind, EventKind, Outcome, Refusal, Seat, Termination, Uci, Variant, WithMove,
};
use protocol::{ChatLine, ChatRefusal, CloseCode, WireEvent, WireRefusal};

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
        Termination::Abandoned => "leaving the match".into(),
        Termination::MaxLength => "the limit of 600 moves".into(),
        _ => termination.code().replace('_', " "),
    }
}

/// How a variant's own rules ended a match, in words.
const fn variant_end(variant: Variant, outcome: Outcome) -> &'static str {
    match variant {
        Variant::Antichess => "having no piece or no move left",
        Variant::Atomic => "the explosion of a king",
        Variant::KingOfTheHill => "a king in the center",
        Variant::RacingKings if matches!(outcome, Outcome::Draw) => "both kings on the eighth rank",
        Variant::RacingKings => "a king on the eighth rank",
        Variant::ThreeCheck => "the third check",
        Variant::Horde => "the capture of the horde",
        _ => "the rules of the variant",
    }
}

/// The result in a sentence.
pub(super) fn result(view: &MatchView, outcome: Outcome, termination: Termination) -> String {
    let how = match termination {
        Termination::VariantEnd => variant_end(view.variant(), outcome).into(),
        _ => how(outcome, termination),
    };
    match (outcome.winner(), view.seat()) {
        (Some(winner), Some(seat)) if winner == seat => format!("You win: {outcome} by {how}."),
        (Some(_), Some(_)) => format!("You lose: {outcome} by {how}."),
        (Some(winner), None) => format!("{} wins: {outcome} by {how}.", side(winner)),
        (None, _) if outcome == Outcome::Draw => format!("A draw: {outcome} by {how}."),
        (None, _) => format!("No result: {how}."),
    }
}

/// Why both clocks stand still, in words that say so.
pub(super) const fn standstill(why: Standstill) -> &'static str {
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
    let what = match kind {
        CommandKind::Move { uci, .. } => {
            let mut position = view.position().clone();
            let legal = position.resolve(uci);
            let san = legal.map(|legal| position.play_in_san(legal));
            return format!("Your move {}", san.unwrap_or_else(|| uci.to_string()));
        }
        CommandKind::Resign => "resignation",
        CommandKind::Abort => "abort",
        CommandKind::OfferDraw => "draw offer",
        CommandKind::AcceptDraw => "acceptance of the draw",
        CommandKind::DeclineDraw => "refusal of the draw",
        CommandKind::ClaimDraw | CommandKind::ClaimAbandonedDraw => "claim of a draw",
        CommandKind::ClaimWin => "claim of the win",
        CommandKind::OfferTakeback => "request for a takeback",
        CommandKind::AcceptTakeback => "grant of the takeback",
        CommandKind::DeclineTakeback => "refusal of the takeback",
        CommandKind::GiveTime { .. } => "gift of time",
        CommandKind::OfferRematch => "offer of a rematch",
        CommandKind::AcceptRematch => "acceptance of the rematch",
        CommandKind::DeclineRematch => "refusal of the rematch",
    };
    format!("Your {what}")
}

/// The question for what a pawn becomes.
pub(super) fn promotion(choices: &[Uci]) -> String {
    let names: Vec<String> = choices
        .iter()
        .filter_map(|uci| uci.role())
        .map(|role| role.letter().to_string())
        .collect();
    let names = names.join(", ");
    format!("Say what the pawn becomes: {names}. Anything else drops the move.")
}

/// The opponent is gone, and the match may be claimed from `at` on.
pub(super) fn gone(at: Instant, now: Instant) -> String {
    let left = at.saturating_duration_since(now);
    if left.is_zero() {
        "The opponent is gone: claim win, or claim draw.".into()
    } else {
        // Rounded up, so that a claim at its end is not too early.
        let seconds = left.as_millis().div_ceil(1_000);
        format!("The opponent is gone: the match can be claimed in {seconds} s.")
    }
}

/// Something that a player asked for has no answer yet.
pub(super) fn waiting(what: &str, was_sent: bool) -> String {
    let until = if was_sent { "confirmed" } else { "sent" };
    format!("{what} waits to be {until}.")
}

/// News that the board does not show.
pub(super) fn news(view: &MatchView, update: &Update) -> Vec<String> {
    let one = match update {
        Update::Chat(lines) => return lines.iter().map(chat_line).collect(),
        Update::NotSaid { reason, .. } => Some(format!("Not said: {}.", not_said(*reason))),
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
    };
    one.into_iter().collect()
}

fn chat_line(line: &ChatLine) -> String {
    format!("{}: {}", line.name, line.text)
}

const fn not_said(reason: ChatRefusal) -> &'static str {
    match reason {
        ChatRefusal::TooLong => "the line is too long",
        ChatRefusal::RateLimited => "one line a second is the limit",
        ChatRefusal::ChatOff => "this match has no chat",
        ChatRefusal::Unavailable => "the server waits for its store",
        ChatRefusal::Empty => "there is nothing to see in it",
        ChatRefusal::Unknown => "the server does not say why",
    }
}

fn event_news(view: &MatchView, event: &WireEvent) -> Option<String> {
    let kind = event.kind?;
    let is_mine = event.seat.is_some() && event.seat == view.seat();
    let who = match event.seat {
        Some(seat) => view.players()[seat].name.as_str(),
        None => "The server",
    };
    match kind {
        EventKind::Ended {
            outcome,
            termination,
        } => Some(result(view, outcome, termination)),
        EventKind::TakenBack { plies } => {
            let s = if plies == 1 { "" } else { "s" };
            Some(format!("{plies} half-move{s} taken back."))
        }
        EventKind::Stopped => Some("The arbiter has stopped play.".to_owned()),
        EventKind::Resumed => Some("Play goes on.".to_owned()),
        EventKind::ClockSet { seat } => {
            let name = &view.players()[seat].name;
            Some(format!("The arbiter has set the clock of {name}."))
        }
        EventKind::RematchAgreed { match_id } => Some(format!("The rematch is match {match_id}.")),
        EventKind::TimeGiven { seconds } => Some(format!("{who} gives its opponent {seconds} s.")),
        _ if is_mine => None,
        EventKind::DrawOffered => Some(format!("{who} offers a draw.")),
        EventKind::Moved {
            with: WithMove::DrawOffer,
            ..
        } => Some(format!("{who} offers a draw.")),
        EventKind::Moved { .. } => None,
        EventKind::DrawDeclined => Some(format!("{who} declines the draw.")),
        EventKind::TakebackOffered => Some(format!("{who} asks for a takeback.")),
        EventKind::TakebackDeclined => Some(format!("{who} declines the takeback.")),
        EventKind::RematchOffered => Some(format!("{who} offers a rematch.")),
        EventKind::RematchDeclined => Some(format!("{who} declines the rematch.")),
    }
}

fn refused(kind: CommandKind, reason: WireRefusal) -> String {
    let why = match reason {
        WireRefusal::Match(refusal) => refusal_in_words(kind, refusal),
        WireRefusal::NotAPlayer => "you only watch",
        WireRefusal::RateLimited => "too many commands",
        WireRefusal::Paused => "the server waits for its store",
        WireRefusal::Unknown => "the server does not say why",
    };
    let what = match kind {
        CommandKind::Move { uci, .. } => return format!("The move {uci} is refused: {why}."),
        CommandKind::Resign => "Resigning",
        CommandKind::Abort => "Aborting",
        CommandKind::OfferDraw => "The draw offer",
        CommandKind::AcceptDraw | CommandKind::AcceptTakeback | CommandKind::AcceptRematch => {
            "Accepting"
        }
        CommandKind::DeclineDraw | CommandKind::DeclineTakeback | CommandKind::DeclineRematch => {
            "Declining"
        }
        CommandKind::ClaimDraw | CommandKind::ClaimWin | CommandKind::ClaimAbandonedDraw => {
            "The claim"
        }
        CommandKind::OfferTakeback => "The takeback",
        CommandKind::GiveTime { .. } => "The gift of time",
        CommandKind::OfferRematch => "The rematch",
    };
    format!("{what} is refused: {why}.")
}

const fn refusal_in_words(kind: CommandKind, refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::MatchOver => "the match is over",
        Refusal::NotYourTurn => "it is not your turn",
        Refusal::StalePosition => "the position has changed",
        Refusal::IllegalMove => "the rules do not allow it",
        Refusal::TooEarly => match kind {
            CommandKind::Resign => "both sides must have moved first; abort instead",
            CommandKind::OfferTakeback => "you have no move to take back",
            _ => "it is too early for a draw",
        },
        Refusal::TooLate => "both sides have moved; resign instead",
        Refusal::OfferTooSoon => match kind {
            CommandKind::OfferTakeback => "you asked a short while ago",
            CommandKind::OfferRematch => "your offer stands",
            _ => "you offered a draw a short while ago",
        },
        Refusal::NoOffer => "there is no offer",
        Refusal::CommandIdReused => "its number was used for another command",
        Refusal::NotAllowed => "the terms of the match do not allow it",
        Refusal::NoClaim => "no position stood three times, and fifty moves were not made",
        Refusal::OpponentNotGone => "the opponent is not gone for long enough",
        Refusal::NotStarted => "play has not begun",
        Refusal::MatchInPlay => "the match is not over",
        Refusal::AmountOutOfBounds => "5 to 60 seconds can be given",
        Refusal::TooManyEvents => "there were too many offers in this match",
    }
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

    #[test]
    fn a_refusal_says_what_it_is_about() {
        let said = |kind, refusal| refused(kind, WireRefusal::Match(refusal));
        for (kind, refusal, expected) in [
            (
                CommandKind::OfferTakeback,
                Refusal::NotAllowed,
                "The takeback is refused: the terms",
            ),
            (
                CommandKind::OfferTakeback,
                Refusal::TooEarly,
                "no move to take back",
            ),
            (
                CommandKind::OfferDraw,
                Refusal::TooEarly,
                "too early for a draw",
            ),
            (
                CommandKind::ClaimWin,
                Refusal::OpponentNotGone,
                "not gone for long enough",
            ),
            (CommandKind::ClaimDraw, Refusal::NoClaim, "three times"),
        ] {
            let said = said(kind, refusal);
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn the_countdown_of_a_claim_is_never_short() {
        let now = Instant::now();
        let said = |ms| gone(now + Duration::from_millis(ms), now);
        assert!(said(39_001).contains("in 40 s"), "{}", said(39_001));
        assert!(said(1).contains("in 1 s"));
        assert!(said(0).contains("claim win"));
    }
}
