//! Each answer of each operation, on every store.

use std::time::Duration;

use game_core::{Epoch, UnixMillis};
use store::testing::ReadLog;
use store::{
    Appended, Assignment, Checkpoint, Claim, Created, Ownership, Status, Store, TicketState,
};

use crate::samples::{
    Line, assignment, by, match_id, on_all, player, pool, shard_id, ticket, ticket_id,
};

pub(crate) const STORED: Appended = Appended::Stored { duplicate: false };
const DUPLICATE: Appended = Appended::Stored { duplicate: true };

fn line() -> Line {
    Line::new(match_id(1), 1, 10)
}

pub(crate) fn owned_by(owner: u8, epoch: u64) -> Ownership {
    Ownership {
        epoch: Epoch(epoch),
        owner: shard_id(owner),
        status: Status::Live,
    }
}

/// Creates the match of `line` and has shard 1 claim it, under epoch 1.
pub(crate) async fn claimed(store: &dyn Store, line: &Line) {
    store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
    let claim = store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
}

pub(crate) async fn append(store: &dyn Store, append: store::Append) -> Appended {
    store.append(&[append]).await.unwrap().remove(0)
}

#[test]
fn a_match_is_created_once() {
    on_all(|store| async move {
        let line = line();
        assert_eq!(store.load(line.id).await.unwrap(), None);
        assert_eq!(store.ownership(line.id).await.unwrap(), None);
        assert!(store.log(line.id).await.unwrap().is_empty());

        let first = store.create(shard_id(1), &line.snapshots[0]).await.unwrap();
        let again = store.create(shard_id(2), &line.snapshots[0]).await.unwrap();
        let exists = Created::Exists(owned_by(1, 0));
        assert_eq!((first, again), (Created::New, exists));

        let expected = Checkpoint {
            ownership: owned_by(1, 0),
            snapshot: line.snapshots[0].clone(),
            tail: Vec::new(),
            move_time: Duration::ZERO,
        };
        assert_eq!(store.load(line.id).await.unwrap(), Some(expected));
        assert_eq!(
            store.ownership(line.id).await.unwrap(),
            Some(owned_by(1, 0))
        );
        assert_eq!(store.owned(shard_id(1)).await.unwrap(), [line.id]);
    });
}

#[test]
fn a_claim_goes_to_who_knows_the_epoch() {
    on_all(|store| async move {
        let line = line();
        assert_eq!(
            store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap(),
            Claim::Missing
        );
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 3)).await;

        // The same claim again: its answer had been lost.
        let repeated = store.claim(line.id, shard_id(1), Epoch(0)).await.unwrap();
        assert_eq!(repeated, Claim::Lost(owned_by(1, 1)));
        let late = store.claim(line.id, shard_id(2), Epoch(0)).await.unwrap();
        assert_eq!(late, Claim::Lost(owned_by(1, 1)));
        let early = store.claim(line.id, shard_id(2), Epoch(2)).await.unwrap();
        assert_eq!(early, Claim::Lost(owned_by(1, 1)));

        let taken = store.claim(line.id, shard_id(2), Epoch(1)).await.unwrap();
        let expected = Checkpoint {
            ownership: owned_by(2, 2),
            snapshot: line.snapshots[0].clone(),
            tail: line.events[..3].to_vec(),
            move_time: Duration::ZERO,
        };
        assert_eq!(taken, Claim::Claimed(Box::new(expected.clone())));
        assert_eq!(store.load(line.id).await.unwrap(), Some(expected));
        assert_eq!(store.owned(shard_id(2)).await.unwrap(), [line.id]);
    });
}

#[test]
fn an_append_is_stored_where_the_log_ends() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        assert_eq!(append(&*store, line.append(Epoch(1), 0, 2)).await, STORED);
        assert_eq!(append(&*store, line.append(Epoch(1), 2, 1)).await, STORED);
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..3]);
    });
}

#[test]
fn an_append_repeated_is_a_duplicate_however_long_ago_it_was() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        let writes = [
            line.append(Epoch(1), 0, 2),
            line.append_with_snapshot(Epoch(1), 2, 3),
        ];
        assert_eq!(store.append(&writes).await.unwrap(), [STORED, STORED]);
        assert_eq!(store.append(&writes).await.unwrap(), [DUPLICATE, DUPLICATE]);
        // A part of the stored records is recognised.
        assert_eq!(
            append(&*store, line.append(Epoch(1), 1, 1)).await,
            DUPLICATE
        );
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..5]);
    });
}

#[test]
fn an_append_under_another_epoch_is_fenced_wherever_it_belongs() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 2)).await;
        store.claim(line.id, shard_id(2), Epoch(1)).await.unwrap();
        let fenced = Appended::Fenced(owned_by(2, 2));
        // At the end, as a duplicate, beyond the end, and under an epoch that the store has lost.
        assert_eq!(append(&*store, line.append(Epoch(1), 2, 1)).await, fenced);
        assert_eq!(append(&*store, line.append(Epoch(1), 0, 2)).await, fenced);
        assert_eq!(append(&*store, line.append(Epoch(1), 5, 1)).await, fenced);
        assert_eq!(append(&*store, line.append(Epoch(3), 2, 1)).await, fenced);
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..2]);
        // The new owner finds what the old one wrote.
        assert_eq!(
            append(&*store, by(2, line.append(Epoch(2), 0, 2))).await,
            DUPLICATE
        );
    });
}

#[test]
fn an_append_of_other_records_is_a_conflict() {
    on_all(|store| async move {
        let (line, fork) = (line(), Line::new(match_id(1), 2, 10));
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 4)).await;
        let conflict = Appended::Conflict { len: 4 };
        assert_eq!(append(&*store, fork.append(Epoch(1), 3, 1)).await, conflict);
        assert_eq!(append(&*store, fork.append(Epoch(1), 0, 4)).await, conflict);
        // Equal as far as it goes, but longer than the log.
        assert_eq!(append(&*store, line.append(Epoch(1), 3, 2)).await, conflict);
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..4]);
    });
}

#[test]
fn an_append_beyond_the_end_is_a_rollback() {
    on_all(|store| async move {
        let line = line();
        assert_eq!(
            append(&*store, line.append(Epoch(1), 0, 1)).await,
            Appended::Missing
        );
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 1)).await;
        let rollback = Appended::Rollback { len: 1 };
        assert_eq!(append(&*store, line.append(Epoch(1), 2, 1)).await, rollback);
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..1]);
    });
}

#[test]
fn a_finished_match_stays_as_it_is() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        append(&*store, line.append(Epoch(1), 0, 4)).await;
        let end = line.end(Epoch(1), 4);
        assert_eq!(append(&*store, end.clone()).await, STORED);
        assert_eq!(append(&*store, end.clone()).await, DUPLICATE);
        assert_eq!(
            append(&*store, line.append(Epoch(1), 5, 1)).await,
            Appended::Conflict { len: 5 }
        );
        assert_eq!(
            append(&*store, line.append(Epoch(1), 4, 1)).await,
            Appended::Conflict { len: 5 }
        );

        let finished = Ownership {
            status: Status::Finished,
            ..owned_by(1, 1)
        };
        let claim = store.claim(line.id, shard_id(2), Epoch(1)).await.unwrap();
        assert_eq!(claim, Claim::Lost(finished));
        let checkpoint = store.load(line.id).await.unwrap().unwrap();
        assert_eq!((checkpoint.ownership, checkpoint.tail.len()), (finished, 0));
        assert!(checkpoint.snapshot.outcome().is_some());
        assert_eq!(store.log(line.id).await.unwrap().len(), 5);
    });
}

#[test]
fn a_checkpoint_is_the_newest_snapshot_and_what_came_after() {
    on_all(|store| async move {
        let line = line();
        claimed(&*store, &line).await;
        append(&*store, line.append_with_snapshot(Epoch(1), 0, 3)).await;
        append(&*store, line.append(Epoch(1), 3, 2)).await;
        append(&*store, line.append_with_snapshot(Epoch(1), 5, 1)).await;
        append(&*store, line.append(Epoch(1), 6, 2)).await;
        let checkpoint = store.load(line.id).await.unwrap().unwrap();
        assert_eq!(checkpoint.snapshot, line.snapshots[6]);
        assert_eq!(checkpoint.tail, line.events[6..8]);
        assert_eq!(store.log(line.id).await.unwrap(), line.events[..8]);
    });
}

#[test]
fn the_elements_of_a_batch_are_answered_one_by_one() {
    on_all(|store| async move {
        let lines: Vec<Line> = (1..=4).map(|n| Line::new(match_id(n), 1, 4)).collect();
        for line in &lines[..3] {
            claimed(&*store, line).await;
        }
        store
            .claim(lines[1].id, shard_id(2), Epoch(1))
            .await
            .unwrap();
        let batch = [
            lines[0].append(Epoch(1), 0, 1),
            lines[1].append(Epoch(1), 0, 1),
            lines[2].append(Epoch(1), 1, 1),
            lines[3].append(Epoch(1), 0, 1),
            lines[0].append(Epoch(1), 1, 1),
        ];
        let expected = [
            STORED,
            Appended::Fenced(owned_by(2, 2)),
            Appended::Rollback { len: 0 },
            Appended::Missing,
            STORED,
        ];
        assert_eq!(store.append(&batch).await.unwrap(), expected);
        assert_eq!(store.append(&[]).await.unwrap(), []);
    });
}

#[test]
fn a_ticket_waits_in_its_pool_until_it_is_given_a_match() {
    on_all(|store| async move {
        let (first, second) = (ticket(1, Some("3+2")), ticket(2, Some("3+2")));
        assert_eq!(store.ticket(first.id).await.unwrap(), None);
        for ticket in [&first, &second, &ticket(3, Some("3+22")), &ticket(4, None)] {
            store.put_ticket(ticket).await.unwrap();
            assert_eq!(
                store.ticket(ticket.id).await.unwrap().as_ref(),
                Some(ticket)
            );
        }
        let mut waiting = store.waiting(&pool("3+2"), 200).await.unwrap();
        waiting.sort_by_key(|ticket| ticket.id);
        let mut expected = vec![first.clone(), second.clone()];
        expected.sort_by_key(|ticket| ticket.id);
        assert_eq!(waiting, expected);
        assert_eq!(store.waiting(&pool("3+"), 200).await.unwrap(), []);

        let both = [first.id, second.id];
        for _ in 0..2 {
            assert!(store.assign_tickets(&both, &assignment(9)).await.unwrap());
        }
        assert!(!store.assign_tickets(&both, &assignment(8)).await.unwrap());
        let given = store.ticket(first.id).await.unwrap().unwrap();
        assert_eq!(given.state, TicketState::Assigned(assignment(9)));
        assert_eq!(store.waiting(&pool("3+2"), 200).await.unwrap(), []);
        assert!(!store.cancel_ticket(first.id).await.unwrap());
    });
}

#[test]
fn tickets_are_given_a_match_together_or_not_at_all() {
    on_all(|store| async move {
        let (first, second) = (ticket(1, Some("3+2")), ticket(2, None));
        store.put_ticket(&first).await.unwrap();
        store.put_ticket(&second).await.unwrap();
        let with_unknown = [first.id, ticket_id(7)];
        assert!(
            !store
                .assign_tickets(&with_unknown, &assignment(9))
                .await
                .unwrap()
        );
        assert!(store.cancel_ticket(second.id).await.unwrap());
        assert!(!store.cancel_ticket(second.id).await.unwrap());
        assert!(
            !store
                .assign_tickets(&[first.id, second.id], &assignment(9))
                .await
                .unwrap()
        );
        assert_eq!(
            store.waiting(&pool("3+2"), 200).await.unwrap(),
            std::slice::from_ref(&first)
        );
        assert_eq!(
            store.ticket(second.id).await.unwrap().unwrap().state,
            TicketState::Cancelled
        );
        assert!(
            store
                .assign_tickets(&[first.id], &assignment(9))
                .await
                .unwrap()
        );
        // One of them has the match, the other never had.
        assert!(
            !store
                .assign_tickets(&[first.id, second.id], &assignment(9))
                .await
                .unwrap()
        );
    });
}

#[test]
fn a_ticket_put_again_stays_as_it_is() {
    on_all(|store| async move {
        let first = ticket(1, Some("3+2"));
        store.put_ticket(&first).await.unwrap();
        store
            .touch_ticket(first.id, UnixMillis(1_800_000_000_500))
            .await
            .unwrap();
        store
            .put_ticket(&store::Ticket {
                player: player("eve"),
                ..first.clone()
            })
            .await
            .unwrap();
        let seen = store::Ticket {
            seen_at: UnixMillis(1_800_000_000_500),
            ..first.clone()
        };
        assert_eq!(store.ticket(first.id).await.unwrap(), Some(seen.clone()));

        store.cancel_ticket(first.id).await.unwrap();
        store
            .touch_ticket(first.id, UnixMillis(1_800_000_000_900))
            .await
            .unwrap();
        store
            .touch_ticket(ticket_id(7), UnixMillis(1))
            .await
            .unwrap();
        store.put_ticket(&first).await.unwrap();
        let cancelled = store::Ticket {
            state: TicketState::Cancelled,
            ..seen
        };
        assert_eq!(store.ticket(first.id).await.unwrap(), Some(cancelled));
        assert_eq!(store.ticket(ticket_id(7)).await.unwrap(), None);
        assert_eq!(store.waiting(&pool("3+2"), 200).await.unwrap(), []);
    });
}

/// Ticket `n`, made and last requested this many milliseconds after ticket 0.
fn later(n: u8, ms: u64) -> store::Ticket {
    let first = ticket(n, Some("3+2"));
    let time = UnixMillis(first.created_at.0 + ms);
    store::Ticket {
        created_at: time,
        seen_at: time,
        ..first
    }
}

/// The numbers of those who wait, in order.
async fn waiting(store: &dyn Store, numbers: std::ops::Range<u8>) -> Vec<u8> {
    let waiting = store.waiting(&pool("3+2"), 200).await.unwrap();
    assert!(waiting.iter().all(|t| t.state == TicketState::Waiting));
    let waits = |n: &u8| waiting.iter().any(|ticket| ticket.id == ticket_id(*n));
    let found: Vec<_> = numbers.filter(waits).collect();
    assert_eq!(found.len(), waiting.len());
    found
}

#[test]
fn a_ticket_that_nobody_asks_for_leaves_its_pool_until_someone_does() {
    on_all(|store| async move {
        for ticket in [later(0, 0), later(1, 1), later(2, 60_000)] {
            store.put_ticket(&ticket).await.unwrap();
        }
        assert_eq!(waiting(&*store, 0..9).await, [0, 1, 2]);
        store.put_ticket(&later(3, 60_001)).await.unwrap();
        assert_eq!(waiting(&*store, 0..9).await, [1, 2, 3]);
        let seen_at = later(0, 60_002).seen_at;
        store.touch_ticket(ticket_id(2), seen_at).await.unwrap();
        assert_eq!(waiting(&*store, 0..9).await, [2, 3]);
        store.touch_ticket(ticket_id(0), seen_at).await.unwrap();
        assert_eq!(waiting(&*store, 0..9).await, [0, 2, 3]);
        // Out of the pool or in it, it is withdrawn and given a match as any other.
        assert!(store.cancel_ticket(ticket_id(1)).await.unwrap());
        let both = [ticket_id(0), ticket_id(2)];
        assert!(store.assign_tickets(&both, &assignment(9)).await.unwrap());
        assert_eq!(waiting(&*store, 0..9).await, [3]);
    });
}

#[test]
fn of_very_many_in_a_pool_those_last_asked_for_are_read() {
    on_all(|store| async move {
        for n in 0..250 {
            store.put_ticket(&later(n, n.into())).await.unwrap();
        }
        let newest: Vec<u8> = (50..250).collect();
        assert_eq!(waiting(&*store, 0..255).await, newest);
        let seen_at = later(0, 1_000).seen_at;
        store.touch_ticket(ticket_id(7), seen_at).await.unwrap();
        let newest: Vec<u8> = std::iter::once(7).chain(51..250).collect();
        assert_eq!(waiting(&*store, 0..255).await, newest);
    });
}

#[test]
fn a_new_ticket_waits_whatever_it_says() {
    on_all(|store| async move {
        let given = TicketState::Assigned(Assignment { ..assignment(9) });
        let put = store::Ticket {
            state: given,
            ..ticket(1, Some("3+2"))
        };
        store.put_ticket(&put).await.unwrap();
        assert_eq!(
            store.waiting(&pool("3+2"), 200).await.unwrap(),
            [ticket(1, Some("3+2"))]
        );
    });
}
