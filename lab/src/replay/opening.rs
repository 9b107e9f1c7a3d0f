//! The beginnings of the games of a PGN file, as a book of openings.

use std::io;

use game_core::{Position, StartPosition, Variant};

use super::game::{start_fen, variant};
use super::notation;
use super::pgn::{self, Record};

/// A position from a book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookPosition {
    /// The line of the file at which its game begins, from 1.
    pub line: usize,
    /// By whose rules.
    pub variant: Variant,
    /// The position, as FEN.
    pub fen: String,
}

/// A game that has no position for a book.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct NoBookPosition {
    /// The line of the file, from 1.
    pub line: usize,
    /// Why.
    pub why: String,
}

/// Reads the games of a PGN text as openings: of each, the position after `plies` half-moves, or after its last one.
///
/// # Errors
///
/// When the text cannot be read; a game that is none is said so in its place.
pub fn read_book(
    pgn: impl io::Read,
    plies: Option<usize>,
) -> io::Result<Vec<Result<BookPosition, NoBookPosition>>> {
    let records = pgn::read(pgn)?.into_iter();
    Ok(records.map(|record| position(&record, plies)).collect())
}

fn position(record: &Record, plies: Option<usize>) -> Result<BookPosition, NoBookPosition> {
    let none = |line: usize, why: String| NoBookPosition { line, why };
    if let Some(flaw) = &record.flaw {
        return Err(none(flaw.line, flaw.what.clone()));
    }
    let variant = variant(record).map_err(|skip| none(skip.line, skip.why))?;
    let fen = start_fen(record).map_err(|skip| none(skip.line, skip.why))?;
    let mut position = match &fen {
        None => Position::initial(variant),
        Some((line, fen)) => StartPosition::parse(variant, fen)
            .map_err(|error| none(*line, format!("{fen:?}: {error}")))?
            .position(),
    };
    let tokens = &record.tokens[..plies.unwrap_or(usize::MAX).min(record.tokens.len())];
    let moves = notation::read(&position, tokens).map_err(|no_move| {
        let line = tokens
            .get(no_move.index)
            .map_or(record.line, |token| token.line);
        none(line, no_move.why)
    })?;
    for uci in moves.moves {
        // They were legal when they were read.
        if let Some(legal) = position.resolve(uci) {
            position.play(legal);
        }
    }
    let fen = position.fen();
    StartPosition::parse(variant, &fen)
        .map_err(|error| none(record.line, format!("the position after it: {error}")))?;
    Ok(BookPosition {
        line: record.line,
        variant,
        fen,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = "[Event \"one\"]\n\n1. e4 e5 2. Nf3 *\n\n[Event \"two\"]\n\n1. d4 (1. c4) d5 {solid} 1/2-1/2\n\n\
        [Event \"three\"]\n\n1. e4 Ke3 *\n\n[FEN \"4k3/8/8/8/8/8/4P3/4K3 w - - 0 1\"]\n[SetUp \"1\"]\n\n1. e4 *\n\n\
        [Event \"mate\"]\n\n1. f3 e5 2. g4 Qh4# 0-1\n";

    #[test]
    fn a_book_has_the_positions_after_its_games() {
        let fens = |plies| -> Vec<_> {
            let positions = read_book(BOOK.as_bytes(), plies).unwrap().into_iter();
            positions
                .map(|position| position.map(|position| position.fen))
                .collect()
        };
        let all = fens(None);
        assert_eq!(
            all[0].as_deref().unwrap(),
            "rnbqkbnr/pppp1ppp/8/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R b KQkq - 1 2"
        );
        assert_eq!(
            all[1].as_deref().unwrap(),
            "rnbqkbnr/ppp1pppp/8/3p4/3P4/8/PPP1PPPP/RNBQKBNR w KQkq - 0 2"
        );
        let illegal = all[2].as_ref().unwrap_err();
        assert_eq!(illegal.line, 11);
        assert!(illegal.why.contains("Ke3"), "{illegal}");
        assert_eq!(
            all[3].as_deref().unwrap(),
            "4k3/8/8/8/4P3/8/8/4K3 b - - 0 1"
        );
        let over = all[4].as_ref().unwrap_err();
        assert!(over.why.contains("after it"), "{over}");
        let short = fens(Some(1));
        assert!(short[2].is_ok() && short[4].is_ok());
        assert_eq!(
            short[1].as_deref().unwrap(),
            "rnbqkbnr/pppppppp/8/8/3P4/8/PPP1PPPP/RNBQKBNR b KQkq - 0 1"
        );
    }
}
