//! The verdict on a history: match by match, and where it is wrong, as few operations as show it.

use std::collections::BTreeMap;

use crate::match_log::MatchLog;
use crate::operation::Operation;
use crate::search::{Outcome, search};

/// The verdict on one match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub match_id: String,
    /// Its operations.
    pub operations: usize,
    /// Those of them whose outcome is not known.
    pub unknown: usize,
    /// Whether they are linearizable.
    pub judgement: Judgement,
}

/// Whether the operations of a match are linearizable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// There is an order of them in which every answer is right.
    Holds,
    /// There is none.
    Violated(Contradiction),
    /// The bound on the work was reached.
    Undecided,
}

/// Operations of a match for which there is no order, by the lines of their file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// Operations of the shortest beginning of the history that is wrong already.
    pub prefix: usize,
    /// The answer that completes it.
    pub last: usize,
    /// The answers that cannot all be right, the last one among them: if any of them were unknown, there would be an
    /// order. In the order of the file.
    pub answers: Vec<usize>,
}

/// Judges each match of a history, in the order of their ids, with at most `steps_max` steps in any one search.
#[must_use]
pub fn check(history: &[Operation], steps_max: u64) -> Vec<Verdict> {
    let mut matches = BTreeMap::<&str, Vec<&Operation>>::new();
    for operation in history {
        let of_match = matches.entry(&operation.match_id).or_default();
        of_match.push(operation);
    }
    let verdicts = matches.into_iter().map(|(match_id, operations)| Verdict {
        match_id: match_id.to_owned(),
        operations: operations.len(),
        unknown: operations.iter().filter(|op| op.returned.is_none()).count(),
        judgement: Case {
            operations,
            steps_max,
        }
        .judge(),
    });
    verdicts.collect()
}

/// The operations of one match.
struct Case<'a> {
    operations: Vec<&'a Operation>,
    steps_max: u64,
}

impl Case<'_> {
    fn judge(&self) -> Judgement {
        match self.outcome(u64::MAX, |_| true) {
            Outcome::Holds => Judgement::Holds,
            Outcome::Undecided => Judgement::Undecided,
            Outcome::Violated => Judgement::Violated(self.contradiction()),
        }
    }

    /// Whether what was called by `end` is linearizable, of which the answers count that were there by then and that
    /// `counts` lets through. The others count as unknown.
    fn outcome(&self, end: u64, counts: impl Fn(&Operation) -> bool + Copy) -> Outcome {
        let called = self.operations.iter().filter(|op| op.call <= end);
        let operations = called.map(|op| {
            let is_answered = op.returned.is_some_and(|returned| returned <= end);
            (*op, is_answered && counts(op))
        });
        match MatchLog::of(operations) {
            None => Outcome::Violated,
            Some((model, history)) => search(&model, &history, self.steps_max),
        }
    }

    fn is_wrong(&self, end: u64, counts: impl Fn(&Operation) -> bool + Copy) -> bool {
        self.outcome(end, counts) == Outcome::Violated
    }

    /// Why a history is wrong. Every beginning of a linearizable history is linearizable, and so is what is left if
    /// answers are forgotten.
    fn contradiction(&self) -> Contradiction {
        let mut answered: Vec<&Operation> = self.operations.clone();
        answered.retain(|op| op.returned.is_some());
        answered.sort_by_key(|op| (op.returned, op.line));
        let end = |place: usize| answered[place].returned.unwrap_or(u64::MAX);
        let (mut right, mut wrong) = (0, answered.len() - 1);
        while right < wrong {
            let middle = usize::midpoint(right, wrong);
            if self.is_wrong(end(middle), |_| true) {
                wrong = middle;
            } else {
                right = middle + 1;
            }
        }
        let (last, end) = (answered[wrong].line, end(wrong));
        answered.retain(|op| op.returned <= Some(end));
        let prefix = self.operations.iter().filter(|op| op.call <= end).count();
        let mut answers = self.fewest(&answered, end);
        answers.sort_unstable();
        Contradiction {
            prefix,
            last,
            answers,
        }
    }

    /// The lines of as few answers as are wrong together: parts are left out, ever smaller ones, while the rest is
    /// wrong.
    fn fewest(&self, answered: &[&Operation], end: u64) -> Vec<usize> {
        let mut kept: Vec<usize> = answered.iter().map(|op| op.line).collect();
        kept.sort_unstable();
        let mut part = kept.len().div_ceil(2);
        loop {
            let mut from = 0;
            while from < kept.len() && kept.len() > 1 {
                let to = (from + part).min(kept.len());
                let rest: Vec<usize> = [&kept[..from], &kept[to..]].concat();
                let counts = |op: &Operation| rest.binary_search(&op.line).is_ok();
                if !rest.is_empty() && self.is_wrong(end, counts) {
                    kept = rest;
                } else {
                    from = to;
                }
            }
            if part <= 1 {
                return kept;
            }
            part = part.div_ceil(2);
        }
    }
}
