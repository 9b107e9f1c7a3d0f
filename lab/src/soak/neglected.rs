//! Matches that nobody attends beside those that are played, and in the end the question whether one of
//! them, or anything else, was forgotten.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use game_core::{Outcome, Termination};
use tokio::time::{Instant, sleep};

use super::oracle::Promise;
use super::report::BrokenPromise;
use super::world::World;
use crate::cluster::LocalCluster;
use crate::unattended::{Neglect, Neglectful, Neglecting, Unattended};

/// Between two matches of each kind that nobody attends.
const EVERY: Duration = Duration::from_secs(5);
/// So long after the soak closes, the last of them must have ended: they take half a minute, and longer
/// by as much as play is paused and clocks wait for players after a takeover.
const ENDED_WITHIN: Duration = Duration::from_secs(120);
/// Between two looks at whether a match has ended.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// Those who make such matches.
pub(super) struct Neglected(Neglecting);

impl Neglected {
    /// Begins to make them, until the soak closes.
    pub(super) fn begin(world: &World) -> Self {
        let players = |neglect| Neglectful {
            matchmaker: world.matchmaker.clone(),
            connector: Arc::clone(&world.connector),
            session: world.session,
            neglect,
            every: EVERY,
        };
        Self(Neglecting::begin(players, &world.closing))
    }

    /// Waits until all have ended, and lets a scan look for whatever is forgotten in the store of the
    /// soak's own cluster. Returns how many there were of each kind.
    pub(super) async fn check(
        self,
        world: &World,
        cluster: Option<&LocalCluster>,
    ) -> BTreeMap<&'static str, u64> {
        let (all, errors) = self.0.finish().await;
        for error in errors {
            world.figures.error(&error);
        }
        let end = Instant::now() + ENDED_WITHIN;
        let mut counts = BTreeMap::new();
        for one in &all {
            *counts.entry(one.neglect.name()).or_default() += 1;
            check_one(world, *one, end).await;
        }
        if let Some(cluster) = cluster {
            scan(world, cluster).await;
        }
        counts
    }
}

async fn check_one(world: &World, one: Unattended, end: Instant) {
    let (moves, result) = loop {
        let reply = world.matchmaker.match_reply(one.id).await;
        let has = reply.map(|reply| (reply.moves.len(), reply.outcome.zip(reply.termination)));
        match has {
            Ok((moves, Some(result))) => break (moves, Some(result)),
            Ok((moves, None)) if Instant::now() > end => break (moves, None),
            Err(error) if Instant::now() > end => {
                let why = format!("a match that was left cannot be read: {error}");
                return world.figures.error(&why);
            }
            _ => sleep(POLL_EVERY).await,
        }
    };
    let fits = |(outcome, how)| one.neglect.allows(moves, outcome, how);
    if !result.is_some_and(fits) {
        forgotten(
            world,
            BrokenPromise {
                match_id: Some(one.id),
                ..BrokenPromise::of_the_cluster(
                    Promise::Forgotten,
                    world.elapsed(),
                    expected(one.neglect).to_owned(),
                    in_words(moves, result),
                )
            },
        );
    }
}

const fn expected(neglect: Neglect) -> &'static str {
    match neglect {
        Neglect::Left => "both moved and left, and a flag falls",
        Neglect::NeverJoined => "nobody came, and the match is aborted",
        Neglect::NeverJoinedAtOnce => {
            "nobody came, and the match is aborted though its clock would run on"
        }
    }
}

fn in_words(moves: usize, result: Option<(Outcome, Termination)>) -> String {
    match result {
        Some((outcome, how)) => format!("{outcome} by {how} after {moves} moves"),
        None => format!("still in play after {moves} moves, long after nobody attends it"),
    }
}

async fn scan(world: &World, cluster: &LocalCluster) {
    match cluster.forgotten().await {
        Ok(found) => {
            for got in found {
                let expected = "whatever is stored has an owner that knows of it".to_owned();
                let at = world.elapsed();
                let broken = BrokenPromise::of_the_cluster(Promise::Forgotten, at, expected, got);
                forgotten(world, broken);
            }
        }
        // The cluster is the soak's own, and no fault lasts.
        Err(error) => world.broke(BrokenPromise::of_the_cluster(
            Promise::Runs,
            world.elapsed(),
            "the store can be scanned".to_owned(),
            error.to_string(),
        )),
    }
}

fn forgotten(world: &World, broken: BrokenPromise) {
    world.figures.forgotten.fetch_add(1, Ordering::Relaxed);
    world.broke(broken);
}
