//! What players wait for, what they have finished, from the archive, and what has not reached it yet, from the outboxes.

use std::cmp::Reverse;

use admin::{
    Backlog, FinishedList, FinishedQuery, FinishedView, Kind, OpenChallenge, OpenChallengeList,
    PoolList, PoolView, Problem, TicketList, TicketView,
};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use store::{Archive, ArchiveCursor, ArchiveFilter, Store, StoreError, Ticket};

use crate::clock::now;
use crate::pairing::eligible;
use crate::waiting;

/// Upper bound on pools in a list, as the tickets of each are read.
const POOLS_SHOWN_MAX: usize = 50;
/// Pools whose tickets are read at once.
const READS_AT_ONCE: usize = 8;
/// Upper bound on tickets that are read of a list, about 300 bytes each.
const TICKETS_MAX: usize = 200;

/// The fullest pools, without those whose players are all gone.
pub(super) async fn pools(store: &dyn Store) -> Result<PoolList, Problem> {
    let mut named = store.pools(now(), 1).await?;
    let total = named.len();
    named.sort_unstable_by(|(one, few), (other, many)| many.cmp(few).then_with(|| one.cmp(other)));
    named.truncate(POOLS_SHOWN_MAX);
    let reads = named
        .into_iter()
        .map(|(pool, count)| read(store, pool, count));
    // Each is boxed: a future that borrows the store is not general enough for a stream of them.
    let reads: Vec<_> = reads.map(Box::pin).collect();
    let pools = stream::iter(reads).buffered(READS_AT_ONCE);
    let read: Vec<Option<PoolView>> = pools.try_collect().await?;
    let mut pools: Vec<_> = read.into_iter().flatten().collect();
    pools.sort_by_key(|pool| Reverse(pool.waiting));
    Ok(PoolList { pools, total })
}

/// A pool that has about so many tickets; `None` if nobody waits there any more.
async fn read(
    store: &dyn Store,
    pool: Box<str>,
    count: usize,
) -> Result<Option<PoolView>, StoreError> {
    let list = store::TicketList::Pool(pool.clone());
    let tickets = store.waiting(&list, TICKETS_MAX).await?;
    let at = now();
    let present = eligible(&tickets, at);
    // They are in the order in which they were made.
    Ok(present.first().map(|first| {
        let waiting = if tickets.len() < TICKETS_MAX {
            present.len()
        } else {
            count
        };
        let longest_ms = at.0.saturating_sub(first.created_at.0);
        PoolView::new(pool.into(), first, waiting, longest_ms)
    }))
}

/// The tickets of a pool, those of players who may come back included.
pub(super) async fn tickets(store: &dyn Store, pool: &str) -> Result<TicketList, Problem> {
    let mut tickets = waiting(store, store::TicketList::Pool(pool.into())).await?;
    tickets.sort_by_key(|ticket| (ticket.created_at, ticket.id));
    Ok(TicketList {
        tickets: tickets.iter().map(TicketView::new).collect(),
    })
}

/// The challenges that everyone may accept.
pub(super) async fn challenges(store: &dyn Store) -> Result<OpenChallengeList, Problem> {
    let mut open = waiting(store, store::TicketList::Open).await?;
    open.sort_by_key(|ticket| Reverse((ticket.created_at, ticket.id)));
    let challenges = open
        .iter()
        .map(|ticket| OpenChallenge::new(ticket, waiting::ends_at(ticket)));
    Ok(OpenChallengeList {
        challenges: challenges.collect(),
    })
}

async fn waiting(store: &dyn Store, list: store::TicketList) -> Result<Vec<Ticket>, StoreError> {
    let (mut tickets, at) = (store.waiting(&list, TICKETS_MAX).await?, now());
    tickets.retain(|ticket| !ticket.is_abandoned(at));
    Ok(tickets)
}

/// A page of the archive.
pub(super) async fn finished(
    archive: &dyn Archive,
    query: FinishedQuery,
) -> Result<FinishedList, Problem> {
    let after = query.cursor.as_deref().map(str::parse::<ArchiveCursor>);
    let after = after.transpose().map_err(|_| {
        let why = "cursor must be the next of a page of the same list.";
        Problem::new(Kind::InvalidRequest, why)
    })?;
    let filter = ArchiveFilter {
        player: query.player,
        ..ArchiveFilter::default()
    };
    let page = archive.list(&filter, after, query.limit).await?;
    let shown = page.matches.iter().filter_map(|found| {
        let game = found.restore().inspect_err(|error| {
            tracing::error!(match_id = %found.id(), %error, "an archived match cannot be restored");
        });
        FinishedView::new(&game.ok()?, found.ended_at())
    });
    Ok(FinishedList {
        matches: shown.collect(),
        next: page.next.map(|next| next.to_string()),
    })
}

/// The matches that have ended and wait to be archived, rated and published.
pub(super) async fn backlog(store: &dyn Store) -> Result<Backlog, Problem> {
    let outboxes = store.outbox_tags().await?;
    let oldest = outboxes.iter().filter_map(|outbox| outbox.oldest_at).min();
    Ok(Backlog {
        waiting: outboxes.iter().map(|outbox| outbox.waiting).sum(),
        oldest_ms: oldest.map(|oldest| now().0.saturating_sub(oldest.0)),
    })
}
