//! PGN as files have it: split into records, with the line of everything.
//!
//! The import format of the standard (3.2.1), read generously: nothing is dropped but what the standard
//! says is no part of a game. A record that is not whole is named with its flaw, and the next one is
//! read.

mod movetext;
mod tag;

use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

pub(super) use tag::Tag;

/// A token of the movetext that must be a move of the game.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    /// As the file has it, without the number before it.
    pub(super) text: String,
    /// Its line in the file, from 1.
    pub(super) line: usize,
    /// What the mover's clock showed after it, where a comment says it.
    pub(super) clock: Option<Duration>,
    /// A mark behind it says that it captures en passant.
    pub(super) en_passant: bool,
}

/// What ends the movetext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    WhiteWins,
    BlackWins,
    Draw,
    Unfinished,
}

impl Mark {
    /// The mark that a token, or the `Result` tag, is.
    pub(super) fn of(text: &str) -> Option<Self> {
        match text {
            "1-0" => Some(Self::WhiteWins),
            "0-1" => Some(Self::BlackWins),
            "1/2-1/2" | "1/2" | "½-½" | "½" => Some(Self::Draw),
            "*" => Some(Self::Unfinished),
            _ => None,
        }
    }
}

/// A place in the file, and what there is to say of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) line: usize,
    pub(super) what: String,
}

/// One game as it stands in the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    /// The line of its first tag or token.
    pub(super) line: usize,
    /// The tags in order.
    pub(super) tags: Vec<Tag>,
    /// The moves of the main line.
    pub(super) tokens: Vec<Token>,
    /// The number before the first move, if there is one, and its line.
    pub(super) first_number: Option<(u32, usize)>,
    /// The result that ends the movetext.
    pub(super) mark: Option<Mark>,
    /// Why it cannot be played as it stands: the first reason.
    pub(super) flaw: Option<Note>,
    /// What was read over, although the standard has no place for it.
    pub(super) remarks: Vec<Note>,
}

impl Record {
    /// The first tag of this name; the case of letters does not matter.
    pub(super) fn tag(&self, name: &str) -> Option<&Tag> {
        self.tags
            .iter()
            .find(|tag| tag.name.eq_ignore_ascii_case(name))
    }

    fn has_movetext(&self) -> bool {
        !self.tokens.is_empty() || self.first_number.is_some() || self.mark.is_some()
    }

    /// Whether nothing of a game has come yet.
    const fn is_empty(&self) -> bool {
        self.line == 0
    }
}

/// Reads all records of a PGN text.
///
/// # Errors
///
/// When the text cannot be read at all; what is wrong with a game stands in its record.
pub(super) fn read(text: impl Read) -> io::Result<Vec<Record>> {
    let mut text = BufReader::new(text);
    let mut reader = RecordReader::default();
    let mut bytes = Vec::new();
    while text.read_until(b'\n', &mut bytes)? > 0 {
        // Files of old have carriage returns alone.
        let line = decode(&bytes);
        let line = line.strip_suffix('\n').unwrap_or(&line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split('\r').for_each(|line| reader.feed(line));
        bytes.clear();
    }
    Ok(reader.finish())
}

/// UTF-8, or the Latin-1 that the standard names (4.1).
fn decode(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// Where the reader is within a record.
#[derive(Debug, Default)]
struct RecordReader {
    records: Vec<Record>,
    record: Record,
    /// The present line, from 1.
    line: usize,
    /// The line before was blank.
    after_blank: bool,
    /// The lines on which the variations that are open began.
    variations: Vec<usize>,
    /// The comment that is open, and the line on which it began.
    comment: Option<(String, usize)>,
}

impl RecordReader {
    fn feed(&mut self, line: &str) {
        self.line += 1;
        let after_blank = std::mem::replace(&mut self.after_blank, line.trim().is_empty());
        if self.comment.is_some() {
            // No comment holds a tag section: it was never closed.
            if !(after_blank && tag::is_of_the_roster(line)) {
                self.movetext(line);
                return;
            }
            self.end_record();
        }
        // The escape of the standard (6).
        if line.starts_with('%') {
            return;
        }
        let begun = line.trim_start();
        if tag::begins(begun) {
            self.tags(begun, after_blank);
        } else if !self.is_stray(begun) {
            self.movetext(begun);
        }
    }

    fn finish(mut self) -> Vec<Record> {
        self.end_record();
        self.records
    }

    /// Reads the tags at the beginning of a line, and what stands behind them.
    fn tags(&mut self, line: &str, after_blank: bool) {
        let begins_anew = after_blank && self.begins_another_game(line);
        if self.record.has_movetext() || begins_anew {
            self.end_record();
        }
        let mut rest = line;
        while tag::begins(rest) {
            self.touch();
            match tag::split(rest, self.line) {
                Ok((tag, behind)) => {
                    self.add_tag(tag);
                    rest = behind.trim_start();
                }
                Err(name) => {
                    self.unreadable_tag(rest, name);
                    return;
                }
            }
        }
        if !self.is_stray(rest) {
            self.movetext(rest);
        }
    }

    /// Whether a tag behind a blank line begins the tags of the next game: the first of the roster, or
    /// one of it that is there already.
    fn begins_another_game(&self, line: &str) -> bool {
        let is_there = |name: &str| name == "Event" || self.record.tag(name).is_some();
        tag::is_of_the_roster(line)
            && tag::split(line, self.line).is_ok_and(|(tag, _)| is_there(&tag.name))
    }

    fn add_tag(&mut self, tag: Tag) {
        let other = self
            .record
            .tag(&tag.name)
            .filter(|other| other.value != tag.value);
        if other.is_some() && tag.matters() {
            self.flaw(format!("the tag {} is there twice", tag.name));
        }
        self.record.tags.push(tag);
    }

    /// A tag that a game does not hang on is read over.
    fn unreadable_tag(&mut self, text: &str, name: &str) {
        let what = format!("the tag {} cannot be read", shortened(text));
        if Tag::is_known_to_matter(name) {
            self.flaw(what);
        } else {
            self.remark(what);
        }
    }

    /// Whether a line is no part of a game: other text between games, or before the first move.
    fn is_stray(&mut self, line: &str) -> bool {
        let in_play = !self.record.tokens.is_empty() || self.record.first_number.is_some();
        let may_be = (self.record.mark.is_some() || !in_play) && self.variations.is_empty();
        let is_stray = may_be && !line.is_empty() && !movetext::looks_like_movetext(line);
        if is_stray {
            self.remark(format!("{} is no part of a game", shortened(line)));
        }
        is_stray
    }

    /// The record begins here, if it has not begun.
    fn touch(&mut self) {
        if self.record.line == 0 {
            self.record.line = self.line;
        }
    }

    fn flaw(&mut self, what: String) {
        let line = self.line;
        self.flaw_at(line, what);
    }

    fn flaw_at(&mut self, line: usize, what: String) {
        self.touch();
        self.record.flaw.get_or_insert(Note { line, what });
    }

    fn remark(&mut self, what: String) {
        let line = self.line;
        self.record.remarks.push(Note { line, what });
    }

    /// Files the record, with the flaw that shows only at its end. One that is empty stays, and with it
    /// the remarks on what came before the first game.
    fn end_record(&mut self) {
        if let Some((_, line)) = self.comment.take() {
            self.flaw_at(line, "the comment that begins here is never closed".into());
        }
        if let Some(&line) = self.variations.first() {
            self.variations.clear();
            self.flaw_at(
                line,
                "the variation that begins here is never closed".into(),
            );
        }
        if self.record.is_empty() {
            return;
        }
        if self.record.mark.is_none() {
            let Note { line, what } = self.cut_at();
            self.flaw_at(line, what);
        }
        self.records.push(std::mem::take(&mut self.record));
    }

    /// Where a game without a result mark ends: at a tag that cannot be read, or at its last token.
    fn cut_at(&self) -> Note {
        if let Some(remark) = self.record.remarks.last()
            && !self.record.has_movetext()
        {
            return remark.clone();
        }
        let token = self.record.tokens.last().map(|token| token.line);
        let tag = self.record.tags.last().map(|tag| tag.line);
        Note {
            line: token.or(tag).unwrap_or(self.record.line),
            what: "the game ends without a result mark".into(),
        }
    }
}

/// Text of a file in quotes, cut where it is long.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 40;
    let text = text.trim_end();
    if text.chars().count() > SHOWN_MAX {
        let begin: String = text.chars().take(SHOWN_MAX).collect();
        format!("{begin:?}…")
    } else {
        format!("{text:?}")
    }
}

#[cfg(test)]
mod tests;
