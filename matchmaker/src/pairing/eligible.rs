//! Which of the waiting tickets take part in a wave.

use std::collections::HashMap;
use std::time::Duration;

use game_core::{PlayerId, UnixMillis};
use store::Ticket;

use super::entrant::Entrant;

/// A ticket is skipped if its player has not polled it for this long: the player is gone, and the opponent would wait
/// for a first move in vain. Clients poll every second or two, so this outlasts a few lost requests.
pub(crate) const SEEN_WITHIN_MS: u64 = 10_000;

/// The waiting tickets that `own` replaces: older ones of the same player, whose client is gone or has asked twice.
pub(crate) fn replaced_by<'a>(
    own: &Ticket,
    waiting: &'a [Ticket],
) -> impl Iterator<Item = &'a Ticket> {
    waiting.iter().filter(|other| {
        other.player.id == own.player.id
            && other.pool == own.pool
            && (other.created_at, other.id) < (own.created_at, own.id)
    })
}

/// The tickets that were polled lately, in the order in which they were made. Of a player's tickets only the newest
/// counts, as the client of an older one may be gone.
pub(crate) fn eligible(waiting: &[Ticket], now: UnixMillis) -> Vec<&Ticket> {
    let mut newest: HashMap<&PlayerId, &Ticket> = HashMap::new();
    for ticket in waiting.iter().filter(|ticket| is_fresh(ticket, now)) {
        let best = newest.entry(&ticket.player.id).or_insert(ticket);
        if (ticket.created_at, ticket.id) > (best.created_at, best.id) {
            *best = ticket;
        }
    }
    let mut line: Vec<&Ticket> = newest.into_values().collect();
    line.sort_by_key(|ticket| (ticket.created_at, ticket.id));
    line
}

/// A ticket as pairing sees it. The waves that it has missed follow from its age, so that no process has to count them.
pub(crate) fn entrant(ticket: &Ticket, now: UnixMillis, wave_every: Duration) -> Entrant<'_> {
    let waited_ms = u128::from(now.0.saturating_sub(ticket.created_at.0));
    let missed = waited_ms / wave_every.as_millis().max(1);
    Entrant {
        player: &ticket.player.id,
        rating: ticket.player.rating,
        missed: u32::try_from(missed).unwrap_or(u32::MAX),
        color: ticket.color,
        range: ticket.rating_range,
        last_opponent: ticket.last_opponent.as_ref(),
    }
}

/// A time in the future, from a matchmaker whose clock is ahead, counts as fresh.
fn is_fresh(ticket: &Ticket, now: UnixMillis) -> bool {
    now.0.saturating_sub(ticket.seen_at.0) <= SEEN_WITHIN_MS
}
