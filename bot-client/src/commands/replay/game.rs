//! Games of a PGN file, as they are to be played.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use game_core::{Outcome, Seat, TimeControl, Uci};
use pgn_reader::{RawComment, RawTag, Reader, SanPlus, Visitor};
use shakmaty::fen::Fen;
use shakmaty::zobrist::Zobrist64;
use shakmaty::{CastlingMode, Chess, EnPassantMode, Position};

use crate::{canonical, fen_of};

/// Plies without a capture or a pawn move after which a game ends by itself (FIDE 9.6.2).
const QUIET_PLIES_MAX: u32 = 150;
/// How often a position stands on the board when the game ends by itself (FIDE 9.6.1).
const REPETITIONS_MAX: u32 = 5;

/// How a game came to its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The last move ended it.
    ByTheRules,
    /// The flag of this seat, which is to move, fell.
    TimeForfeit(Seat),
    /// This seat resigned or left.
    Resignation(Seat),
    /// Both agreed on a draw, or the draw came about in another way that the board does not show.
    Agreement,
}

/// One game of a PGN file.
#[derive(Debug, Clone)]
pub struct Game {
    /// Its place in the file, from 1.
    pub number: usize,
    /// Its tags, as the file has them.
    pub tags: HashMap<String, String>,
    /// How much time each side had.
    pub time_control: TimeControl,
    /// The position at ply 0 as FEN, unless it is the initial position.
    pub start_fen: Option<String>,
    /// The moves as they travel.
    pub moves: Vec<Uci>,
    /// The moves as the file has them.
    pub sans: Vec<String>,
    /// What the mover's clock showed after each move, where the file says it.
    pub clocks: Vec<Option<Duration>>,
    /// The position after the last move.
    pub final_fen: String,
    /// Who won.
    pub outcome: Outcome,
    /// How it came to that.
    pub ending: Ending,
}

impl Game {
    /// A tag, or nothing.
    #[must_use]
    pub fn tag(&self, name: &str) -> &str {
        self.tags.get(name).map_or("", String::as_str)
    }

    /// What a seat's player is called, fit for the matchmaker.
    #[must_use]
    pub fn player_name(&self, seat: Seat) -> Option<String> {
        let tag = match seat {
            Seat::White => "White",
            Seat::Black => "Black",
        };
        let visible = self.tag(tag).chars().filter(|c| !c.is_control());
        let name: String = visible.take(32).collect();
        let name = name.trim();
        (!name.is_empty() && name != "?").then(|| name.to_owned())
    }
}

/// A game that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplayable {
    /// Its place in the file, from 1.
    pub number: usize,
    /// Why not.
    pub why: String,
}

/// Reads the games of a PGN file.
pub(super) fn read(
    path: &Path,
    default_control: TimeControl,
) -> io::Result<Vec<Result<Game, Unplayable>>> {
    read_games(std::fs::File::open(path)?, default_control)
}

/// Reads the games of a PGN text. `default_control` stands for a `TimeControl` tag that is missing or
/// says that there was none.
///
/// # Errors
///
/// When the text cannot be read; a game that cannot be played is said so in its place.
pub fn read_games(
    pgn: impl io::Read,
    default_control: TimeControl,
) -> io::Result<Vec<Result<Game, Unplayable>>> {
    let mut reader = Reader::new(pgn);
    let mut games = Vec::new();
    while let Some(raw) = reader.read_game(&mut Collector)? {
        let number = games.len() + 1;
        let game = raw
            .and_then(|raw| raw.into_game(number, default_control))
            .map_err(|why| Unplayable { number, why });
        games.push(game);
    }
    Ok(games)
}

/// The moves of the first game of a PGN text, and its `Result` tag.
///
/// # Errors
///
/// A word on what is wrong with it.
pub(crate) fn movetext(pgn: &str) -> Result<(Vec<String>, String), String> {
    let game = Reader::new(pgn.as_bytes()).read_game(&mut Collector);
    let raw = game
        .map_err(|error| error.to_string())?
        .ok_or("it holds no game")??;
    let result = raw.tags.get("Result").cloned().unwrap_or_default();
    Ok((raw.sans.iter().map(ToString::to_string).collect(), result))
}

/// A game as it stands in the file.
#[derive(Debug, Default)]
struct Raw {
    tags: HashMap<String, String>,
    sans: Vec<SanPlus>,
    clocks: Vec<Option<Duration>>,
}

struct Collector;

impl Visitor for Collector {
    type Tags = Raw;
    type Movetext = Raw;
    type Output = Result<Raw, String>;

    fn begin_tags(&mut self) -> ControlFlow<Self::Output, Raw> {
        ControlFlow::Continue(Raw::default())
    }

    fn tag(&mut self, raw: &mut Raw, name: &[u8], value: RawTag<'_>) -> ControlFlow<Self::Output> {
        let name = String::from_utf8_lossy(name).into_owned();
        raw.tags
            .insert(name, value.decode_utf8_lossy().into_owned());
        ControlFlow::Continue(())
    }

    fn begin_movetext(&mut self, raw: Raw) -> ControlFlow<Self::Output, Raw> {
        ControlFlow::Continue(raw)
    }

    fn san(&mut self, raw: &mut Raw, san: SanPlus) -> ControlFlow<Self::Output> {
        raw.sans.push(san);
        raw.clocks.push(None);
        ControlFlow::Continue(())
    }

    fn comment(&mut self, raw: &mut Raw, comment: RawComment<'_>) -> ControlFlow<Self::Output> {
        let clock = clock_of(&String::from_utf8_lossy(comment.as_bytes()));
        if let (Some(last), Some(clock)) = (raw.clocks.last_mut(), clock) {
            *last = Some(clock);
        }
        ControlFlow::Continue(())
    }

    fn end_game(&mut self, raw: Raw) -> Self::Output {
        Ok(raw)
    }
}

impl Raw {
    fn into_game(self, number: usize, default_control: TimeControl) -> Result<Game, String> {
        let tag = |name: &str| self.tags.get(name).map_or("", String::as_str);
        let outcome = match tag("Result") {
            "1-0" => Outcome::WhiteWins,
            "0-1" => Outcome::BlackWins,
            "1/2-1/2" => Outcome::Draw,
            other => return Err(format!("its result is {other:?}")),
        };
        if !matches!(tag("Variant"), "" | "Standard" | "From Position") {
            return Err(format!("its variant is {}", tag("Variant")));
        }
        let time_control = match tag("TimeControl") {
            "" | "-" | "?" => default_control,
            text => text.parse().map_err(|error| format!("{text:?}: {error}"))?,
        };
        let start_fen = self.tags.get("FEN").cloned();
        let line = Line::play(start_fen.as_deref(), &self.sans)?;
        let ending = match outcome.winner() {
            _ if line.ends_by_itself => Ending::ByTheRules,
            _ if tag("Termination").eq_ignore_ascii_case("time forfeit") => {
                Ending::TimeForfeit(line.turn)
            }
            Some(winner) => Ending::Resignation(winner.opponent()),
            None => Ending::Agreement,
        };
        Ok(Game {
            number,
            time_control,
            start_fen,
            moves: line.moves,
            sans: self.sans.iter().map(ToString::to_string).collect(),
            clocks: self.clocks,
            final_fen: line.final_fen,
            outcome,
            ending,
            tags: self.tags,
        })
    }
}

/// What the moves lead to.
struct Line {
    moves: Vec<Uci>,
    final_fen: String,
    turn: Seat,
    ends_by_itself: bool,
}

impl Line {
    fn play(start_fen: Option<&str>, sans: &[SanPlus]) -> Result<Self, String> {
        let mut position = start(start_fen)?;
        let mut moves = Vec::with_capacity(sans.len());
        let mut seen: HashMap<u64, u32> = HashMap::new();
        let mut repetitions = note(&mut seen, &position);
        for (index, san) in sans.iter().enumerate() {
            let illegal = |_| format!("{san} (ply {}) is not legal", index + 1);
            let legal = san.san.to_move(&position).map_err(illegal)?;
            moves.push(canonical(legal).ok_or("a move that cannot travel")?);
            position.play_unchecked(legal);
            repetitions = note(&mut seen, &position);
        }
        Ok(Self {
            moves,
            final_fen: fen_of(&position),
            turn: position.turn().into(),
            ends_by_itself: position.is_game_over()
                || position.halfmoves() >= QUIET_PLIES_MAX
                || repetitions >= REPETITIONS_MAX,
        })
    }
}

fn start(fen: Option<&str>) -> Result<Chess, String> {
    let Some(text) = fen else {
        return Ok(Chess::default());
    };
    let fen: Fen = text.parse().map_err(|error| format!("{text:?}: {error}"))?;
    fen.into_position(CastlingMode::Standard)
        .map_err(|error| format!("{text:?}: {error}"))
}

/// Notes a position; how often it has stood on the board.
fn note(seen: &mut HashMap<u64, u32>, position: &Chess) -> u32 {
    let hash: Zobrist64 = position.zobrist_hash(EnPassantMode::Legal);
    let count = seen.entry(hash.into()).or_default();
    *count += 1;
    *count
}

/// The time of a `[%clk h:mm:ss]` in a comment.
fn clock_of(comment: &str) -> Option<Duration> {
    let (_, after) = comment.split_once("[%clk ")?;
    let (text, _) = after.split_once(']')?;
    text.trim()
        .split(':')
        .try_fold(Duration::ZERO, |sum, part| {
            let seconds = part.parse::<f64>().ok()?;
            let seconds = Duration::try_from_secs_f64(seconds).ok()?;
            sum.checked_mul(60)?.checked_add(seconds)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(pgn: &str) -> Vec<Result<Game, Unplayable>> {
        let control = TimeControl::from_millis(60_000, 0).unwrap();
        read_games(pgn.as_bytes(), control).unwrap()
    }

    fn one(tags: &str, movetext: &str) -> Result<Game, Unplayable> {
        let pgn = format!("[Event \"x\"]\n{tags}\n\n{movetext}\n");
        read_text(&pgn).remove(0)
    }

    #[test]
    fn endings_are_told_apart() {
        let result = |result: &str, termination: &str| {
            format!("[Result \"{result}\"]\n[Termination \"{termination}\"]")
        };
        let (white, black) = (Seat::White, Seat::Black);
        for (tags, movetext, expected) in [
            (
                result("0-1", "Normal"),
                "1. f3 e5 2. g4 Qh4# 0-1",
                Ending::ByTheRules,
            ),
            (
                result("0-1", "Normal"),
                "1. f3 e5 0-1",
                Ending::Resignation(white),
            ),
            (
                result("1-0", "Abandoned"),
                "1-0",
                Ending::Resignation(black),
            ),
            (
                result("1-0", "Time forfeit"),
                "1. f3 1-0",
                Ending::TimeForfeit(black),
            ),
            (
                result("1/2-1/2", "Time forfeit"),
                "1. f3 1/2-1/2",
                Ending::TimeForfeit(black),
            ),
            (
                result("1/2-1/2", "Normal"),
                "1. f3 e5 1/2-1/2",
                Ending::Agreement,
            ),
        ] {
            assert_eq!(
                one(&tags, movetext).unwrap().ending,
                expected,
                "{tags} {movetext}"
            );
        }
    }

    #[test]
    fn a_game_is_read_with_its_clocks_and_its_castling() {
        let tags = "[Result \"1-0\"]\n[TimeControl \"300+3\"]\n[White \"A\"]\n[Black \"?\"]";
        let movetext = "1. e4 { [%clk 0:05:00] } e5 2. Nf3 { good [%clk 1:00:01.5] } (2. f4) Nc6 \
                        3. Bc4 Bc5 4. O-O 1-0";
        let game = one(tags, movetext).unwrap();
        assert_eq!(game.moves.last().unwrap().to_string(), "e1g1");
        assert_eq!(game.sans, ["e4", "e5", "Nf3", "Nc6", "Bc4", "Bc5", "O-O"]);
        let clocks: Vec<_> = game
            .clocks
            .iter()
            .flatten()
            .map(Duration::as_millis)
            .collect();
        assert_eq!(clocks, [300_000, 3_601_500]);
        assert_eq!(game.time_control.to_string(), "300+3");
        assert_eq!(game.player_name(Seat::White).as_deref(), Some("A"));
        assert_eq!(game.player_name(Seat::Black), None);
    }

    #[test]
    fn a_fifth_repetition_ends_a_game() {
        let tags = "[Result \"1/2-1/2\"]";
        let shuffle = "Nf3 Nf6 Ng1 Ng8 ";
        let four = one(tags, &format!("{} 1/2-1/2", shuffle.repeat(3))).unwrap();
        assert_eq!(four.ending, Ending::Agreement);
        let five = one(tags, &format!("{} 1/2-1/2", shuffle.repeat(4))).unwrap();
        assert_eq!(five.ending, Ending::ByTheRules);
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        for (tags, movetext, why) in [
            ("[Result \"*\"]", "1. e4 *", "result"),
            ("[Result \"1-0\"]", "1. e5 1-0", "not legal"),
            ("[Result \"1-0\"]\n[Variant \"Atomic\"]", "1-0", "variant"),
            (
                "[Result \"1-0\"]\n[TimeControl \"fast\"]",
                "1-0",
                "time control",
            ),
            ("[Result \"1-0\"]\n[FEN \"nonsense\"]", "1-0", "nonsense"),
        ] {
            let unplayable = one(tags, movetext).unwrap_err();
            assert!(unplayable.why.contains(why), "{unplayable:?}");
        }
    }
}
