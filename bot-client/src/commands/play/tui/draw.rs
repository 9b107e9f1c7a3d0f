//! Drawing of the screen.

use std::time::Instant;

use game_core::{Seat, Square};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect, Size};
use ratatui::style::{Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::screen::Screen;
use crate::commands::play::dialog::{Dialog, help};
use crate::commands::play::{status, words};
use client::MatchView;
use lab::board::{BoardPicture, BoardWidget, PieceSet};

/// Width of the side panel, in columns.
const SIDE_WIDTH: u16 = 30;
/// Lines of news that are shown: so many leave a board of 17 lines in a terminal of 24.
const NEWS_LINES: u16 = 3;

/// The keys, below what can be typed.
const KEYS: [&str; 3] = [
    "Keys, with Ctrl: Y accept, N decline, O draw, T takeback, G give 15 s, K claim,",
    "R rematch, F flip, C leave. Esc drops a premove, or what was typed.",
    "Mouse: click a piece and then its square. Any key closes this.",
];
/// Status, an empty line and the input.
const FOOT_LINES: u16 = 3;

/// Draws all of it.
pub(super) fn draw(frame: &mut Frame<'_>, dialog: &Dialog, screen: &Screen) {
    let area = frame.area();
    let available = Size {
        width: area.width.saturating_sub(SIDE_WIDTH),
        height: area.height.saturating_sub(NEWS_LINES + FOOT_LINES + 1),
    };
    let size = BoardWidget::size(available);
    let [top, standing, news, input] = Layout::vertical([
        Constraint::Length(size.height + 1),
        Constraint::Length(2),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(area);
    let [board, side] =
        Layout::horizontal([Constraint::Length(size.width + 3), Constraint::Min(10)]).areas(top);
    let view = dialog.view();
    let below = dialog.below();
    let picture = picture(dialog);
    screen.board.set(board);
    frame.render_widget(BoardWidget::new(&picture, screen.pieces), board);
    draw_side(
        frame,
        side,
        size.height,
        &ClockFaces::new(view, screen.pieces),
        below,
    );
    let line = Paragraph::new(dialog.status()).bold();
    let line = line.wrap(Wrap { trim: true });
    let line = match view.standstill() {
        Some(_) => line.red(),
        None => line,
    };
    frame.render_widget(line, standing);
    draw_news(frame, news, &screen.news);
    draw_input(frame, input, dialog, &screen.input);
    if screen.shows_help {
        draw_help(frame, area);
    }
}

/// The board as the player sees it.
fn picture(dialog: &Dialog) -> BoardPicture {
    let view = dialog.view();
    let picture = BoardPicture::new(view.position(), view.last_move(), dialog.below());
    picture.with_chosen(dialog.chosen())
}

/// The square that is drawn at a position of the screen.
pub(super) fn square_at(dialog: &Dialog, screen: &Screen, x: u16, y: u16) -> Option<Square> {
    let picture = picture(dialog);
    BoardWidget::new(&picture, screen.pieces).square_at(screen.board.get(), x, y)
}

/// All that can be typed, over the rest.
fn draw_help(frame: &mut Frame<'_>, area: Rect) {
    let lines: Vec<Line<'_>> = help()
        .into_iter()
        .map(Line::from)
        .chain(KEYS.map(Line::from))
        .collect();
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let area = Rect {
        height: (height + 2).min(area.height),
        ..area
    };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered()), area);
}

/// The clocks of a match at one moment.
struct ClockFaces<'a> {
    view: &'a MatchView,
    now: Instant,
    /// Stands before clocks that stand still.
    stopped: &'static str,
}

impl<'a> ClockFaces<'a> {
    fn new(view: &'a MatchView, pieces: PieceSet) -> Self {
        let stopped = match pieces {
            PieceSet::Unicode => "‖",
            PieceSet::Ascii => "=",
        };
        let now = Instant::now();
        Self { view, now, stopped }
    }
}

/// The players with their clocks, and the moves between them.
fn draw_side(frame: &mut Frame<'_>, area: Rect, height: u16, clocks: &ClockFaces<'_>, below: Seat) {
    let height = height.min(area.height);
    let rows = |y: u16, rows: u16| Rect {
        y: area.y + y,
        height: rows.min(area.height.saturating_sub(y)),
        ..area
    };
    frame.render_widget(player(clocks, below.opponent()), rows(0, 1));
    frame.render_widget(player(clocks, below), rows(height.saturating_sub(2), 1));
    // A pocket, or the checks to give, below the opponent's clock and above one's own.
    let own_row = height.saturating_sub(3);
    for (seat, row) in [(below.opponent(), 1), (below, own_row)] {
        if let Some(holdings) = status::holdings(clocks.view, seat) {
            frame.render_widget(Line::from(format!("   {holdings}")), rows(row, 1));
        }
    }
    let shown = height.saturating_sub(6);
    let moves = words::move_list(clocks.view);
    let first = moves.len().saturating_sub(usize::from(shown));
    let lines: Vec<Line<'_>> = moves.into_iter().skip(first).map(Line::from).collect();
    frame.render_widget(Paragraph::new(lines), rows(2, shown));
}

fn player(clocks: &ClockFaces<'_>, seat: Seat) -> Line<'static> {
    let view = clocks.view;
    let clock = words::clock(view.remaining(seat, clocks.now));
    let (before, clock_style) = if view.standstill().is_some() {
        (clocks.stopped, Style::new().add_modifier(Modifier::DIM))
    } else if view.running() == Some(seat) {
        let runs = Modifier::REVERSED | Modifier::BOLD;
        (" ", Style::new().add_modifier(runs))
    } else {
        (" ", Style::new())
    };
    let mark = match seat {
        Seat::White => "○ ",
        Seat::Black => "● ",
    };
    let is_to_move = view.result().is_none() && view.turn() == seat;
    let pointer = if is_to_move { " ◂" } else { "" };
    Line::from(vec![
        Span::styled(format!("{before}{clock:>7} "), clock_style),
        Span::raw(format!(" {mark}{}{pointer}", words::name(view, seat))),
    ])
}

fn draw_news(frame: &mut Frame<'_>, area: Rect, news: &[String]) {
    let first = news.len().saturating_sub(usize::from(area.height));
    let lines: Vec<Line<'_>> = news[first..]
        .iter()
        .map(|line| Line::from(line.as_str()).dim())
        .collect();
    frame.render_widget(Paragraph::new(lines), area);
}

fn draw_input(frame: &mut Frame<'_>, area: Rect, dialog: &Dialog, input: &str) {
    if dialog.is_over() && input.is_empty() {
        frame.render_widget(
            Line::from("Enter leaves, and prints the record; rematch offers another match."),
            area,
        );
        return;
    }
    // Of a line that is too long for the screen its end is seen.
    let room = usize::from(area.width.saturating_sub(3));
    let typed = input.chars().count();
    let seen: String = input.chars().skip(typed.saturating_sub(room)).collect();
    frame.render_widget(Line::from(format!("> {seen}")), area);
    // Typed text has at most 144 characters.
    let column = area.x + 2 + typed.min(room) as u16;
    frame.set_cursor_position(Position::new(
        column.min(area.right().saturating_sub(1)),
        area.y,
    ));
}
