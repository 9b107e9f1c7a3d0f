//! A move by its squares: UCI notation, packed into 16 bits.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Role, Square};

/// Why a text or a number is not a move in UCI notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a move in UCI notation, for example e2e4, e7e8q or e1g1")]
pub struct InvalidUci;

/// A move in UCI notation (`e2e4`, `e7e8q`, `Q@f7`), not necessarily legal.
///
/// Bits 0–5 are the origin, 6–11 the target, 12–14 the role that a pawn becomes (0 none, 1 pawn to
/// 6 king). A drop has equal squares and the dropped role. The null move of UCI is excluded.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Uci(u16);

impl Uci {
    /// The packed form.
    #[must_use]
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The move that `bits` packs.
    ///
    /// # Errors
    ///
    /// [`InvalidUci`] when no move packs to `bits`.
    pub fn from_bits(bits: u16) -> Result<Self, InvalidUci> {
        let (from, to, role) = (bits & 63, bits >> 6 & 63, bits >> 12);
        let is_drop = from == to;
        // 7 is no role, and a drop must name one.
        if role > 6 || (is_drop && role == 0) {
            Err(InvalidUci)
        } else {
            Ok(Self(bits))
        }
    }

    /// Packs a move; a drop has both squares equal and names the dropped piece.
    pub(crate) const fn pack(origin: Square, target: Square, role: Option<Role>) -> Self {
        let role = match role {
            Some(role) => role as u16 + 1,
            None => 0,
        };
        Self(origin.index() | target.index() << 6 | role << 12)
    }

    /// The square that the piece leaves; `None` for a drop.
    #[must_use]
    pub const fn origin(self) -> Option<Square> {
        if self.0 & 63 == self.0 >> 6 & 63 {
            None
        } else {
            Some(Square::from_index(self.0))
        }
    }

    /// The square that the piece reaches.
    #[must_use]
    pub const fn target(self) -> Square {
        Square::from_index(self.0 >> 6)
    }

    /// What a pawn becomes, or the piece that is dropped.
    #[must_use]
    pub fn role(self) -> Option<Role> {
        let number = usize::from(self.0 >> 12);
        Role::ALL.get(number.wrapping_sub(1)).copied()
    }
}

impl FromStr for Uci {
    type Err = InvalidUci;

    fn from_str(text: &str) -> Result<Self, InvalidUci> {
        let square = |at: Range<usize>| {
            let name = text.get(at).ok_or(InvalidUci)?;
            name.parse::<Square>().map_err(|_| InvalidUci)
        };
        let role = |letter| Role::from_letter(letter).ok_or(InvalidUci);
        let target = square(2..4)?;
        let (origin, named) = match *text.as_bytes() {
            [letter, b'@', _, _] => (target, Some(role(letter.into())?)),
            [_, _, _, _] => (square(0..2)?, None),
            [_, _, _, _, letter] => (square(0..2)?, Some(role(letter.into())?)),
            _ => return Err(InvalidUci),
        };
        Self::from_bits(Self::pack(origin, target, named).0)
    }
}

impl fmt::Display for Uci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.target();
        match (self.origin(), self.role()) {
            (Some(origin), None) => write!(f, "{origin}{target}"),
            (Some(origin), Some(role)) => write!(f, "{origin}{target}{}", role.letter()),
            (None, role) => {
                let dropped = role.unwrap_or(Role::Pawn).letter();
                write!(f, "{}@{target}", dropped.to_ascii_uppercase())
            }
        }
    }
}

impl fmt::Debug for Uci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uci({self})")
    }
}

impl Serialize for Uci {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_u16(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Uci {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?
                .parse()
                .map_err(de::Error::custom)
        } else {
            Self::from_bits(u16::deserialize(deserializer)?).map_err(de::Error::custom)
        }
    }
}
