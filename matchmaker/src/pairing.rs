//! Who plays whom in a pool: a pure decision on the waiting list.

use std::collections::HashMap;

use game_core::{PlayerId, UnixMillis};
use store::{Ticket, TicketId};

/// A ticket is skipped if its player has not polled it for this long: the player is gone, and the opponent would wait
/// for a first move in vain. Clients poll every second or two, so this outlasts a few lost requests.
pub(crate) const SEEN_WITHIN_MS: u64 = 10_000;

/// The waiting tickets that `own` replaces: older ones of the same player, whose client is gone or has asked twice.
pub(crate) fn replaced_by<'a>(
    own: &Ticket,
    waiting: &'a [Ticket],
) -> impl Iterator<Item = &'a Ticket> {
    waiting.iter().filter(|other| {
        other.player.id == own.player.id && (other.created_at, other.id) < (own.created_at, own.id)
    })
}

/// The ticket that `own` is to be paired with now, if any.
///
/// Only the newest waiting ticket of each player counts, as the client of an older one may be gone. Of the tickets
/// polled lately the oldest are paired first, each with the next, so that every matchmaker finds the same pairs in
/// the same list. Only the pair that holds `own` is returned; the other players poll for theirs.
pub(crate) fn partner_of(own: TicketId, waiting: &[Ticket], now: UnixMillis) -> Option<&Ticket> {
    let mut line = newest_of_each_player(waiting, now);
    line.sort_by_key(|ticket| (ticket.created_at, ticket.id));
    let place = line.iter().position(|ticket| ticket.id == own)?;
    line.get(place ^ 1).copied()
}

fn newest_of_each_player(waiting: &[Ticket], now: UnixMillis) -> Vec<&Ticket> {
    let mut newest: HashMap<&PlayerId, &Ticket> = HashMap::new();
    for ticket in waiting.iter().filter(|ticket| is_fresh(ticket, now)) {
        let best = newest.entry(&ticket.player.id).or_insert(ticket);
        if (ticket.created_at, ticket.id) > (best.created_at, best.id) {
            *best = ticket;
        }
    }
    newest.into_values().collect()
}

/// A time in the future, from a matchmaker whose clock is ahead, counts as fresh.
fn is_fresh(ticket: &Ticket, now: UnixMillis) -> bool {
    now.0.saturating_sub(ticket.seen_at.0) <= SEEN_WITHIN_MS
}

#[cfg(test)]
mod tests {
    use game_core::{Player, TimeControl};

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn id(number: u8) -> TicketId {
        TicketId::from_random(u128::from(number))
    }

    /// Ticket `number` of `player`, made and last seen so many milliseconds ago.
    fn ticket(number: u8, player: &str, made_ago: u64, seen_ago: u64) -> Ticket {
        let player = Player {
            id: player.parse().unwrap(),
            name: player.into(),
            rating: None,
            is_bot: false,
        };
        let time_control = TimeControl::from_millis(180_000, 2_000).unwrap();
        let made_at = UnixMillis(NOW.0 - made_ago);
        Ticket {
            pool: Some("180+2".into()),
            seen_at: UnixMillis(NOW.0 - seen_ago),
            ..Ticket::new(id(number), player, time_control, made_at)
        }
    }

    /// Checks the partner of each ticket, in the order of their numbers from 1; 0 is none.
    #[track_caller]
    fn check(waiting: &[Ticket], partners: &[u8]) {
        for order in [waiting.to_vec(), waiting.iter().rev().cloned().collect()] {
            for (own, partner) in (1..).zip(partners) {
                let found = partner_of(id(own), &order, NOW).map(|ticket| ticket.id);
                assert_eq!(found, (*partner > 0).then(|| id(*partner)), "ticket {own}");
            }
        }
    }

    #[test]
    fn nobody_and_one_alone_wait() {
        check(&[], &[0]);
        check(&[ticket(1, "ann", 0, 0)], &[0]);
    }

    #[test]
    fn the_oldest_are_paired_first() {
        let line = [
            ticket(1, "ann", 10, 0),
            ticket(2, "bob", 40, 0),
            ticket(3, "cid", 30, 0),
            ticket(4, "dan", 20, 0),
            ticket(5, "eve", 5, 0),
        ];
        check(&line, &[4, 3, 2, 1, 0]);
    }

    #[test]
    fn tickets_of_the_same_moment_have_one_order_everywhere() {
        let line = ["ann", "bob", "cid"].into_iter().zip(1..);
        let line: Vec<_> = line
            .map(|(player, number)| ticket(number, player, 7, 0))
            .collect();
        check(&line, &[2, 1, 0]);
    }

    #[test]
    fn who_was_not_seen_lately_is_passed_over() {
        let line = [
            ticket(1, "ann", 30_000, SEEN_WITHIN_MS + 1),
            ticket(2, "bob", 20_000, SEEN_WITHIN_MS),
            ticket(3, "cid", 10_000, 0),
        ];
        check(&line, &[0, 3, 2]);
    }

    #[test]
    fn a_clock_ahead_of_ours_does_no_harm() {
        let mut ahead = ticket(1, "ann", 0, 0);
        ahead.seen_at = UnixMillis(NOW.0 + 3_600_000);
        check(&[ahead, ticket(2, "bob", 0, 0)], &[2, 1]);
    }

    #[test]
    fn nobody_is_paired_with_themselves() {
        check(&[ticket(1, "ann", 10, 0), ticket(2, "ann", 0, 0)], &[0, 0]);
    }

    #[test]
    fn the_newest_ticket_of_a_player_counts() {
        let line = [
            ticket(1, "ann", 30, 0),
            ticket(2, "ann", 10, 0),
            ticket(3, "bob", 20, 0),
            ticket(4, "cid", 5, 0),
        ];
        check(&line, &[0, 3, 2, 0]);
    }

    #[test]
    fn a_ticket_replaces_the_older_ones_of_its_player() {
        let line = [
            ticket(1, "ann", 30, 0),
            ticket(2, "ann", 10, 0),
            ticket(3, "bob", 20, 0),
            ticket(4, "ann", 20, 50_000),
            ticket(5, "ann", 10, 0),
        ];
        let replaced = |own: usize| -> Vec<TicketId> {
            replaced_by(&line[own], &line).map(|t| t.id).collect()
        };
        assert_eq!((replaced(0), replaced(2)), (vec![], vec![]));
        assert_eq!(replaced(3), [id(1)]);
        // Of two made at one moment one replaces the other.
        let (first, last) = if id(2) < id(5) { (1, 4) } else { (4, 1) };
        assert_eq!(replaced(first), [id(1), id(4)]);
        assert_eq!(replaced(last).len(), 3);
    }

    #[test]
    fn a_stale_newest_ticket_does_not_hide_a_fresh_older_one() {
        let line = [
            ticket(1, "ann", 30_000, 0),
            ticket(2, "ann", 20_000, 20_000),
            ticket(3, "bob", 0, 0),
        ];
        check(&line, &[3, 0, 1]);
    }

    #[test]
    fn a_ticket_that_does_not_wait_has_no_partner() {
        let line = [ticket(1, "ann", 0, 0), ticket(2, "bob", 0, 0)];
        assert_eq!(partner_of(id(9), &line, NOW), None);
    }
}
