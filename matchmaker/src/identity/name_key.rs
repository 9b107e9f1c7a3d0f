//! What a name is unique by.
//!
//! Names that differ in case only are the same, and so are names whose lower-case letters look alike: the key is the
//! skeleton of Unicode Technical Standard 39, section 4, of the name in one case. Capital letters may look like those of
//! another script whose small letters do not ("М" and "M", but "м" and "m"). To merge all that both relations connect
//! would merge "v" and "n", by way of the Greek "ν" and "Ν". So [`keys_of_look_alikes`] names a second key, which must be
//! free when a name is chosen.

use unicode_security::skeleton;

/// Upper bound on rounds of folding until nothing changes.
const ROUNDS_MAX: usize = 8;

/// The key of a name that [`protocol::name::check`] has accepted. Equal for names that people take for the same one.
pub(crate) fn name_key(name: &str) -> String {
    let mut key = name.to_owned();
    for _ in 0..ROUNDS_MAX {
        let next = round(&key);
        if next == key {
            break;
        }
        key = next;
    }
    key
}

/// The keys that must be free for a name: its own, and that of what its letters look like as they are written.
pub(crate) fn keys_of_look_alikes(name: &str) -> [String; 2] {
    let looks: String = skeleton(name).collect();
    [name_key(name), name_key(&looks)]
}

/// Folds the case, replaces each character by what it looks like, and merges what the two leave apart.
fn round(text: &str) -> String {
    let folded: String = text.chars().flat_map(folded).collect();
    skeleton(&folded).map(merged).collect()
}

/// Full case folding, by way of the upper case.
fn folded(c: char) -> impl Iterator<Item = char> {
    c.to_uppercase().flat_map(char::to_lowercase)
}

/// One of the letters that are connected by looks in one case and by case in the other.
fn merged(c: char) -> char {
    match c {
        // "I" looks like "l".
        'i' => 'l',
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn are_same(names: &[&str]) {
        for name in names {
            assert_eq!(name_key(name), name_key(names[0]), "{name:?}");
        }
    }

    #[test]
    fn names_that_differ_in_case_only_are_the_same() {
        are_same(&["Magnus", "magnus", "MAGNUS", "mAGNUS"]);
        are_same(&["Groß", "GROSS", "gross"]);
        are_same(&["ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ"]);
        are_same(&["Ögedei", "ÖGEDEI", "O\u{308}gedei"]);
        are_same(&["Anna B.", "ANNA B."]);
    }

    /// The examples of UTS 39, section 4, and those with which players have been impersonated.
    #[test]
    fn names_that_look_alike_are_the_same() {
        // Cyrillic, and mathematical letters.
        are_same(&["paypal", "раураl", "𝔭𝒶y𝕡𝕒ℓ"]);
        are_same(&["scope", "ѕсоре", "SCOPE"]);
        are_same(&["Ilya", "llya", "1lya", "ilya", "|lya", "ILYA"]);
        are_same(&["Olga", "0lga", "OLGA", "οlga", "Оlga"]);
        are_same(&["modern", "rnodern", "MODERN"]);
        are_same(&["Ａｎｎ", "Ann"]);
    }

    #[test]
    fn other_names_are_others() {
        let names = [
            "Ann", "Anna", "Anne", "An n", "Ben", "Ånn", "Ann1", "Ann2", "安", "Анна", "أنا", "😀",
            "😃",
        ];
        for (n, name) in names.iter().enumerate() {
            for other in &names[..n] {
                assert_ne!(name_key(name), name_key(other), "{name} {other}");
            }
        }
    }

    #[test]
    fn capital_letters_that_look_alike_lead_to_the_same_key() {
        for (name, looks_like) in [("Маgnus", "Magnus"), ("МАНА", "Maha"), ("ΝΙΚΕ", "Nike")]
        {
            let keys = keys_of_look_alikes(name);
            assert!(keys.contains(&name_key(looks_like)), "{name}: {keys:?}");
        }
    }

    /// Over all characters: the case does not matter, small letters are what they look like, and the key of a key is that
    /// key.
    #[test]
    fn case_and_looks_do_not_matter_over_all_of_unicode() {
        let mut apart = Vec::new();
        for c in (0..=u32::from(char::MAX)).filter_map(char::from_u32) {
            let text = c.to_string();
            let key = name_key(&text);
            let case: String = folded(c).collect();
            let mut kin = vec![case.clone(), key.clone()];
            if case == text {
                kin.push(skeleton(&text).collect());
            }
            for other in kin {
                if name_key(&other) != key {
                    apart.push(format!("U+{:04X} and {other}", u32::from(c)));
                }
            }
        }
        assert!(apart.is_empty(), "{} pairs: {apart:?}", apart.len());
    }

    #[test]
    fn a_key_is_bounded_and_visible() {
        let longest = name_key(&"\u{fdfa}".repeat(32));
        assert!(longest.len() < 2_048, "{}", longest.len());
        assert!(!name_key("Ann B.").contains('\0'));
    }
}
