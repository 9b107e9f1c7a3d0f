//! Playing by lines of text, where there is no terminal: what is typed is read from stdin, and the
//! board is printed after each move.

use game_core::Seat;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::dialog::{Dialog, Typed, help};
use super::input::Input;
use super::{status, words};
use client::seat::SeatError;
use lab::board::{BoardPicture, TextStyle};
use lab::command::{say, say_drawn};

/// Plays until the match is over, the player quits, or there is nothing more to read.
///
/// A move that comes too early waits for its turn, and what comes after it waits too; so a whole
/// game can be piped in. With `stays`, a player may also offer or accept a rematch after the end, and leaves
/// with an empty line.
pub(super) async fn run(
    dialog: &mut Dialog,
    lines: &mut mpsc::Receiver<String>,
    style: TextStyle,
    stays: bool,
) -> Result<(), SeatError> {
    let mut shown = None;
    let mut is_told = false;
    let mut held: Option<String> = None;
    let mut is_at_end = false;
    loop {
        show(dialog, style, &mut shown);
        if dialog.rematch().is_some() {
            return Ok(());
        }
        if dialog.is_over() && dialog.is_settled() {
            if !stays || is_at_end {
                return Ok(());
            }
            if !std::mem::replace(&mut is_told, true) {
                say("An empty line leaves; rematch offers another match.");
            }
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
                Some(line) if line.is_empty() && dialog.is_over() => return Ok(()),
                Some(line) if line.is_empty() => {}
                // Letters after a question for what a pawn becomes are its answer.
                Some(line) if dialog.is_asking() => {
                    tell(dialog.typed(&line));
                }
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
        Typed::Help => {
            for line in help() {
                say(&line);
            }
            false
        }
        Typed::Say(lines) => {
            for line in lines {
                say(&line);
            }
            false
        }
    }
}

/// Prints the board if it has changed.
fn show(dialog: &Dialog, style: TextStyle, shown: &mut Option<(u32, u16, bool)>) {
    let view = dialog.view();
    let now = (view.position_seq(), view.ply(), dialog.is_flipped);
    if *shown == Some(now) {
        return;
    }
    let is_move = shown.is_none_or(|(_, ply, _)| ply <= view.ply());
    *shown = Some(now);
    say("");
    if let Some(san) = view.sans().last().filter(|_| is_move) {
        let number = view.ply().div_ceil(2);
        say(&format!(
            "Move {number}: {} plays {san}",
            words::side(view.turn().opponent())
        ));
    }
    let [white, black] = words::clocks(view, Instant::now().into_std());
    let [of_white, of_black] = Seat::BOTH.map(|seat| words::name(view, seat));
    say(&format!("{of_white} {white}  -  {of_black} {black}"));
    let holdings = Seat::BOTH.map(|seat| status::holdings(view, seat));
    if let [Some(white), Some(black)] = holdings {
        say(&format!("White: {white}  -  Black: {black}"));
    }
    let picture = BoardPicture::new(view.position(), view.last_move(), dialog.below());
    for line in picture.lines(style) {
        say_drawn(&line);
    }
    say(&dialog.status());
}
