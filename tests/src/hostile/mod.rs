//! Attacks by peers that anybody on the network could be, one after the other, on a matchmaker and a
//! shard with their default limits, while honest players play beside them.
//!
//! Attackers and honest players have different loopback addresses. For each attack it is measured whether
//! honest newcomers get a match, how long acknowledgements take compared with the calm moments before,
//! whether the probes are answered, and whether memory and the store are as before once it is over.

mod acks;
mod addresses;
mod attack;
mod attacks;
mod cpu;
mod crowd;
mod facts;
mod field;
mod measure;
mod memory;
mod newcomers;
mod plan;
mod player;
mod probes;
mod report;
mod row;
mod tally;
mod verdict;

pub use acks::Latency;
pub use attack::AttackKind;
pub use cpu::Cpu;
pub use facts::AttackFacts;
pub use measure::run;
pub use memory::Memory;
pub use newcomers::Arrivals;
pub use plan::Plan;
pub use probes::Livez;
pub use report::AttackReport;
pub use row::AttackRow;
pub use tally::Deeds;
pub use verdict::Verdict;
