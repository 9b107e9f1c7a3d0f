//! The check of a FEN before it is read: accepted whole, or refused.
//!
//! The parser of the rules library is lenient: it accepts what only variants have (pockets, counted
//! checks, marks of promoted pieces), adds digits up, and truncates numbers that are too large. All of
//! that would be missing from the stored position, so the text is checked against the standard first
//! (PGN standard, 16.1.3). Fields may be left out from the end; they then are `w - - 0 1`.

/// Highest move number. The longest game that the rules allow has fewer than 6,000 moves.
const FULLMOVES_MAX: u32 = 9_999;
/// Longest text that is read, bytes. The longest FEN is about 90.
const LEN_MAX: usize = 120;

/// Checks that a text says no more than a position of standard chess keeps; the rules library reads
/// the rest.
///
/// # Errors
///
/// The reason in words.
pub(crate) fn check(text: &str) -> Result<(), String> {
    if text.len() > LEN_MAX {
        return Err(format!("longer than {LEN_MAX} bytes"));
    }
    // An underscore stands for a space where FEN is part of an address.
    let mut fields = text.split([' ', '_']).filter(|field| !field.is_empty());
    check_pieces(fields.next().unwrap_or_default())?;
    // The library parses the side to move strictly.
    let _turn = fields.next();
    if let Some(rights) = fields.next() {
        check_castling(rights)?;
    }
    let _en_passant = fields.next();
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
    if let Some(more) = fields.next() {
        return Err(format!("{more:?} stands behind its six fields"));
    }
    Ok(())
}

fn check_pieces(field: &str) -> Result<(), String> {
    if field.contains(['[', ']']) || field.split('/').count() > 8 {
        return Err("it has a pocket, which standard chess has not".into());
    }
    if field.contains('~') {
        return Err("it marks promoted pieces (~), which standard chess does not".into());
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

fn number(field: &str, name: &str) -> Result<u32, String> {
    if !field.bytes().all(|c| c.is_ascii_digit()) {
        return Err(format!("its {name} is {field:?}, and must be a number"));
    }
    field
        .parse()
        .map_err(|_| format!("its {name} is {field}, which is absurd"))
}
