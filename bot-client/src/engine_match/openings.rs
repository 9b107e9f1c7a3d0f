//! Where games begin: a file of positions, and which of them comes when.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use game_core::{StartPosition, Variant};
use lab::replay::read_book;

/// A file of openings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// Where it is.
    pub(super) file: PathBuf,
    /// How it is written.
    pub(super) format: Format,
    /// Which comes when.
    pub(super) order: Order,
    /// Of PGN, how many half-moves belong to the opening; all, without a number.
    pub(super) plies: Option<usize>,
    /// The first one that is played, from 1.
    pub(super) start: usize,
}

/// How openings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A position a line: FEN without its counters, and operations behind it.
    Epd,
    /// Games.
    Pgn,
}

/// Which opening comes when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As they stand in the file.
    Sequential,
    /// In an order that the seed determines.
    Random,
}

/// Why there are no openings.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpeningsError {
    /// The file cannot be read.
    #[error("cannot read {file}: {error}")]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A position of it cannot be played.
    #[error("{file}, line {line}: {why}")]
    Position {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why not.
        why: String,
    },
    /// There is none.
    #[error("{0} holds no opening, or fewer than start= says")]
    None(PathBuf),
}

/// Openings in the order of play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Openings {
    fens: Vec<String>,
}

impl Openings {
    /// The initial position alone.
    pub(super) const fn none() -> Self {
        Self { fens: Vec::new() }
    }

    /// Reads a file. `seed` determines a random order, which is the same for ever.
    pub(super) fn read(
        source: &Source,
        variant: Variant,
        seed: u64,
    ) -> Result<Self, OpeningsError> {
        let unreadable = |error| OpeningsError::File {
            file: source.file.clone(),
            error,
        };
        let file = File::open(&source.file).map_err(unreadable)?;
        let mut fens = match source.format {
            Format::Epd => epd(source, variant, BufReader::new(file))?,
            Format::Pgn => pgn(source, variant, file)?,
        };
        if source.order == Order::Random {
            shuffle(&mut fens, seed);
        }
        if source.start > fens.len() {
            return Err(OpeningsError::None(source.file.clone()));
        }
        fens.rotate_left(source.start - 1);
        Ok(Self { fens })
    }

    /// The position of an opening as FEN, counted from 0; after the last one the first comes again. `None` is the
    /// initial position.
    pub(super) fn fen(&self, opening: u32) -> Option<&str> {
        let len = u32::try_from(self.fens.len()).unwrap_or(u32::MAX);
        let index = opening.checked_rem(len)?;
        self.fens
            .get(usize::try_from(index).ok()?)
            .map(String::as_str)
    }
}

fn epd(
    source: &Source,
    variant: Variant,
    lines: impl BufRead,
) -> Result<Vec<String>, OpeningsError> {
    let mut fens = Vec::new();
    for (index, line) in lines.lines().enumerate() {
        let line = line.map_err(|error| OpeningsError::File {
            file: source.file.clone(),
            error,
        })?;
        let line = line.trim_start_matches('\u{feff}').trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let fen = fen_of_epd(line);
        let checked = StartPosition::parse(variant, &fen);
        let checked = checked.map_err(|error| OpeningsError::Position {
            file: source.file.clone(),
            line: index + 1,
            why: format!("{line:?}: {error}"),
        })?;
        fens.push(checked.fen());
    }
    Ok(fens)
}

fn pgn(source: &Source, variant: Variant, file: File) -> Result<Vec<String>, OpeningsError> {
    let read = read_book(file, source.plies).map_err(|error| OpeningsError::File {
        file: source.file.clone(),
        error,
    })?;
    let refused = |line: usize, why: String| OpeningsError::Position {
        file: source.file.clone(),
        line,
        why,
    };
    let mut fens = Vec::new();
    for position in read {
        let position = position.map_err(|none| refused(none.line, none.why))?;
        if position.variant != variant {
            let why = format!(
                "a game of {}, and the run is of {variant}",
                position.variant
            );
            return Err(refused(position.line, why));
        }
        fens.push(position.fen);
    }
    Ok(fens)
}

/// A line of EPD as FEN: four fields, then operations, of which `hmvc` and `fmvn` are the counters. Lines of FEN, which
/// many books have, are FEN already.
fn fen_of_epd(line: &str) -> String {
    let mut fields = line.split_whitespace();
    let position: Vec<&str> = fields.by_ref().take(4).collect();
    let rest: Vec<&str> = fields.collect();
    let is_number =
        |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Variants have a field more, such as the checks that are left.
    let is_fen = rest.len() >= 2
        && rest[rest.len() - 2..]
            .iter()
            .all(|field| is_number(&field.trim_end_matches(';')));
    if is_fen && !line.contains(';') {
        return line.to_owned();
    }
    let counter = |name: &str, usual: &'static str| {
        let operations = line.split(';').map(|operation| {
            let words = operation.split_whitespace();
            words.rev().take(2).collect::<Vec<_>>()
        });
        let mut values = operations.filter_map(|words| match words[..] {
            [value, key] if key == name && is_number(&value) => Some(value.to_owned()),
            _ => None,
        });
        values.next().unwrap_or_else(|| usual.to_owned())
    };
    let (halfmoves, number) = (counter("hmvc", "0"), counter("fmvn", "1"));
    format!("{} {halfmoves} {number}", position.join(" "))
}

/// Fisher and Yates' shuffle by numbers that depend on the seed alone (SplitMix64), so that a run that is continued by a
/// later version has the same order.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    for last in (1..items.len()).rev() {
        // The remainder prefers small numbers by less than one in 2³².
        let other = next() % (last as u64 + 1);
        items.swap(last, usize::try_from(other).unwrap_or_default());
    }
}

/// A seed from a text (FNV-1a).
pub(super) fn seed_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const EPD: &str = "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - hmvc 0; fmvn 1;\n\n\
        # a comment\nrnbqkbnr/ppp1pppp/8/3p4/3P4/8/PPP1PPPP/RNBQKBNR w KQkq - id \"d4 d5\";\n\
        r1bqkbnr/pppp1ppp/2n5/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R w KQkq - 2 3\n";

    fn source(text: &str, format: Format, order: Order) -> (tempfile::NamedTempFile, Source) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let source = Source {
            file: file.path().to_owned(),
            format,
            order,
            plies: None,
            start: 1,
        };
        (file, source)
    }

    fn read(text: &str, change: impl FnOnce(&mut Source)) -> Result<Vec<String>, String> {
        let (_file, mut source) = source(text, Format::Epd, Order::Sequential);
        change(&mut source);
        let read = Openings::read(&source, Variant::Standard, 1);
        read.map(|openings| openings.fens)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn positions_are_read_with_their_counters() {
        let fens = read(EPD, |_| {}).unwrap();
        assert_eq!(
            fens,
            [
                "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1",
                "rnbqkbnr/ppp1pppp/8/3p4/3P4/8/PPP1PPPP/RNBQKBNR w KQkq - 0 1",
                "r1bqkbnr/pppp1ppp/2n5/4p3/4P3/5N2/PPPP1PPP/RNBQKB1R w KQkq - 2 3",
            ]
        );
        let rotated = read(EPD, |source| source.start = 3).unwrap();
        assert_eq!((&rotated[0], &rotated[1]), (&fens[2], &fens[0]));
        assert_eq!(
            fen_of_epd("4k3/8/8/8/8/8/4P3/4K3 w - - bm e4; hmvc 7; fmvn 30;"),
            "4k3/8/8/8/8/8/4P3/4K3 w - - 7 30"
        );
    }

    #[test]
    fn openings_come_again_after_the_last() {
        let openings = Openings {
            fens: vec!["a".into(), "b".into()],
        };
        let all: Vec<_> = (0..5).filter_map(|opening| openings.fen(opening)).collect();
        assert_eq!(all, ["a", "b", "a", "b", "a"]);
        assert_eq!(Openings::none().fen(7), None);
    }

    #[test]
    fn a_random_order_is_that_of_the_seed() {
        let order = |seed| {
            let mut items: Vec<u32> = (0..8).collect();
            shuffle(&mut items, seed);
            items
        };
        // For ever: a run that is continued by a later version has the same openings.
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        let mut sorted = order(3);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..8).collect::<Vec<_>>());
        assert_eq!(seed_of(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(seed_of("a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn what_is_no_opening_is_named_with_its_line() {
        let said = read("\nnonsense\n", |_| {}).unwrap_err();
        assert!(said.contains("line 2"), "{said}");
        let mate = "rnb1kbnr/pppp1ppp/8/4p3/6Pq/5P2/PPPPP2P/RNBQKBNR w KQkq - 1 3";
        assert!(read(mate, |_| {}).unwrap_err().contains("line 1"));
        assert!(read("", |_| {}).unwrap_err().contains("no opening"));
        assert!(
            read(EPD, |source| source.start = 4)
                .unwrap_err()
                .contains("start=")
        );
        let missing = |source: &mut Source| source.file = "/nowhere/book.epd".into();
        assert!(read(EPD, missing).unwrap_err().contains("/nowhere"));
    }

    #[test]
    fn games_are_openings_up_to_a_ply() {
        let pgn = "[Event \"?\"]\n\n1. e4 e5 *\n";
        let as_pgn = |plies| {
            move |source: &mut Source| {
                source.format = Format::Pgn;
                source.plies = plies;
            }
        };
        assert!(read(pgn, as_pgn(Some(1))).unwrap()[0].contains(" b "));
        assert!(read(pgn, as_pgn(None)).unwrap()[0].contains(" w "));
        let other = "[Variant \"Atomic\"]\n\n1. e4 e5 *\n";
        assert!(read(other, as_pgn(None)).unwrap_err().contains("atomic"));
    }
}
