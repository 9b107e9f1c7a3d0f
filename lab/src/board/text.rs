//! The board as lines of text.

use game_core::Seat;

use super::{BoardPicture, Cell, Mark, PieceSet};

/// How the lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TextStyle {
    /// What is drawn for the pieces.
    pub pieces: PieceSet,
    /// Squares and pieces in colour, by ANSI escape sequences (of 256 colours). Without it the last
    /// move stands in brackets, and a king in check in parentheses.
    pub colors: bool,
}

/// The colours of a square's background, by their numbers of 256.
pub(super) const fn background(cell: &Cell) -> u8 {
    match (cell.mark, cell.is_light()) {
        (Some(Mark::Check), _) => 160,
        (Some(Mark::LastMove), true) => 179,
        (Some(Mark::LastMove), false) => 136,
        (None, true) => 109,
        (None, false) => 66,
    }
}

/// The colour of a piece, by its number of 256.
pub(super) const fn foreground(cell: &Cell) -> u8 {
    match cell.piece {
        Some(piece) if matches!(piece.seat, Seat::White) => 231,
        _ => 16,
    }
}

/// What stands around a piece, or an empty square, where there are no colours.
pub(super) const fn brackets(cell: &Cell) -> (char, char) {
    match cell.mark {
        Some(Mark::LastMove) => ('[', ']'),
        Some(Mark::Check) => ('(', ')'),
        None => (' ', ' '),
    }
}

impl BoardPicture {
    /// The board as nine lines: eight rows, and the letters of the files.
    #[must_use]
    pub fn lines(&self, style: TextStyle) -> Vec<String> {
        let mut lines: Vec<String> = self.rows.iter().map(|row| line(row, style)).collect();
        let files: String = self.files().map(|file| format!(" {file} ")).concat();
        lines.push(format!("  {}", files.trim_end()));
        lines
    }
}

fn line(row: &[Cell; 8], style: TextStyle) -> String {
    let mut line = format!("{} ", row[0].square.rank().char());
    for cell in row {
        let piece = cell
            .piece
            .map(|piece| style.pieces.character(piece, style.colors));
        if style.colors {
            let (back, fore) = (background(cell), foreground(cell));
            let piece = piece.unwrap_or(' ');
            line.push_str(&format!("\x1b[48;5;{back};38;5;{fore};1m {piece} \x1b[0m"));
        } else {
            let (left, right) = brackets(cell);
            line.extend([left, piece.unwrap_or('.'), right]);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use game_core::Position;

    use super::*;

    /// The position after `moves` from `fen` (or the initial position), in ASCII.
    fn shown(fen: &str, moves: &str, from: Seat) -> String {
        let mut position = if fen.is_empty() {
            Position::default()
        } else {
            Position::from_fen(game_core::Variant::Standard, fen).unwrap()
        };
        let mut last = None;
        for san in moves.split_whitespace() {
            let legal = position.find(san.parse().unwrap()).unwrap();
            position.play(legal);
            last = Some(legal.uci());
        }
        let style = TextStyle {
            pieces: PieceSet::Ascii,
            colors: false,
        };
        let lines = BoardPicture::new(&position, last, from).lines(style);
        lines.join("\n")
    }

    #[test]
    fn white_sees_its_own_pieces_below() {
        let expected = "\
8  r  n  b  q  k  b  n  r
7  p  p  p  p  p  p  p  p
6  .  .  .  .  .  .  .  .
5  .  .  .  .  .  .  .  .
4  .  .  .  . [P] .  .  .
3  .  .  .  .  .  .  .  .
2  P  P  P  P [.] P  P  P
1  R  N  B  Q  K  B  N  R
   a  b  c  d  e  f  g  h";
        assert_eq!(shown("", "e4", Seat::White), expected);
    }

    #[test]
    fn black_sees_the_board_turned_and_a_king_in_check() {
        let expected = "\
1  R  N  B (K) Q  B  N  R
2  P  .  .  P  P  P  P  P
3  .  .  P  .  .  .  .  .
4 [q] P  .  .  .  .  .  .
5  .  .  .  p  .  .  .  .
6  .  .  .  .  .  .  .  .
7  p  p  p  .  p  p  p  p
8  r  n  b  k [.] b  n  r
   h  g  f  e  d  c  b  a";
        assert_eq!(shown("", "f3 e5 g4 Qh4", Seat::Black), expected);
    }

    #[test]
    fn castling_is_shown_where_the_king_goes() {
        let shown = shown("4k3/8/8/8/8/8/8/4K2R w K - 0 1", "O-O", Seat::White);
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[7], "1  .  .  .  . [.] R [K] .");
    }

    #[test]
    fn colours_are_closed_on_every_square() {
        let style = TextStyle {
            pieces: PieceSet::Unicode,
            colors: true,
        };
        let lines = BoardPicture::new(&Position::default(), None, Seat::White).lines(style);
        assert_eq!(lines.len(), 9);
        for line in &lines[..8] {
            assert_eq!(line.matches("\x1b[0m").count(), 8);
            assert_eq!(line.matches("\x1b[48;5;").count(), 8);
        }
        assert!(lines[7].contains('♚') && !lines[7].contains('♔'));
    }
}
