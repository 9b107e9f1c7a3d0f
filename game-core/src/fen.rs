//! The check of a FEN before it is read: accepted whole, or refused.
//!
//! The parser of the rules library is lenient: it accepts in every variant what only some have
//! (pockets, counted checks, marks of promoted pieces), adds digits up, and truncates numbers that are
//! too large. All of that would be missing from the stored position, so the text is checked against the
//! standard first (PGN standard, 16.1.3). Fields may be left out from the end; they then are
//! `w - - 0 1`.

use crate::Variant;

/// Highest move number. The longest game that the rules allow has fewer than 6,000 moves.
const FULLMOVES_MAX: u32 = 9_999;
/// Longest text that is read, bytes. The longest FEN is about 90, with 30 pieces in pockets about 140.
const LEN_MAX: usize = 160;

/// Checks that a text says no more than a position of the variant keeps; the rules library reads the
/// rest.
///
/// # Errors
///
/// The reason in words.
pub(crate) fn check(variant: Variant, text: &str) -> Result<(), String> {
    if text.len() > LEN_MAX {
        return Err(format!("longer than {LEN_MAX} bytes"));
    }
    let mut fields = fields(text).peekable();
    check_pieces(variant, fields.next().unwrap_or_default())?;
    // The library parses the side to move strictly.
    let _turn = fields.next();
    if let Some(rights) = fields.next() {
        check_castling(rights)?;
    }
    let _en_passant = fields.next();
    let counts_checks = variant == Variant::ThreeCheck;
    let mut checks = fields.next_if(|field| counts_checks && field.contains('+'));
    if let Some(halfmoves) = fields.next() {
        number(halfmoves, "number of moves without capture or pawn move")?;
    }
    if let Some(fullmoves) = fields.next() {
        let fullmoves = number(fullmoves, "move number")?;
        if !(1..=FULLMOVES_MAX).contains(&fullmoves) {
            return Err(format!(
                "its move number is {fullmoves}, and must be 1 to {FULLMOVES_MAX}"
            ));
        }
    }
    if checks.is_none() && counts_checks {
        checks = fields.next();
    }
    if let Some(checks) = checks {
        check_checks(checks)?;
    }
    match fields.next() {
        Some(more) if counts_checks => Err(format!("{more:?} stands behind its seven fields")),
        Some(more) => Err(format!("{more:?} stands behind its six fields")),
        None => Ok(()),
    }
}

/// How many rooks its castling rights name.
pub(crate) fn castling_rights(text: &str) -> usize {
    let rights = fields(text).nth(2).unwrap_or_default();
    rights.chars().filter(|&c| c != '-').count()
}

/// An underscore stands for a space where FEN is part of an address.
fn fields(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', '_']).filter(|field| !field.is_empty())
}

fn check_pieces(variant: Variant, field: &str) -> Result<(), String> {
    let has_pocket = field.contains(['[', ']']) || field.split('/').count() > 8;
    let marks_promoted = field.contains('~');
    if variant != Variant::Crazyhouse {
        if has_pocket {
            return Err(format!("it has a pocket, which {variant} chess has not"));
        }
        if marks_promoted {
            return Err(format!(
                "it marks promoted pieces (~), which {variant} chess does not"
            ));
        }
    }
    if ["P~", "p~", "K~", "k~"].iter().any(|it| field.contains(it)) {
        return Err("it marks a pawn or a king as promoted (~)".into());
    }
    let is_digit = |c: u8| c.is_ascii_digit();
    if let Some(run) = field
        .as_bytes()
        .windows(2)
        .find(|pair| pair.iter().all(|&c| is_digit(c)))
    {
        let (first, second) = (char::from(run[0]), char::from(run[1]));
        return Err(format!(
            "{first}{second} is not how empty squares are counted: a digit follows a digit"
        ));
    }
    Ok(())
}

/// Each right at most once, as only the set of them is kept.
fn check_castling(field: &str) -> Result<(), String> {
    let repeated = |(at, c): (usize, char)| field[..at].contains(c);
    match field.char_indices().find(|&place| repeated(place)) {
        Some((_, c)) => Err(format!("its castling rights name {c:?} twice")),
        None => Ok(()),
    }
}

/// Checks that either side still has to give (`3+3`), or has given (`+0+0`).
fn check_checks(field: &str) -> Result<(), String> {
    match field.strip_prefix('+').unwrap_or(field).as_bytes() {
        [b'0'..=b'3', b'+', b'0'..=b'3'] => Ok(()),
        _ => Err(format!(
            "its count of checks is {field:?}, and must be like 3+3 (still to give) or +0+0 (given)"
        )),
    }
}

fn number(field: &str, name: &str) -> Result<u32, String> {
    if !field.bytes().all(|c| c.is_ascii_digit()) {
        return Err(format!("its {name} is {field:?}, and must be a number"));
    }
    field
        .parse()
        .map_err(|_| format!("its {name} is {field}, which is absurd"))
}
