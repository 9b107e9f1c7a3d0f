//! The sets of matches that shards may own, as a model beside that of the match itself: claims, hand-overs,
//! removals, stops and crashes in every order, with every request delayed or lost. In each state whoever
//! looks for the match must find it: the registry names its owner, and the owner's set names the match.

use std::collections::BTreeSet;

use stateright::{Model, Property};

pub(crate) const FOUND: &str = "the owner is registered, and its set names the match";
const MOVED_ON: &str = "a shard that gave the match away is forgotten, and the match is not";
const RACED: &str = "a removal is under way while an addition stands whose claim is still to come";
const BACK: &str = "a removal is under way from the set of the owner";

type ShardId = usize;
type Epoch = u8;

/// Which safeguards are in place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Safeguards {
    /// A removal spares what was added for a claim to a later epoch than the one that was read.
    pub(crate) ordered: bool,
    /// A shard whose set is not empty stays in the registry when it leaves.
    pub(crate) tombstones: bool,
    /// A match is added to a set before the claim, not after it.
    pub(crate) hint_first: bool,
    /// An addition puts the shard into the registry.
    pub(crate) named: bool,
    /// After the store lost something, an owner adds what it owns to its set again.
    pub(crate) again: bool,
}

impl Safeguards {
    pub(crate) const ALL: Self = Self {
        ordered: true,
        tombstones: true,
        hint_first: true,
        named: true,
        again: true,
    };
}

/// The bounds of one check.
#[derive(Debug, Clone)]
pub(crate) struct Sets {
    pub(crate) safeguards: Safeguards,
    pub(crate) shards: usize,
    /// Claims are made up to this epoch.
    pub(crate) epoch_max: Epoch,
    /// So much is under way at once.
    pub(crate) deeds_max: usize,
    /// The sets are in another slot than the match, whose tag is in its id: a failover loses the last addition to a
    /// set, once, and not the claim.
    pub(crate) loses: bool,
}

/// A shard, and what is stored of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    lives: bool,
    is_named: bool,
    /// The epoch for which its set names the match.
    hint: Option<Epoch>,
}

/// Something that a process has begun, and that takes effect step by step, at any time or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// A claim for `to`, in two steps.
    Claim {
        to: ShardId,
        expected: Epoch,
        half_done: bool,
    },
    /// A removal by someone who has read that the match is another's under `up_to`.
    Disown { from: ShardId, up_to: Epoch },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    epoch: Epoch,
    owner: ShardId,
    shards: Vec<Place>,
    deeds: BTreeSet<Deed>,
    loss: Loss,
}

/// What became of an addition that a failover took out of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Loss {
    NotYet,
    /// Nobody has compared anything since. The owner has the match in memory, and lives until it has: that it dies in
    /// that moment would be a second failure at once.
    Unnoticed,
    Noticed,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// The owner gives the match away, or a survivor takes it over.
    Begin(ShardId),
    /// Somebody reads a set, and the match that it names.
    Look(ShardId),
    /// The next step of something takes effect.
    Step(Deed),
    /// The rest of it never does: its process died, or its request was lost.
    Lose(Deed),
    Leave(ShardId),
    Crash(ShardId),
    Deregister(ShardId),
    /// A failover loses the owner's addition.
    FailOver,
    /// Every shard that lives has seen that another server answers, and has compared what it owns.
    Compare,
}

impl Model for Sets {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let place = |id| Place {
            lives: true,
            is_named: true,
            hint: (id == 0).then_some(0),
        };
        vec![State {
            epoch: 0,
            owner: 0,
            shards: (0..self.shards).map(place).collect(),
            deeds: BTreeSet::new(),
            loss: Loss::NotYet,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let owner = &state.shards[state.owner];
        for (id, place) in state.shards.iter().enumerate() {
            // A survivor finds the match as it is found by all: in the set of a named owner.
            let may_move = owner.lives || (owner.is_named && owner.hint.is_some());
            let may_begin = self.has_place_for_a_deed(state) && id != state.owner;
            if may_begin && place.lives && may_move && state.epoch < self.epoch_max {
                actions.push(Action::Begin(id));
            }
            if may_begin && place.hint.is_some() {
                actions.push(Action::Look(id));
            }
            if place.lives {
                let may_end = state.loss != Loss::Unnoticed;
                let ends = [Action::Leave(id), Action::Crash(id)];
                actions.extend(ends.into_iter().filter(|_| may_end));
            } else if place.is_named && place.hint.is_none() {
                actions.push(Action::Deregister(id));
            }
        }
        for &deed in &state.deeds {
            actions.extend([Action::Step(deed), Action::Lose(deed)]);
        }
        match state.loss {
            Loss::NotYet if self.loses && owner.lives => actions.push(Action::FailOver),
            Loss::Unnoticed => actions.push(Action::Compare),
            _ => {}
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Begin(to) => {
                state.deeds.insert(Deed::Claim {
                    to,
                    expected: state.epoch,
                    half_done: false,
                });
            }
            Action::Look(from) => {
                let up_to = state.epoch;
                state.deeds.insert(Deed::Disown { from, up_to });
            }
            Action::Step(deed) => self.step(&mut state, deed),
            Action::Lose(deed) => drop(state.deeds.remove(&deed)),
            Action::Leave(id) => {
                let place = &mut state.shards[id];
                place.lives = false;
                place.is_named = self.safeguards.tombstones && place.hint.is_some();
            }
            Action::Crash(id) => state.shards[id].lives = false,
            Action::Deregister(id) => state.shards[id].is_named = false,
            Action::FailOver => {
                state.loss = Loss::Unnoticed;
                state.shards[state.owner].hint = None;
            }
            Action::Compare => {
                state.loss = Loss::Noticed;
                if self.safeguards.again {
                    state.shards[state.owner].hint = Some(state.epoch);
                }
            }
        }
        Some(state).filter(|state| state != last)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(FOUND, |_, state: &State| {
                let owner = &state.shards[state.owner];
                let is_in_memory = owner.lives && state.loss == Loss::Unnoticed;
                owner.is_named && (owner.hint.is_some() || is_in_memory)
            }),
            Property::sometimes(MOVED_ON, |_, state: &State| {
                let first = &state.shards[0];
                state.owner != 0 && !first.lives && !first.is_named
            }),
            Property::sometimes(RACED, |_, state: &State| {
                state.deeds.iter().any(|deed| match deed {
                    Deed::Disown { from, .. } => {
                        *from != state.owner && state.shards[*from].hint > Some(state.epoch)
                    }
                    Deed::Claim { .. } => false,
                })
            }),
            Property::sometimes(BACK, |_, state: &State| {
                let from_owner =
                    |deed: &Deed| matches!(deed, Deed::Disown { from, .. } if *from == state.owner);
                state.deeds.iter().any(from_owner)
            }),
        ]
    }
}

impl Sets {
    fn has_place_for_a_deed(&self, state: &State) -> bool {
        state.deeds.len() < self.deeds_max
    }

    fn step(&self, state: &mut State, deed: Deed) {
        state.deeds.remove(&deed);
        match deed {
            Deed::Disown { from, up_to } => {
                let hint = &mut state.shards[from].hint;
                *hint = hint.filter(|&hint| self.safeguards.ordered && hint > up_to);
            }
            Deed::Claim {
                to,
                expected,
                half_done,
            } => {
                if half_done == self.safeguards.hint_first {
                    if state.epoch == expected {
                        state.epoch += 1;
                        state.owner = to;
                    }
                } else {
                    let place = &mut state.shards[to];
                    place.hint = place.hint.max(Some(expected + 1));
                    place.is_named |= self.safeguards.named;
                }
                if !half_done {
                    state.deeds.insert(Deed::Claim {
                        to,
                        expected,
                        half_done: true,
                    });
                }
            }
        }
    }
}
