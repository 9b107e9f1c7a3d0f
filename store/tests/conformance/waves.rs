//! Waves of pools and the lists of tickets, on every store.

use std::time::{Duration, Instant};

use game_core::{BySeat, DeclineReason, UnixMillis};
use store::{
    Assignment, Paired, RatingRange, Store, Ticket, TicketList, TicketState, Tickets, Wave, Waves,
};

use crate::samples::{assignment, match_id, on_all, player, pool, ticket, ticket_id};

const LEASE: Duration = Duration::from_secs(60);

/// Generous upper bound on the wait for an event that must happen.
const SOON: Duration = Duration::from_secs(20);

/// Ticket `n` of a player.
fn of(name: &str, n: u8, pool: Option<&str>) -> Ticket {
    Ticket {
        player: player(name),
        ..ticket(n, pool)
    }
}

async fn put(store: &dyn Store, tickets: &[Ticket]) {
    for ticket in tickets {
        store.put_ticket(ticket).await.unwrap();
    }
}

async fn hold(store: &dyn Store, holder: u64) -> Option<Wave> {
    store.hold_wave("3+2", holder, LEASE).await.unwrap()
}

async fn state(store: &dyn Store, n: u8) -> TicketState {
    store.ticket(ticket_id(n)).await.unwrap().unwrap().state
}

#[test]
fn one_process_holds_a_wave_and_the_epoch_rises_with_each_holder() {
    on_all(|store| async move {
        let first = hold(&*store, 1).await.unwrap();
        assert_eq!((&*first.pool, first.holder), ("3+2", 1));
        assert_eq!(hold(&*store, 2).await, None);
        let again = hold(&*store, 1).await;
        assert_eq!(again, Some(first.clone()), "prolonged");
        let elsewhere = store.hold_wave("5+0", 2, LEASE).await.unwrap();
        assert!(elsewhere.is_some(), "each pool has its own");

        store
            .release_wave(&Wave {
                holder: 2,
                ..first.clone()
            })
            .await
            .unwrap();
        assert_eq!(hold(&*store, 2).await, None, "another's is not released");
        store.release_wave(&first).await.unwrap();
        let second = hold(&*store, 2).await.unwrap();
        assert!(second.epoch > first.epoch, "{second:?}");
        store.release_wave(&first).await.unwrap();
        assert_eq!(hold(&*store, 1).await, None, "nor is a later one");

        // A lease ends by itself.
        let short = store.hold_wave("1+0", 1, Duration::from_millis(1)).await;
        let short = short.unwrap().unwrap();
        let until = Instant::now() + SOON;
        let next = loop {
            match store.hold_wave("1+0", 2, LEASE).await.unwrap() {
                Some(wave) => break wave,
                None => assert!(Instant::now() < until, "the lease never ends"),
            }
        };
        assert!(next.epoch > short.epoch);
    });
}

#[test]
fn a_pair_is_made_by_the_holder_of_the_wave_alone() {
    on_all(|store| async move {
        let tickets = [of("ada", 1, Some("3+2")), of("bob", 2, Some("3+2"))];
        put(&*store, &tickets).await;
        let both = [ticket_id(1), ticket_id(2)];
        let pair =
            async |wave: &Wave, n| store.assign_pair(wave, both, &assignment(n)).await.unwrap();
        let first = hold(&*store, 1).await.unwrap();
        store.release_wave(&first).await.unwrap();
        assert_eq!(pair(&first, 9).await, Paired::Fenced);
        let second = hold(&*store, 2).await.unwrap();
        assert_eq!(pair(&first, 9).await, Paired::Fenced);
        for odd in [
            Wave {
                holder: 3,
                ..second.clone()
            },
            Wave {
                pool: "5+0".into(),
                ..second.clone()
            },
        ] {
            assert_eq!(pair(&odd, 9).await, Paired::Fenced);
        }
        assert_eq!(state(&*store, 1).await, TicketState::Waiting);
        for _ in 0..2 {
            assert_eq!(pair(&second, 9).await, Paired::Done);
        }
        assert_eq!(pair(&first, 9).await, Paired::Done, "whoever repeats it");
        assert_eq!(pair(&second, 8).await, Paired::Taken);
        for n in [1, 2] {
            assert_eq!(
                state(&*store, n).await,
                TicketState::Assigned(assignment(9))
            );
        }
        assert_eq!(store.waiting(&pool("3+2"), 9).await.unwrap(), []);
    });
}

/// One player has one match from all pools.
#[test]
fn a_pair_takes_the_other_tickets_of_both_players_out_in_the_same_step() {
    on_all(|store| async move {
        let tickets = [
            of("ada", 1, Some("3+2")),
            of("bob", 2, Some("3+2")),
            of("ada", 3, Some("5+0")),
            of("bob", 4, Some("1+0")),
            of("bob", 5, Some("3+2")),
            of("cid", 6, Some("5+0")),
            of("ada", 7, None),
        ];
        put(&*store, &tickets).await;
        let wave = hold(&*store, 1).await.unwrap();
        let both = [ticket_id(1), ticket_id(2)];
        // A pair that is not made takes nobody out.
        assert!(store.cancel_ticket(ticket_id(5)).await.unwrap());
        let gone = [ticket_id(1), ticket_id(5)];
        let taken = store
            .assign_pair(&wave, gone, &assignment(8))
            .await
            .unwrap();
        assert_eq!(taken, Paired::Taken);
        assert_eq!(state(&*store, 3).await, TicketState::Waiting);
        assert_eq!(store.last_opponent(&player("ada").id).await.unwrap(), None);

        let done = store
            .assign_pair(&wave, both, &assignment(9))
            .await
            .unwrap();
        assert_eq!(done, Paired::Done);
        for n in [3, 4] {
            assert_eq!(
                state(&*store, n).await,
                TicketState::Cancelled,
                "ticket {n}"
            );
        }
        for n in [6, 7] {
            assert_eq!(state(&*store, n).await, TicketState::Waiting, "ticket {n}");
        }
        let waiting = store.waiting(&pool("5+0"), 9).await.unwrap();
        assert_eq!(waiting, [of("cid", 6, Some("5+0"))]);
        assert_eq!(store.waiting(&pool("1+0"), 9).await.unwrap(), []);
        let left = store.waiting(&TicketList::By(player("ada").id), 9).await;
        assert_eq!(left.unwrap(), [of("ada", 7, None)], "the challenge");

        let last = async |name| store.last_opponent(&player(name).id).await.unwrap();
        assert_eq!(last("ada").await, Some(player("bob").id));
        assert_eq!(last("bob").await, Some(player("ada").id));
        assert_eq!(last("cid").await, None);
        // The next one replaces it.
        put(&*store, &[of("ada", 8, Some("3+2"))]).await;
        let next = Assignment {
            match_id: match_id(7),
            players: BySeat {
                white: player("cid"),
                black: player("ada"),
            },
            ..assignment(7)
        };
        let pair = [ticket_id(6), ticket_id(8)];
        let done = store.assign_pair(&wave, pair, &next).await.unwrap();
        assert_eq!(done, Paired::Done);
        assert_eq!(last("ada").await, Some(player("cid").id));
        assert_eq!(last("bob").await, Some(player("ada").id));
    });
}

#[test]
fn the_last_waits_of_each_pool_are_remembered_the_newest_first() {
    on_all(|store| async move {
        let waits = async |pools: &[&str]| {
            let pools: Vec<Box<str>> = pools.iter().map(|pool| (*pool).into()).collect();
            store.waits(&pools).await.unwrap()
        };
        assert_eq!(waits(&[]).await, Vec::<Vec<u32>>::new());
        assert_eq!(waits(&["3+2"]).await, [vec![0_u32; 0]]);
        store.note_waits("3+2", &[]).await.unwrap();
        store.note_waits("3+2", &[10, 20]).await.unwrap();
        store.note_waits("3+2", &[u32::MAX]).await.unwrap();
        store.note_waits("5+0", &[7]).await.unwrap();
        assert_eq!(
            waits(&["5+0", "1+0", "3+2"]).await,
            [vec![7], vec![], vec![u32::MAX, 20, 10]]
        );
        let many: Vec<u32> = (0..200).collect();
        store.note_waits("5+0", &many).await.unwrap();
        let kept = waits(&["5+0"]).await.remove(0);
        assert_eq!(kept.len(), store::WAITS_MAX);
        assert_eq!(kept[..2], [199, 198]);
    });
}

#[test]
fn pools_are_named_in_which_enough_wait() {
    on_all(|store| async move {
        let now = ticket(1, None).seen_at;
        assert_eq!(store.pools(now, 1).await.unwrap(), []);
        let tickets = [
            of("ada", 1, Some("3+2")),
            of("bob", 2, Some("3+2")),
            of("cid", 3, Some("3+2")),
            of("ada", 4, Some("5+0")),
            of("ada", 5, Some("a pool with spaces")),
            of("bob", 6, Some("a pool with spaces")),
            of("ada", 7, None),
            of("bob", 8, None),
        ];
        put(&*store, &tickets).await;
        let pools = async |least| {
            let mut pools = store.pools(now, least).await.unwrap();
            pools.sort();
            pools
        };
        assert_eq!(
            pools(2).await,
            [("3+2".into(), 3), ("a pool with spaces".into(), 2)]
        );
        assert_eq!(
            pools(1).await,
            [
                ("3+2".into(), 3),
                ("5+0".into(), 1),
                ("a pool with spaces".into(), 2)
            ]
        );
        for n in [1, 2, 5] {
            assert!(store.cancel_ticket(ticket_id(n)).await.unwrap());
        }
        assert_eq!(pools(2).await, []);
        assert_eq!(pools(1).await.len(), 3);
        for n in [3, 4, 6] {
            assert!(store.cancel_ticket(ticket_id(n)).await.unwrap());
        }
        assert_eq!(pools(1).await, []);
    });
}

#[test]
fn challenges_are_listed_for_those_whom_they_concern_until_they_end() {
    on_all(|store| async move {
        let to_bob = Ticket {
            opponent: Some(player("bob").id),
            ..of("ada", 1, None)
        };
        let open = Ticket {
            is_open: true,
            rating_range: Some(RatingRange { min: 1, max: 2 }),
            ..of("ada", 2, None)
        };
        let link = of("cid", 3, None);
        let in_pool = of("ada", 4, Some("3+2"));
        put(
            &*store,
            &[to_bob.clone(), open.clone(), link.clone(), in_pool.clone()],
        )
        .await;
        let listed = async |list: TicketList| {
            let mut found = store.waiting(&list, 9).await.unwrap();
            found.sort_by_key(|ticket| ticket.id);
            found
        };
        let sorted = |mut tickets: Vec<Ticket>| {
            tickets.sort_by_key(|ticket| ticket.id);
            tickets
        };
        let id = |name| player(name).id;
        let of_ada = sorted(vec![to_bob.clone(), open.clone(), in_pool.clone()]);
        assert_eq!(listed(TicketList::By(id("ada"))).await, of_ada);
        assert_eq!(listed(TicketList::By(id("cid"))).await, [link]);
        assert_eq!(
            listed(TicketList::To(id("bob"))).await,
            std::slice::from_ref(&to_bob)
        );
        assert_eq!(listed(TicketList::To(id("ada"))).await, []);
        assert_eq!(listed(TicketList::Open).await, std::slice::from_ref(&open));
        assert_eq!(store.waiting(&TicketList::Open, 0).await.unwrap(), []);

        // A request of its maker keeps it in its lists.
        let seen_at = UnixMillis(open.seen_at.0 + 100_000);
        store.touch_ticket(open.id, seen_at).await.unwrap();
        let seen = Ticket { seen_at, ..open };
        assert_eq!(listed(TicketList::Open).await, std::slice::from_ref(&seen));

        let declined = TicketState::Declined(DeclineReason::TooFast);
        assert!(store.end_ticket(to_bob.id, &declined).await.unwrap());
        assert!(!store.end_ticket(to_bob.id, &declined).await.unwrap());
        assert_eq!(state(&*store, 1).await, declined);
        assert!(
            !store
                .assign_tickets(&[to_bob.id], &assignment(9))
                .await
                .unwrap()
        );
        assert!(
            store
                .assign_tickets(&[seen.id], &assignment(9))
                .await
                .unwrap()
        );
        assert_eq!(listed(TicketList::To(id("bob"))).await, []);
        assert_eq!(listed(TicketList::Open).await, []);
        assert_eq!(listed(TicketList::By(id("ada"))).await, [in_pool]);
    });
}

/// A challenge with a time of its own ends then, however often its maker asks for it.
#[test]
fn a_challenge_expires_when_it_says() {
    on_all(|store| async move {
        let made = ticket(1, None);
        let at = |ms: u64| UnixMillis(made.created_at.0 + ms);
        let expires_at = Some(at(50_000));
        let made = Ticket { expires_at, ..made };
        put(&*store, std::slice::from_ref(&made)).await;
        store.touch_ticket(made.id, at(40_000)).await.unwrap();
        let found = store.ticket(made.id).await.unwrap().unwrap();
        assert_eq!((found.seen_at, found.expires_at), (at(40_000), expires_at));
        assert!(!found.is_abandoned(at(50_000)));
        assert!(found.is_abandoned(at(50_001)));
        let listed = store
            .waiting(&TicketList::By(made.player.id), 9)
            .await
            .unwrap();
        assert_eq!(listed, [found]);
    });
    crate::samples::runtime().block_on(async {
        let in_file = store::EmbeddedStore::in_memory().unwrap();
        let in_memory = store::MemoryStore::new();
        let stores: [&dyn Store; 2] = [&in_file, &in_memory];
        for store in stores {
            let made = ticket(1, None);
            let at = |ms: u64| UnixMillis(made.created_at.0 + ms);
            let expires_at = Some(at(50_000));
            put(
                store,
                &[Ticket {
                    expires_at,
                    ..made.clone()
                }],
            )
            .await;
            store.touch_ticket(made.id, at(40_000)).await.unwrap();
            store.sweep(at(50_000)).await.unwrap();
            assert!(store.ticket(made.id).await.unwrap().is_some());
            store.sweep(at(50_001)).await.unwrap();
            assert_eq!(store.ticket(made.id).await.unwrap(), None);
        }
        let server = store::testing::RedisServer::start();
        let store = crate::samples::redis_store(&server).await;
        let made = ticket(1, None);
        let expires_at = Some(UnixMillis(made.created_at.0 + 50_000));
        let made = Ticket { expires_at, ..made };
        Tickets::put_ticket(&store, &made).await.unwrap();
        let later = UnixMillis(made.created_at.0 + 40_000);
        Tickets::touch_ticket(&store, made.id, later).await.unwrap();
        let key = format!("rk:{{tickets}}:{}", made.id);
        let left: u64 = server.command(&["PTTL", &key])[1..].parse().unwrap();
        assert!((1..=50_000).contains(&left), "{left}");
        // Its list does not outlive a longer one that comes later, nor end before it.
        Tickets::put_ticket(&store, &ticket(2, None)).await.unwrap();
        let key = format!("rk:{{tickets}}:by:{}", made.player.id);
        let left: u64 = server.command(&["PTTL", &key])[1..].parse().unwrap();
        assert!(left > 50_000, "{left}");
        let wave = Waves::hold_wave(&store, "3+2", 1, LEASE).await.unwrap();
        assert!(wave.is_some());
    });
}
