//! What must hold of the model in every state, and what must be possible.

use stateright::Property;

use super::store::{Answer, Record, Request};
use super::system::{Ownership, Shard, State};

pub(crate) const CONFIRMED_FIRST: &str = "nothing is shown that the store has not confirmed";
pub(crate) const SHOWN_IS_PREFIX: &str = "what was shown stands in the log, where it was shown";
pub(crate) const KEPT: &str = "what was confirmed stands in the log";
pub(crate) const ONE_TRUTH: &str = "no two players are shown different records of one seq";
pub(crate) const ONE_PER_SEQ: &str = "the log has one record for each seq, in order";
pub(crate) const AT_MOST_ONCE: &str = "a command stands in the log at most once";
pub(crate) const EPOCHS_RISE: &str = "epochs only rise, and each has one owner";
pub(crate) const OWNER_KNOWS: &str = "the present owner knows all that was ever shown";
pub(crate) const OWNER_WRITES: &str = "only the present owner's writes are taken";
pub(crate) const CAN_FINISH: &str = "once faults stop, any shard can bring the match to its end";
pub(crate) const FINISHED: &str = "every command is shown";
pub(crate) const ZOMBIE: &str = "two shards take the match for theirs, and one of them writes";
pub(crate) const TOLD_TWICE: &str = "a command is asked of two owners before it is confirmed";

/// All properties; the last three are things that the check must come across to mean anything.
pub(crate) fn all() -> Vec<Property<Ownership>> {
    vec![
        Property::always(CONFIRMED_FIRST, |_, state: &State| {
            state.shown.is_subset(&state.store.confirmed)
        }),
        Property::always(SHOWN_IS_PREFIX, |_, state: &State| {
            all_stand(&state.store.log, &state.shown)
        }),
        Property::always(KEPT, |_, state: &State| {
            all_stand(&state.store.log, &state.store.confirmed)
        }),
        Property::always(ONE_TRUTH, |_, state: &State| {
            let seqs = state.shown.iter().map(|record| record.seq);
            // The set is in the order of seqs.
            seqs.clone()
                .zip(seqs.skip(1))
                .all(|(one, next)| one != next)
        }),
        Property::always(ONE_PER_SEQ, |_, state: &State| {
            let mut numbered = state.store.log.iter().zip(1..);
            numbered.all(|(record, seq)| record.seq == seq)
        }),
        Property::always(AT_MOST_ONCE, |model: &Ownership, state: &State| {
            (1..=model.commands).all(|command| times(&state.store.log, command) <= 1)
        }),
        Property::always(EPOCHS_RISE, |_, state| epochs_rise(state)),
        Property::always(OWNER_KNOWS, |_, state: &State| owner_knows(state)),
        Property::always(OWNER_WRITES, |_, state: &State| !state.store.took_foreign),
        Property::always(CAN_FINISH, can_finish),
        Property::sometimes(FINISHED, |model: &Ownership, state: &State| {
            state.shown.len() == usize::from(model.commands)
        }),
        Property::sometimes(ZOMBIE, |_, state| zombie_writes(state)),
        Property::sometimes(TOLD_TWICE, |_, state| told_twice(state)),
    ]
}

fn all_stand<'a>(log: &[Record], records: impl IntoIterator<Item = &'a Record>) -> bool {
    let stands = |record: &Record| log.get(usize::from(record.seq - 1)) == Some(record);
    records.into_iter().all(stands)
}

fn times(log: &[Record], command: u8) -> usize {
    log.iter()
        .filter(|record| record.command == command)
        .count()
}

/// The epochs under which shards take the match for theirs, lowest first.
fn held(state: &State) -> Vec<u8> {
    let epochs = state.shards.iter().filter_map(|(_, shard)| match shard {
        Shard::Owner { epoch, .. } => Some(*epoch),
        _ => None,
    });
    let mut epochs: Vec<_> = epochs.collect();
    epochs.sort_unstable();
    epochs
}

fn epochs_rise(state: &State) -> bool {
    let one_owner_each = held(state).windows(2).all(|pair| pair[0] < pair[1]);
    one_owner_each && state.store.epoch == state.store.epoch_given
}

/// A player who comes to the present owner never sees the match go back.
fn owner_knows(state: &State) -> bool {
    let is_present = |id, epoch| (id, epoch) == (state.store.owner(), state.store.epoch);
    state.shards.iter().all(|(id, shard)| match shard {
        Shard::Owner { epoch, log, .. } if is_present(*id, *epoch) => all_stand(log, &state.shown),
        _ => true,
    })
}

fn zombie_writes(state: &State) -> bool {
    let is_zombie = |shard: &Shard| match shard {
        Shard::Owner { epoch, writing, .. } => *epoch < state.store.epoch && writing.is_some(),
        _ => false,
    };
    held(state).len() > 1 && state.shards.iter().any(|(_, shard)| is_zombie(shard))
}

fn told_twice(state: &State) -> bool {
    let mut pending = Vec::new();
    for (_, shard) in &state.shards {
        if let Shard::Owner { log, confirmed, .. } = shard {
            pending.extend(log[*confirmed..].iter().map(|record| record.command));
        }
    }
    pending.sort_unstable();
    pending.windows(2).any(|pair| pair[0] == pair[1])
}

/// Lets a new shard claim the match, take the commands that are missing and write them, without
/// faults: the log then holds each command once, and all that was ever shown.
fn can_finish(model: &Ownership, state: &State) -> bool {
    let mut store = state.store.clone();
    let by = u8::MAX;
    let claim = Request::Claim {
        by,
        expected: store.epoch,
    };
    let Answer::Claimed { epoch, log } = store.handle(&claim, model.safeguards) else {
        return false;
    };
    let missing = (1..=model.commands).filter(|command| times(&log, *command) == 0);
    let records: Vec<_> = missing
        .zip(log.len() as u8 + 1..)
        .map(|(command, seq)| Record {
            seq,
            command,
            written_under: epoch,
        })
        .collect();
    if !records.is_empty() {
        let append = Request::Append { by, epoch, records };
        if store.handle(&append, model.safeguards) != Answer::Stored {
            return false;
        }
    }
    (1..=model.commands).all(|command| times(&store.log, command) == 1)
        && all_stand(&store.log, &state.shown)
}
