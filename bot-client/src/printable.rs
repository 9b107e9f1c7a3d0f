//! Text that others wrote, made safe for a terminal.

use std::borrow::Cow;

/// A line of text with everything that a terminal would act on, or that would show the rest in another
/// order, replaced by its number: `\u{1b}`. Line ends count among it.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escape(text, acts)
}

/// The same for text of several lines, whose line ends and tabs stay.
#[must_use]
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| acts(c) && !matches!(c, '\n' | '\t'))
}

/// JSON without anything that a terminal would act on: inside its strings such characters have a spelling
/// of their own (RFC 8259 section 7), and outside of them there are none.
pub(crate) fn printable_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if acts(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

fn escape(text: &str, is_escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_escaped) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            safe.extend(c.escape_unicode());
        } else {
            safe.push(c);
        }
    }
    safe.into()
}

/// Control characters (C0, DEL and C1), the separators of lines and paragraphs, and what sets the
/// direction of text (UAX #9).
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_act_on_is_escaped() {
        // A colour, a title, C1's introducer of sequences, a bell, an overwritten line, a reversed text.
        for (text, expected) in [
            ("\x1b[31mred", "\\u{1b}[31mred"),
            ("\x1b]0;title\x07", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("ann\rbob", "ann\\u{d}bob"),
            ("ann\nbob\tcarl", "ann\\u{a}bob\\u{9}carl"),
            ("\u{202e}live\u{2066}", "\\u{202e}live\\u{2066}"),
            ("a\u{2028}b\u{7f}", "a\\u{2028}b\\u{7f}"),
        ] {
            assert_eq!(printable(text), expected);
        }
        assert_eq!(
            printable_lines("1. e4\n\t\x1b[2J\r\n"),
            "1. e4\n\t\\u{1b}[2J\\u{d}\n"
        );
    }

    #[test]
    fn names_of_people_stay_as_they_are() {
        // A joiner inside a Persian word, an emoji of several characters, accents, Hebrew.
        for name in [
            "می\u{200c}خواهم",
            "👩\u{200d}🚀",
            "José Ñandú",
            "שלום",
            "O'Neil \\ \"x\"",
        ] {
            assert!(matches!(printable(name), Cow::Borrowed(same) if same == name));
        }
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = "a\u{9b}b\u{202e}c\x1b\"\\";
        let json = printable_json(&serde_json::to_string(text).unwrap());
        assert!(!json.contains(acts), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
