//! The search, on the simplest model: a register.

use linear::{Model, Outcome, Timed, search};
use proptest::prelude::*;

/// A register that is written and read.
struct Register;

#[derive(Debug, Clone, Copy)]
enum Access {
    Write(u8),
    Read(u8),
}

impl Model for Register {
    type State = u8;
    type Op = Access;

    /// A write of what is there already changes something later.
    const IDLE_FOR_GOOD: bool = false;

    fn initial(&self) -> u8 {
        0
    }

    fn step(&self, state: &u8, op: &Access) -> Option<u8> {
        match op {
            Access::Write(value) => Some(*value),
            Access::Read(value) => (value == state).then_some(*state),
        }
    }
}

fn op(call: u64, returned: Option<u64>, op: Access) -> Timed<Access> {
    Timed { call, returned, op }
}

/// Whether any order will do, by trying all of them.
fn brute_force(history: &[Timed<Access>], done: &mut Vec<usize>, state: u8) -> bool {
    let open = |index: &usize| !done.contains(index);
    let left: Vec<usize> = (0..history.len()).filter(open).collect();
    let is_next = |index: usize| {
        let call = history[index].call;
        let mut others = left.iter().filter_map(|&other| history[other].returned);
        others.all(|returned| returned >= call)
    };
    if left.iter().all(|&index| history[index].returned.is_none()) {
        return true;
    }
    left.iter().any(|&index| {
        let next = Register.step(&state, &history[index].op);
        let Some(next) = next.filter(|_| is_next(index)) else {
            return false;
        };
        done.push(index);
        let found = brute_force(history, done, next);
        done.pop();
        found
    })
}

#[test]
fn a_read_sees_one_of_the_writes_that_overlap_it_and_no_older_one() {
    let write = |call, end, value| op(call, Some(end), Access::Write(value));
    let read = |call, end, value| op(call, Some(end), Access::Read(value));
    for (history, holds) in [
        (vec![], true),
        (vec![write(0, 1, 7), read(2, 3, 7)], true),
        (vec![write(0, 1, 7), read(2, 3, 0)], false),
        (vec![write(0, 5, 7), read(2, 3, 0)], true),
        (vec![write(0, 9, 7), read(1, 2, 7), read(3, 4, 0)], false),
        (vec![op(0, None, Access::Write(7)), read(5, 6, 7)], true),
        (vec![op(0, None, Access::Write(7)), read(5, 6, 0)], true),
        (vec![op(7, None, Access::Write(7)), read(5, 6, 7)], false),
    ] {
        let expected = if holds {
            Outcome::Holds
        } else {
            Outcome::Violated
        };
        assert_eq!(search(&Register, &history, 1_000), expected, "{history:?}");
    }
}

#[test]
fn too_much_work_is_not_a_verdict() {
    let many = (0..12).map(|n| op(n, Some(100), Access::Write(1)));
    let mut history: Vec<_> = many.collect();
    history.push(op(101, Some(102), Access::Read(2)));
    assert_eq!(search(&Register, &history, 20), Outcome::Undecided);
    assert_eq!(search(&Register, &history, 1_000_000), Outcome::Violated);
}

fn access() -> impl Strategy<Value = Access> {
    (any::<bool>(), 0..3_u8).prop_map(|(writes, value)| {
        if writes {
            Access::Write(value)
        } else {
            Access::Read(value)
        }
    })
}

fn history() -> impl Strategy<Value = Vec<Timed<Access>>> {
    let returned = |call| prop_oneof![1 => Just(None), 4 => (0..5_u64).prop_map(move |time| Some(call + time))];
    let timed = (0..12_u64).prop_flat_map(move |call| (Just(call), returned(call), access()));
    let timed = timed.prop_map(|(call, returned, access)| op(call, returned, access));
    proptest::collection::vec(timed, 0..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_search_finds_what_trying_every_order_finds(history in history()) {
        let holds = brute_force(&history, &mut Vec::new(), 0);
        let expected = if holds { Outcome::Holds } else { Outcome::Violated };
        prop_assert_eq!(search(&Register, &history, u64::MAX), expected);
    }
}
