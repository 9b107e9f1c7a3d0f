//! Matches that nobody attends beside those that are played, and in the end the question whether one of
//! them, or anything else, was forgotten.

use std::sync::Arc;
use std::time::Duration;

use game_core::{Event, EventKind, MatchId, Outcome, Termination};
use store::{InMemory, Store, audit};
use tokio::time::{Instant, sleep};

use super::oracle::log::check_order;
use super::oracle::stored::read_log;
use super::oracle::{Breach, Promise};
use super::report::BrokenPromise;
use super::world::World;
use crate::cluster::LocalCluster;
use crate::unattended::{Neglect, Neglectful, Neglecting, Unattended};

/// Between two matches of each kind that nobody attends.
const EVERY: Duration = Duration::from_secs(5);
/// So long after the soak closes, the last of them must have ended: they take half a minute, and longer
/// by as much as play is paused and clocks wait for players after a takeover.
const ENDED_WITHIN: Duration = Duration::from_secs(120);
/// Once every match has ended, what is left of them and of dead shards goes within this.
const AT_REST_WITHIN: Duration = Duration::from_secs(30);
const READABLE: &str = "the store can be read";
/// Between two looks at whether a match has ended.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// Those who make such matches.
pub(super) struct Neglected(Neglecting);

impl Neglected {
    /// Begins to make them, until the soak closes.
    pub(super) fn begin(world: &World) -> Self {
        let players = |neglect| Neglectful {
            matchmaker: world.matchmaker().clone(),
            connector: Arc::clone(&world.connector),
            session: world.session,
            neglect,
            every: EVERY,
        };
        Self(Neglecting::begin(players, &world.closing))
    }

    /// Waits until all have ended, holds each against its stored log on a cluster of the soak's own, and
    /// looks there for whatever is forgotten. Returns all of them.
    pub(super) async fn check(self, world: &World) -> Vec<Unattended> {
        let (all, errors) = self.0.finish().await;
        for error in errors {
            match &world.cluster {
                Some(_) => broke(world, None, does_not_run("matches can be made", error)),
                None => world.figures.error(&error),
            }
        }
        let end = Instant::now() + ENDED_WITHIN.min(world.config.last_waits_max);
        for one in &all {
            let mut breaches: Vec<Breach> = check_one(world, *one, end).await.into_iter().collect();
            if let Some(cluster) = &world.cluster {
                match read_log(cluster, one.id).await {
                    Ok(log) => breaches.extend(judge(*one, &log)),
                    Err(why) => breaches.push(does_not_run(READABLE, why)),
                }
            }
            breaches
                .into_iter()
                .for_each(|breach| broke(world, Some(one.id), breach));
        }
        if let Some(cluster) = &world.cluster {
            scan(world, cluster).await;
        }
        all
    }
}

/// From outside: how the match ended, as the matchmaker shows it.
async fn check_one(world: &World, one: Unattended, end: Instant) -> Option<Breach> {
    let (moves, result) = loop {
        let reply = world.matchmaker().match_reply(one.id).await;
        let has = reply.map(|reply| (reply.moves.len(), reply.outcome.zip(reply.termination)));
        match has {
            Ok((moves, Some(result))) => break (moves, Some(result)),
            Ok((moves, None)) if Instant::now() > end => break (moves, None),
            Err(error) if Instant::now() > end => {
                let why = format!("a match that was left cannot be read: {error}");
                world.figures.error(&why);
                return None;
            }
            _ => sleep(POLL_EVERY).await,
        }
    };
    let fits = |(outcome, how)| one.neglect.allows(moves, outcome, how);
    (!result.is_some_and(fits)).then(|| Breach {
        promise: Promise::Forgotten,
        expected: expected(one.neglect).to_owned(),
        got: in_words(moves, result),
    })
}

/// What is wrong with the log of a match that nobody attended.
#[must_use]
pub fn judge(one: Unattended, log: &[Event]) -> Vec<Breach> {
    let Unattended { id, neglect, .. } = one;
    let mut breaches = check_order(id, log);
    let breach = |promise, text| Breach::stored(promise, format!("match {id} ({neglect}): {text}"));
    let is_move = |event: &&Event| matches!(event.kind, EventKind::Moved { .. });
    let moves = log.iter().filter(is_move).count();
    match log.last().map(|event| event.kind) {
        Some(EventKind::Ended {
            outcome,
            termination,
        }) => {
            if !neglect.allows(moves, outcome, termination) {
                let text = format!("{outcome} by {termination} after {moves} moves");
                breaches.push(breach(Promise::Disagreement, text));
            }
        }
        _ => {
            let text = format!("it has no end after {} events", log.len());
            breaches.push(breach(Promise::Forgotten, text));
        }
    }
    breaches
}

/// Scans a store in which all matches have ended for what is forgotten. What is found for `within` is: a
/// shard that has just died is still to be taken over.
///
/// # Errors
///
/// When the store cannot be read.
pub async fn forgotten(
    store: &dyn Store,
    in_memory: Option<&InMemory>,
    within: Duration,
) -> Result<Vec<Breach>, String> {
    let end = Instant::now() + within;
    loop {
        match audit(store, in_memory).await {
            Ok(found) if found.is_empty() || Instant::now() > end => {
                let breach =
                    |found: &store::Finding| Breach::stored(Promise::Forgotten, found.to_string());
                return Ok(found.iter().map(breach).collect());
            }
            Err(error) if Instant::now() > end => return Err(error.to_string()),
            _ => sleep(POLL_EVERY).await,
        }
    }
}

const fn expected(neglect: Neglect) -> &'static str {
    match neglect {
        Neglect::Left => "both moved and left, and a flag falls",
        Neglect::NeverJoined => "nobody came, and the match is aborted",
        Neglect::NeverJoinedAtOnce => {
            "nobody came, and the match is aborted though its clock would run on"
        }
        Neglect::DesertedForWin => "White left, and Black claims the win or a flag falls",
        Neglect::DesertedForDraw => "White left, and Black claims a draw or a flag falls",
    }
}

fn in_words(moves: usize, result: Option<(Outcome, Termination)>) -> String {
    match result {
        Some((outcome, how)) => format!("{outcome} by {how} after {moves} moves"),
        None => format!("still in play after {moves} moves, long after nobody attends it"),
    }
}

async fn scan(world: &World, cluster: &LocalCluster) {
    let in_memory = cluster.at_rest();
    let within = AT_REST_WITHIN.min(world.config.last_waits_max);
    match forgotten(cluster.store(), Some(&in_memory), within).await {
        Ok(found) => found
            .into_iter()
            .for_each(|breach| broke(world, None, breach)),
        Err(why) => broke(world, None, does_not_run(READABLE, why)),
    }
}

/// The cluster is the soak's own, and no fault lasts.
fn does_not_run(expected: &str, got: String) -> Breach {
    Breach {
        promise: Promise::Runs,
        expected: expected.to_owned(),
        got,
    }
}

fn broke(world: &World, match_id: Option<MatchId>, breach: Breach) {
    world.broke(BrokenPromise {
        match_id,
        ..BrokenPromise::of_the_cluster(breach, world.elapsed())
    });
}

#[cfg(test)]
mod tests {
    use game_core::{ClockState, MatchTime};

    use super::*;

    #[test]
    fn a_match_that_nobody_attends_and_nobody_ends_is_forgotten() {
        let one = Unattended {
            id: MatchId::from_random(1),
            neglect: Neglect::NeverJoinedAtOnce,
            made: std::time::Instant::now(),
        };
        let promises = |log: &[Event]| {
            let found = judge(one, log);
            found
                .iter()
                .map(|breach| breach.promise)
                .collect::<Vec<_>>()
        };
        let ended = |outcome, termination| Event {
            seq: 1,
            seat: None,
            command_id: None,
            clocks: ClockState::default(),
            at: MatchTime::default(),
            round_trip: None,
            kind: EventKind::Ended {
                outcome,
                termination,
            },
        };
        assert_eq!(promises(&[]), [Promise::Forgotten]);
        let aborted = ended(Outcome::Aborted, Termination::WhiteNoStart);
        assert_eq!(promises(&[aborted]), []);
        // Only when its clock has run out: nobody ended it when nobody came.
        let flagged = ended(Outcome::BlackWins, Termination::TimeForfeit);
        assert_eq!(promises(&[flagged]), [Promise::Disagreement]);
    }
}
