//! Silence as a model: one observer of one shard, in steps of time. The shard beats in each step and stores its count now
//! and then; whoever is suspended, cut off or slow is so for any number of steps. Whoever is taken for dead has been
//! silent for long, and whoever is silent for long is taken for dead.

use stateright::{Model, Property};

/// Silence is believed from this number of steps on.
pub(crate) const SILENT_AFTER: u8 = 3;
/// The number of steps after which a shard stores its count, if the store takes it.
const STORED_EVERY: u8 = 2;
/// Upper bound on steps, so that the model is finite.
const STEPS_MAX: u8 = 8;

/// What an observer makes sure of before it believes silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Safeguards {
    /// Only time counts in which its own beats came back to it.
    pub(crate) own_beats: bool,
    /// Only time counts in which it ran.
    pub(crate) ran: bool,
    /// The stored count is read once more.
    pub(crate) read: bool,
    /// That read begins when the silence has lasted for long enough.
    pub(crate) read_after: bool,
}

impl Safeguards {
    pub(crate) const ALL: Self = Self {
        own_beats: true,
        ran: true,
        read: true,
        read_after: true,
    };
}

/// The environment of one check.
#[derive(Debug, Clone)]
pub(crate) struct Silence {
    pub(crate) safeguards: Safeguards,
    /// Beats may be lost on their way to the observer.
    pub(crate) beats_are_lost: bool,
    /// The store may take no records for a while.
    pub(crate) stores_stall: bool,
    /// The observer may be suspended.
    pub(crate) observer_is_suspended: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    steps: u8,
    shard: Shard,
    /// The count in the registry.
    stored: u8,
    /// Records are taken.
    store_takes: bool,
    /// Beats reach the observer.
    is_subscribed: bool,
    observer: Observer,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Shard {
    runs: bool,
    was_suspended: bool,
    count: u8,
    /// Steps since its last beat.
    silent_for: u8,
    /// Steps since it last stored its count.
    unstored_for: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Observer {
    runs: bool,
    /// The newest beat that has arrived, and the newest that it has looked at.
    arrived: u8,
    heard: u8,
    /// How long nothing was heard, of the time that counts.
    silence: u8,
    /// What the read of the registry under way has found, and how long the shard had been silent then.
    read: Option<(u8, u8)>,
    /// How long the shard had been silent when it was taken for dead: at the read that was the last word.
    took_for_dead: Option<u8>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// A step of time: whoever runs does what is due.
    Step,
    /// The shard is suspended, or goes on.
    Suspend,
    Continue,
    /// Beats stop reaching the observer, or reach it again.
    Unsubscribe,
    Subscribe,
    /// The store stops taking records, or takes them again.
    Stall,
    Take,
    /// The observer is suspended, or goes on.
    SuspendObserver,
    ContinueObserver,
    /// The observer reads the registry.
    Read,
    /// It judges.
    Judge,
}

/// Where the store takes records.
pub(crate) const WAS_SILENT: &str = "whoever is taken for dead was silent for long";
/// Even where it does not.
pub(crate) const RAN: &str = "who always ran is not taken for dead";
const FOUND_OUT: &str = "whoever is silent for long can be found out";

impl Model for Silence {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            steps: 0,
            shard: Shard {
                runs: true,
                was_suspended: false,
                count: 1,
                silent_for: 0,
                unstored_for: 0,
            },
            stored: 1,
            store_takes: true,
            is_subscribed: true,
            observer: Observer {
                runs: true,
                arrived: 1,
                heard: 1,
                silence: 0,
                read: None,
                took_for_dead: None,
            },
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.observer.took_for_dead.is_some() {
            return;
        }
        if state.steps < STEPS_MAX {
            actions.push(Action::Step);
        }
        actions.push(toggle(state.shard.runs, Action::Suspend, Action::Continue));
        if self.beats_are_lost {
            let subscribed = state.is_subscribed;
            actions.push(toggle(subscribed, Action::Unsubscribe, Action::Subscribe));
        }
        if self.stores_stall {
            actions.push(toggle(state.store_takes, Action::Stall, Action::Take));
        }
        let runs = state.observer.runs;
        if self.observer_is_suspended {
            let (suspend, go_on) = (Action::SuspendObserver, Action::ContinueObserver);
            actions.push(toggle(runs, suspend, go_on));
        }
        if runs {
            actions.extend([Action::Read, Action::Judge]);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Step => self.step(&mut state),
            Action::Suspend => {
                state.shard.runs = false;
                state.shard.was_suspended = true;
            }
            Action::Continue => state.shard.runs = true,
            Action::Unsubscribe => state.is_subscribed = false,
            Action::Subscribe => state.is_subscribed = true,
            Action::Stall => state.store_takes = false,
            Action::Take => state.store_takes = true,
            Action::SuspendObserver => state.observer.runs = false,
            // What waited in its socket is looked at before anything is judged.
            Action::ContinueObserver => {
                state.observer.runs = true;
                if self.safeguards.ran {
                    state.observer.look();
                }
            }
            Action::Read => {
                let is_due = state.observer.silence >= SILENT_AFTER;
                if self.safeguards.read_after && !is_due {
                    return None;
                }
                state.observer.read = Some((state.stored, state.shard.silent_for));
            }
            Action::Judge => self.judge(&mut state)?,
        }
        Some(state).filter(|state| state != last)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(WAS_SILENT, |_, state: &State| {
                let silence = state.observer.took_for_dead;
                silence.is_none_or(|silence| silence >= SILENT_AFTER)
            }),
            Property::always(RAN, |_, state: &State| {
                state.observer.took_for_dead.is_none() || state.shard.was_suspended
            }),
            Property::sometimes(FOUND_OUT, |_, state: &State| {
                state.observer.took_for_dead.is_some() && !state.shard.runs
            }),
        ]
    }
}

fn toggle(is_on: bool, off: Action, on: Action) -> Action {
    if is_on { off } else { on }
}

impl Observer {
    fn look(&mut self) {
        if self.arrived > self.heard {
            self.heard = self.arrived;
            self.silence = 0;
            self.read = None;
        }
    }
}

impl Silence {
    fn step(&self, state: &mut State) {
        state.steps += 1;
        let shard = &mut state.shard;
        if shard.runs {
            shard.count += 1;
            shard.silent_for = 0;
            if state.is_subscribed {
                state.observer.arrived = shard.count;
            }
        } else {
            shard.silent_for += 1;
        }
        shard.unstored_for += 1;
        if shard.runs && state.store_takes && shard.unstored_for >= STORED_EVERY {
            state.stored = shard.count;
            shard.unstored_for = 0;
        }
        let observer = &mut state.observer;
        let guards = self.safeguards;
        let counts = (observer.runs || !guards.ran) && (state.is_subscribed || !guards.own_beats);
        observer.silence += u8::from(counts && observer.silence < SILENT_AFTER);
        if observer.runs {
            observer.look();
        }
    }

    fn judge(&self, state: &mut State) -> Option<()> {
        let observer = &mut state.observer;
        if observer.silence < SILENT_AFTER {
            return None;
        }
        let (found, silent_for) = match observer.read.take() {
            Some(read) => read,
            None if !self.safeguards.read => (state.stored, state.shard.silent_for),
            None => return None,
        };
        if self.safeguards.read && found > observer.heard {
            observer.heard = found;
            observer.arrived = observer.arrived.max(found);
            observer.silence = 0;
        } else {
            observer.took_for_dead = Some(silent_for);
        }
        Some(())
    }
}
