//! The store of the model: one match, its epoch and its log.

use std::collections::BTreeSet;

/// A process; a restart is another process.
pub(crate) type ShardId = u8;
/// A fencing number.
pub(crate) type Epoch = u8;
/// A command of a player.
pub(crate) type CommandId = u8;

/// One record of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Record {
    pub(crate) seq: u8,
    pub(crate) command: CommandId,
    /// Stands for the clocks in a record: two owners never write the same command in the same words.
    pub(crate) written_under: Epoch,
}

/// Which safeguards are in place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Safeguards {
    /// Nothing is shown before the store has confirmed it.
    pub(crate) gate: bool,
    /// A write under another epoch than the current one is refused.
    pub(crate) epoch: bool,
    /// A write by another than the present owner is refused, be it under the present epoch.
    pub(crate) owner: bool,
    /// A write goes where the log ends, and one that stands there already is not written again.
    pub(crate) position: bool,
    /// A claim compares the epoch before it sets it.
    pub(crate) compare: bool,
}

impl Safeguards {
    /// All of them.
    pub(crate) const ALL: Self = Self {
        gate: true,
        epoch: true,
        owner: true,
        position: true,
        compare: true,
    };
}

/// What a shard asks of the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Request {
    Claim {
        by: ShardId,
        expected: Epoch,
    },
    Append {
        by: ShardId,
        epoch: Epoch,
        records: Vec<Record>,
    },
}

/// What the store answers, each with enough of the request to know it by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Answer {
    Claimed {
        epoch: Epoch,
        log: Vec<Record>,
    },
    Lost {
        owner: ShardId,
        epoch: Epoch,
    },
    Stored,
    /// Fenced, in conflict or after a gap: the writer drops the match.
    Dropped,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    pub(crate) epoch: Epoch,
    /// The owner under each epoch so far, the present one last.
    owners: Vec<ShardId>,
    pub(crate) log: Vec<Record>,
    /// Every record that any shard was told stands in the log.
    pub(crate) confirmed: BTreeSet<Record>,
    /// A write of another than the present owner was taken.
    pub(crate) took_foreign: bool,
    /// The highest epoch that was ever given away.
    pub(crate) epoch_given: Epoch,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self {
            epoch: 0,
            owners: vec![0],
            log: Vec::new(),
            confirmed: BTreeSet::new(),
            took_foreign: false,
            epoch_given: 0,
        }
    }

    pub(crate) fn owner(&self) -> ShardId {
        self.owners.last().copied().unwrap_or(0)
    }

    /// Forgets the last claim; says whether there was one.
    pub(crate) fn lose_claim(&mut self) -> bool {
        let is_there = self.owners.len() > 1;
        if is_there {
            self.owners.pop();
            self.epoch -= 1;
        }
        is_there
    }

    /// Does what is asked, atomically.
    pub(crate) fn handle(&mut self, request: &Request, safeguards: Safeguards) -> Answer {
        match request {
            Request::Claim { by, expected } => self.claim(*by, *expected, safeguards),
            Request::Append { by, epoch, records } => {
                let is_foreign = *by != self.owner();
                let is_fenced = *epoch != self.epoch || (safeguards.owner && is_foreign);
                if safeguards.epoch && is_fenced {
                    return Answer::Dropped;
                }
                let answer = self.append(records, safeguards);
                self.took_foreign |= is_foreign && answer == Answer::Stored;
                answer
            }
        }
    }

    fn claim(&mut self, by: ShardId, expected: Epoch, safeguards: Safeguards) -> Answer {
        if safeguards.compare && self.epoch != expected {
            let (owner, epoch) = (self.owner(), self.epoch);
            return Answer::Lost { owner, epoch };
        }
        self.epoch = expected + 1;
        self.epoch_given = self.epoch_given.max(self.epoch);
        self.owners.truncate(usize::from(self.epoch));
        self.owners.push(by);
        self.confirmed.extend(&self.log);
        Answer::Claimed {
            epoch: self.epoch,
            log: self.log.clone(),
        }
    }

    fn append(&mut self, records: &[Record], safeguards: Safeguards) -> Answer {
        let after = usize::from(records[0].seq - 1);
        if safeguards.position && self.log.len() != after {
            let there = self.log.get(after..).unwrap_or_default();
            return if there.starts_with(records) {
                self.confirmed.extend(records);
                Answer::Stored
            } else {
                Answer::Dropped
            };
        }
        self.log.extend(records);
        self.confirmed.extend(records);
        Answer::Stored
    }
}
