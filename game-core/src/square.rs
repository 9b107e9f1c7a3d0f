//! The squares of a board, by file and rank.

use std::fmt;
use std::str::FromStr;

/// A column of the board, `a` to `h`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct File(u8);

/// A row of the board, `1` to `8` as White counts them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank(u8);

/// One of the 64 squares.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Square(u8);

/// Text that names no square.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a square is a letter from a to h and a digit from 1 to 8, for example e4")]
pub struct InvalidSquare;

impl File {
    /// All files from `a` on.
    pub const ALL: [Self; 8] = {
        let mut all = [Self(0); 8];
        let mut index = 0;
        while index < 8 {
            all[index as usize] = Self(index);
            index += 1;
        }
        all
    };

    /// The file that a lower-case letter names.
    #[must_use]
    pub const fn from_char(letter: char) -> Option<Self> {
        match letter {
            'a'..='h' => Some(Self(letter as u8 - b'a')),
            _ => None,
        }
    }

    /// Its letter.
    #[must_use]
    pub const fn char(self) -> char {
        (b'a' + self.0) as char
    }
}

impl Rank {
    /// All ranks from `1` on.
    pub const ALL: [Self; 8] = {
        let mut all = [Self(0); 8];
        let mut index = 0;
        while index < 8 {
            all[index as usize] = Self(index);
            index += 1;
        }
        all
    };

    /// The rank that a digit names.
    #[must_use]
    pub const fn from_char(digit: char) -> Option<Self> {
        match digit {
            '1'..='8' => Some(Self(digit as u8 - b'1')),
            _ => None,
        }
    }

    /// Its digit.
    #[must_use]
    pub const fn char(self) -> char {
        (b'1' + self.0) as char
    }
}

impl Square {
    /// The square where a file and a rank cross.
    #[must_use]
    pub const fn at(file: File, rank: Rank) -> Self {
        Self(rank.0 * 8 + file.0)
    }

    /// The square of an index from 0 (a1) to 63 (h8), rank by rank; higher bits are ignored.
    pub(crate) const fn from_index(index: u16) -> Self {
        Self((index & 63) as u8)
    }

    /// Its index from 0 (a1) to 63 (h8), rank by rank.
    pub(crate) const fn index(self) -> u16 {
        self.0 as u16
    }

    /// The file it is on.
    #[must_use]
    pub const fn file(self) -> File {
        File(self.0 % 8)
    }

    /// The rank it is on.
    #[must_use]
    pub const fn rank(self) -> Rank {
        Rank(self.0 / 8)
    }

    /// Whether it is one of the light squares, like h1.
    #[must_use]
    pub const fn is_light(self) -> bool {
        (self.0 / 8 + self.0 % 8) % 2 == 1
    }
}

impl FromStr for Square {
    type Err = InvalidSquare;

    fn from_str(text: &str) -> Result<Self, InvalidSquare> {
        let mut chars = text.chars();
        let file = chars.next().and_then(File::from_char);
        let rank = chars.next().and_then(Rank::from_char);
        match (file, rank, chars.next()) {
            (Some(file), Some(rank), None) => Ok(Self::at(file, rank)),
            _ => Err(InvalidSquare),
        }
    }
}

impl fmt::Display for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.file().char(), self.rank().char())
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({})", self.char())
    }
}

impl fmt::Debug for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rank({})", self.char())
    }
}

impl fmt::Debug for Square {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Square({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indices_of_all_squares_agree() {
        for (index, rank) in (0_u16..).step_by(8).zip(Rank::ALL) {
            for (index, file) in (index..).zip(File::ALL) {
                let square = Square::at(file, rank);
                assert_eq!(square.index(), index);
                assert_eq!(Square::from_index(index), square);
                assert_eq!((square.file(), square.rank()), (file, rank));
                assert_eq!(square.to_string().parse(), Ok(square));
            }
        }
        for text in ["", "e", "e9", "i1", "E4", "e4 ", "4e"] {
            assert_eq!(text.parse::<Square>(), Err(InvalidSquare), "{text}");
        }
    }

    /// FIDE 2.1: the near corner square to the right of each player is white.
    #[test]
    fn the_corner_to_the_right_is_light() {
        for (name, is_light) in [("h1", true), ("a8", true), ("a1", false), ("h8", false)] {
            assert_eq!(name.parse::<Square>().unwrap().is_light(), is_light);
        }
    }
}
