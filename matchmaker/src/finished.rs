//! What is told of a finished match, wherever it is told.

use std::time::Duration;

use game_core::{BySeat, Player, RoundTrip, UnixMillis};
use protocol::SeatView;
use protocol::http::{FinishedMatch, FinishedSeat, Terms};
use store::{ArchivedMatch, FeedEntry, StoreError};

/// By how much a match changed its players' ratings.
pub(crate) type RatingDiffs = BySeat<Option<i32>>;

/// The document of a match.
///
/// # Errors
///
/// [`StoreError::Corrupt`] if no match can have come to what is archived.
pub(crate) fn document(
    archived: &ArchivedMatch,
    diffs: RatingDiffs,
) -> Result<FinishedMatch, StoreError> {
    let game = archived.restore().map_err(|error| {
        StoreError::Corrupt(format!("archived match {}: {error}", archived.id()))
    })?;
    let setup = archived.setup();
    let (outcome, termination) = archived.outcome();
    let seat = |player: &Player, rating_diff| FinishedSeat {
        player: SeatView::from(player),
        rating_diff,
    };
    Ok(FinishedMatch {
        match_id: archived.id(),
        seq: archived.end_seq(),
        players: BySeat {
            white: seat(&setup.players.white, diffs.white),
            black: seat(&setup.players.black, diffs.black),
        },
        terms: Terms::of(setup),
        created_at: setup.created_at,
        ended_at: archived.ended_at(),
        outcome,
        termination,
        moves: game.moves().map(|(uci, _)| uci).collect(),
        clocks_ms: game.moves().map(|(_, clock)| millis(clock)).collect(),
        times_ms: game
            .charged_times()
            .into_iter()
            .map(|time| time.map(millis))
            .collect(),
        rtts_ms: game
            .round_trips()
            .into_iter()
            .map(|one| one.map(RoundTrip::as_millis))
            .collect(),
    })
}

/// The entry of the feed for a match.
///
/// # Errors
///
/// As [`document`].
pub(crate) fn feed_entry(
    archived: &ArchivedMatch,
    diffs: RatingDiffs,
) -> Result<FeedEntry, StoreError> {
    let document = document(archived, diffs)?;
    let body = serde_json::to_string(&document)
        .map_err(|error| StoreError::Corrupt(format!("match {}: {error}", archived.id())))?;
    Ok(FeedEntry {
        match_id: archived.id(),
        seq: archived.end_seq(),
        public_at: public_at(archived),
        body: body.into_boxed_str(),
    })
}

/// From when on the public may read how a match went.
pub(crate) fn public_at(archived: &ArchivedMatch) -> UnixMillis {
    let delay_ms = 1_000 * u64::from(archived.setup().spectator_delay_s);
    UnixMillis(archived.ended_at().0.saturating_add(delay_ms))
}

/// Whether a reader may read a match at `now`: its players may always.
pub(crate) fn may_read(archived: &ArchivedMatch, reader: Option<&Player>, now: UnixMillis) -> bool {
    let players = &archived.setup().players;
    public_at(archived) <= now
        || reader.is_some_and(|reader| [&players.white.id, &players.black.id].contains(&&reader.id))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
