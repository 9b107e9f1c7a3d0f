//! Reads what is stored of a match on a cluster of one's own, and lets the oracle against the log judge it.

use std::time::Duration;

use client::Matchmaker;
use game_core::{Event, Match, MatchId};
use protocol::http::MatchReply;
use store::{Matches, StoreError, codec};
use tokio::time::{Instant, sleep};

use super::history::History;
use super::log::{Published, Stored, check, check_order, excess};
use super::{Breach, Promise};
use crate::cluster::LocalCluster;

/// How far a shard's clock steps back when it notices that the store is silent: after a second of that, and what a
/// busy machine adds.
const STEP_BACK_MAX: Duration = Duration::from_millis(1_500);

/// A match that was played on a cluster of one's own.
#[derive(Debug)]
pub struct Played {
    /// Which.
    pub id: MatchId,
    /// What its clients were told.
    pub histories: Vec<History>,
    /// Its players think for a fraction of their time.
    pub time_is_plenty: bool,
    /// The store may have been silent meanwhile.
    pub has_faults: bool,
}

/// What is to be said of one match.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Everything that is wrong with it.
    pub breaches: Vec<Breach>,
    /// What each player's clock lost beyond the player's own thinking.
    pub excess: Vec<Duration>,
    /// How often it changed its owner.
    pub owner_changes: u64,
}

impl From<Vec<Breach>> for Verdict {
    fn from(breaches: Vec<Breach>) -> Self {
        Self {
            breaches,
            ..Self::default()
        }
    }
}

/// Reads and checks one match.
///
/// # Errors
///
/// When the store or the matchmaker cannot be read, which is no breach of a promise.
pub async fn verify(
    cluster: &LocalCluster,
    matchmaker: &Matchmaker,
    played: &Played,
) -> Result<Verdict, String> {
    let id = played.id;
    let unread = |error: &dyn std::fmt::Display| format!("match {id} cannot be read: {error}");
    let log = read_log(cluster, id)
        .await
        .map_err(|error| unread(&error))?;
    // What nobody can make a match of again: the order of its records often says why.
    let unusable = |why: String| {
        let mut breaches = check_order(id, &log);
        if breaches.is_empty() {
            breaches.push(Breach::stored(
                Promise::Disagreement,
                format!("match {id}: {why}"),
            ));
        }
        breaches
    };
    let checkpoint = match cluster.store().load(id).await {
        Ok(Some(checkpoint)) => checkpoint,
        Ok(None) => {
            let text = format!("match {id} is not stored");
            return Ok(vec![Breach::stored(Promise::Lost, text)].into());
        }
        Err(StoreError::Corrupt(why)) => return Ok(unusable(why).into()),
        Err(error) => return Err(unread(&error)),
    };
    // The first owner claims it too.
    let owner_changes = checkpoint.ownership.epoch.0.saturating_sub(1);
    let setup = checkpoint.snapshot.setup().clone();
    let published = match Match::restore(checkpoint.snapshot, &checkpoint.tail) {
        Ok(_) => read_published(matchmaker, id)
            .await
            .map_err(|error| unread(&error))?,
        Err(why) => return Ok(unusable(format!("the checkpoint does not replay: {why}")).into()),
    };
    let stored = Stored {
        setup,
        log,
        published,
        time_is_plenty: played.time_is_plenty,
        has_one_owner: owner_changes == 0,
        step_back_max: if played.has_faults {
            STEP_BACK_MAX
        } else {
            Duration::ZERO
        },
    };
    let histories = played.histories.iter();
    Ok(Verdict {
        breaches: check(&played.histories, &stored),
        excess: histories
            .filter(|_| stored.time_is_plenty)
            .filter_map(|history| excess(history, &stored))
            .collect(),
        owner_changes,
    })
}

/// The records as they are, in whatever order.
///
/// # Errors
///
/// When Redis does not answer, or a record is none.
pub async fn read_log(cluster: &LocalCluster, id: MatchId) -> Result<Vec<Event>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let key = format!("rk:{{{}}}:{id}:log", id.tag());
    let read = cluster.with_redis(move |redis| redis.command(&["LRANGE", &key, "0", "-1"]));
    let records = read.await.map_err(|error| said(&error))?;
    let records: Vec<Vec<u8>> = redis::from_redis_value(records).map_err(|error| said(&error))?;
    records
        .iter()
        .map(|record| codec::decode_record(record).map_err(|error| said(&error)))
        .collect()
}

async fn read_published(
    matchmaker: &Matchmaker,
    id: MatchId,
) -> Result<Published, client::MatchmakerError> {
    let (reply, pgn) = published(matchmaker, id).await?;
    Ok(Published {
        pgn,
        seq: reply.seq,
        moves: reply.moves,
        result: reply.outcome.zip(reply.termination),
    })
}

/// Between two looks at whether a match is shown.
const POLL_EVERY: Duration = Duration::from_millis(250);

/// A finished match is shown within this: by a matchmaker that was away for a while, and counts the delay anew.
const SHOWN_WITHIN: Duration = Duration::from_secs(60);

/// A finished match as it is shown to everybody, once its delay has passed. One that is withheld for longer, as its
/// match has not ended, is returned as it is.
///
/// # Errors
///
/// When the matchmaker cannot be read.
pub async fn published(
    matchmaker: &Matchmaker,
    id: MatchId,
) -> Result<(MatchReply, String), client::MatchmakerError> {
    let end = Instant::now() + SHOWN_WITHIN;
    loop {
        // The export is withheld as long as the page, and no longer.
        let reply = matchmaker.match_reply(id).await?;
        if !reply.withheld || Instant::now() > end {
            return Ok((reply, matchmaker.pgn(id).await?));
        }
        sleep(POLL_EVERY).await;
    }
}
