//! What a player may be called.

/// The longest name, in characters.
pub(crate) const LEN_MAX: usize = 32;

/// Checks a name that a player chose; blanks around it are left out.
pub(crate) fn check(name: &str) -> Result<&str, String> {
    let name = name.trim();
    let len = name.chars().count();
    if !(1..=LEN_MAX).contains(&len) {
        Err(format!(
            "a name has 1 to {LEN_MAX} characters; this one has {len}"
        ))
    } else if let Some(bad) = name.chars().find(|c| !is_visible(*c)) {
        Err(format!(
            "a name has no invisible characters; this one has U+{:04X}",
            u32::from(bad)
        ))
    } else {
        Ok(name)
    }
}

/// A name that some other issuer of player tokens put there, made fit for the records; where
/// nothing is left of it, `instead`.
pub(crate) fn clean(name: &str, instead: &str) -> Box<str> {
    let visible: String = name
        .trim()
        .chars()
        .filter(|c| is_visible(*c))
        .take(LEN_MAX)
        .collect();
    if visible.is_empty() {
        instead.chars().take(LEN_MAX).collect()
    } else {
        visible.into()
    }
}

/// Whether a character shows as what it is: not a control, not a line break, and none of those that
/// show nothing or turn the direction of the text around them, with which one name could look like
/// another.
fn is_visible(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_to_thirty_two_visible_characters_pass() {
        let longest = "\u{1f98f}".repeat(32);
        let cases = [
            ("A", "A"),
            ("  Ann B.  ", "Ann B."),
            ("Ögedei", "Ögedei"),
            (&longest, &longest),
        ];
        for (name, expected) in cases {
            assert_eq!(check(name), Ok(expected));
        }
    }

    #[test]
    fn other_names_are_refused_with_the_reason() {
        let too_long = "n".repeat(33);
        let cases = [
            ("", "has 0"),
            ("   ", "has 0"),
            (too_long.as_str(), "has 33"),
            ("a\nb", "U+000A"),
            ("a\0b", "U+0000"),
            ("a\u{202e}b", "U+202E"),
            ("\u{200b}", "U+200B"),
        ];
        for (name, expected) in cases {
            let why = check(name).unwrap_err();
            assert!(why.ends_with(expected), "{name:?}: {why}");
        }
    }

    #[test]
    fn a_foreign_name_is_made_fit() {
        let too_long = "n".repeat(99);
        let cases = [
            ("Ann", "Ann"),
            (" A\n\u{202e}nn ", "Ann"),
            ("\0\u{200b}", "ann-id"),
            ("", "ann-id"),
            (too_long.as_str(), &too_long[..32]),
        ];
        for (name, expected) in cases {
            let cleaned = clean(name, "ann-id");
            assert_eq!(&*cleaned, expected);
            assert_eq!(check(&cleaned), Ok(expected), "what is cleaned passes");
        }
    }
}
