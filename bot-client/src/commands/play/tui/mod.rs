//! Playing on the whole terminal.

mod draw;
mod keys;
mod screen;

use std::future::Future;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::dialog::{Dialog, Typed};
use keys::Keyboard;
use lab::board::PieceSet;
use lab::command::Failure;
use screen::Screen;

/// Interval between two drawings of the clocks.
const TICK: Duration = Duration::from_millis(100);

/// The longest line that can be typed; every move and command is shorter.
const INPUT_LEN_MAX: usize = 60;

/// Plays until the player leaves; the result stays on the screen until then.
pub(super) async fn run(
    dialog: &mut Dialog,
    pieces: PieceSet,
    bot_failed: impl Future<Output = String>,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let mut terminal = ratatui::try_init().map_err(Failure::setup)?;
    let played = sit(dialog, &mut terminal, pieces, bot_failed, cancel).await;
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
    screen.say("Type a move (e4, Nf3, e2e4) or help.".into());
    let mut bot_is_gone = false;
    tokio::pin!(bot_failed);
    loop {
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

/// Takes in a key; whether the player leaves.
fn pressed(dialog: &mut Dialog, screen: &mut Screen, event: &Event) -> bool {
    let Event::Key(KeyEvent {
        code,
        modifiers,
        kind: KeyEventKind::Press,
        ..
    }) = event
    else {
        return false;
    };
    match code {
        KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => return true,
        KeyCode::Char('u') if modifiers.contains(KeyModifiers::CONTROL) => screen.input.clear(),
        KeyCode::Char(character) if screen.input.len() < INPUT_LEN_MAX => {
            screen.input.push(*character);
        }
        KeyCode::Backspace => {
            screen.input.pop();
        }
        KeyCode::Esc => screen.input.clear(),
        KeyCode::Enter if screen.input.trim().is_empty() => {
            // Nothing is left to type once the match is over.
            return dialog.is_over();
        }
        KeyCode::Enter => {
            let line = std::mem::take(&mut screen.input);
            match dialog.typed(&line) {
                Typed::Done => {}
                Typed::Quit => return true,
                Typed::Say(lines) => lines.into_iter().for_each(|line| screen.say(line)),
            }
        }
        _ => {}
    }
    false
}
