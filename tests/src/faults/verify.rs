//! Reads what is stored of the matches of a campaign, as it lies on the disk of Redis.

use bot_client::Matchmaker;
use game_core::{Event, Match, MatchId};
use store::{Store, StoreError, codec};

use super::checker::{Breach, Class, Published, Stored, check};
use super::cluster::Cluster;
use super::table::Played;

/// Reads and checks one match.
///
/// # Errors
///
/// When the store or the matchmaker cannot be read, which is no breach of a promise.
pub async fn verify(
    cluster: &Cluster,
    matchmaker: &Matchmaker,
    played: &Played,
) -> Result<Vec<Breach>, String> {
    let id = played.id;
    let unread = |error: &dyn std::fmt::Display| format!("match {id} cannot be read: {error}");
    let corrupt = |text: String| {
        vec![Breach {
            class: Class::Reordered,
            text: format!("match {id}: {text}"),
        }]
    };
    let checkpoint = match cluster.store.load(id).await {
        Ok(Some(checkpoint)) => checkpoint,
        Ok(None) => {
            let text = format!("match {id} is not stored at all");
            let class = Class::Lost;
            return Ok(vec![Breach { class, text }]);
        }
        Err(StoreError::Corrupt(text)) => return Ok(corrupt(text)),
        Err(error) => return Err(unread(&error)),
    };
    let setup = checkpoint.snapshot.setup().clone();
    let log = read_log(cluster, id)
        .await
        .map_err(|error| unread(&error))?;
    // Everyone must be able to make the match from the newest snapshot, too.
    let published = match Match::restore(checkpoint.snapshot, &checkpoint.tail) {
        Ok(_) => read_published(matchmaker, id)
            .await
            .map_err(|error| unread(&error))?,
        Err(error) => return Ok(corrupt(format!("the checkpoint does not replay: {error}"))),
    };
    let stored = Stored {
        setup,
        log,
        published,
    };
    Ok(check(&played.histories, &stored))
}

/// The records as they are, in whatever order.
async fn read_log(cluster: &Cluster, id: MatchId) -> Result<Vec<Event>, String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let client = redis::Client::open(cluster.redis_url()).map_err(|error| said(&error))?;
    let mut connection = client
        .get_multiplexed_async_connection()
        .await
        .map_err(|error| said(&error))?;
    let records: Vec<Vec<u8>> = redis::cmd("LRANGE")
        .arg(format!("rk:{{{id}}}:log"))
        .arg(0)
        .arg(-1)
        .query_async(&mut connection)
        .await
        .map_err(|error| said(&error))?;
    records
        .iter()
        .map(|record| codec::decode_record(record).map_err(|error| said(&error)))
        .collect()
}

async fn read_published(
    matchmaker: &Matchmaker,
    id: MatchId,
) -> Result<Published, bot_client::MatchmakerError> {
    let reply = matchmaker.match_reply(id).await?;
    Ok(Published {
        pgn: matchmaker.pgn(id).await?,
        seq: reply.seq,
        moves: reply.moves,
        result: reply.outcome.zip(reply.termination),
    })
}
