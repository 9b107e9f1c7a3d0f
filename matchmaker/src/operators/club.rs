//! What players have finished, from the archive, and what has not reached it yet, from the outboxes.

use admin::{Backlog, FinishedList, FinishedQuery, FinishedView, Kind, Problem};
use store::{Archive, ArchiveCursor, ArchiveFilter, Store};

use crate::clock::now;

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
