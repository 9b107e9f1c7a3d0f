//! A move as it travels and is stored: UCI text, packed into 16 bits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shakmaty::uci::UciMove;
use shakmaty::{Role, Square};

/// Text or a number that is not a move in UCI notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a move in UCI notation, for example e2e4, e7e8q or e1g1")]
pub struct InvalidUci;

/// A move in UCI notation (`e2e4`, `e7e8q`, `Q@f7`); legal only in a position that says so.
///
/// Packed: bits 0–5 the square left, 6–11 the square reached, 12–14 the promotion role (0 none,
/// 1 pawn to 6 king). A drop has both squares equal and names the dropped role. The null move of
/// UCI is not a move here.
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

    /// The move as shakmaty writes it.
    #[must_use]
    pub fn to_move(self) -> UciMove {
        let from = Square::new(u32::from(self.0 & 63));
        let to = Square::new(u32::from(self.0 >> 6 & 63));
        let role = Role::ALL
            .get(usize::from(self.0 >> 12).wrapping_sub(1))
            .copied();
        match role {
            Some(role) if from == to => UciMove::Put { role, to },
            promotion => UciMove::Normal {
                from,
                to,
                promotion,
            },
        }
    }
}

impl TryFrom<UciMove> for Uci {
    type Error = InvalidUci;

    fn try_from(uci: UciMove) -> Result<Self, InvalidUci> {
        let (from, to, role) = match uci {
            UciMove::Normal {
                from,
                to,
                promotion,
            } => (from, to, promotion),
            UciMove::Put { role, to } => (to, to, Some(role)),
            UciMove::Null => return Err(InvalidUci),
        };
        let role = role.map_or(0, |role| role as u16);
        Self::from_bits(from as u16 | (to as u16) << 6 | role << 12)
    }
}

impl FromStr for Uci {
    type Err = InvalidUci;

    fn from_str(text: &str) -> Result<Self, InvalidUci> {
        text.parse::<UciMove>().map_err(|_| InvalidUci)?.try_into()
    }
}

impl fmt::Display for Uci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_move().fmt(f)
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
