//! Playing by lines of text, where there is no terminal: what is typed is read from stdin, and the
//! board is printed after each move.

use game_core::Seat;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::dialog::{Dialog, Typed};
use super::input::Input;
use super::words;
use client::seat::SeatError;
use lab::board::{BoardPicture, TextStyle};
use lab::command::{say, say_drawn};

/// Plays until the match is over, the player quits, or there is nothing more to read.
///
/// A move that comes too early waits for its turn, and what comes after it waits too; so a whole
/// game can be piped in.
pub(super) async fn run(
    dialog: &mut Dialog,
    mut lines: mpsc::Receiver<String>,
    style: TextStyle,
) -> Result<(), SeatError> {
    let mut shown = None;
    let mut held: Option<String> = None;
    let mut is_at_end = false;
    loop {
        show(dialog, style, &mut shown);
        if dialog.is_over() && dialog.is_settled() {
            return Ok(());
        }
        let may_move = dialog.view().is_my_turn() && dialog.is_settled();
        if may_move && let Some(line) = held.take() {
            tell(dialog.typed(&line));
            continue;
        }
        if is_at_end && held.is_none() && dialog.is_settled() {
            return Ok(());
        }
        tokio::select! {
            news = dialog.next() => {
                for line in news? {
                    say(&line);
                }
            }
            line = lines.recv(), if held.is_none() && !is_at_end => match line {
                Some(line) if line.is_empty() => {}
                Some(line) if Input::is_move(&line) => held = Some(line),
                Some(line) => {
                    if tell(dialog.typed(&line)) {
                        return Ok(());
                    }
                }
                None => is_at_end = true,
            },
        }
    }
}

/// Says what typing came to; whether the player quits.
fn tell(typed: Typed) -> bool {
    match typed {
        Typed::Done => false,
        Typed::Quit => true,
        Typed::Say(lines) => {
            for line in lines {
                say(&line);
            }
            false
        }
    }
}

/// Prints the board if it has changed.
fn show(dialog: &Dialog, style: TextStyle, shown: &mut Option<(u16, bool)>) {
    let view = dialog.view();
    let now = (view.ply(), dialog.is_flipped);
    if *shown == Some(now) {
        return;
    }
    *shown = Some(now);
    let own = view.seat().unwrap_or(Seat::White);
    let from = if dialog.is_flipped {
        own.opponent()
    } else {
        own
    };
    say("");
    if let Some(san) = view.sans().last() {
        let number = view.ply().div_ceil(2);
        say(&format!(
            "Move {number}: {} plays {san}",
            words::side(view.turn().opponent())
        ));
    }
    let [white, black] = words::clocks(view, Instant::now().into_std());
    let [of_white, of_black] = Seat::BOTH.map(|seat| words::name(view, seat));
    say(&format!("{of_white} {white}  -  {of_black} {black}"));
    let picture = BoardPicture::new(view.position(), view.last_move(), from);
    for line in picture.lines(style) {
        say_drawn(&line);
    }
    say(&dialog.status());
}
