//! The variants of chess that a match can be played in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The rules of a match.
///
/// Written as its [`code`](Self::code) in text, and as its [`number`](Self::number) in binary formats.
/// Both are stable: stored matches and clients rely on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// The FIDE Laws of Chess, from the usual position or any other.
    #[default]
    Standard,
    /// One of 960 start positions (FIDE guideline II), or any position with castling as there.
    Chess960,
    /// What is captured changes sides, and is dropped on the board instead of a move.
    Crazyhouse,
    /// Captures are compulsory; who loses all pieces or cannot move wins.
    Antichess,
    /// A capture explodes the pieces around it; who explodes the king wins.
    Atomic,
    /// A king in the center wins.
    KingOfTheHill,
    /// The king that is first on the eighth rank wins; checks are not allowed.
    RacingKings,
    /// The third check wins.
    ThreeCheck,
    /// White has pawns and no king: Black wins by capturing all, White by mate.
    Horde,
}

/// Text that names no variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a variant is one of standard, chess960, crazyhouse, antichess, atomic, kingOfTheHill, \
     racingKings, threeCheck, horde"
)]
pub struct InvalidVariant;

impl Variant {
    /// All variants, each at the index of its [`number`](Self::number).
    pub const ALL: [Self; 9] = [
        Self::Standard,
        Self::Chess960,
        Self::Crazyhouse,
        Self::Antichess,
        Self::Atomic,
        Self::KingOfTheHill,
        Self::RacingKings,
        Self::ThreeCheck,
        Self::Horde,
    ];

    /// Its name in commands, addresses and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Chess960 => "chess960",
            Self::Crazyhouse => "crazyhouse",
            Self::Antichess => "antichess",
            Self::Atomic => "atomic",
            Self::KingOfTheHill => "kingOfTheHill",
            Self::RacingKings => "racingKings",
            Self::ThreeCheck => "threeCheck",
            Self::Horde => "horde",
        }
    }

    /// The value of PGN's `Variant` tag; `None` for standard chess, which has no such tag.
    #[must_use]
    pub const fn pgn(self) -> Option<&'static str> {
        match self {
            Self::Standard => None,
            Self::Chess960 => Some("Chess960"),
            Self::Crazyhouse => Some("Crazyhouse"),
            Self::Antichess => Some("Antichess"),
            Self::Atomic => Some("Atomic"),
            Self::KingOfTheHill => Some("King of the Hill"),
            Self::RacingKings => Some("Racing Kings"),
            Self::ThreeCheck => Some("Three-check"),
            Self::Horde => Some("Horde"),
        }
    }

    /// The value of an engine's option `UCI_Variant`. Chess960 is `chess` with the option
    /// `UCI_Chess960`.
    #[must_use]
    pub const fn uci(self) -> &'static str {
        match self {
            Self::Standard | Self::Chess960 => "chess",
            Self::Crazyhouse => "crazyhouse",
            Self::Antichess => "antichess",
            Self::Atomic => "atomic",
            Self::KingOfTheHill => "kingofthehill",
            Self::RacingKings => "racingkings",
            Self::ThreeCheck => "3check",
            Self::Horde => "horde",
        }
    }

    /// Its number in binary formats.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The variant with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl FromStr for Variant {
    type Err = InvalidVariant;

    fn from_str(text: &str) -> Result<Self, InvalidVariant> {
        let named = |variant: &Self| variant.code() == text;
        Self::ALL.into_iter().find(named).ok_or(InvalidVariant)
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Variant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.code())
        } else {
            serializer.serialize_u8(self.number())
        }
    }
}

impl<'de> Deserialize<'de> for Variant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(de::Error::custom)
        } else {
            Self::from_number(u8::deserialize(deserializer)?)
                .ok_or_else(|| de::Error::custom(InvalidVariant))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the table in the specification of a match.
    #[test]
    fn variants_have_the_names_that_other_programs_know() {
        for (variant, code, pgn, uci) in [
            (Variant::Standard, "standard", None, "chess"),
            (Variant::Chess960, "chess960", Some("Chess960"), "chess"),
            (
                Variant::Crazyhouse,
                "crazyhouse",
                Some("Crazyhouse"),
                "crazyhouse",
            ),
            (
                Variant::Antichess,
                "antichess",
                Some("Antichess"),
                "antichess",
            ),
            (Variant::Atomic, "atomic", Some("Atomic"), "atomic"),
            (
                Variant::KingOfTheHill,
                "kingOfTheHill",
                Some("King of the Hill"),
                "kingofthehill",
            ),
            (
                Variant::RacingKings,
                "racingKings",
                Some("Racing Kings"),
                "racingkings",
            ),
            (
                Variant::ThreeCheck,
                "threeCheck",
                Some("Three-check"),
                "3check",
            ),
            (Variant::Horde, "horde", Some("Horde"), "horde"),
        ] {
            let names = (variant.code(), variant.pgn(), variant.uci());
            assert_eq!(names, (code, pgn, uci));
            assert_eq!(code.parse(), Ok(variant));
            let json = serde_json::to_string(&variant).unwrap();
            assert_eq!(json, format!("{code:?}"));
            assert_eq!(serde_json::from_str::<Variant>(&json).unwrap(), variant);
        }
        for text in ["", "chess", "Standard", "fromPosition", "horde "] {
            assert_eq!(text.parse::<Variant>(), Err(InvalidVariant), "{text}");
        }
    }

    /// Stored matches hold these numbers.
    #[test]
    fn the_number_of_a_variant_never_changes() {
        let codes = "standard chess960 crazyhouse antichess atomic kingOfTheHill racingKings \
                     threeCheck horde";
        for (number, code) in (0..).zip(codes.split_whitespace()) {
            let variant = Variant::from_number(number).unwrap();
            assert_eq!((variant.code(), variant.number()), (code, number));
        }
        assert_eq!(Variant::from_number(9), None);
    }
}
