//! The board in a terminal interface.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::{Color, Modifier, Style};
use ratatui::widgets::Widget;

use game_core::Square;

use super::text::{background, brackets, foreground};
use super::{BoardPicture, Cell, PieceSet};

/// Columns for the numbers of the ranks, and rows for the letters of the files.
const MARGIN: Size = Size {
    width: 2,
    height: 1,
};

/// A board, as large as its area allows.
#[derive(Debug, Clone, Copy)]
pub struct BoardWidget<'a> {
    picture: &'a BoardPicture,
    pieces: PieceSet,
}

impl<'a> BoardWidget<'a> {
    /// A board.
    #[must_use]
    pub const fn new(picture: &'a BoardPicture, pieces: PieceSet) -> Self {
        Self { picture, pieces }
    }

    /// The size of the board in an area of `available`: 50 × 17 characters (squares of 6 × 2) or 58 ×
    /// 25 (squares of 7 × 3) where that fits, and 26 × 9 (squares of 3 × 1) otherwise.
    #[must_use]
    pub fn size(available: Size) -> Size {
        let square = Self::square(available);
        Size {
            width: MARGIN.width + 8 * square.width,
            height: MARGIN.height + 8 * square.height,
        }
    }

    /// The square at a position of the screen, if the board is drawn in `area`.
    #[must_use]
    pub fn square_at(&self, area: Rect, x: u16, y: u16) -> Option<Square> {
        let square = Self::square(area.as_size());
        let column = x.checked_sub(area.x + MARGIN.width)? / square.width;
        let row = y.checked_sub(area.y)? / square.height;
        let cells = self.picture.rows().get(usize::from(row))?;
        Some(cells.get(usize::from(column))?.square)
    }

    fn square(available: Size) -> Size {
        let fits = |square: &Size| {
            available.width >= MARGIN.width + 8 * square.width
                && available.height >= MARGIN.height + 8 * square.height
        };
        let large = [Size::new(7, 3), Size::new(6, 2)];
        large.into_iter().find(fits).unwrap_or(Size::new(3, 1))
    }

    fn draw_square(&self, cell: &Cell, square: Rect, buffer: &mut Buffer) {
        let style = Style::new()
            .bg(Color::Indexed(background(cell)))
            .fg(Color::Indexed(foreground(cell)))
            .add_modifier(Modifier::BOLD);
        buffer.set_style(square, style);
        let (x, y) = middle(square);
        let solid = self.pieces == PieceSet::Unicode;
        let piece = cell.piece.map(|piece| self.pieces.character(piece, solid));
        if solid {
            if let Some(piece) = piece {
                buffer.set_string(x, y, piece.to_string(), style);
            }
        } else {
            // Letters are for terminals that may have no colours: marks must be seen without.
            let (left, right) = brackets(cell);
            let text = format!("{left}{}{right}", piece.unwrap_or('.'));
            buffer.set_string(x - 1, y, text, style);
        }
    }
}

impl Widget for BoardWidget<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let square = Self::square(area.as_size());
        let at = |column: u16, row: u16| Rect {
            x: area.x + MARGIN.width + column * square.width,
            y: area.y + row * square.height,
            width: square.width,
            height: square.height,
        };
        // Every write stays inside the area, however small it is.
        for (row, cells) in (0..).zip(self.picture.rows()) {
            let (_, y) = middle(at(0, row));
            if y < area.bottom() && area.width > 0 {
                let rank = cells[0].square.rank().char().to_string();
                buffer.set_stringn(area.x, y, rank, 1, Style::new());
            }
            for (column, cell) in (0..).zip(cells) {
                let square = at(column, row);
                if area.intersection(square) == square {
                    self.draw_square(cell, square, buffer);
                }
            }
        }
        for (column, file) in (0..).zip(self.picture.files()) {
            let (x, _) = middle(at(column, 0));
            let y = area.y + 8 * square.height;
            if x < area.right() && y < area.bottom() {
                buffer.set_stringn(x, y, file.to_string(), 1, Style::new());
            }
        }
    }
}

const fn middle(square: Rect) -> (u16, u16) {
    (
        square.x + (square.width - 1) / 2,
        square.y + square.height / 2,
    )
}

#[cfg(test)]
mod tests {
    use game_core::{Position, Seat};

    use super::*;

    #[test]
    fn a_click_finds_the_square_that_is_drawn_there() {
        let picture = BoardPicture::new(&Position::default(), None, Seat::Black);
        let board = BoardWidget::new(&picture, PieceSet::Ascii);
        let at = |area, x, y| board.square_at(area, x, y).map(|square| square.to_string());
        let small = Rect::new(1, 1, 26, 9);
        assert_eq!(at(small, 3, 1).as_deref(), Some("h1"));
        assert_eq!(at(small, 26, 8).as_deref(), Some("a8"));
        for (x, y) in [(2, 1), (27, 1), (3, 0), (3, 9)] {
            assert_eq!(at(small, x, y), None, "{x} {y}");
        }
        let large = Rect::new(0, 0, 50, 17);
        assert_eq!(at(large, 2, 0).as_deref(), Some("h1"));
        assert_eq!(at(large, 49, 15).as_deref(), Some("a8"));
    }

    #[test]
    fn the_board_is_drawn_in_any_area_without_leaving_it() {
        let picture = BoardPicture::new(&Position::default(), None, Seat::White);
        for (width, height, drawn) in [
            (0, 0, 0),
            (5, 3, 0),
            (26, 9, 32),
            (50, 17, 32),
            (80, 30, 32),
        ] {
            let area = Rect::new(3, 2, width, height);
            let mut buffer = Buffer::empty(area);
            BoardWidget::new(&picture, PieceSet::Unicode).render(area, &mut buffer);
            let pieces = buffer.content().iter().filter(|cell| {
                let symbol = cell.symbol().chars().next();
                symbol.is_some_and(|symbol| ('♔'..='♟').contains(&symbol))
            });
            if drawn > 0 {
                assert_eq!(pieces.count(), drawn, "{width}x{height}");
            }
        }
    }
}
