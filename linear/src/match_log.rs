//! The model of a match: a log that only grows, of which every answer names a place.

use std::collections::HashMap;

use crate::facts::{Cause, Contradicted, Facts};
use crate::operation::{Action, Answer, Operation, Role};
use crate::search::{Model, Timed};

/// The log of one match. Its state is the number of events: what they are is the same in every order, as answers name
/// the places that they speak of. So an order is searched for by following the places.
#[derive(Debug)]
pub(crate) struct MatchLog {
    facts: Facts,
}

/// An operation on the log, with its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A command. It takes the next place; if it is there already, it changes nothing.
    Command {
        /// Who gave it, and under which number.
        cause: Cause,
        /// What it asks for.
        kind: String,
        /// The move, if it is one.
        uci: Option<String>,
        /// Its place; `None` if that is not known.
        seq: Option<u32>,
    },
    /// Somebody was told of the event at a place.
    Event {
        /// The place.
        seq: u32,
    },
    /// Somebody was shown the first events.
    Read {
        /// How many.
        seq: u32,
        /// Which may be left out: those that were decided under later epochs than this; `None` if any may be.
        fresh_up_to: Option<u64>,
    },
}

impl MatchLog {
    /// The model and the history of a match, of operations each with whether its answer is known; `None` if the answers
    /// contradict each other in any order.
    pub(crate) fn of<'a>(
        operations: impl Iterator<Item = (&'a Operation, bool)> + Clone,
    ) -> Option<(Self, Vec<Timed<Step>>)> {
        let answered = operations.clone().filter(|(_, is_answered)| *is_answered);
        let facts = match Facts::of(answered.map(|(operation, _)| operation)) {
            Ok(facts) => facts,
            Err(Contradicted) => return None,
        };
        let mut history = Vec::new();
        // A command without an answer that was sent twice is there once.
        let mut unknown = HashMap::<Cause, usize>::new();
        for (operation, is_answered) in operations {
            let Some(step) = step(&operation.action, is_answered) else {
                continue;
            };
            let timed = Timed {
                call: operation.call,
                returned: operation.returned.filter(|_| is_answered),
                op: step,
            };
            if let Step::Command {
                cause, seq: None, ..
            } = &timed.op
            {
                if let Some(&first) = unknown.get(cause) {
                    let first: &mut Timed<Step> = &mut history[first];
                    first.call = first.call.min(timed.call);
                    continue;
                }
                unknown.insert(*cause, history.len());
            }
            history.push(timed);
        }
        Some((Self { facts }, history))
    }
}

/// What an operation does to the log; `None` if it does nothing to it and says nothing of it.
fn step(action: &Action, is_answered: bool) -> Option<Step> {
    match action {
        Action::Command { input, output } => {
            let seq = match output.as_ref().filter(|_| is_answered) {
                Some(Answer::Acknowledged { seq, .. }) => Some(*seq),
                Some(Answer::Refused { .. }) => return None,
                None => None,
            };
            Some(Step::Command {
                cause: (input.seat, input.command_id),
                kind: input.kind.clone(),
                uci: input.uci.clone(),
                seq,
            })
        }
        _ if !is_answered => None,
        Action::Join { input, output } => Some(Step::Read {
            seq: output.seq,
            // Spectators may be behind, and of a match that is over another shard may show what it has read.
            fresh_up_to: output
                .epoch
                .filter(|_| input.role != Role::Spectator && !output.over),
        }),
        Action::Shown { output } => Some(Step::Read {
            seq: output.seq,
            fresh_up_to: None,
        }),
        Action::Event { output } => Some(Step::Event { seq: output.seq }),
        Action::Log { output } => Some(Step::Read {
            seq: u32::try_from(output.records.len()).unwrap_or(u32::MAX),
            fresh_up_to: Some(u64::MAX),
        }),
        Action::Broken { .. } => None,
    }
}

impl Model for MatchLog {
    /// The number of events.
    type State = u32;
    type Op = Step;

    /// A log only grows, and so what it has, it keeps.
    const IDLE_FOR_GOOD: bool = true;

    fn initial(&self) -> u32 {
        0
    }

    fn step(&self, &len: &u32, op: &Step) -> Option<u32> {
        // The server's own events take what is free, when something after them needs it.
        let next = self.facts.next_of_a_seat(len);
        match op {
            Step::Command { seq: Some(seq), .. } if *seq <= len => Some(len),
            Step::Command { seq: Some(seq), .. } => (next == *seq).then_some(next),
            Step::Command {
                cause, kind, uci, ..
            } => self
                .facts
                .may_be(*cause, uci.as_deref(), kind, next)
                .then_some(next),
            Step::Event { seq } => (*seq < next).then_some(len.max(*seq)),
            Step::Read { seq, fresh_up_to } => {
                let may_be_old =
                    || fresh_up_to.is_none_or(|epoch| self.facts.is_newer_than(epoch, *seq));
                let fits = if *seq < len {
                    may_be_old()
                } else {
                    *seq < next
                };
                fits.then_some(len.max(*seq))
            }
        }
    }
}
