//! What must hold of every history.

use std::time::Duration;

use game_core::{CommandKind, Event, EventKind, Match};
use store::testing::StoredMatch;

use super::hall::{Course, Hall};
use super::player::Player;
use crate::simulation::oracle::check_log;

/// Holds what the players were shown against the log, and the log against the rules.
pub(super) fn check(hall: &Hall) -> Result<(), String> {
    for player in &hall.players {
        let stored = &hall.store[&player.match_id];
        let log = stored.log();
        let judge = || -> Result<(), String> {
            check_log(stored, &log)?;
            check_shown(player, &log)?;
            check_states(player, stored, &log)?;
            check_acked(player, &log)?;
            check_charged(hall, &hall.courses[&player.match_id], stored, &log)
        };
        judge().map_err(|why| {
            let (id, seat) = (player.match_id, player.seat);
            let log: Vec<_> = log.iter().map(|event| format!("{event:?}")).collect();
            format!(
                "{seat} of {id}: {why}\n{player:#?}\nthe log:\n{}",
                log.join("\n")
            )
        })?;
    }
    Ok(())
}

fn check_shown(player: &Player, log: &[Event]) -> Result<(), String> {
    for (seq, shown) in &player.shown {
        let stored = log.get(*seq as usize - 1);
        let same = |stored: &Event| {
            let ms = |clock: Duration| clock.as_millis();
            (stored.seat, Some(stored.kind)) == (shown.seat, shown.kind)
                && ms(stored.clocks.remaining.white) == shown.clock.white_ms.into()
                && ms(stored.clocks.remaining.black) == shown.clock.black_ms.into()
        };
        if !stored.is_some_and(same) {
            return Err(format!(
                "event {seq} was shown as {shown:?} and is {stored:?}"
            ));
        }
    }
    let moves: Vec<_> = log
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Moved { uci, .. } => Some(uci),
            _ => None,
        })
        .collect();
    if player.moves == moves {
        Ok(())
    } else {
        Err("it was shown other moves than the log has".to_owned())
    }
}

/// A state is what the log says up to its seq, and the last result is the match's.
fn check_states(player: &Player, stored: &StoredMatch, log: &[Event]) -> Result<(), String> {
    let restored = |len: usize| {
        let restored = Match::restore(stored.first_snapshot(), &log[..len]);
        restored.map_err(|error| format!("the log does not replay to {len}: {error}"))
    };
    for (seq, state) in &player.states {
        let len = *seq as usize;
        if len > log.len() {
            return Err(format!("a state was of event {seq}, which the log has not"));
        }
        let then = restored(len)?;
        let same = state.fen == then.fen()
            && state.position_seq == then.position_seq()
            && state.draw_offer == then.draw_offer()
            && state.result == then.outcome();
        if !same {
            return Err(format!("after event {seq} it was shown {state:?}"));
        }
    }
    let result = restored(log.len())?.outcome();
    if player.result != result {
        return Err(format!(
            "it was shown the result {:?}, and it is {result:?}",
            player.result
        ));
    }
    let refused = |event: &&Event| {
        let id = event.command_id.filter(|_| event.seat == Some(player.seat));
        id.is_some_and(|id| player.refused.contains(&id))
    };
    match log.iter().find(refused) {
        Some(event) => Err(format!("it was refused, and done: {event:?}")),
        None => Ok(()),
    }
}

/// What was acknowledged stands in the log, as what it was acknowledged as.
fn check_acked(player: &Player, log: &[Event]) -> Result<(), String> {
    for (command, seq) in &player.acked {
        let event = log.get(*seq as usize - 1);
        let kept = |event: &&Event| {
            let same = match command.kind {
                CommandKind::Move { uci, .. } => {
                    matches!(event.kind, EventKind::Moved { uci: stored, .. } if stored == uci)
                }
                CommandKind::DeclineDraw => event.kind == EventKind::DrawDeclined,
                _ => matches!(event.kind, EventKind::Ended { .. }),
            };
            same && event.seat == Some(player.seat) && event.command_id == Some(command.id)
        };
        if event.filter(kept).is_none() {
            return Err(format!(
                "{command:?} was acknowledged as {seq}, which is {event:?}"
            ));
        }
    }
    Ok(())
}

/// The players were charged for no more time than some living process owned their match.
fn check_charged(
    hall: &Hall,
    course: &Course,
    stored: &StoredMatch,
    log: &[Event],
) -> Result<(), String> {
    let Some(last) = log.last() else {
        return Ok(());
    };
    let end = course.ended_at.unwrap_or(hall.now);
    let mut owned = 0;
    for (n, (from, owner)) in course.claims.iter().enumerate() {
        let next = course.claims.get(n + 1).map_or(end, |(next, _)| *next);
        let death = hall.deaths.get(owner).copied().unwrap_or(end);
        owned += next.min(death).saturating_sub(*from);
    }
    // There is no increment: what is missing on the clocks is what was charged.
    let initial = stored.first_snapshot().setup().controls.white.initial();
    let left = last.clocks.remaining;
    let charged = (initial - left.white) + (initial - left.black);
    let owned = Duration::from_micros(owned);
    if charged > owned {
        return Err(format!(
            "{charged:?} were charged, and the match was owned for {owned:?}: {course:?}, deaths at {:?}",
            hall.deaths
        ));
    }
    Ok(())
}
