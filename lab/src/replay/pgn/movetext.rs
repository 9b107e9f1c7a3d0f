//! The movetext: tokens of the main line, comments, variations and the mark of the result.

use std::time::Duration;

use super::{Mark, RecordReader, Token, shortened};
use crate::replay::notation;

/// What annotators write beside moves: signs of evaluation and of check.
const SIGNS: [&str; 11] = [
    "ch", "ch.", "mate", "mate.", "dbl", "dbl.", "dis", "dis.", "e.p.", "e.p", "ep",
];

impl RecordReader {
    /// Reads a line of movetext, or its rest behind tags.
    pub(super) fn movetext(&mut self, line: &str) {
        let mut rest = line;
        loop {
            if let Some((mut text, began)) = self.comment.take() {
                let (inside, behind) = split_at_brace(rest);
                text.push_str(inside);
                text.push(' ');
                let Some(behind) = behind else {
                    self.comment = Some((text, began));
                    return;
                };
                self.comment_read(&text);
                rest = behind;
            }
            rest = rest.trim_start();
            let Some(first) = rest.chars().next() else {
                return;
            };
            let behind = &rest[first.len_utf8()..];
            rest = match first {
                '{' => {
                    self.comment = Some((String::new(), self.line));
                    behind
                }
                ';' => {
                    self.comment_read(behind);
                    return;
                }
                '(' => {
                    self.variations.push(self.line);
                    behind
                }
                ')' => {
                    if self.variations.pop().is_none() {
                        self.unreadable(")");
                    }
                    behind
                }
                '}' => {
                    self.unreadable("}");
                    behind
                }
                '$' => self.glyph(behind),
                _ => {
                    let (word, behind) = split_word(rest);
                    if self.variations.is_empty() {
                        self.word(word);
                    }
                    behind
                }
            };
        }
    }

    /// A numeric glyph (PGN standard 10).
    fn glyph<'a>(&mut self, text: &'a str) -> &'a str {
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        if digits == 0 {
            self.unreadable("$");
        }
        &text[digits..]
    }

    /// The clock of the last move may stand in a comment on it.
    fn comment_read(&mut self, text: &str) {
        if self.variations.is_empty()
            && self.record.mark.is_none()
            && let Some(clock) = clock_of(text)
            && let Some(token) = self.record.tokens.last_mut()
        {
            token.clock = Some(clock);
        }
    }

    /// A word of the main line.
    fn word(&mut self, word: &str) {
        let (number, text) = split_number(word);
        if self.record.mark.is_some() {
            if Mark::of(word) == self.record.mark {
                return;
            }
            if number != Some(1) {
                self.flaw(format!("{} stands behind the result", shortened(word)));
                return;
            }
            // A game without tags follows.
            self.end_record();
        }
        self.touch();
        if let Some(mark) = Mark::of(text).filter(|_| number.is_none()) {
            self.record.mark = Some(mark);
            return;
        }
        if let Some(number) = number
            && self.record.tokens.is_empty()
        {
            let line = self.line;
            self.record.first_number.get_or_insert((number, line));
        }
        if text.is_empty() || is_dots(text) {
            return;
        }
        if is_sign(text) {
            self.sign(text);
        } else {
            self.record.tokens.push(Token {
                text: text.to_owned(),
                line: self.line,
                clock: None,
                en_passant: false,
            });
        }
    }

    /// A sign belongs to the move before it.
    fn sign(&mut self, text: &str) {
        match self.record.tokens.last_mut() {
            None => self.unreadable(text),
            Some(token) if text.starts_with('e') => token.en_passant = true,
            Some(_) => {}
        }
    }

    fn unreadable(&mut self, text: &str) {
        self.flaw(format!(
            "{} cannot be read as a move or anything else",
            shortened(text)
        ));
    }
}

/// Whether a line outside of any game may begin or go on with one.
pub(super) fn looks_like_movetext(line: &str) -> bool {
    if line.starts_with(['{', '(', ')', '}', ';', '$']) {
        return true;
    }
    let (word, _) = split_word(line);
    let (number, text) = split_number(word);
    number.is_some() || Mark::of(text).is_some() || is_dots(text) || notation::looks_like_move(text)
}

/// Up to the brace that closes a comment, and what stands behind that.
fn split_at_brace(text: &str) -> (&str, Option<&str>) {
    match text.split_once('}') {
        Some((inside, behind)) => (inside, Some(behind)),
        None => (text, None),
    }
}

/// A word ends at a blank or at a sign that stands for itself. A piece in parentheses right behind a
/// move is what a pawn becomes: `a8(Q)`.
fn split_word(text: &str) -> (&str, &str) {
    let ends = |c: char| c.is_whitespace() || matches!(c, '{' | '}' | '(' | ')' | ';' | '$');
    let len = text.find(ends).unwrap_or(text.len());
    let behind = &text[len..];
    let mut glued = behind.chars();
    if glued.next() == Some('(')
        && let Some(piece) = glued.next()
        && piece.is_alphabetic()
        && glued.next() == Some(')')
        && text[..len].ends_with(['1', '8'])
    {
        return text.split_at(len + piece.len_utf8() + 2);
    }
    text.split_at(len.max(text.chars().next().map_or(0, char::len_utf8)))
}

/// Splits `12.e4` or `12...e5` into number and move. What begins with digits and is a result or castling
/// has no number.
fn split_number(word: &str) -> (Option<u32>, &str) {
    let digits = word
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(word.len());
    let (number, text) = word.split_at(digits);
    if text.starts_with(['-', '/', '–', '—', '‐', '‑', '−']) {
        return (None, word);
    }
    // Castling by zeros alone.
    if digits > 0 && number.bytes().all(|digit| digit == b'0') {
        return (None, word);
    }
    // A number too large to be one is none the less no move.
    let number = (digits > 0).then(|| number.parse().unwrap_or(u32::MAX));
    (number, text.trim_start_matches(['.', '…']))
}

fn is_dots(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '.' | '…'))
}

/// Whether a word is a sign beside a move: of quality, evaluation or check. Dashes alone are none: two
/// of them are a null move, and one may be a part of a move that blanks tore apart.
fn is_sign(text: &str) -> bool {
    let is_glyph = |c: char| "!?+-=#/±∓⩲⩱∞□⊙⇆→↑↓⌓∆△▲†‡⟳○".contains(c);
    let is_dash = |c: char| matches!(c, '-' | '/');
    SIGNS.contains(&text) || (text.chars().all(is_glyph) && !text.chars().all(is_dash))
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
