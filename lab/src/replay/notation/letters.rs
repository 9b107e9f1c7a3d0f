//! The letters that name pieces, by language. Figurines are the same in all of them.

use game_core::Role;

/// The letters of one language, or of several that share them.
#[derive(Debug)]
pub(super) struct Letters {
    pub(super) language: &'static str,
    /// King, queen, rook, bishop, knight.
    pieces: [&'static str; 5],
    /// The letters of a pawn, where it may be named.
    pawn: Option<&'static str>,
}

const ROLES: [Role; 5] = [
    Role::King,
    Role::Queen,
    Role::Rook,
    Role::Bishop,
    Role::Knight,
];
const FIGURINES: [(char, Role); 12] = [
    ('♔', Role::King),
    ('♚', Role::King),
    ('♕', Role::Queen),
    ('♛', Role::Queen),
    ('♖', Role::Rook),
    ('♜', Role::Rook),
    ('♗', Role::Bishop),
    ('♝', Role::Bishop),
    ('♘', Role::Knight),
    ('♞', Role::Knight),
    ('♙', Role::Pawn),
    ('♟', Role::Pawn),
];

/// The letters of the PGN standard. Pawns have none: the letter that some write is the knight of the
/// Dutch.
pub(super) const STANDARD: Letters = of("English", ["K", "Q", "R", "B", "N"], None);

/// What is tried where the standard leads nowhere.
pub(super) const OTHERS: &[Letters] = &[
    of("English", ["K", "Q", "R", "B", "N"], Some("P")),
    of("German", ["K", "D", "T", "L", "S"], Some("B")),
    of("Dutch", ["K", "D", "T", "L", "P"], None),
    of("French", ["R", "D", "T", "F", "C"], Some("P")),
    of("Spanish", ["R", "D", "T", "A", "C"], Some("P")),
    of("Portuguese", ["R", "D", "T", "B", "C"], Some("P")),
    of("Romanian", ["R", "D", "T", "N", "C"], Some("P")),
    of("Polish", ["K", "H", "W", "G", "S"], None),
    of("Czech", ["K", "D", "V", "S", "J"], None),
    of("Hungarian", ["K", "V", "B", "F", "H"], None),
    of("Finnish", ["K", "D", "T", "L", "R"], None),
    of("Russian", ["Кр", "Ф", "Л", "С", "К"], None),
];

const fn of(
    language: &'static str,
    pieces: [&'static str; 5],
    pawn: Option<&'static str>,
) -> Letters {
    Letters {
        language,
        pieces,
        pawn,
    }
}

impl Letters {
    /// The piece at the beginning of a token, if one is named, and the rest. `None` where a capital
    /// names no piece of this language.
    pub(super) fn piece<'a>(&self, text: &'a str) -> Option<(Option<Role>, &'a str)> {
        if let Some((role, rest)) = self.named(text) {
            return Some((Some(role), rest));
        }
        let first = text.chars().next()?;
        let is_small = self.is_standard().then(|| small(first)).flatten();
        if let Some(role) = is_small {
            return Some((Some(role), &text[1..]));
        }
        first.is_ascii_lowercase().then_some((None, text))
    }

    /// What a pawn becomes: `=Q`, `Q`, `/Q`, `(Q)` or, as in UCI, `q`.
    pub(super) fn promotion(&self, text: &str) -> Option<Role> {
        let piece = text.strip_prefix(['=', '/', '-']).unwrap_or(text);
        let piece = match piece.strip_prefix('(') {
            Some(piece) => piece.strip_suffix(')')?,
            None => piece,
        };
        let role = match self.named(piece) {
            Some((role, "")) => role,
            Some(_) => return None,
            None => {
                let mut chars = piece.chars();
                let small = match chars.next()? {
                    'b' => Role::Bishop,
                    letter => small(letter)?,
                };
                chars.next().is_none().then_some(small)?
            }
        };
        (!matches!(role, Role::King | Role::Pawn)).then_some(role)
    }

    fn named<'a>(&self, text: &'a str) -> Option<(Role, &'a str)> {
        let first = text.chars().next()?;
        if let Some(&(_, role)) = FIGURINES.iter().find(|(figurine, _)| *figurine == first) {
            return Some((role, &text[first.len_utf8()..]));
        }
        let pawn = self.pawn.map(|letter| (letter, Role::Pawn));
        // The king of the Russians begins like the knight, and stands before it.
        self.pieces
            .into_iter()
            .zip(ROLES)
            .chain(pawn)
            .find_map(|(letter, role)| Some((role, text.strip_prefix(letter)?)))
    }

    /// Whether they are those of the PGN standard.
    pub(super) fn is_standard(&self) -> bool {
        self.language == STANDARD.language
    }
}

/// A piece by a small letter that is no file.
const fn small(letter: char) -> Option<Role> {
    match letter {
        'k' => Some(Role::King),
        'q' => Some(Role::Queen),
        'r' => Some(Role::Rook),
        'n' => Some(Role::Knight),
        _ => None,
    }
}
