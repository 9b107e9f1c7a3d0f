//! The rules for player names.
//!
//! They follow the character properties of Unicode. Invisible characters are not allowed, except where
//! a script or an emoji needs them: joiners as in RFC 5892, appendices A.1 and A.2 (Persian, Indic
//! scripts), and in the emoji sequences of UTS #51; variation selectors after a character that they can
//! vary. Blanks are single plain spaces (RFC 8266, 2.1).

use icu_properties::props::{
    CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji, EmojiModifier, ExtendedPictographic,
    GeneralCategory, GeneralCategoryGroup, Ideographic, JoinControl, JoiningType,
    NoncharacterCodePoint, PrependedConcatenationMark, Script, VariationSelector, WhiteSpace,
};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The longest name, in characters.
pub const LEN_MAX: usize = 32;

/// How many characters of a text [`clean`] reads: enough for a name even if most are left out, and a
/// bound on the cost of a long text.
const CLEANED_MAX: usize = 8 * LEN_MAX;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// No character is left, or there are too many.
    #[error("a name has 1 to {LEN_MAX} characters; this one has {0}")]
    Length(usize),
    /// A character is invisible, or changes the direction of the text around it.
    #[error("a name has no invisible characters; this one has U+{:04X}", u32::from(*.0))]
    Invisible(char),
    /// A combining mark has no character to combine with.
    #[error("a name has no combining marks without a character before them; this one has U+{:04X}", u32::from(*.0))]
    LoneMark(char),
}

/// Checks a name that a player chose. Blanks around it are trimmed, and several in a row become one
/// space.
///
/// # Errors
///
/// [`InvalidName`].
pub fn check(name: &str) -> Result<String, InvalidName> {
    let name = with_plain_spaces(name);
    let len = name.len();
    if !(1..=LEN_MAX).contains(&len) {
        return Err(InvalidName::Length(len));
    }
    match first_flaw(&name) {
        Some(at) if is_mark(name[at]) && !is_invisible(name[at]) => {
            Err(InvalidName::LoneMark(name[at]))
        }
        Some(at) => Err(InvalidName::Invisible(name[at])),
        None => Ok(name.into_iter().collect()),
    }
}

/// Turns any text into a valid name: removes the characters that [`check`] refuses, and truncates it.
/// `None` if nothing is left.
#[must_use]
pub fn clean(text: &str) -> Option<String> {
    let begin: String = text.trim().chars().take(CLEANED_MAX).collect();
    let mut name = with_plain_spaces(&begin);
    loop {
        while let Some(at) = first_flaw(&name) {
            name.remove(at);
        }
        // Removal and truncation may leave blanks in a row or at the end, or a joiner at the end.
        let text: String = name.iter().take(LEN_MAX).collect();
        let again = with_plain_spaces(&text);
        if again == name {
            break;
        }
        name = again;
    }
    (!name.is_empty()).then(|| name.into_iter().collect())
}

/// The characters, with one plain space for each run of blanks and none around them (RFC 8266, 2.1).
/// Control characters and line breaks stay, as they are errors and not blanks.
fn with_plain_spaces(name: &str) -> Vec<char> {
    let mut plain: Vec<char> = Vec::new();
    for c in name.trim().chars() {
        if !is_blank(c) {
            plain.push(c);
        } else if plain.last() != Some(&' ') {
            plain.push(' ');
        }
    }
    plain
}

/// The index of the first character that is not allowed where it is.
fn first_flaw(name: &[char]) -> Option<usize> {
    (0..name.len()).find(|&at| !is_fit(name, at))
}

fn is_fit(name: &[char], at: usize) -> bool {
    let c = name[at];
    if c == ' ' {
        true
    } else if is_mark(c) && !is_ignorable(c) {
        !is_void(c) && has_base(&name[..at])
    } else if !is_invisible(c) {
        true
    } else if is_tag(c) {
        is_in_flag(name, at)
    } else if CodePointSetData::new::<VariationSelector>().contains(c) {
        varies(name, at)
    } else if CodePointSetData::new::<JoinControl>().contains(c) {
        joins(name, at)
    } else {
        false
    }
}

/// Whether a character is a space of any width (`Zs`); line breaks are not.
fn is_blank(c: char) -> bool {
    let white = CodePointSetData::new::<WhiteSpace>().contains(c);
    white && category(c) == GeneralCategory::SpaceSeparator
}

/// Whether a character is invisible by itself, or not a character.
pub(crate) fn is_invisible(c: char) -> bool {
    let is_format = category(c) == GeneralCategory::Format
        && !CodePointSetData::new::<PrependedConcatenationMark>().contains(c);
    is_ignorable(c)
        || is_format
        || is_void(c)
        || CodePointSetData::new::<WhiteSpace>().contains(c)
        || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
        || matches!(
            category(c),
            GeneralCategory::Control | GeneralCategory::PrivateUse
        )
}

fn is_ignorable(c: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// Whether the character's glyph is blank, for which Unicode has no property: the Braille pattern
/// without dots, the hieroglyphs for a gap, the note without a head, the Khitan filler, the object
/// replacement character.
fn is_void(c: char) -> bool {
    matches!(
        c,
        '\u{2800}' | '\u{fffc}' | '\u{13441}' | '\u{13442}' | '\u{16fe4}' | '\u{1d159}'
    )
}

fn is_mark(c: char) -> bool {
    GeneralCategoryGroup::Mark.contains(category(c))
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

/// Whether a mark that follows has a character to combine with.
fn has_base(before: &[char]) -> bool {
    let carried = |c: &&char| !is_mark(**c) && !is_ignorable(**c);
    before
        .iter()
        .rev()
        .find(carried)
        .is_some_and(|&base| base != ' ' && !is_invisible(base))
}

/// Whether a joiner has an effect where it is: after a virama; a non-joiner also between two letters
/// that would join (RFC 5892, A.1 and A.2); a joiner also between two emoji (UTS #51, ED-16).
fn joins(name: &[char], at: usize) -> bool {
    const VIRAMA: CanonicalCombiningClass = CanonicalCombiningClass::Virama;
    let (before, after) = (&name[..at], &name[at + 1..]);
    let class = |c: char| CodePointMapData::<CanonicalCombiningClass>::new().get(c);
    if before.last().is_some_and(|&c| class(c) == VIRAMA) {
        return true;
    }
    if name[at] == '\u{200d}' {
        return ends_in_pictograph(before) && after.first().is_some_and(|&c| is_emoji(c));
    }
    let joining = |c: &char| CodePointMapData::<JoiningType>::new().get(*c);
    let joined = |kind: &JoiningType| *kind != JoiningType::Transparent;
    let left = before.iter().rev().map(joining).find(joined);
    let right = after.iter().map(joining).find(joined);
    matches!(
        left,
        Some(JoiningType::LeftJoining | JoiningType::DualJoining)
    ) && matches!(
        right,
        Some(JoiningType::RightJoining | JoiningType::DualJoining)
    )
}

/// Whether the text ends in an emoji that may be joined to another: a pictograph, possibly with a skin
/// tone, a variation selector or the tags of a flag.
fn ends_in_pictograph(before: &[char]) -> bool {
    let belongs = |c: char| {
        c == '\u{fe0f}' || is_tag(c) || CodePointSetData::new::<EmojiModifier>().contains(c)
    };
    let pictograph = before.iter().rev().find(|c| !belongs(**c));
    pictograph.is_some_and(|&c| CodePointSetData::new::<ExtendedPictographic>().contains(c))
}

fn is_emoji(c: char) -> bool {
    !c.is_ascii()
        && (CodePointSetData::new::<Emoji>().contains(c)
            || CodePointSetData::new::<ExtendedPictographic>().contains(c))
}

/// Whether a variation selector follows a character that it can vary: an emoji, the digit of a keycap,
/// an ideograph, a Mongolian letter.
fn varies(name: &[char], at: usize) -> bool {
    let Some(&varied) = name[..at].last() else {
        return false;
    };
    match name[at] {
        '\u{fe0e}' | '\u{fe0f}' => {
            is_emoji(varied)
                || (CodePointSetData::new::<Emoji>().contains(varied)
                    && name.get(at + 1) == Some(&'\u{20e3}'))
        }
        '\u{180b}'..='\u{180f}' => {
            CodePointMapData::<Script>::new().get(varied) == Script::Mongolian
        }
        _ => CodePointSetData::new::<Ideographic>().contains(varied),
    }
}

/// The tag characters, which name the region of a flag, and the tag that ends the name.
fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007f}')
}

/// Whether a tag belongs to a complete flag: U+1F3F4, some tags, U+E007F (UTS #51, ED-14a).
fn is_in_flag(name: &[char], at: usize) -> bool {
    const END: char = '\u{e007f}';
    let is_inner = |c: &char| is_tag(*c) && *c != END;
    let inner_before = name[..at].iter().rev().take_while(|c| is_inner(c)).count();
    let flag = (at - inner_before)
        .checked_sub(1)
        .and_then(|at| name.get(at));
    let inner_after = name[at..].iter().take_while(|c| is_inner(c)).count();
    let end = name.get(at + inner_after);
    flag == Some(&'\u{1f3f4}') && end == Some(&END) && inner_before + inner_after > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_to_thirty_two_visible_characters_pass() {
        let longest = "\u{1f98f}".repeat(32);
        for (name, expected) in [
            ("A", "A"),
            ("  Ann B.  ", "Ann B."),
            ("Ögedei", "Ögedei"),
            ("O\u{308}gedei", "O\u{308}gedei"),
            ("-", "-"),
            (&longest, &longest),
        ] {
            assert_eq!(check(name).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn other_names_are_refused_with_the_reason() {
        let too_long = "n".repeat(33);
        for (name, expected) in [
            ("", "has 0"),
            ("   ", "has 0"),
            ("\u{3000}\u{a0}\u{2003}", "has 0"),
            (too_long.as_str(), "has 33"),
            ("a\nb", "U+000A"),
            ("a\0b", "U+0000"),
            ("a\u{202e}b", "U+202E"),
            ("\u{200b}", "U+200B"),
        ] {
            let why = check(name).unwrap_err().to_string();
            assert!(why.ends_with(expected), "{name:?}: {why}");
        }
    }

    /// Hangul fillers, the empty Braille pattern and other characters of Unicode that show nothing:
    /// default-ignorable, white, format, private, or blank by their picture.
    #[test]
    fn names_of_nothing_are_refused() {
        for c in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200c}',
            '\u{200d}',
            '\u{2028}',
            '\u{2060}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{ffff}',
            '\u{e000}',
            '\u{13441}',
            '\u{1d159}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{85}',
        ] {
            // Line breaks around a name are blanks that are left out; then it is empty.
            let expected = match c {
                '\u{85}' | '\u{2028}' => InvalidName::Length(0),
                _ => InvalidName::Invisible(c),
            };
            assert_eq!(check(&c.to_string()), Err(expected), "U+{:04X}", c as u32);
            let inside = format!("a{c}b");
            assert_eq!(check(&inside), Err(InvalidName::Invisible(c)), "{inside:?}");
            assert_eq!(clean(&inside).as_deref(), Some("ab"), "{inside:?}");
            assert_eq!(clean(&c.to_string()), None);
        }
    }

    #[test]
    fn combining_marks_need_a_character_to_stand_on() {
        for (name, mark) in [
            ("\u{301}", '\u{301}'),
            ("\u{301}\u{302}\u{303}", '\u{301}'),
            ("\u{20dd}", '\u{20dd}'),
            ("a \u{308}b", '\u{308}'),
            ("\u{93e}", '\u{93e}'),
        ] {
            assert_eq!(check(name), Err(InvalidName::LoneMark(mark)), "{name:?}");
        }
        for name in ["n\u{303}", "e\u{302}\u{301}", "हिन्दी", "עִבְרִית", "ไทยน้ำ"]
        {
            assert_eq!(check(name).as_deref(), Ok(name));
        }
    }

    /// RFC 5892, A.1 and A.2; UTS #51 for emoji.
    #[test]
    fn joiners_pass_where_a_script_or_an_emoji_needs_them() {
        for name in [
            // Persian: a non-joiner between two letters that would join.
            "علی\u{200c}رضا",
            "می\u{200c}خواهم",
            // After a virama: Devanagari, Sinhala, Malayalam.
            "क्\u{200d}ष",
            "ශ්\u{200d}රී",
            "ക്\u{200c}ഷ",
            // A family, a pirate's flag, a woman of a tone of skin at a desk, a keycap, a heart.
            "👨\u{200d}👩\u{200d}👧",
            "🏴\u{200d}☠\u{fe0f}",
            "👩🏽\u{200d}💻",
            "1\u{fe0f}\u{20e3}",
            "❤\u{fe0f}",
            // The flag of Wales, and an ideograph in one of its shapes.
            "🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
            "辻\u{e0100}",
        ] {
            assert_eq!(check(name).as_deref(), Ok(name), "{name:?}");
            assert_eq!(clean(name).as_deref(), Some(name), "{name:?}");
        }
        for (name, bad) in [
            ("An\u{200c}n", '\u{200c}'),
            ("An\u{200d}n", '\u{200d}'),
            ("\u{200c}علی", '\u{200c}'),
            ("علی\u{200c}", '\u{200c}'),
            ("😀\u{200d}", '\u{200d}'),
            ("😀\u{200d}a", '\u{200d}'),
            ("a\u{fe0f}", '\u{fe0f}'),
            ("1\u{fe0f}", '\u{fe0f}'),
            ("🏴\u{e0067}\u{e0062}", '\u{e0067}'),
            ("🏴\u{e007f}", '\u{e007f}'),
        ] {
            assert_eq!(check(name), Err(InvalidName::Invisible(bad)), "{name:?}");
        }
    }

    /// RFC 8266, 2.1.
    #[test]
    fn blanks_are_plain_spaces_one_at_a_time() {
        for name in [
            "Ann  B",
            "Ann\u{a0}B",
            "\u{3000}Ann\u{3000}B ",
            "Ann \u{2009} B",
        ] {
            assert_eq!(check(name).as_deref(), Ok("Ann B"), "{name:?}");
        }
    }

    #[test]
    fn a_foreign_name_is_made_fit() {
        let too_long = "n".repeat(99);
        let cut_before_a_space = format!("{} b", "n".repeat(31));
        let cut_behind_a_joiner = format!("{}👨\u{200d}👩", "n".repeat(30));
        for (name, expected) in [
            ("Ann", Some("Ann")),
            (" A\n\u{202e}nn ", Some("Ann")),
            ("Mei\u{ad}ster", Some("Meister")),
            ("a \u{200b} \u{301}b", Some("a b")),
            ("\0\u{200b}", None),
            ("\u{200b} \u{301}\u{2800}", None),
            ("", None),
            (too_long.as_str(), Some(&too_long[..32])),
            (&cut_before_a_space, Some(&cut_before_a_space[..31])),
            (&cut_behind_a_joiner, Some(&cut_behind_a_joiner[..34])),
        ] {
            let cleaned = clean(name);
            assert_eq!(cleaned.as_deref(), expected, "{name:?}");
            if let Some(cleaned) = cleaned {
                assert_eq!(
                    check(&cleaned).as_ref(),
                    Ok(&cleaned),
                    "what is cleaned passes"
                );
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_cleaned_passes(text in proptest::collection::vec(odd(), 0..60)) {
            let text: String = text.into_iter().collect();
            if let Some(name) = clean(&text) {
                proptest::prop_assert_eq!(check(&name), Ok(name));
            }
        }
    }

    fn odd() -> impl proptest::strategy::Strategy<Value = char> {
        proptest::prop_oneof![
            proptest::char::any(),
            proptest::sample::select(vec![
                ' ',
                'a',
                '\u{200c}',
                '\u{200d}',
                '\u{fe0f}',
                '\u{301}',
                '😀',
                '🏴',
                'ی',
                '\u{94d}',
                '\u{e0067}',
                '\u{e007f}',
                '\u{3000}',
                '\u{2800}',
                '1',
                '\u{20e3}',
                '\u{1f3fd}',
            ]),
        ]
    }
}
