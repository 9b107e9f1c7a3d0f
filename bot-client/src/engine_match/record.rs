//! The games of a run in a PGN file: how one is written, and which are there already.

use std::fmt::Write as _;
use std::time::Duration;

use game_core::{MatchId, Outcome, Seat, StartPosition, Termination, Uci};
use lab::engine::EngineScore;

use super::schedule::Scheduled;

/// How an engine failed in a game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    /// Whose engine.
    pub(super) seat: Seat,
    /// What happened.
    pub(super) why: String,
}

/// How a game ended, as the run counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    /// The result.
    pub(super) outcome: Outcome,
    /// The `Termination` tag.
    pub(super) termination: &'static str,
    /// In words, for people.
    pub(super) why: String,
}

impl Ending {
    /// The ending of a match that ended so on the server. `None` if the match has no result and no engine is to blame: it has
    /// to be played again.
    pub(super) fn of(
        (outcome, termination): (Outcome, Termination),
        failed: Option<&Failed>,
    ) -> Option<Self> {
        let ending = |outcome, termination, why: String| {
            Some(Self {
                outcome,
                termination,
                why,
            })
        };
        let ended_by_hand = matches!(
            termination,
            Termination::Resignation
                | Termination::Aborted
                | Termination::WhiteNoStart
                | Termination::BlackNoStart
        );
        if let Some(Failed { seat, why }) = failed
            && ended_by_hand
        {
            // A match that is given up before both have moved is aborted on the server; the engine has lost it here.
            let outcome = match outcome {
                Outcome::Aborted => Outcome::win_of(seat.opponent()),
                outcome => outcome,
            };
            return ending(
                outcome,
                "abandoned",
                format!("the engine of {seat} failed: {why}"),
            );
        }
        let side = outcome.winner().map_or("nobody", |seat| match seat {
            Seat::White => "White",
            Seat::Black => "Black",
        });
        match (outcome, termination) {
            (Outcome::Aborted, _) => None,
            // No engine resigns or offers a draw by itself.
            (_, Termination::Resignation) => ending(
                outcome,
                "adjudication",
                format!("{side} wins by adjudication"),
            ),
            (_, Termination::DrawAgreement) => {
                ending(outcome, "adjudication", "draw by adjudication".into())
            }
            (_, Termination::Adjudicated) => {
                ending(outcome, "adjudication", "decided by an arbiter".into())
            }
            (Outcome::Draw, Termination::TimeForfeit) => ending(
                outcome,
                "time forfeit",
                "drawn on time: the other side cannot mate".into(),
            ),
            (_, Termination::TimeForfeit) => {
                ending(outcome, "time forfeit", format!("{side} wins on time"))
            }
            (_, Termination::Checkmate) => ending(outcome, "normal", format!("{side} mates")),
            (_, Termination::Abandoned) => ending(
                outcome,
                "abandoned",
                format!("{side} claims an abandoned match"),
            ),
            (Outcome::Draw, other) => ending(outcome, "normal", format!("draw by {other}")),
            (_, other) => ending(outcome, "normal", format!("{side} wins by {other}")),
        }
    }
}

/// What is known of a move beside the move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MoveNote {
    /// What the engine thought of its position.
    pub(super) score: Option<EngineScore>,
    /// How deep it searched.
    pub(super) depth: Option<u16>,
    /// How long it thought.
    pub(super) took: Duration,
}

/// A game that is over.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    /// Which game of the run.
    pub(super) scheduled: Scheduled,
    /// Its match on the server.
    pub(super) match_id: MatchId,
    /// Where it began.
    pub(super) start: StartPosition,
    /// Its moves.
    pub(super) moves: Vec<Uci>,
    /// What is known of each move, where anything is.
    pub(super) notes: Vec<Option<MoveNote>>,
    /// How it ended.
    pub(super) ending: Ending,
    /// The record that the server has of it.
    pub(super) server_pgn: String,
}

/// What all records of a run have in common.
#[derive(Debug, Clone)]
pub(super) struct Heading<'a> {
    /// The identity of the run.
    pub(super) run: &'a str,
    /// The event.
    pub(super) event: &'a str,
    /// Where it was played.
    pub(super) site: &'a str,
}

/// Tags by which the games of a run are known in a file.
const RUN_TAG: &str = "Run";
const NUMBER_TAG: &str = "GameNumber";

/// A game as PGN, with an empty line behind it.
pub(super) fn write(heading: &Heading<'_>, names: (&str, &str), game: &Finished) -> String {
    let mut pgn = String::new();
    let scheduled = &game.scheduled;
    let result = game.ending.outcome.as_pgn();
    let of_server = |name: &str| tag_of(&game.server_pgn, name).unwrap_or("?").to_owned();
    let mut tag = |name: &str, value: &str| push_tag(&mut pgn, name, value);
    tag("Event", heading.event);
    tag("Site", heading.site);
    tag("Date", &of_server("Date"));
    tag(
        "Round",
        &format!("{}.{}", scheduled.round, scheduled.in_round),
    );
    tag("White", names.0);
    tag("Black", names.1);
    tag("Result", result);
    tag("GameId", &game.match_id.to_string());
    tag(RUN_TAG, heading.run);
    tag(NUMBER_TAG, &scheduled.number.to_string());
    for name in ["UTCDate", "UTCTime"] {
        tag(name, &of_server(name));
    }
    for name in ["TimeControl", "WhiteTimeControl", "BlackTimeControl"] {
        if let Some(control) = tag_of(&game.server_pgn, name) {
            tag(name, control);
        }
    }
    tag("PlyCount", &game.moves.len().to_string());
    tag("Termination", game.ending.termination);
    if let Some(variant) = game.start.variant().pgn() {
        tag("Variant", variant);
    }
    if !game.start.is_initial() {
        tag("SetUp", "1");
        tag("FEN", &game.start.fen());
    }
    pgn.push('\n');
    let mut column = 0;
    for token in movetext(game) {
        push_token(&mut pgn, &mut column, &token);
    }
    push_token(
        &mut pgn,
        &mut column,
        &format!("{{ {} }}", comment(&game.ending.why)),
    );
    push_token(&mut pgn, &mut column, result);
    pgn.push_str("\n\n");
    pgn
}

/// The moves with their numbers, and what is known of each in a comment.
fn movetext(game: &Finished) -> Vec<String> {
    let mut position = game.start.position();
    let mut tokens = Vec::new();
    for (index, uci) in game.moves.iter().enumerate() {
        let number = position.move_number();
        let after_comment = index == 0 || game.notes.get(index - 1).copied().flatten().is_some();
        match position.turn() {
            Seat::White => tokens.push(format!("{number}.")),
            Seat::Black if after_comment => tokens.push(format!("{number}...")),
            Seat::Black => {}
        }
        // The moves of a match are legal; a record that ends early is better than none.
        let Some(legal) = position.resolve(*uci) else {
            break;
        };
        tokens.push(position.play_in_san(legal));
        if let Some(note) = game.notes.get(index).copied().flatten() {
            let took = note.took.as_secs_f64();
            let score = note
                .score
                .map(|score| format!("{score}/{} ", note.depth.unwrap_or(0)));
            let score = score.unwrap_or_default();
            tokens.push(format!("{{{score}{took:.3}s}}"));
        }
    }
    tokens
}

/// Text that does not end the comment that it stands in.
fn comment(text: &str) -> String {
    let plain = |c: char| {
        if c == '}' || c == '{' || c.is_control() {
            ' '
        } else {
            c
        }
    };
    text.chars().map(plain).collect()
}

fn push_token(pgn: &mut String, column: &mut usize, token: &str) {
    const COLUMNS: usize = 80;
    let len = token.chars().count();
    if *column > 0 {
        if *column + 1 + len >= COLUMNS {
            pgn.push('\n');
            *column = 0;
        } else {
            pgn.push(' ');
            *column += 1;
        }
    }
    pgn.push_str(token);
    *column += len;
}

fn push_tag(pgn: &mut String, name: &str, value: &str) {
    let _ = write!(pgn, "[{name} \"");
    for c in value.chars() {
        match c {
            '"' | '\\' => pgn.extend(['\\', c]),
            c if c.is_control() => pgn.push(' '),
            c => pgn.push(c),
        }
    }
    pgn.push_str("\"]\n");
}

/// The value of a tag of one game, as it stands in the text.
fn tag_of<'a>(pgn: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = pgn.lines().take_while(|line| line.starts_with('['));
    lines.find_map(|line| {
        let value = line
            .strip_prefix('[')?
            .strip_prefix(name)?
            .strip_prefix(" \"")?;
        value.strip_suffix("\"]")
    })
}

/// Number and result of each game of a run in a file, in its order.
pub(super) fn written(text: &str, run: &str) -> Vec<(u32, Outcome)> {
    let mut games: Vec<(u32, Outcome)> = Vec::new();
    let mut begin = 0;
    while begin < text.len() {
        let end = next_game(text, begin);
        let game = &text[begin..end];
        begin = end;
        if tag_of(game, RUN_TAG) != Some(run) || !is_whole(game) {
            continue;
        }
        let number = tag_of(game, NUMBER_TAG).and_then(|number| number.parse().ok());
        let result = tag_of(game, "Result").and_then(outcome_of);
        if let Some((number, outcome)) = number.zip(result)
            && games.iter().all(|(other, _)| *other != number)
        {
            games.push((number, outcome));
        }
    }
    games
}

/// Where the game after the one at `begin` begins.
fn next_game(text: &str, begin: usize) -> usize {
    let rest = &text[begin..];
    let found = rest.get(1..).and_then(|rest| rest.find("\n[Event "));
    found.map_or(text.len(), |at| begin + at + 2)
}

/// Whether a game was written to its end: its result and an empty line.
pub(super) fn is_whole(game: &str) -> bool {
    let Some(moves) = game
        .trim_end_matches(['\n', '\r'])
        .rsplit(char::is_whitespace)
        .next()
    else {
        return false;
    };
    let is_result = matches!(moves, "1-0" | "0-1" | "1/2-1/2" | "*");
    is_result && (game.ends_with("\n\n") || game.ends_with("\r\n\r\n"))
}

fn outcome_of(text: &str) -> Option<Outcome> {
    let outcomes = [Outcome::WhiteWins, Outcome::BlackWins, Outcome::Draw];
    outcomes
        .into_iter()
        .find(|outcome| outcome.as_pgn() == text)
}

#[cfg(test)]
mod tests {
    use game_core::Variant;

    use super::super::schedule::{Schedule, Tournament};
    use super::*;

    fn game(number: u32, outcome: Outcome) -> Finished {
        let schedule = Schedule::new(Tournament::RoundRobin, 2, 50, 2, 2, true);
        let fen = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1";
        let note = MoveNote {
            score: Some(EngineScore::Centipawns(-31)),
            depth: Some(12),
            took: Duration::from_millis(250),
        };
        Finished {
            scheduled: schedule.game(number).unwrap(),
            match_id: "AbCdEfGhIjKl".parse().unwrap(),
            start: StartPosition::parse(Variant::Standard, fen).unwrap(),
            moves: ["e7e5", "g1f3", "b8c6"]
                .map(|uci| uci.parse().unwrap())
                .to_vec(),
            notes: vec![Some(note), None, Some(note)],
            ending: Ending {
                outcome,
                termination: "adjudication",
                why: "White {wins}".into(),
            },
            server_pgn:
                "[Event \"x\"]\n[Date \"2026.11.27\"]\n[TimeControl \"10+0.1\"]\n\n1... e5 *\n"
                    .into(),
        }
    }

    fn text(number: u32, outcome: Outcome) -> String {
        let heading = Heading {
            run: "r1",
            event: "A \"cup\"",
            site: "here",
        };
        write(&heading, ("new", "old"), &game(number, outcome))
    }

    #[test]
    fn a_game_is_written_as_pgn_with_its_scores() {
        let expected = "[Event \"A \\\"cup\\\"\"]\n[Site \"here\"]\n[Date \"2026.11.27\"]\n[Round \"2.1\"]\n\
            [White \"new\"]\n[Black \"old\"]\n[Result \"1-0\"]\n[GameId \"AbCdEfGhIjKl\"]\n[Run \"r1\"]\n\
            [GameNumber \"3\"]\n[UTCDate \"?\"]\n[UTCTime \"?\"]\n[TimeControl \"10+0.1\"]\n[PlyCount \"3\"]\n\
            [Termination \"adjudication\"]\n[SetUp \"1\"]\n\
            [FEN \"rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1\"]\n\n\
            1... e5 {-0.31/12 0.250s} 2. Nf3 Nc6 {-0.31/12 0.250s} { White  wins  } 1-0\n\n";
        assert_eq!(text(3, Outcome::WhiteWins), expected);
    }

    #[test]
    fn the_games_of_a_run_are_found_again_if_they_are_whole() {
        let other = "[Event \"another\"]\n[Result \"1-0\"]\n\n1. e4 1-0\n\n";
        let (two, one) = (text(2, Outcome::Draw), text(1, Outcome::BlackWins));
        let whole = format!("{other}{two}{one}");
        assert_eq!(
            written(&whole, "r1"),
            [(2, Outcome::Draw), (1, Outcome::BlackWins)]
        );
        assert_eq!(written(&whole, "r2"), []);
        assert_eq!(written("", "r1"), []);
        for cut in [1, 20, 200, one.len() - 3, one.len() - 1] {
            let torn = format!("{two}{}", &one[..cut]);
            assert!(!is_whole(&one[..cut]));
            assert!(
                written(&torn, "r1").iter().all(|(number, _)| *number == 2),
                "{cut}"
            );
        }
        assert!(is_whole(&one));
    }

    #[test]
    fn endings_say_who_is_to_blame() {
        let failed = Failed {
            seat: Seat::White,
            why: "it died".into(),
        };
        let of = |outcome, termination, failed: Option<&Failed>| {
            let ending = Ending::of((outcome, termination), failed);
            ending.map(|ending| (ending.outcome, ending.termination))
        };
        use Outcome::{Aborted, BlackWins, Draw, WhiteWins};
        assert_eq!(of(Aborted, Termination::WhiteNoStart, None), None);
        assert_eq!(
            of(Aborted, Termination::Aborted, Some(&failed)),
            Some((BlackWins, "abandoned"))
        );
        assert_eq!(
            of(BlackWins, Termination::Resignation, Some(&failed)),
            Some((BlackWins, "abandoned"))
        );
        assert_eq!(
            of(BlackWins, Termination::Resignation, None),
            Some((BlackWins, "adjudication"))
        );
        // Its engine failed, but the flag fell before.
        assert_eq!(
            of(BlackWins, Termination::TimeForfeit, Some(&failed)),
            Some((BlackWins, "time forfeit"))
        );
        assert_eq!(
            of(WhiteWins, Termination::Checkmate, None),
            Some((WhiteWins, "normal"))
        );
        assert_eq!(
            of(Draw, Termination::DrawAgreement, None),
            Some((Draw, "adjudication"))
        );
        assert_eq!(
            of(Draw, Termination::FiftyMoves, None),
            Some((Draw, "normal"))
        );
    }
}
