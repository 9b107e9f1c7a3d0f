//! What must hold of every history.
//!
//! Where the store never confirms what a failover can take, or no failover happened: all that any player was ever shown is in
//! the log at its end, each event at its place, and the match has an end there.
//!
//! Where it does: the same of all that a player was shown since it was last told of a loss. What it was shown before that was
//! in the log until a failover. A player is told of a loss only after one that took something which that player had seen; one
//! that does not come back to another owner afterwards is told nothing. What is lost for good has been said to be lost by a shard, or the owner
//! that had it in memory has ended.

use std::collections::BTreeSet;
use std::time::Duration;

use game_core::{CommandKind, Event, EventKind, Match, ShardId};
use store::testing::StoredMatch;

use super::hall::{Course, Hall};
use super::player::Player;
use super::process::Process;
use super::replica::Loss;
use super::time::At;
use crate::simulation::oracle::check_log;

/// A process that stood still for longer has noticed it.
const NOTICED_MIN: At = 300_000;

/// Holds what the players were shown against the log, and the log against the rules.
pub(super) fn check(hall: &Hall) -> Result<(), String> {
    for player in &hall.players {
        let stored = &hall.store[&player.match_id];
        let log = stored.log();
        let judge = || -> Result<(), String> {
            if let Err(why) = check_player(player, stored, &log) {
                check_untold(hall, player).map_err(|_| why)?;
            }
            for before in &player.before {
                check_lost(hall, before)?;
            }
            check_charged(hall, &hall.courses[&player.match_id], stored, &log)
        };
        judge().map_err(|why| {
            let (id, seat) = (player.match_id, player.seat);
            let log: Vec<_> = log.iter().map(|event| format!("{event:?}")).collect();
            format!(
                "{seat} of {id}: {why}\n{player:#?}\nthe log:\n{}\n{:#?}",
                log.join("\n"),
                hall.replica.losses
            )
        })?;
    }
    check_said(hall)
}

/// What a player was shown since it was last told of a loss is what the log has.
fn check_player(player: &Player, stored: &StoredMatch, log: &[Event]) -> Result<(), String> {
    check_log(stored, log)?;
    check_shown(player, log)?;
    check_states(player, stored, log)?;
    check_end(player, stored, log)?;
    check_acked(player, log)
}

/// A player that was shown what a failover took, and did not come back to another owner since, need not have been told.
fn check_untold(hall: &Hall, player: &Player) -> Result<(), String> {
    let mut losses = hall.replica.losses_of(player.match_id);
    let is_gone = losses.any(|loss| {
        let is_back = player.joined_at > loss.at && player.shown_by != loss.holder;
        player.has_seen(loss) && !is_back
    });
    if hall.replica.is_waited_for || !is_gone {
        return Err("it was told of no loss".to_owned());
    }
    check_lost(hall, player)
}

/// What a player was shown before a loss was in the log before some failover.
fn check_lost(hall: &Hall, player: &Player) -> Result<(), String> {
    let stored = &hall.store[&player.match_id];
    let check = |log: &[Event]| {
        check_shown(player, log)?;
        check_states(player, stored, log)?;
        check_acked(player, log)
    };
    let last = check(&stored.log());
    let mut logs = hall.replica.losses_of(player.match_id);
    match last {
        Err(why) if !logs.any(|loss| check(&loss.log).is_ok()) => {
            Err(format!("what it was shown was never in the log: {why}"))
        }
        _ => Ok(()),
    }
}

/// What an owner that lives had in memory, and is lost for good, was said to be lost.
fn check_said(hall: &Hall) -> Result<(), String> {
    if hall.replica.is_waited_for {
        return Ok(());
    }
    let is_owed = |loss: &&Loss| {
        let holder = loss.holder.filter(|id| !hall.deaths.contains_key(id));
        holder.is_some() && !hall.is_healed(loss)
    };
    let losses = &hall.replica.losses;
    let owed = losses.iter().filter(is_owed).map(|loss| loss.match_id);
    let owed: BTreeSet<_> = owed.collect();
    let live: u64 = hall.processes.values().map(Process::said_lost).sum();
    if hall.said_lost + live >= owed.len() as u64 {
        return Ok(());
    }
    Err(format!(
        "{owed:?} lost events, which nobody has said: {losses:#?}"
    ))
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
    if moves.starts_with(&player.moves) {
        Ok(())
    } else {
        Err("it was shown other moves than the log has".to_owned())
    }
}

/// It was shown all of the match.
fn check_end(player: &Player, stored: &StoredMatch, log: &[Event]) -> Result<(), String> {
    let whole = Match::restore(stored.first_snapshot(), log);
    let whole = whole.map_err(|error| format!("the log does not replay: {error}"))?;
    let is_move = |event: &&Event| matches!(event.kind, EventKind::Moved { .. });
    let moves = log.iter().filter(is_move).count();
    if player.result == whole.outcome() && player.moves.len() == moves {
        return Ok(());
    }
    Err(format!(
        "it was shown {} moves and the result {:?}; the log has {moves} and {:?}",
        player.moves.len(),
        player.result,
        whole.outcome()
    ))
}

/// A state is what the log says up to its seq.
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

/// The players were charged for no more time than some living process owned their match and ran.
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
    let (mut owned, mut stood) = (0, 0);
    for (n, (from, owner)) in course.claims.iter().enumerate() {
        let next = course.claims.get(n + 1).map_or(end, |(next, _)| *next);
        let death = hall.deaths.get(owner).copied().unwrap_or(end);
        let until = next.min(death);
        owned += until.saturating_sub(*from);
        let stops = hall.stops.iter().filter(|(stopped, ..)| stopped == owner);
        stood += stops
            .map(|stop| stood_still(stop, *from, until))
            .sum::<At>();
    }
    // There is no increment: what is missing on the clocks is what was charged.
    let initial = stored.first_snapshot().setup().controls.white.initial();
    let left = last.clocks.remaining;
    let charged = (initial - left.white) + (initial - left.black);
    let owned = Duration::from_micros(owned.saturating_sub(stood));
    if charged > owned {
        return Err(format!(
            "{charged:?} were charged, and the match was owned for {owned:?}: {course:?}, deaths at {:?}",
            hall.deaths
        ));
    }
    Ok(())
}

/// For how much of a time a process stood still and must have noticed it.
fn stood_still((_, from, until): &(ShardId, At, At), after: At, before: At) -> At {
    // What it noticed at last is not more than the time from its last look on.
    let stood = (*until).min(before).saturating_sub((*from).max(after));
    if stood > NOTICED_MIN { stood } else { 0 }
}
