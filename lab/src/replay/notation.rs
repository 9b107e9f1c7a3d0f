//! Moves as people write them, read in a position.
//!
//! What is meant is found among the legal moves: short or long algebraic notation, UCI, figurines,
//! signs of check and capture that are missing or too many, the piece letters of other languages. A
//! spelling that fits no legal move, or several, is an error.

mod letters;

use game_core::{CastlingSide, File, Move, Position, Rank, Role, San, Square, Uci, Variant};

use super::pgn::{Token, shortened};
use letters::Letters;

/// The moves of a game as they travel, and what there is to say of how they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) moves: Vec<Uci>,
    /// The language of the piece letters, unless it is English.
    pub(super) language: Option<&'static str>,
}

/// A token that names no move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoMove {
    /// Which token, from 0.
    pub(super) index: usize,
    pub(super) why: String,
}

/// Reads the moves from `start` on. Where English piece letters lead nowhere, or pawns are named by a
/// letter that is a piece in other languages, the letters of other languages are tried on the whole
/// game; what they make of it must be one game.
pub(super) fn read(start: &Position, tokens: &[Token]) -> Result<Line, NoMove> {
    let failed = match read_with(start, tokens, &letters::STANDARD) {
        Ok(moves) => {
            let language = None;
            return Ok(Line { moves, language });
        }
        Err(failed) => failed,
    };
    let mut found: Option<Line> = None;
    for letters in letters::OTHERS {
        let Ok(moves) = read_with(start, tokens, letters) else {
            continue;
        };
        match &found {
            Some(other) if other.moves != moves => {
                let first = other.language.unwrap_or("English");
                let why = format!(
                    "the piece letters may be {first} or {}, which makes two games of it",
                    letters.language
                );
                return Err(NoMove { index: 0, why });
            }
            Some(_) => {}
            None => {
                let language = (letters.language != "English").then_some(letters.language);
                found = Some(Line { moves, language });
            }
        }
    }
    found.ok_or(failed)
}

fn read_with(start: &Position, tokens: &[Token], letters: &Letters) -> Result<Vec<Uci>, NoMove> {
    let mut position = start.clone();
    let mut moves = Vec::with_capacity(tokens.len());
    for (index, token) in tokens.iter().enumerate() {
        let no_move = |why: &str| NoMove {
            index,
            why: format!("{} (ply {}) {why}", shortened(&token.text), index + 1),
        };
        let legal = find(&position, token, letters).map_err(no_move)?;
        moves.push(legal.uci());
        position.play(legal);
    }
    Ok(moves)
}

/// The legal move that a token names.
fn find(position: &Position, token: &Token, letters: &Letters) -> Result<Move, &'static str> {
    const UNREADABLE: &str = "cannot be read as a move";
    // Drops, kings that pawns become, and kings that go where castling goes are there in variants only.
    if position.variant() != Variant::Standard && letters.is_standard() {
        let body = without_signs(&token.text).0;
        if let Some(found) = body.parse::<San>().ok().and_then(|san| position.find(san)) {
            return Ok(found);
        }
    }
    let spelling = Spelling::of(&token.text, letters).ok_or(UNREADABLE)?;
    let en_passant = token.en_passant || spelling.en_passant;
    let mut fitting = position
        .legal_moves()
        .into_iter()
        .filter(|&legal| spelling.fits(legal));
    let found = fitting.next().ok_or_else(|| {
        if spelling.lacks_promotion(position) {
            "does not say what the pawn becomes"
        } else {
            "is not legal"
        }
    })?;
    if fitting.next().is_some() {
        return Err("may be more than one move");
    }
    if en_passant && !found.is_en_passant() {
        return Err("does not capture en passant");
    }
    Ok(found)
}

/// Whether a word has a square in it, or castles.
pub(super) fn looks_like_move(word: &str) -> bool {
    let plain = plain(word);
    let squares = plain.as_bytes().windows(2);
    castling(&plain).is_some()
        || squares
            .into_iter()
            .any(|two| matches!(two, [b'a'..=b'h', b'1'..=b'8']))
}

/// What a token says of its move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spelling {
    what: What,
    en_passant: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Castling(CastlingSide),
    Moves {
        /// Any, where no piece is named and both squares are.
        role: Option<Role>,
        from_file: Option<File>,
        from_rank: Option<Rank>,
        captures: bool,
        to_file: File,
        /// Absent in captures like `exd`.
        to_rank: Option<Rank>,
        promotion: Option<Role>,
    },
}

impl Spelling {
    fn of(text: &str, letters: &Letters) -> Option<Self> {
        let plain = plain(text);
        let (body, en_passant) = without_signs(&plain);
        let what = match castling(body) {
            Some(side) => What::Castling(side),
            None => What::of(body, letters)?,
        };
        Some(Self { what, en_passant })
    }

    fn fits(&self, legal: Move) -> bool {
        match self.what {
            What::Castling(side) => legal.castling().is_some_and(|(castles, _)| castles == side),
            What::Moves {
                role,
                from_file,
                from_rank,
                captures,
                to_file,
                to_rank,
                promotion,
            } => {
                let from = |square: Square| {
                    from_file.is_none_or(|file| file == square.file())
                        && from_rank.is_none_or(|rank| rank == square.rank())
                };
                let to = |square: Square| {
                    to_file == square.file() && to_rank.is_none_or(|rank| rank == square.rank())
                };
                // A capture by a pawn that does not say so would be taken for an advance.
                let is_sideways = legal.role() == Role::Pawn
                    && legal.origin().map(Square::file) != Some(legal.target().file());
                role.is_none_or(|role| role == legal.role())
                    && legal.origin().is_some_and(from)
                    && destinations(legal).into_iter().any(to)
                    && (!captures || legal.is_capture())
                    && (!is_sideways || from_file.is_some())
                    && legal.promotion() == promotion
            }
        }
    }

    /// Whether the move would be legal if it said what the pawn becomes.
    fn lacks_promotion(&self, position: &Position) -> bool {
        let What::Moves {
            promotion: None, ..
        } = self.what
        else {
            return false;
        };
        let mut with_queen = *self;
        if let What::Moves { promotion, .. } = &mut with_queen.what {
            *promotion = Some(Role::Queen);
        }
        let legal_moves = position.legal_moves();
        legal_moves.iter().any(|&legal| with_queen.fits(legal))
    }
}

/// Where a move may be said to go: a king that castles to its own new square, or onto the rook.
fn destinations(legal: Move) -> [Square; 2] {
    match legal.castling() {
        Some((_, rook)) => [rook, legal.target()],
        None => [legal.target(); 2],
    }
}

impl What {
    fn of(body: &str, letters: &Letters) -> Option<Self> {
        let (named, rest) = letters.piece(body)?;
        // The last square named is the one the move goes to.
        let is_square = |at: &usize| square_at(rest, *at).is_some();
        let (head, to_file, to_rank, tail) = match (0..rest.len()).rev().find(is_square) {
            Some(at) => {
                let (file, rank) = square_at(rest, at)?;
                (&rest[..at], file, Some(rank), &rest[at + 2..])
            }
            None if named.is_none() => {
                let (head, file, tail) = short_capture(rest)?;
                (head, file, None, tail)
            }
            None => return None,
        };
        let (from, head_captures) = match head.strip_suffix('x') {
            Some(from) => (from, true),
            None => (head.strip_suffix('-').unwrap_or(head), false),
        };
        // The old notation has its sign of capture behind: `ed5:`.
        let (tail, tail_captures) = match tail.strip_prefix('x') {
            Some(tail) => (tail, true),
            None => (tail, false),
        };
        let (from_file, from_rank) = origin(from)?;
        let promotion = match tail {
            "" => None,
            tail => Some(letters.promotion(tail)?),
        };
        let both_squares = from_file.is_some() && from_rank.is_some();
        Some(Self::Moves {
            role: named.or((!both_squares).then_some(Role::Pawn)),
            from_file,
            from_rank,
            captures: head_captures || tail_captures || to_rank.is_none(),
            to_file,
            to_rank,
            promotion,
        })
    }
}

/// `exd`, `ed` and the same with a promotion: where it comes from, where to, and what follows.
fn short_capture(text: &str) -> Option<(&str, File, &str)> {
    let head = text.get(..1)?;
    file_of(head.chars().next()?)?;
    let rest = text.get(1..)?;
    let rest = rest.strip_prefix('x').unwrap_or(rest);
    let to = rest.chars().next().and_then(file_of)?;
    Some((head, to, &rest[1..]))
}

/// The square left, as far as it is named.
fn origin(text: &str) -> Option<(Option<File>, Option<Rank>)> {
    let mut chars = text.chars();
    Some(match (chars.next(), chars.next(), chars.next()) {
        (None, ..) => (None, None),
        (Some(one), None, _) => match file_of(one) {
            Some(file) => (Some(file), None),
            None => (None, Some(rank_of(one)?)),
        },
        (Some(file), Some(rank), None) => (Some(file_of(file)?), Some(rank_of(rank)?)),
        _ => return None,
    })
}

fn square_at(text: &str, at: usize) -> Option<(File, Rank)> {
    let mut chars = text.get(at..)?.chars();
    Some((file_of(chars.next()?)?, rank_of(chars.next()?)?))
}

fn file_of(c: char) -> Option<File> {
    File::from_char(c)
}

fn rank_of(c: char) -> Option<Rank> {
    Rank::from_char(c)
}

fn castling(body: &str) -> Option<CastlingSide> {
    let is_o = |c: char| matches!(c, 'O' | 'o' | '0' | 'О' | 'о');
    if !body.chars().all(|c| is_o(c) || c == '-') {
        return None;
    }
    let (dashes, os) = (body.matches('-').count(), body.matches(is_o).count());
    match os {
        2 if dashes <= 1 => Some(CastlingSide::KingSide),
        3 if dashes == 0 || dashes == 2 => Some(CastlingSide::QueenSide),
        _ => None,
    }
}

/// One sign for each of the dashes and signs of capture that are in use; nothing that chooses how a
/// figurine is drawn.
fn plain(text: &str) -> String {
    let plain = text.chars().filter_map(|c| match c {
        '\u{fe0e}' | '\u{fe0f}' => None,
        '‐' | '‑' | '–' | '—' | '−' => Some('-'),
        '×' | ':' | 'X' => Some('x'),
        _ => Some(c),
    });
    plain.collect()
}

/// A token without its signs of check, quality and en passant; whether there was the last.
fn without_signs(text: &str) -> (&str, bool) {
    const SIGNS: [&str; 22] = [
        "e.p.", "e.p", "ep", "ch.", "ch", "dbl.", "dbl", "dis.", "dis", "mate.", "mate", "++", "+",
        "#", "!", "?", "†", "‡", "±", "∓", "□", "∞",
    ];
    let (mut body, mut en_passant) = (text, false);
    while let Some(sign) = SIGNS.iter().find(|sign| body.ends_with(**sign)) {
        en_passant |= sign.starts_with('e');
        body = &body[..body.len() - sign.len()];
    }
    (body, en_passant)
}
