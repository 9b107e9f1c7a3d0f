//! What must hold of every history.

use std::collections::BTreeSet;
use std::time::Duration;

use client::seat::Acked;
use game_core::{CommandKind, Event, EventKind, Match, MatchId, Seat};
use store::testing::StoredMatch;
use tokio::time::Instant;

use super::player::Seen;
use super::world::World;

/// Checks a finished history: what the players saw against what the store holds.
pub(crate) fn check(world: &World, seen: &[Seen]) -> Result<(), String> {
    for seen in seen {
        let stored = &world.model[&seen.match_id];
        let log = stored.log();
        let judge = || -> Result<(), String> {
            check_log(stored, &log)?;
            check_seen(seen, &log)?;
            seen.acked
                .iter()
                .try_for_each(|acked| check_acked(seen, acked, &log))?;
            check_charged(world, seen.match_id, &log)
        };
        judge().map_err(|why| format!("{:?} of {}: {why}", seen.seat, seen.match_id))?;
    }
    Ok(())
}

/// One record a seq, a command at most once, and a legal game that has ended.
pub(crate) fn check_log(stored: &StoredMatch, log: &[Event]) -> Result<(), String> {
    let mut commands = BTreeSet::new();
    for (event, seq) in log.iter().zip(1..) {
        if event.seq != seq {
            return Err(format!("record {seq} has the number {}", event.seq));
        }
        if let (Some(seat), Some(command)) = (event.seat, event.command_id)
            && !commands.insert((seat == Seat::White, command))
        {
            return Err(format!("a command stands twice: {event:?}"));
        }
    }
    let replayed = Match::restore(stored.first_snapshot(), log);
    let replayed = replayed.map_err(|error| format!("the log does not replay: {error}"))?;
    if replayed.outcome().is_none() {
        return Err("the log has no end".to_owned());
    }
    Ok(())
}

/// What was seen stands in the log where it was seen; both players end with all of it.
fn check_seen(seen: &Seen, log: &[Event]) -> Result<(), String> {
    if let Some(wrong) = &seen.wrong {
        return Err(wrong.clone());
    }
    for (seq, event) in &seen.events {
        let stored = log.get(*seq as usize - 1);
        let same = |stored: &Event| {
            let ms = |clock: Duration| clock.as_millis();
            (stored.seat, Some(stored.kind)) == (event.seat, event.kind)
                && ms(stored.clocks.remaining.white) == event.clock.white_ms.into()
                && ms(stored.clocks.remaining.black) == event.clock.black_ms.into()
        };
        if !stored.is_some_and(same) {
            return Err(format!(
                "event {seq} was seen as {event:?} and is {stored:?}"
            ));
        }
    }
    let moved = |event: &Event| match event.kind {
        EventKind::Moved { uci, .. } => Some(uci),
        _ => None,
    };
    let moves: Vec<_> = log.iter().filter_map(moved).collect();
    let result = log.last().and_then(|event| match event.kind {
        EventKind::Ended {
            outcome,
            termination,
        } => Some((outcome, termination)),
        _ => None,
    });
    if seen.moves != moves || seen.result != result {
        let (had, has) = (seen.result, result);
        return Err(format!(
            "ended with {had:?} and {} moves; the log has {has:?}",
            seen.moves.len()
        ));
    }
    Ok(())
}

/// What was acknowledged stands in the log, as what it was acknowledged as.
fn check_acked(seen: &Seen, acked: &Acked, log: &[Event]) -> Result<(), String> {
    let event = log.get(acked.event as usize - 1);
    let kept = |event: &&Event| {
        let same = match acked.kind {
            CommandKind::Move { uci, .. } => {
                matches!(event.kind, EventKind::Moved { uci: stored, .. } if stored == uci)
            }
            CommandKind::OfferDraw => event.kind == EventKind::DrawOffered,
            CommandKind::DeclineDraw => event.kind == EventKind::DrawDeclined,
            _ => matches!(event.kind, EventKind::Ended { .. }),
        };
        same && event.seat == Some(seen.seat) && event.command_id == Some(acked.id)
    };
    match event.filter(kept) {
        Some(_) => Ok(()),
        None => Err(format!("{acked:?} was acknowledged; the log has {event:?}")),
    }
}

/// The players were charged for no more time than some living process owned their match.
fn check_charged(world: &World, id: MatchId, log: &[Event]) -> Result<(), String> {
    let Some(last) = log.last() else {
        return Ok(());
    };
    let course = &world.courses[&id];
    let end = course.ended_at.unwrap_or_else(Instant::now);
    let mut owned = Duration::ZERO;
    for (n, (from, owner)) in course.claims.iter().enumerate() {
        let next = course.claims.get(n + 1).map_or(end, |(next, _)| *next);
        let death = world.deaths.get(owner).copied().unwrap_or(end);
        owned += next.min(death).saturating_duration_since(*from);
    }
    // There is no increment: what is missing on the clocks is what was charged.
    let setup = world.model[&id].first_snapshot().setup().clone();
    let initial = setup.controls.white.initial();
    let charged = (initial - last.clocks.remaining.white) + (initial - last.clocks.remaining.black);
    if charged > owned {
        return Err(format!(
            "{charged:?} were charged, and the match was owned for {owned:?}"
        ));
    }
    Ok(())
}
