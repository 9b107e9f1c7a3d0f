//! Lines of chat.

use crate::{CHAT_LEN_MAX, ChatRefusal, name};

/// The line in the form in which it is shown: without line breaks and other control characters, and
/// without blanks around it.
///
/// # Errors
///
/// [`ChatRefusal::TooLong`] above [`CHAT_LEN_MAX`], [`ChatRefusal::Empty`] if it shows nothing.
pub fn check(text: &str) -> Result<String, ChatRefusal> {
    let plain = text.replace(
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'),
        " ",
    );
    let line = plain.trim();
    if line.chars().count() > CHAT_LEN_MAX {
        Err(ChatRefusal::TooLong)
    } else if line.chars().all(name::is_invisible) {
        Err(ChatRefusal::Empty)
    } else {
        Ok(line.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_in_one_line() {
        for (text, line) in [
            ("Gl hf", "Gl hf"),
            ("  ♟ schön\r\n", "♟ schön"),
            ("a\nb\u{2028}c", "a b c"),
            ("\u{1b}[2Jx", "[2Jx"),
            ("👩🏽\u{200d}💻", "👩🏽\u{200d}💻"),
        ] {
            assert_eq!(check(text).as_deref(), Ok(line), "{text:?}");
        }
    }

    #[test]
    fn a_line_has_one_to_140_characters_of_which_one_is_visible() {
        let longest = "\u{1f98f}".repeat(140);
        assert_eq!(check(&longest).as_deref(), Ok(longest.as_str()));
        assert_eq!(check(&format!("{longest}!")), Err(ChatRefusal::TooLong));
        for text in ["", " ", "\n", "\u{200b}", "\u{2800} \u{202e}"] {
            assert_eq!(check(text), Err(ChatRefusal::Empty), "{text:?}");
        }
    }
}
