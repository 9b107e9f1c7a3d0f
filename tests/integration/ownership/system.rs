//! The shards of the model, and the network between them and the store.

use std::collections::BTreeSet;

use stateright::{Model, Property};

use super::properties;
use super::store::{Answer, CommandId, Epoch, Record, Request, Safeguards, ShardId, Store};

/// What the store may lose of what it has confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loses {
    Record,
    Claim,
}

/// The bounds and the faults of one check.
#[derive(Debug, Clone)]
pub(crate) struct Ownership {
    pub(crate) safeguards: Safeguards,
    pub(crate) shards: u8,
    pub(crate) commands: u8,
    /// Claims are made up to this epoch.
    pub(crate) epoch_max: Epoch,
    pub(crate) crashes_max: u8,
    /// A request may arrive more than once: the network doubles it, or a shard that has no answer
    /// sends it again.
    pub(crate) repeats: bool,
    /// The store loses this, once.
    pub(crate) loses: Option<Loses>,
}

/// What one process knows of the match.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Shard {
    Idle,
    Claiming {
        expected: Epoch,
    },
    Owner {
        epoch: Epoch,
        /// The match in memory, with what is not confirmed.
        log: Vec<Record>,
        /// Length of the confirmed part, as far as the shard knows.
        confirmed: usize,
        /// The batch in flight reaches so far.
        writing: Option<usize>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) store: Store,
    pub(crate) shards: Vec<(ShardId, Shard)>,
    /// Requests on their way. One that is never delivered is lost.
    requests: BTreeSet<Request>,
    /// Answers on their way. One that is never delivered is lost.
    answers: BTreeSet<(ShardId, Request, Answer)>,
    /// All that any player was shown.
    pub(crate) shown: BTreeSet<Record>,
    processes: ShardId,
    has_lost: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// A shard read the epoch, and claims.
    Claim(usize),
    /// A player's command reaches a shard; it may have reached one before.
    Command(usize, CommandId),
    /// A shard sends all that waits as one batch.
    Write(usize),
    /// A request reaches the store.
    Arrive(Request),
    /// An answer reaches its shard.
    Hear(ShardId, Request, Answer),
    /// A process dies, and another one starts in its place.
    Crash(usize),
    /// The store loses the last thing that it had confirmed.
    Lose(Loses),
}

impl Model for Ownership {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            store: Store::new(),
            shards: (1..=self.shards).map(|id| (id, Shard::Idle)).collect(),
            requests: BTreeSet::new(),
            answers: BTreeSet::new(),
            shown: BTreeSet::new(),
            processes: self.shards,
            has_lost: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (index, (_, shard)) in state.shards.iter().enumerate() {
            match shard {
                Shard::Idle if state.store.epoch < self.epoch_max => {
                    actions.push(Action::Claim(index));
                }
                Shard::Idle | Shard::Claiming { .. } => {}
                Shard::Owner {
                    log,
                    writing,
                    confirmed,
                    ..
                } => {
                    let commands = (1..=self.commands)
                        .filter(|command| log.iter().all(|record| record.command != *command));
                    actions.extend(commands.map(|command| Action::Command(index, command)));
                    if writing.is_none() && *confirmed < log.len() {
                        actions.push(Action::Write(index));
                    }
                }
            }
            if *shard != Shard::Idle && state.processes < self.shards + self.crashes_max {
                actions.push(Action::Crash(index));
            }
        }
        actions.extend(state.requests.iter().cloned().map(Action::Arrive));
        let hear = |(to, request, answer): (_, _, _)| Action::Hear(to, request, answer);
        actions.extend(state.answers.iter().cloned().map(hear));
        actions.extend(self.loses.filter(|_| !state.has_lost).map(Action::Lose));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Claim(index) => {
                let expected = state.store.epoch;
                state.claim(index, expected);
            }
            Action::Command(index, command) => self.command(&mut state, index, command),
            Action::Write(index) => state.write(index),
            Action::Arrive(request) => self.arrive(&mut state, request),
            Action::Hear(to, request, answer) => self.hear(&mut state, to, &request, answer),
            Action::Crash(index) => {
                state.processes += 1;
                state.shards[index] = (state.processes, Shard::Idle);
                state.forget_answers();
            }
            Action::Lose(loss) => {
                state.has_lost = true;
                match loss {
                    Loses::Record => drop(state.store.log.pop()?),
                    Loses::Claim => state.store.lose_claim().then_some(())?,
                }
            }
        }
        Some(state).filter(|state| state != last)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }

    /// Without the position check, a repeated write makes the log ever longer.
    fn within_boundary(&self, state: &State) -> bool {
        state.store.log.len() <= usize::from(self.commands) + 1
    }
}

impl Ownership {
    /// A command of the match as this shard knows it.
    fn command(&self, state: &mut State, index: usize, command: CommandId) {
        let Shard::Owner { epoch, log, .. } = &mut state.shards[index].1 else {
            return;
        };
        let record = Record {
            seq: log.len() as u8 + 1,
            command,
            written_under: *epoch,
        };
        log.push(record);
        if !self.safeguards.gate {
            state.shown.insert(record);
        }
    }

    fn arrive(&self, state: &mut State, request: Request) {
        if !self.repeats {
            state.requests.remove(&request);
        }
        let answer = state.store.handle(&request, self.safeguards);
        let (Request::Claim { by, .. } | Request::Append { by, .. }) = request;
        state.answers.insert((by, request, answer));
        state.forget_answers();
    }

    fn hear(&self, state: &mut State, to: ShardId, request: &Request, answer: Answer) {
        let Some(index) = state.shards.iter().position(|&(id, _)| id == to) else {
            return;
        };
        let shard = &mut state.shards[index].1;
        match answer {
            Answer::Claimed { epoch, log } => {
                // Whoever joins is shown the whole match.
                state.shown.extend(&log);
                let confirmed = log.len();
                *shard = Shard::Owner {
                    epoch,
                    log,
                    confirmed,
                    writing: None,
                };
            }
            // The claim had arrived before, and its answer was lost.
            Answer::Lost { owner, epoch } if owner == to && epoch < self.epoch_max => {
                state.claim(index, epoch);
            }
            Answer::Lost { .. } | Answer::Dropped => *shard = Shard::Idle,
            Answer::Stored => {
                if let (
                    Shard::Owner {
                        confirmed, writing, ..
                    },
                    Request::Append { records, .. },
                ) = (shard, request)
                {
                    *confirmed = writing.take().unwrap_or(*confirmed);
                    state.shown.extend(records);
                }
            }
        }
        state.forget_answers();
    }
}

impl State {
    fn claim(&mut self, index: usize, expected: Epoch) {
        let (by, shard) = &mut self.shards[index];
        *shard = Shard::Claiming { expected };
        self.requests.insert(Request::Claim { by: *by, expected });
    }

    fn write(&mut self, index: usize) {
        let (by, shard) = &mut self.shards[index];
        if let Shard::Owner {
            epoch,
            log,
            confirmed,
            writing,
        } = shard
        {
            *writing = Some(log.len());
            let records = log[*confirmed..].to_vec();
            let (by, epoch) = (*by, *epoch);
            self.requests.insert(Request::Append { by, epoch, records });
        }
    }

    /// Takes answers away that nobody waits for any more: they would change nothing.
    fn forget_answers(&mut self) {
        let shards = &self.shards;
        self.answers.retain(|(to, request, _)| {
            let waiting = shards
                .iter()
                .find(|(id, _)| id == to)
                .map(|(_, shard)| shard);
            match (waiting, request) {
                (
                    Some(Shard::Claiming { expected }),
                    Request::Claim {
                        expected: asked, ..
                    },
                ) => expected == asked,
                (
                    Some(Shard::Owner {
                        epoch,
                        confirmed,
                        writing: Some(to),
                        ..
                    }),
                    Request::Append {
                        epoch: asked,
                        records,
                        ..
                    },
                ) => {
                    let reaches = records.last().map(|record| usize::from(record.seq));
                    let from = usize::from(records[0].seq - 1);
                    (epoch, from, reaches) == (asked, *confirmed, Some(*to))
                }
                _ => false,
            }
        });
    }
}
