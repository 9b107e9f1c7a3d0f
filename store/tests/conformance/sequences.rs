//! Any sequence of operations has the same answers on a model and on every store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use game_core::{Epoch, MatchId, MatchTime, ShardId, UnixMillis};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::testing::{Model, ReadLog, RedisServer};
use store::{
    Append, ChatRoom, Claiming, EmbeddedStore, HandOver, MemoryStore, RedisConfig, RedisStore,
    Registered, Status, Store, Tenure, TicketList, TicketState, WorkerId,
};

use crate::disk::Disk;
use crate::samples::{
    Line, assignment, by, chat_line, cluster_store, match_id, player, rated, runtime, shard_id,
    shard_record, sibling_id, ticket, ticket_id,
};

const MATCHES: u8 = 3;
const SHARDS: u8 = 3;
const TICKETS: u8 = 5;
/// Longer than any sequence can make a log.
const LINE_LEN: usize = 60;
const POOLS: [&str; 2] = ["3+2", "5+0"];

/// One operation. Positions and epochs are relative to what is stored, so that all cases are met.
#[derive(Debug, Clone)]
enum Op {
    Create {
        of: u8,
        shard: u8,
    },
    Claim {
        of: u8,
        shard: u8,
        epoch: i64,
    },
    HandOver {
        of: u8,
        from: u8,
        to: u8,
        epoch: i64,
        after: i64,
    },
    Append(Vec<Write>),
    RepeatLastAppend,
    Say {
        of: u8,
        room: ChatRoom,
        line: u8,
    },
    Heartbeat {
        shard: u8,
        heartbeat: u64,
    },
    Leave {
        shard: u8,
    },
    Deregister {
        shard: u8,
        late: bool,
    },
    Disown {
        shard: u8,
        of: u8,
        epoch: i64,
    },
    PutTicket {
        n: u8,
        pool: Option<usize>,
    },
    TouchTicket {
        n: u8,
        now: u64,
    },
    CancelTicket {
        n: u8,
    },
    AssignTickets {
        one: u8,
        other: u8,
        to: u8,
    },
    AssignPair {
        one: u8,
        other: u8,
        to: u8,
        held: bool,
    },
    /// The first outbox entry of a match's tag is done.
    Done {
        of: u8,
    },
    Rate {
        of: u8,
        late: bool,
    },
}

#[derive(Debug, Clone)]
struct Write {
    of: u8,
    /// Which of two ways the match goes.
    fork: bool,
    /// Whose it is, counted from the owner.
    owner: u8,
    epoch: i64,
    after: i64,
    count: usize,
    snapshot: bool,
    ends: bool,
    /// It is about a rematch, and so many of its records are there already.
    aftermath: Option<usize>,
}

fn write() -> impl Strategy<Value = Write> {
    let offset = prop_oneof![8 => Just(0i64), 1 => Just(-1), 1 => Just(1)];
    let after = prop_oneof![8 => Just(0i64), 1 => -3i64..0, 1 => 1i64..3];
    let seldom = |weight| prop::bool::weighted(weight);
    (
        0..MATCHES,
        seldom(0.1),
        prop_oneof![8 => Just(0u8), 1 => 1..SHARDS],
        offset,
        after,
        1usize..4,
        seldom(0.2),
        seldom(0.05),
        prop::option::weighted(0.2, 0..2usize),
    )
        .prop_map(
            |(of, fork, owner, epoch, after, count, snapshot, ends, aftermath)| Write {
                of,
                fork,
                owner,
                epoch,
                after,
                count,
                snapshot,
                ends,
                aftermath,
            },
        )
}

fn op() -> impl Strategy<Value = Op> {
    let of = || 0..MATCHES;
    let shard = || 0..SHARDS;
    let n = || 0..TICKETS;
    let seldom = prop::bool::weighted(0.2);
    prop_oneof![
        3 => (of(), shard()).prop_map(|(of, shard)| Op::Create { of, shard }),
        3 => (of(), shard(), prop_oneof![4 => Just(0i64), 1 => -1i64..2])
            .prop_map(|(of, shard, epoch)| Op::Claim { of, shard, epoch }),
        2 => (of(), shard(), shard(), prop_oneof![4 => Just(0i64), 1 => -1i64..2],
            prop_oneof![4 => Just(0i64), 1 => -1i64..2])
            .prop_map(|(of, from, to, epoch, after)| Op::HandOver { of, from, to, epoch, after }),
        8 => vec(write(), 1..4).prop_map(Op::Append),
        1 => Just(Op::RepeatLastAppend),
        2 => (of(), prop_oneof![Just(ChatRoom::Seats), Just(ChatRoom::Spectators)], 0..4u8)
            .prop_map(|(of, room, line)| Op::Say { of, room, line }),
        1 => (shard(), 0..9u64).prop_map(|(shard, heartbeat)| Op::Heartbeat { shard, heartbeat }),
        1 => shard().prop_map(|shard| Op::Leave { shard }),
        1 => (shard(), prop::bool::ANY)
            .prop_map(|(shard, late)| Op::Deregister { shard, late }),
        2 => (shard(), of(), -2i64..2)
            .prop_map(|(shard, of, epoch)| Op::Disown { shard, of, epoch }),
        2 => (n(), prop::option::of(0..POOLS.len())).prop_map(|(n, pool)| Op::PutTicket { n, pool }),
        1 => (n(), 1_800_000_000_000..1_800_000_000_009u64)
            .prop_map(|(n, now)| Op::TouchTicket { n, now }),
        1 => n().prop_map(|n| Op::CancelTicket { n }),
        2 => (n(), n(), 0..2u8).prop_map(|(one, other, to)| Op::AssignTickets { one, other, to }),
        2 => (n(), n(), 0..2u8, prop::bool::weighted(0.8))
            .prop_map(|(one, other, to, held)| Op::AssignPair { one, other, to, held }),
        1 => of().prop_map(|of| Op::Done { of }),
        1 => (0..9u8, seldom).prop_map(|(of, late)| Op::Rate { of, late }),
    ]
}

/// The matches, two of which have one tag.
fn id_of(n: u8) -> MatchId {
    if n == 2 {
        sibling_id(1, 1)
    } else {
        match_id(n)
    }
}

/// The two ways that each match may go.
struct Lines(Vec<[Line; 2]>);

impl Lines {
    fn new() -> Self {
        Self(
            (0..MATCHES)
                .map(|n| [1, 2].map(|s| Line::new(id_of(n), s, LINE_LEN)))
                .collect(),
        )
    }

    /// A relative write made absolute.
    fn append(&self, model: &Model, write: &Write) -> Append {
        let line = &self.0[usize::from(write.of)][usize::from(write.fork)];
        let stored = model.ownership(line.id);
        let owner = (0..SHARDS)
            .find(|&n| stored.is_some_and(|stored| stored.owner == shard_id(n)))
            .unwrap_or(0);
        let owner = (owner + write.owner) % SHARDS;
        let epoch = stored.map_or(Epoch(0), |stored| stored.epoch);
        let epoch = Epoch(epoch.0.saturating_add_signed(write.epoch));
        let after = model
            .log(line.id)
            .len()
            .saturating_add_signed(write.after as isize);
        let after = after.min(LINE_LEN - write.count);
        // The end is after the records before it, of which there are two at least.
        let after_end = write.aftermath.filter(|skipped| after >= 3 + skipped);
        let append = if let Some(skipped) = after_end {
            let count = write.count.min(2 - skipped);
            line.aftermath(epoch, after - 1 - skipped, skipped, count)
        } else if write.ends && after >= 2 {
            line.end(epoch, after)
        } else if write.snapshot {
            line.append_with_snapshot(epoch, after, write.count)
        } else {
            line.append(epoch, after, write.count)
        };
        by(owner, append)
    }
}

/// What the sets of shards may hold: an addition comes before the change of owner that it is for, and stays where
/// that is refused.
type Hints = BTreeSet<(ShardId, MatchId)>;

/// Whether a shard's set may be this: it must not miss a match, and may name too many.
fn is_set(model: &Model, hints: &Hints, shard: ShardId, answer: &[MatchId]) -> bool {
    let answer: BTreeSet<_> = answer.iter().copied().collect();
    let hinted = |id: &MatchId| hints.contains(&(shard, *id));
    model.owned(shard).iter().all(|id| answer.contains(id)) && answer.iter().all(hinted)
}

/// Whether a store that has these sets may answer so: all that is recorded, and every shard whose set is
/// not empty.
fn is_registry(model: &Model, answer: &[Registered], sets: &[ShardId]) -> bool {
    let recorded = model.shards().into_iter();
    let recorded = recorded.filter(|seen| seen.record().is_some());
    let mut expected: BTreeMap<_, _> = recorded.map(|seen| (seen.id(), seen)).collect();
    for &id in sets {
        expected.entry(id).or_insert(if model.has_left(id) {
            Registered::Left(id)
        } else {
            Registered::Absent(id)
        });
    }
    // An id that was named for a set may stay when the set is empty.
    let named = answer.iter().filter(|seen| {
        let is_bare = matches!(seen, Registered::Left(_) | Registered::Absent(_));
        !is_bare || sets.contains(&seen.id())
    });
    answer.is_sorted_by_key(Registered::id) && named.eq(expected.values())
}

fn heartbeat_of(model: &Model, shard: ShardId) -> Option<u64> {
    let registry = model.shards();
    let seen = registry.iter().find(|seen| seen.id() == shard)?;
    seen.record().map(|record| record.heartbeat)
}

/// Applies one operation to both, and compares the answers.
async fn step(
    model: &mut Model,
    hints: &mut Hints,
    store: &dyn Store,
    lines: &Lines,
    last: &mut Vec<Append>,
    op: &Op,
) {
    match op {
        Op::Create { of, shard } => {
            let (shard, snapshot) = (shard_id(*shard), &lines.0[usize::from(*of)][0].snapshots[0]);
            hints.insert((shard, id_of(*of)));
            let answer = store.create(shard, snapshot).await.unwrap();
            assert_eq!(answer, model.create(shard, snapshot));
        }
        Op::Claim { of, shard, epoch } => {
            let (id, shard) = (id_of(*of), shard_id(*shard));
            let current = model.ownership(id).map_or(0, |stored| stored.epoch.0);
            let expected = Epoch(current.saturating_add_signed(*epoch));
            hints.insert((shard, id));
            // Of three in a row, one gives no tenure; a claimant may know a shorter or a longer log.
            let len = model.log(id).len() as u32;
            let claim = Claiming {
                match_id: id,
                expected,
                status: Status::Live,
                tenure: (!current.is_multiple_of(3)).then(|| Tenure {
                    seq: len.saturating_add_signed(*epoch as i32),
                    clock: MatchTime::from_micros(current * 1_000_001),
                }),
                move_time: Duration::from_micros(current * 7),
            };
            let answer = store.claim_many(shard, &[claim]).await.remove(0).unwrap();
            assert_eq!(answer, model.claim_with(shard, &claim).unwrap());
        }
        Op::HandOver {
            of,
            from,
            to,
            epoch,
            after,
        } => {
            let id = id_of(*of);
            let current = model.ownership(id).map_or(0, |stored| stored.epoch.0);
            let hand_over = HandOver {
                match_id: id,
                from: shard_id(*from),
                epoch: Epoch(current.saturating_add_signed(*epoch)),
                to: shard_id(*to),
                seq: (model.log(id).len() as u32).saturating_add_signed(*after as i32),
                move_time: Duration::from_micros(current + 1),
            };
            hints.insert((hand_over.to, id));
            let answer = store.hand_over(&hand_over).await.unwrap();
            assert_eq!(answer, model.hand_over(&hand_over));
        }
        Op::Append(writes) => {
            *last = writes
                .iter()
                .map(|write| lines.append(model, write))
                .collect();
            append(model, store, last).await;
        }
        Op::RepeatLastAppend => append(model, store, last).await,
        Op::Say { of, room, line } => {
            let id = id_of(*of);
            let line = chat_line(None, "ada", "hello", (*line).into());
            let answer = store.append_chat(id, *room, &line).await.unwrap();
            assert_eq!(answer, model.append_chat(id, *room, &line));
        }
        Op::Heartbeat { shard, heartbeat } => {
            let record = shard_record(*shard, *heartbeat);
            let answer = store.heartbeat(&record).await.unwrap();
            model.heartbeat(&record);
            let sets = sets(store).await;
            assert!(is_registry(model, &answer, &sets), "{answer:?}, {sets:?}");
        }
        Op::Leave { shard } => {
            let shard = shard_id(*shard);
            let left = store.leave(shard).await.unwrap();
            assert_eq!(left, store.owned(shard).await.unwrap().len());
            model.leave(shard);
        }
        Op::Deregister { shard, late } => {
            let shard = shard_id(*shard);
            let heartbeat = heartbeat_of(model, shard);
            let seen = match late {
                false => heartbeat,
                true => Some(heartbeat.unwrap_or_default() + 1),
            };
            let went = store.deregister(shard, seen).await.unwrap();
            let is_empty = store.owned(shard).await.unwrap().is_empty();
            assert_eq!(went, is_empty && !late);
            if went {
                assert!(model.deregister(shard, seen));
            }
        }
        Op::Disown { shard, of, epoch } => {
            let (shard, id) = (shard_id(*shard), id_of(*of));
            let current = model.ownership(id).map_or(0, |stored| stored.epoch.0);
            let up_to = Epoch(current.saturating_add_signed(*epoch));
            store.disown(shard, &[(id, up_to)]).await.unwrap();
            model.disown(shard, &[(id, up_to)]);
        }
        Op::PutTicket { n, pool } => {
            let ticket = ticket(*n, pool.map(|pool| POOLS[pool]));
            store.put_ticket(&ticket).await.unwrap();
            model.put_ticket(&ticket);
        }
        Op::TouchTicket { n, now } => {
            store
                .touch_ticket(ticket_id(*n), UnixMillis(*now))
                .await
                .unwrap();
            model.touch_ticket(ticket_id(*n), UnixMillis(*now));
        }
        Op::CancelTicket { n } => {
            let answer = store.cancel_ticket(ticket_id(*n)).await.unwrap();
            assert_eq!(
                answer,
                model.end_ticket(ticket_id(*n), &TicketState::Cancelled)
            );
        }
        Op::AssignTickets { one, other, to } => {
            let (ids, assignment) = ([ticket_id(*one), ticket_id(*other)], assignment(*to));
            let answer = store.assign_tickets(&ids, &assignment).await.unwrap();
            assert_eq!(answer, model.assign_tickets(&ids, &assignment));
        }
        Op::AssignPair {
            one,
            other,
            to,
            held,
        } => {
            let (ids, assignment) = ([ticket_id(*one), ticket_id(*other)], assignment(*to));
            let lease = Duration::from_secs(60);
            let wave = store.hold_wave(POOLS[0], 7, lease).await.unwrap().unwrap();
            if !held {
                store.release_wave(&wave).await.unwrap();
            }
            let answer = store.assign_pair(&wave, ids, &assignment).await.unwrap();
            assert_eq!(answer, model.assign_pair(*held, ids, &assignment));
        }
        Op::Done { of } => {
            let tag = id_of(*of).tag();
            let (worker, now) = (WorkerId(1), UnixMillis(1_800_000_000_000));
            let lease = Duration::from_secs(60);
            let epoch = store.take_outbox(tag, worker, lease, now).await.unwrap();
            let expected = model.take_outbox(tag, worker, lease, now);
            let stored = store.outbox_after(tag, None, 1).await.unwrap();
            if let Some(entry) = stored.first() {
                let done = store.outbox_done(worker, epoch.unwrap(), entry, now).await;
                assert!(done.unwrap());
                let entry = &model.outbox_after(tag, None, 1)[0];
                assert!(model.outbox_done(worker, expected.unwrap(), entry, now));
            }
        }
        Op::Rate { of, late } => {
            let category = "standard-blitz".parse().unwrap();
            let games = |id: &str| {
                let rating = model.rating(&player(id).id, category);
                rating.map_or(0, |rating| rating.games)
            };
            let (white, black) = (games("ada"), games("bob"));
            let rated = rated(
                id_of(*of),
                category,
                white + 1 + u32::from(*late),
                black + 1,
            );
            let answer = store.apply_rating(&rated).await.unwrap();
            assert_eq!(answer, model.apply_rating(&rated));
        }
    }
}

/// The shards whose sets are not empty.
async fn sets(store: &dyn Store) -> Vec<ShardId> {
    let mut sets = Vec::new();
    for n in 0..SHARDS {
        if !store.owned(shard_id(n)).await.unwrap().is_empty() {
            sets.push(shard_id(n));
        }
    }
    sets
}

async fn append(model: &mut Model, store: &dyn Store, batch: &[Append]) {
    let answers = store.append(batch).await.unwrap();
    let expected: Vec<_> = batch.iter().map(|append| model.append(append)).collect();
    assert_eq!(answers, expected);
}

/// Everything that can be read of matches is the same.
async fn compare_matches(model: &Model, store: &dyn Store) {
    for n in 0..MATCHES {
        let id = id_of(n);
        assert_eq!(store.load(id).await.unwrap(), model.load(id).unwrap());
        assert_eq!(store.log(id).await.unwrap(), model.log(id));
        assert_eq!(store.ownership(id).await.unwrap(), model.ownership(id));
        assert_eq!(store.load_chat(id).await.unwrap(), model.load_chat(id));
        let len = model.log(id).len() as u32;
        let asked = [(id, 0), (id, len), (id, len + 1)];
        let expected = asked.map(|(id, seq)| model.standing(id, seq));
        assert_eq!(store.standing(&asked).await.unwrap(), expected);
    }
    for n in 0..MATCHES {
        let tag = id_of(n).tag();
        let stored = store.outbox_after(tag, None, 100).await.unwrap();
        let stored: Vec<_> = stored.iter().map(|entry| entry.match_id).collect();
        let expected = model.outbox_after(tag, None, 100);
        let expected: Vec<_> = expected.iter().map(|entry| entry.match_id).collect();
        assert_eq!(stored, expected);
    }
}

/// Everything that can be read is the same.
async fn compare(model: &Model, hints: &Hints, store: &dyn Store) {
    compare_matches(model, store).await;
    for id in ["ada", "bob"] {
        let (id, category) = (player(id).id, "standard-blitz".parse().unwrap());
        assert_eq!(store.ratings(&id).await.unwrap(), model.ratings(&id));
        for before in [None, Some(3), Some(1)] {
            let history = store
                .rating_history(&id, category, before, 4)
                .await
                .unwrap();
            assert_eq!(history, model.rating_history(&id, category, before, 4));
        }
    }
    for n in 0..SHARDS {
        let owned = store.owned(shard_id(n)).await.unwrap();
        assert!(
            is_set(model, hints, shard_id(n), &owned),
            "shard {n}: {owned:?}"
        );
    }
    let (registry, sets) = (store.shards().await.unwrap(), sets(store).await);
    assert!(
        is_registry(model, &registry, &sets),
        "{registry:?}, {sets:?}"
    );
    let traces = store.shard_traces().await.unwrap();
    let named: Vec<_> = registry.iter().map(Registered::id).collect();
    assert_eq!(
        traces, named,
        "nothing is stored of a shard that is not named"
    );
    for n in 0..TICKETS {
        assert_eq!(
            store.ticket(ticket_id(n)).await.unwrap(),
            model.ticket(ticket_id(n))
        );
    }
    let pools = POOLS.map(|pool| TicketList::Pool(pool.into()));
    let ada = player("ada").id;
    for list in pools.into_iter().chain([TicketList::By(ada)]) {
        let mut waiting = store.waiting(&list, 200).await.unwrap();
        waiting.sort_by_key(|ticket| ticket.id);
        let mut expected = model.waiting(&list, 200);
        expected.sort_by_key(|ticket| ticket.id);
        assert_eq!(waiting, expected);
    }
}

async fn play(store: &dyn Store, lines: &Lines, ops: &[Op]) {
    let (mut model, mut hints, mut last) = (Model::default(), Hints::new(), Vec::new());
    for op in ops {
        step(&mut model, &mut hints, store, lines, &mut last, op).await;
    }
    compare(&model, &hints, store).await;
}

fn check(cases: u32, play_case: impl Fn(&Lines, Vec<Op>)) {
    let lines = Lines::new();
    // The seeds of failures are printed; a file of them beside the sources is not wanted.
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&vec(op(), 1..50), |ops| {
            play_case(&lines, ops);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_embedded_store_answers_as_the_model_does() {
    let runtime = runtime();
    check(200, |lines, ops| {
        let store = EmbeddedStore::in_memory().unwrap();
        runtime.block_on(play(&store, lines, &ops));
    });
}

/// What concerns matches has the same answers when the process is killed in between. Of shards a new process knows less.
#[test]
fn the_embedded_store_answers_as_the_model_does_although_it_is_killed() {
    let runtime = runtime();
    check(200, |lines, ops| {
        let (mut model, mut hints, mut last) = (Model::default(), Hints::new(), Vec::new());
        let mut disk = Disk::default();
        let mut store = disk.open().unwrap();
        let of_matches = ops.iter().filter(|op| {
            matches!(
                op,
                Op::Create { .. }
                    | Op::Claim { .. }
                    | Op::HandOver { .. }
                    | Op::Append(_)
                    | Op::RepeatLastAppend
                    | Op::Say { .. }
            )
        });
        for (n, op) in of_matches.enumerate() {
            runtime.block_on(step(&mut model, &mut hints, &store, lines, &mut last, op));
            if n % 5 == 4 {
                disk = disk.after_power_cut(n as u64);
                store = disk.open().unwrap();
                runtime.block_on(compare_matches(&model, &store));
            }
        }
        runtime.block_on(compare_matches(&model, &store));
    });
}

#[test]
fn the_store_in_memory_answers_as_the_model_does() {
    let runtime = runtime();
    check(200, |lines, ops| {
        runtime.block_on(play(&MemoryStore::new(), lines, &ops));
    });
}

#[test]
fn redis_answers_as_the_model_does() {
    let runtime = runtime();
    let server = RedisServer::start();
    let case = std::cell::Cell::new(0);
    check(100, |lines, ops| {
        case.set(case.get() + 1);
        // Each case under a prefix of its own, on one server.
        let config = RedisConfig {
            prefix: format!("case{}", case.get()),
            ..RedisConfig::new(server.url())
        };
        runtime.block_on(async {
            play(&RedisStore::connect(config).await.unwrap(), lines, &ops).await;
        });
    });
}

#[test]
fn a_cluster_answers_as_the_model_does() {
    let runtime = runtime();
    check(30, |lines, ops| {
        runtime.block_on(async { play(&cluster_store().await, lines, &ops).await });
    });
}
