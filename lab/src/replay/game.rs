//! Games of a PGN file, as they are to be played.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use game_core::{
    BySeat, InvalidSetup, Outcome, PLIES_MAX, Position, QUIET_PLIES_MAX, REPETITIONS_MAX, Seat,
    StartPosition, TimeControl, Uci, Variant,
};
use protocol::name;

use super::control::{self, NoControl};
use super::notation;
use super::pgn::{self, Mark, Note, Record, shortened};

/// How a game came to its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The last move ended it.
    ByTheRules,
    /// The flag of this seat, which is to move, fell.
    TimeForfeit(Seat),
    /// This seat resigned or left, or lost on time while the other was to move.
    Resignation(Seat),
    /// Both agreed on a draw, or the draw came about in another way that the board does not show.
    Agreement,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByTheRules => f.write_str("its last move"),
            Self::TimeForfeit(seat) => write!(f, "the flag of {seat}"),
            Self::Resignation(seat) => write!(f, "resignation or flag of {seat}"),
            Self::Agreement => f.write_str("agreement"),
        }
    }
}

/// What there is to say of a line of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The line, from 1.
    pub line: usize,
    /// What there is to say.
    pub what: String,
}

/// One game of a PGN file.
#[derive(Debug, Clone)]
pub struct Game {
    /// Its place in the file, from 1.
    pub number: usize,
    /// Its tags, as the file has them.
    pub tags: HashMap<String, String>,
    /// Whose rules hold.
    pub variant: Variant,
    /// How much time each side had.
    pub time_control: TimeControl,
    /// The position at ply 0 as FEN, unless it is the initial position of the variant.
    pub start_fen: Option<String>,
    /// The moves as they travel.
    pub moves: Vec<Uci>,
    /// The moves as the PGN standard spells them, however the file does.
    pub sans: Vec<String>,
    /// What the mover's clock showed after each move, where the file says it.
    pub clocks: Vec<Option<Duration>>,
    /// The position after the last move.
    pub final_fen: String,
    /// Who won, as the mark at the end of the movetext says.
    pub outcome: Outcome,
    /// How it came to that.
    pub ending: Ending,
    /// Where the file says two things of the result.
    pub contradiction: Option<Remark>,
    /// What was read over.
    pub remarks: Vec<Remark>,
    /// The line of its last move, from 1.
    pub last_line: usize,
}

impl Game {
    /// A tag, or nothing.
    #[must_use]
    pub fn tag(&self, name: &str) -> &str {
        self.tags.get(name).map_or("", String::as_str)
    }

    /// What a seat's player is called, made fit for the matchmaker.
    #[must_use]
    pub fn player_name(&self, seat: Seat) -> Option<String> {
        let tag = match seat {
            Seat::White => "White",
            Seat::Black => "Black",
        };
        name::clean(self.tag(tag)).filter(|name| name != "?")
    }
}

/// Why a game is not played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SkipKind {
    /// No match is like this: an unknown variant, a time control with stages, a game that is not finished.
    Unsupported,
    /// The record is not whole, or cannot be read as it stands.
    Damaged,
}

/// A game that cannot be played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplayable {
    /// Its place in the file, from 1.
    pub number: usize,
    /// Where the reason stands in the file, from 1.
    pub line: usize,
    /// What kind of reason it is.
    pub kind: SkipKind,
    /// Why not.
    pub why: String,
    /// Its tags, as the file has them.
    pub tags: HashMap<String, String>,
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
    let records = pgn::read(pgn)?.into_iter().enumerate();
    let game = |(at, record)| into_game(record, at + 1, default_control);
    Ok(records.map(game).collect())
}

/// The moves of the first game of a PGN text as they are spelt, and its result, of which tag and
/// movetext must say the same. Made for what the server writes: nothing is read over.
///
/// # Errors
///
/// A word on what is wrong with it.
pub(crate) fn movetext(pgn: &str) -> Result<(Vec<String>, String), String> {
    let mut records = pgn::read(pgn.as_bytes()).map_err(|error| error.to_string())?;
    if records.len() > 1 {
        return Err("it holds more than one game".into());
    }
    let record = records.pop().ok_or("it holds no game")?;
    let objection = record.flaw.iter().chain(&record.remarks).next();
    if let Some(Note { line, what }) = objection {
        return Err(format!("line {line}: {what}"));
    }
    let result = record.tag("Result").map_or("", |tag| tag.value.as_str());
    if Mark::of(result) != record.mark {
        return Err("its Result tag differs from the mark of its movetext".into());
    }
    let result = result.to_owned();
    let sans = record.tokens.into_iter().map(|token| token.text);
    Ok((sans.collect(), result))
}

/// Why a record makes no game.
pub(super) struct Skip {
    pub(super) line: usize,
    kind: SkipKind,
    pub(super) why: String,
}

impl Skip {
    fn unsupported(line: usize, why: impl Into<String>) -> Self {
        let (kind, why) = (SkipKind::Unsupported, why.into());
        Self { line, kind, why }
    }

    fn damaged(line: usize, why: impl Into<String>) -> Self {
        let (kind, why) = (SkipKind::Damaged, why.into());
        Self { line, kind, why }
    }
}

fn into_game(
    record: Record,
    number: usize,
    default_control: TimeControl,
) -> Result<Game, Unplayable> {
    let mut tags = HashMap::new();
    for tag in &record.tags {
        // The first counts where a name stands twice.
        tags.entry(tag.name.clone())
            .or_insert_with(|| tag.value.clone());
    }
    match read_record(record, default_control) {
        Ok(game) => Ok(Game {
            number,
            tags,
            ..game
        }),
        Err(Skip { line, kind, why }) => Err(Unplayable {
            number,
            line,
            kind,
            why,
            tags,
        }),
    }
}

/// The game of a record, without its number and tags.
fn read_record(record: Record, default_control: TimeControl) -> Result<Game, Skip> {
    let variant = variant(&record)?;
    if let Some(Note { line, what }) = &record.flaw {
        return Err(Skip::damaged(*line, what.as_str()));
    }
    let (outcome, contradiction) = result(&record)?;
    let time_control = time_control(&record)?.unwrap_or(default_control);
    let start_fen = start_fen(&record)?;
    let start = match &start_fen {
        None if variant == Variant::Chess960 => {
            let why =
                "a game of Chess960 begins from a position of its own, and there is no FEN tag";
            return Err(Skip::damaged(record.line, why));
        }
        None => StartPosition::initial(variant),
        Some((line, fen)) => StartPosition::parse(variant, fen).map_err(|error| match error {
            InvalidSetup::Over => Skip::unsupported(*line, format!("{fen:?}: {error}")),
            InvalidSetup::Fen(_) | InvalidSetup::Position(_) => {
                Skip::damaged(*line, format!("{fen:?}: {error}"))
            }
        })?,
    };
    check_first_number(&record, &start)?;
    let line = Line::play(&start, &record)?;
    let forfeit = record
        .tag("Termination")
        .is_some_and(|tag| tag.value.trim().eq_ignore_ascii_case("time forfeit"));
    let ending = match outcome.winner() {
        _ if line.ends_by_itself => Ending::ByTheRules,
        // A flag can fall in a match only while its seat is to move.
        Some(winner) if forfeit && winner.opponent() == line.turn => Ending::TimeForfeit(line.turn),
        None if forfeit => Ending::TimeForfeit(line.turn),
        Some(winner) => Ending::Resignation(winner.opponent()),
        None => Ending::Agreement,
    };
    check_won(&record, &line, ending)?;
    let remark = |Note { line, what }| Remark { line, what };
    let mut remarks: Vec<Remark> = record.remarks.into_iter().map(remark).collect();
    if let Some(language) = line.language {
        let what = format!("the piece letters are read as {language}");
        let line = record
            .tokens
            .first()
            .map_or(record.line, |token| token.line);
        remarks.push(Remark { line, what });
    }
    remarks.extend(odd_number(&record.numbers, record.first_number, &start));
    let last_line = record.tokens.last().map_or(record.line, |token| token.line);
    Ok(Game {
        number: 0,
        tags: HashMap::new(),
        variant,
        time_control,
        start_fen: start_fen.map(|(_, fen)| fen),
        moves: line.moves,
        sans: line.sans,
        clocks: record.tokens.iter().map(|token| token.clock).collect(),
        final_fen: line.final_fen,
        outcome,
        ending,
        contradiction,
        remarks,
        last_line,
    })
}

/// The first number between the moves that is not the number of the move behind it. The standard asks
/// nobody to believe these numbers (8.2.2); a gap may still be a move that is missing.
fn odd_number(
    numbers: &[(usize, u32, usize)],
    first: Option<(u32, usize)>,
    start: &StartPosition,
) -> Option<Remark> {
    let black_begins = usize::from(start.position().turn() == Seat::Black);
    let begins_with = first.map_or(1, |(number, _)| number);
    numbers.iter().find_map(|&(before, number, line)| {
        let moves = u32::try_from((before + black_begins) / 2).ok()?;
        let expected = begins_with.saturating_add(moves);
        (number != expected).then(|| Remark {
            line,
            what: format!("number {number} stands before move {expected}; the moves count"),
        })
    })
}

/// Resigning, or losing on time, against a side that cannot mate is a draw in a match (FIDE 5.1.2 and
/// 6.9), whatever the file says.
fn check_won(record: &Record, line: &Line, ending: Ending) -> Result<(), Skip> {
    let (Ending::Resignation(loser) | Ending::TimeForfeit(loser)) = ending else {
        return Ok(());
    };
    let drawn = record.mark == Some(Mark::Draw);
    if drawn || line.can_mate[loser.opponent()] {
        return Ok(());
    }
    let last = record.tokens.last().map_or(record.line, |token| token.line);
    let (winner, fen) = (loser.opponent(), &line.final_fen);
    let why = format!("{winner} wins in the file, but cannot mate in {fen}: a match is drawn then");
    Err(Skip::unsupported(last, why))
}

/// The variant by its tag, whose value no standard fixes: that of this server, of Lichess, and other usual names.
pub(super) fn variant(record: &Record) -> Result<Variant, Skip> {
    const STANDARD: [&str; 5] = ["", "standard", "chess", "normal", "fromposition"];
    const CHESS960: [&str; 4] = ["chess960", "fischerandom", "fischerrandom", "960"];
    let Some(tag) = record.tag("Variant") else {
        return Ok(Variant::Standard);
    };
    // "Three-check" and "King of the Hill" are spelt in several ways.
    let plain = |name: &str| name.to_lowercase().replace([' ', '-', '_'], "");
    let name = plain(&tag.value);
    if STANDARD.contains(&name.as_str()) {
        return Ok(Variant::Standard);
    }
    if CHESS960.contains(&name.as_str()) {
        return Ok(Variant::Chess960);
    }
    let is_named = |variant: &Variant| [variant.code(), variant.uci()].map(plain).contains(&name);
    Variant::ALL.into_iter().find(is_named).ok_or_else(|| {
        let why = format!(
            "its variant is {}, which is none of a match",
            shortened(&tag.value)
        );
        Skip::unsupported(tag.line, why)
    })
}

/// The result, which the mark at the end of the movetext says; and whether the tag says another one.
fn result(record: &Record) -> Result<(Outcome, Option<Remark>), Skip> {
    let tag = record.tag("Result");
    let differs = tag.filter(|tag| Mark::of(tag.value.trim()) != record.mark);
    let outcome = match record.mark {
        Some(Mark::WhiteWins) => Outcome::WhiteWins,
        Some(Mark::BlackWins) => Outcome::BlackWins,
        Some(Mark::Draw) => Outcome::Draw,
        Some(Mark::Unfinished) | None => {
            return Err(match differs {
                Some(tag) => Skip::damaged(
                    tag.line,
                    format!(
                        "the Result tag says {}, and the movetext ends with *",
                        shortened(&tag.value)
                    ),
                ),
                None => Skip::unsupported(record.line, "the game is not finished: its result is *"),
            });
        }
    };
    let contradiction = differs.map(|tag| Remark {
        line: tag.line,
        what: format!(
            "the Result tag says {}, the movetext {}; the movetext decides",
            shortened(&tag.value),
            outcome.as_pgn()
        ),
    });
    Ok((outcome, contradiction))
}

fn time_control(record: &Record) -> Result<Option<TimeControl>, Skip> {
    let Some(tag) = record.tag("TimeControl") else {
        return Ok(None);
    };
    control::read(&tag.value).map_err(|error| {
        let why = format!("the time control {}: {error}", shortened(&tag.value));
        match error {
            NoControl::Unsupported(_) => Skip::unsupported(tag.line, why),
            NoControl::Syntax => Skip::damaged(tag.line, why),
        }
    })
}

/// The FEN tag and its line. `SetUp` says whether there is one (PGN standard 9.7); files often forget it
/// and never mean it.
pub(super) fn start_fen(record: &Record) -> Result<Option<(usize, String)>, Skip> {
    let set_up = record.tag("SetUp");
    match (record.tag("FEN"), set_up.map(|tag| tag.value.trim())) {
        (None, Some("1")) => Err(Skip::damaged(
            set_up.map_or(record.line, |tag| tag.line),
            "the SetUp tag says that there is a FEN tag, and there is none",
        )),
        (Some(fen), Some("0")) => Err(Skip::damaged(
            fen.line,
            "the SetUp tag says that there is no FEN tag, and there is one",
        )),
        (fen, _) => Ok(fen.map(|fen| (fen.line, fen.value.trim().to_owned()))),
    }
}

/// Moves that begin with another number than that of the position are the rest of a game of which the
/// beginning is missing.
fn check_first_number(record: &Record, start: &StartPosition) -> Result<(), Skip> {
    match record.first_number {
        Some((number, line)) if number != 1 && number != start.fullmove() => Err(Skip::damaged(
            line,
            format!("its moves begin with number {number}"),
        )),
        _ => Ok(()),
    }
}

/// What the moves lead to.
struct Line {
    moves: Vec<Uci>,
    sans: Vec<String>,
    language: Option<&'static str>,
    final_fen: String,
    turn: Seat,
    ends_by_itself: bool,
    /// Whether each side has the material to mate.
    can_mate: BySeat<bool>,
}

impl Line {
    fn play(start: &StartPosition, record: &Record) -> Result<Self, Skip> {
        let tokens = &record.tokens;
        if let Some(beyond) = tokens.get(usize::from(PLIES_MAX)) {
            let why = format!("a match is drawn after {PLIES_MAX} plies, and the game goes on");
            return Err(Skip::unsupported(beyond.line, why));
        }
        let mut position = start.position();
        let read = notation::read(&position, tokens)
            .map_err(|no_move| Skip::damaged(tokens[no_move.index].line, no_move.why))?;
        let mut seen: HashMap<u64, usize> = HashMap::new();
        let mut sans = Vec::with_capacity(read.moves.len());
        let mut end = by_itself(&position, note(&mut seen, &position));
        for (uci, token) in read.moves.iter().zip(tokens) {
            if let Some(reason) = end {
                let why = format!(
                    "{reason} ends a match before {} (ply {}), and the game goes on",
                    shortened(&token.text),
                    sans.len() + 1
                );
                return Err(Skip::unsupported(token.line, why));
            }
            let Some(legal) = position.resolve(*uci) else {
                let why = format!("{} cannot be played", shortened(&token.text));
                return Err(Skip::damaged(token.line, why));
            };
            sans.push(position.play_in_san(legal));
            end = by_itself(&position, note(&mut seen, &position));
        }
        Ok(Self {
            final_fen: position.fen(),
            turn: position.turn(),
            can_mate: BySeat::new_with(|seat| position.can_mate(seat)),
            ends_by_itself: end.is_some() || sans.len() >= usize::from(PLIES_MAX),
            moves: read.moves,
            language: read.language,
            sans,
        })
    }
}

/// By which rule the game is over in this position, which has stood on the board so often.
fn by_itself(position: &Position, repetitions: usize) -> Option<&'static str> {
    if position.variant_end().is_some() {
        Some("the variant's own rule")
    } else if position.is_checkmate() {
        Some("mate")
    } else if position.is_stalemate() {
        Some("stalemate")
    } else if position.is_dead() {
        Some("a dead position")
    } else if repetitions >= REPETITIONS_MAX {
        Some("the fifth repetition")
    } else if position.quiet_plies() >= QUIET_PLIES_MAX {
        Some("the 75-move rule")
    } else {
        None
    }
}

/// Notes a position; how often it has stood on the board.
fn note(seen: &mut HashMap<u64, usize>, position: &Position) -> usize {
    let count = seen.entry(position.repetition_key()).or_default();
    *count += 1;
    *count
}

#[cfg(test)]
mod tests;
