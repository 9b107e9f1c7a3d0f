//! What became of the matches that nobody attended, and whether anything else was forgotten.

use std::time::Duration;

use crate::unattended::Unattended;
use game_core::{Event, EventKind};
use store::testing::ReadLog;
use store::{InMemory, Status, Store, StoreError, audit};
use tokio::time::{Instant, sleep};

use super::checker::{Breach, Class, check_order};

/// Between two looks at whether a match has ended.
const POLL_EVERY: Duration = Duration::from_millis(250);

/// Waits until all of them have ended, at most `within`, and says what is wrong with those that have
/// not, or not as they should.
///
/// # Errors
///
/// When the store cannot be read.
pub async fn check_unattended(
    store: &dyn Store,
    all: &[Unattended],
    within: Duration,
) -> Result<Vec<Breach>, String> {
    let end = Instant::now() + within;
    let mut breaches = Vec::new();
    for one in all {
        let unread = |error: StoreError| format!("match {} cannot be read: {error}", one.id);
        while Instant::now() < end && !has_ended(store, one).await {
            sleep(POLL_EVERY).await;
        }
        let log = store.log(one.id).await.map_err(unread)?;
        breaches.extend(judge(*one, &log));
    }
    Ok(breaches)
}

/// Scans a store in which all matches have ended for what is forgotten. What is found for `within` is: a
/// shard that has just died is still to be taken over.
///
/// # Errors
///
/// When the store cannot be read.
pub async fn check_nothing_forgotten(
    store: &dyn Store,
    in_memory: Option<&InMemory>,
    within: Duration,
) -> Result<Vec<Breach>, String> {
    let end = Instant::now() + within;
    loop {
        let found = match audit(store, in_memory).await {
            Ok(found) if found.is_empty() || Instant::now() > end => found,
            Err(error) if Instant::now() > end => return Err(error.to_string()),
            _ => {
                sleep(POLL_EVERY).await;
                continue;
            }
        };
        let breach = |finding: store::Finding| Breach {
            class: Class::Forgotten,
            text: finding.to_string(),
        };
        return Ok(found.into_iter().map(breach).collect());
    }
}

async fn has_ended(store: &dyn Store, one: &Unattended) -> bool {
    // A store that was just started again answers soon.
    let ownership = store.ownership(one.id).await.ok().flatten();
    ownership.is_some_and(|ownership| ownership.status == Status::Finished)
}

/// What is wrong with the log of a match that nobody attended.
#[must_use]
pub fn judge(one: Unattended, log: &[Event]) -> Vec<Breach> {
    let Unattended { id, neglect } = one;
    let mut breaches = check_order(id, log);
    let breach = |class, text: String| {
        let text = format!("match {id} ({neglect}): {text}");
        Breach { class, text }
    };
    let is_move = |event: &&Event| matches!(event.kind, EventKind::Moved { .. });
    let moves = log.iter().filter(is_move).count();
    match log.last().map(|event| event.kind) {
        Some(EventKind::Ended {
            outcome,
            termination,
        }) => {
            if !neglect.allows(moves, outcome, termination) {
                let text = format!("{outcome} by {termination} after {moves} moves");
                breaches.push(breach(Class::Disagreement, text));
            }
        }
        _ => {
            let text = format!("it has no end after {} events", log.len());
            breaches.push(breach(Class::Forgotten, text));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use crate::unattended::Neglect;
    use game_core::{BySeat, MatchId, Outcome, Termination};

    use super::*;

    #[test]
    fn a_match_that_nobody_attends_and_nobody_ends_is_forgotten() {
        let one = Unattended {
            id: MatchId::from_random(1),
            neglect: Neglect::NeverJoinedAtOnce,
        };
        let classes = |log: &[Event]| {
            let found = judge(one, log);
            found.iter().map(|breach| breach.class).collect::<Vec<_>>()
        };
        let ended = |outcome, termination| Event {
            seq: 1,
            seat: None,
            command_id: None,
            clocks: BySeat::default(),
            kind: EventKind::Ended {
                outcome,
                termination,
            },
        };
        assert_eq!(classes(&[]), [Class::Forgotten]);
        let aborted = ended(Outcome::Aborted, Termination::WhiteNoStart);
        assert_eq!(classes(&[aborted]), []);
        // Only when its clock has run out: nobody ended it when nobody came.
        let flagged = ended(Outcome::BlackWins, Termination::TimeForfeit);
        assert_eq!(classes(&[flagged]), [Class::Disagreement]);
    }
}
