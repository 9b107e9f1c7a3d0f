//! Tag pairs.

/// A tag pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::replay) struct Tag {
    pub(in crate::replay) name: String,
    pub(in crate::replay) value: String,
    /// Its line in the file, from 1.
    pub(in crate::replay) line: usize,
}

/// The seven with which the tags of a game begin (PGN standard 8.1.1).
const ROSTER: [&str; 7] = ["Event", "Site", "Date", "Round", "White", "Black", "Result"];
/// Those that say how a game is to be played, or how it ended.
const MATTERS: [&str; 6] = [
    "FEN",
    "Result",
    "SetUp",
    "Termination",
    "TimeControl",
    "Variant",
];

impl Tag {
    /// Whether another value would make another game of it.
    pub(super) fn matters(&self) -> bool {
        Self::is_known_to_matter(&self.name)
    }

    /// The same for a name alone.
    pub(super) fn is_known_to_matter(name: &str) -> bool {
        MATTERS.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Whether a text begins with a tag, perhaps a broken one: a bracket and a name.
pub(super) fn begins(text: &str) -> bool {
    let inner = text.strip_prefix('[').map(str::trim_start);
    inner.is_some_and(|inner| inner.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// Whether a line is one whole tag of the roster.
pub(super) fn is_of_the_roster(line: &str) -> bool {
    begins(line) && split(line, 0).is_ok_and(|(tag, _)| ROSTER.contains(&tag.name.as_str()))
}

/// The tag at the beginning of a text, and what stands behind it. The value ends at the first quote
/// with a bracket behind it, so that quotes within it, which should be escaped, do no harm.
///
/// # Errors
///
/// The name, when the rest cannot be read.
pub(super) fn split(text: &str, line: usize) -> Result<(Tag, &str), &str> {
    let inner = text.strip_prefix('[').unwrap_or(text).trim_start();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name_len = inner.find(|c| !is_name(c)).unwrap_or(inner.len());
    let (name, rest) = inner.split_at(name_len);
    let value = rest.trim_start().strip_prefix('"').ok_or(name)?;
    // A backslash at the end of a value escapes its quote by mistake.
    let (end, behind) = end_of(value, true)
        .or_else(|| end_of(value, false))
        .ok_or(name)?;
    let tag = Tag {
        name: name.to_owned(),
        value: unescaped(&value[..end]),
        line,
    };
    Ok((tag, behind))
}

/// Where a value ends, and what stands behind its bracket.
fn end_of(value: &str, with_escapes: bool) -> Option<(usize, &str)> {
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        if c == '"'
            && !escaped
            && let Some(behind) = value[at + 1..].trim_start().strip_prefix(']')
        {
            return Some((at, behind));
        }
        escaped = with_escapes && c == '\\' && !escaped;
    }
    None
}

fn unescaped(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(&next @ ('"' | '\\'))) => {
                plain.push(next);
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}
