//! Playing on the whole terminal.

mod draw;
mod keys;
mod screen;

use std::future::Future;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{
    DisableMouseCapture, EnableMouseCapture, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers,
    MouseButton, MouseEventKind,
};
use ratatui::crossterm::execute;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use protocol::CHAT_LEN_MAX;

use super::dialog::{Dialog, Typed};
use keys::Keyboard;
use lab::board::PieceSet;
use lab::command::Failure;
use screen::Screen;

/// Interval between two drawings of the clocks.
const TICK: Duration = Duration::from_millis(100);

/// The longest line that can be typed, in characters: one of chat with its command.
const INPUT_LEN_MAX: usize = CHAT_LEN_MAX + 4;

/// How the whole terminal is drawn on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawing {
    /// What is drawn for the pieces.
    pub(super) pieces: PieceSet,
    /// Whether the board listens to the mouse, which then marks no text.
    pub(super) mouse: bool,
}

/// Plays until the player leaves, or both have agreed on a rematch; the result stays on the screen until then.
pub(super) async fn run(
    dialog: &mut Dialog,
    drawing: Drawing,
    bot_failed: impl Future<Output = String>,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let mut terminal = ratatui::try_init().map_err(Failure::setup)?;
    // A terminal without a mouse passes over it.
    if drawing.mouse {
        let _ = execute!(std::io::stdout(), EnableMouseCapture);
    }
    let played = sit(dialog, &mut terminal, drawing.pieces, bot_failed, cancel).await;
    if drawing.mouse {
        let _ = execute!(std::io::stdout(), DisableMouseCapture);
    }
    ratatui::restore();
    played
}

async fn sit(
    dialog: &mut Dialog,
    terminal: &mut DefaultTerminal,
    pieces: PieceSet,
    bot_failed: impl Future<Output = String>,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let mut keys = Keyboard::listen();
    let mut screen = Screen {
        pieces,
        ..Screen::default()
    };
    screen.say("Type a move (e4, Nf3, e2e4), click it, or type help.".into());
    let mut bot_is_gone = false;
    tokio::pin!(bot_failed);
    loop {
        if dialog.rematch().is_some() {
            return Ok(());
        }
        terminal
            .draw(|frame| draw::draw(frame, dialog, &screen))
            .map_err(Failure::setup)?;
        tokio::select! {
            key = keys.next() => match key {
                None => return Ok(()),
                Some(event) => if pressed(dialog, &mut screen, &event) {
                    return Ok(());
                },
            },
            news = dialog.next() => {
                for line in news.map_err(Failure::play)? {
                    screen.say(line);
                }
            }
            why = &mut bot_failed, if !bot_is_gone => {
                bot_is_gone = true;
                screen.say(why);
            }
            () = sleep(TICK) => {}
            () = cancel.cancelled() => return Ok(()),
        }
    }
}

/// Takes in a key or a click; whether the player leaves.
fn pressed(dialog: &mut Dialog, screen: &mut Screen, event: &Event) -> bool {
    let typed = match event {
        Event::Key(key) if key.kind == KeyEventKind::Press => key_pressed(dialog, screen, key),
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::Down(MouseButton::Left) => {
            let square = draw::square_at(dialog, screen, mouse.column, mouse.row);
            square.map(|square| dialog.clicked(square))
        }
        _ => None,
    };
    match typed {
        None | Some(Typed::Done) => {}
        Some(Typed::Quit) => return true,
        Some(Typed::Help) => screen.shows_help = true,
        Some(Typed::Say(lines)) => lines.into_iter().for_each(|line| screen.say(line)),
    }
    false
}

fn key_pressed(dialog: &mut Dialog, screen: &mut Screen, key: &KeyEvent) -> Option<Typed> {
    // Any key closes what is shown over the board.
    let had_help = std::mem::take(&mut screen.shows_help);
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return control_pressed(dialog, screen, key.code);
    }
    match key.code {
        KeyCode::Char(character) if screen.input.chars().count() < INPUT_LEN_MAX => {
            screen.input.push(character);
        }
        KeyCode::Backspace => {
            screen.input.pop();
        }
        KeyCode::Esc if had_help => {}
        KeyCode::Esc if screen.input.is_empty() => return Some(dialog.typed("cancel")),
        KeyCode::Esc => screen.input.clear(),
        KeyCode::F(1) => return Some(Typed::Help),
        KeyCode::Enter if screen.input.trim().is_empty() => {
            // Nothing is left to type once the match is over.
            return (dialog.is_over() && !had_help).then_some(Typed::Quit);
        }
        KeyCode::Enter => {
            let line = std::mem::take(&mut screen.input);
            return Some(dialog.typed(&line));
        }
        _ => {}
    }
    None
}

/// The keys of offers and answers, as the help lists them.
fn control_pressed(dialog: &mut Dialog, screen: &mut Screen, code: KeyCode) -> Option<Typed> {
    let KeyCode::Char(letter) = code else {
        return None;
    };
    let word = match letter.to_ascii_lowercase() {
        'c' | 'd' => return Some(Typed::Quit),
        'u' => {
            screen.input.clear();
            return None;
        }
        'y' => "accept",
        'n' => "decline",
        'o' => "draw",
        't' => "takeback",
        'g' => "give",
        'k' => "claim",
        'r' => "rematch",
        'f' => "flip",
        _ => return None,
    };
    Some(dialog.typed(word))
}
