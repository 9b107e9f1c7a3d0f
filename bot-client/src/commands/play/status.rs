//! How a match stands, in words.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use game_core::{ClockStart, Role, Seat, Variant};

use super::words;
use client::MatchView;

/// How things stand, in a line; `waiting` is what the player waits for.
pub(super) fn status(view: &MatchView, waiting: Option<&str>, now: Instant) -> String {
    if let Some((outcome, termination)) = view.result() {
        let mut status = words::result(view, outcome, termination);
        status.push_str(&rematch_status(view));
        return status;
    }
    if let Some(why) = view.standstill() {
        let mut status = words::standstill(why).to_owned();
        if let Some(waiting) = waiting {
            status.push(' ');
            status.push_str(waiting);
        }
        return status;
    }
    if let Some(waiting) = waiting {
        return waiting.to_owned();
    }
    let mut status = match view.seat() {
        Some(seat) if seat == view.turn() => "Your move.".to_owned(),
        Some(_) => "The opponent is to move.".to_owned(),
        None => format!("{} is to move.", words::side(view.turn())),
    };
    status.push_str(&begin_status(view));
    status.push_str(&offer_status(view));
    if view.is_my_turn()
        && let Some(draw) = view.claimable_draw()
    {
        let why = draw.code().replace('_', " ");
        status.push_str(&format!(" You can claim a draw ({why}): claim."));
    }
    if let Some((_, at)) = view.gone() {
        status.push_str(&format!(" {}", words::gone(at, now)));
    } else if let Some(seat) = view.seat()
        && !view.connected()[seat.opponent()]
    {
        status.push_str(" The opponent is not connected.");
    }
    if view.seat().is_none() && !view.spectator_delay().is_zero() {
        let late = view.spectator_delay().as_secs();
        status.push_str(&format!(" You see it {late} s late."));
    }
    status
}

/// When play begins, or how long a first move may take.
fn begin_status(view: &MatchView) -> String {
    let calendar = SystemTime::now().duration_since(UNIX_EPOCH);
    let calendar = calendar.unwrap_or_default();
    let begins = view.start_at().map(|at| Duration::from_millis(at.0));
    let wait = begins.unwrap_or_default().saturating_sub(calendar);
    if view.ply() == 0 && !wait.is_zero() {
        let seconds = wait.as_millis().div_ceil(1_000);
        return format!(" Play begins in {seconds} s.");
    }
    let untimed = view.clock_start() == ClockStart::AfterFirstMoves && view.ply() < 2;
    if !untimed {
        return String::new();
    }
    let is_chess960 = view.variant() == Variant::Chess960;
    let limit = view.controls()[view.turn()].first_move_timeout(is_chess960);
    let seconds = limit.as_secs();
    format!(" The first move must come within {seconds} s, or the match is aborted.")
}

/// The offers of a draw and a takeback that stand.
fn offer_status(view: &MatchView) -> String {
    let mut status = match (view.draw_offer(), view.seat()) {
        (Some(offer), Some(seat)) if offer == seat => " You offer a draw.".to_owned(),
        (Some(_), Some(_)) => " A draw is offered: accept, decline, or simply move.".to_owned(),
        (Some(offer), None) => format!(" {} offers a draw.", words::side(offer)),
        (None, _) => String::new(),
    };
    status.push_str(&match (view.takeback_offer(), view.seat()) {
        (Some(offer), Some(seat)) if offer == seat => " You ask for a takeback.".to_owned(),
        (Some(_), Some(_)) => " A takeback is asked for: accept or decline.".to_owned(),
        (Some(offer), None) => format!(" {} asks for a takeback.", words::side(offer)),
        (None, _) => String::new(),
    });
    status
}

/// The offer of a rematch that stands.
fn rematch_status(view: &MatchView) -> String {
    match (view.rematch_offer(), view.seat()) {
        (Some(offer), Some(seat)) if offer == seat => " You offer a rematch.".into(),
        (Some(_), Some(_)) => " A rematch is offered: accept or decline.".into(),
        (Some(offer), None) => format!(" {} offers a rematch.", words::side(offer)),
        (None, _) => view
            .rematch()
            .map_or_else(String::new, |id| format!(" The rematch is match {id}.")),
    }
}

/// What a seat has beside its clock: a pocket, or checks to give.
pub(super) fn holdings(view: &MatchView, seat: Seat) -> Option<String> {
    if let Some(left) = view.position().checks_left(seat) {
        let s = if left == 1 { "" } else { "s" };
        return Some(format!("{left} check{s} to give"));
    }
    if view.variant() != Variant::Crazyhouse {
        return None;
    }
    let pocket = view.position().pocket(seat);
    let held = Role::ALL.into_iter().zip(pocket);
    let held: Vec<String> = held
        .filter(|(_, count)| *count > 0)
        .map(|(role, count)| format!("{count}{}", role.letter().to_ascii_uppercase()))
        .collect();
    if held.is_empty() {
        Some("pocket empty".into())
    } else {
        Some(format!("pocket {}", held.join(" ")))
    }
}
