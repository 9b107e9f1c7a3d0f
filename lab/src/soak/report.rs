//! What came of a soak: figures for people and for scripts, and every broken promise with what is
//! needed to reproduce it.

use std::collections::BTreeMap;
use std::time::Duration;

use game_core::MatchId;
use protocol::Role;
use serde::Serialize;

use super::chaos::FaultRecord;
use super::figures::{InLog, Percentiles};
use super::oracle::{Breach, Promise};
use super::samples::Sample;

/// What came of a soak.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The command line, to run it again.
    pub command: String,
    /// Decided the moves, the thinking, the faults and the packets that were lost.
    pub seed: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Promises that were broken.
    pub violations: u64,
    /// How often each promise was broken, by its name.
    #[serde(flatten)]
    pub promises: BTreeMap<Promise, u64>,
    /// The first broken promises in full.
    pub broken: Vec<BrokenPromise>,
    /// Matches begun.
    pub matches_begun: u64,
    /// Matches that were played to their end and agree with the records.
    pub matches_finished: u64,
    /// Matches that nobody attended, by what became of their players.
    pub unattended: BTreeMap<&'static str, u64>,
    /// Faults that hit at least one match that nobody attended, by kind of fault.
    pub faults_on_unattended: BTreeMap<&'static str, u64>,
    /// Moves that were acknowledged.
    pub moves: u64,
    /// Draws that were offered.
    pub draw_offers: u64,
    /// Rematches that were played.
    pub rematches: u64,
    /// Rooms of chat that somebody listened to after the end of a match.
    pub rooms: u64,
    /// Commands that were acknowledged, by kind.
    pub commands: BTreeMap<String, u64>,
    /// Moves acknowledged a second.
    pub moves_per_s: f64,
    /// Faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Each of them, in order.
    pub fault_log: Vec<FaultRecord>,
    /// From a command to its acknowledgement, reconnections included, in milliseconds.
    pub ack_ms: Percentiles,
    /// What the stored logs of matches show, where they were read.
    pub in_log: InLog,
    /// From `kill -9` of a shard to the next acknowledgement in each of its matches, thinking
    /// included, in milliseconds.
    pub next_ack_ms: Percentiles,
    /// The same without what a player thought once it could play again.
    pub takeover_ms: Percentiles,
    /// How long a match could not be played when its shard was drained, in milliseconds.
    pub drain_ms: Percentiles,
    /// From SIGTERM to the end of a shard, in milliseconds.
    pub drain_exit_ms: Percentiles,
    /// From `kill -9` of a shard until each of its players sat again, in milliseconds.
    pub back_ms: Percentiles,
    /// What clocks lost beyond what was thought.
    pub clocks: ClockFigures,
    /// Shards that others took for dead while they lived, as those that run at the end have counted.
    pub needless_takeovers: u64,
    /// Memory of the processes; `None` where they were not started here.
    pub rss_mb: Option<Memory>,
    /// Connections of the clients.
    pub connections: Connections,
    /// Sessions that gave up, or were closed before the end of their match.
    pub sessions_lost: u64,
    /// What went wrong and breaks no promise, by reason.
    pub errors: BTreeMap<String, u64>,
    /// What the storm did, if there was one.
    pub storm: Option<StormReport>,
    /// How it went over time.
    pub samples: Vec<Sample>,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BrokenPromise {
    /// Which.
    pub promise: Promise,
    /// In which match; `None` for the cluster as a whole.
    #[serde(rename = "match")]
    pub match_id: Option<MatchId>,
    /// Who saw it; `None` for what the records alone show.
    pub role: Option<Role>,
    /// When, in seconds since the start.
    pub at_s: f64,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub got: String,
    /// The last things that each client of the match asked and was told.
    pub histories: Vec<SeatHistory>,
}

impl BrokenPromise {
    /// One that no match shows.
    pub(super) fn of_the_cluster(breach: Breach, at: Duration) -> Self {
        let Breach {
            promise,
            expected,
            got,
        } = breach;
        Self {
            promise,
            match_id: None,
            role: None,
            at_s: at.as_secs_f64(),
            expected,
            got,
            histories: Vec::new(),
        }
    }
}

/// What one client asked and was told last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SeatHistory {
    /// Whose.
    pub role: Role,
    /// A line for each thing, with its time in seconds since the start.
    pub lines: Vec<String>,
}

/// What clocks lost beyond what was thought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct ClockFigures {
    /// For each move that was acknowledged, in milliseconds.
    pub beyond_thinking_ms: Percentiles,
    /// What is allowed, in milliseconds, beside the lateness of this process itself.
    pub tolerance_ms: f64,
    /// The worst lateness of this process, in milliseconds.
    pub own_lag_ms_max: f64,
}

/// Resident memory over time, in MiB. That of the server is all shards together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Memory {
    /// The shards when all players were first seated, or at the first sample.
    pub first: f64,
    /// The shards at the last sample with matches in play.
    pub last: f64,
    /// The most that the shards had.
    pub max: f64,
    /// The most that Redis had.
    pub redis_max: f64,
    /// The most that this process had.
    pub client_max: f64,
}

/// Connections of the clients.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Connections {
    /// Clients seated at once, at the most.
    pub max: i64,
    /// Connections lost.
    pub lost: u64,
    /// The same, by reason.
    pub lost_by: BTreeMap<String, u64>,
    /// Of these, dropped on purpose by the client.
    pub dropped: u64,
    /// Seats taken again.
    pub resumed: u64,
}

/// What happened when the fullest shard was killed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StormReport {
    /// Players that it held.
    pub players: usize,
    /// From the kill until the last of them was back, in seconds; `None` if some stayed away.
    pub all_back_s: Option<f64>,
    /// From the kill until each was back, in milliseconds.
    pub back_ms: Percentiles,
    /// Acknowledgements in the matches of the other shards before the kill, in milliseconds.
    pub others_calm_ack_ms: Percentiles,
    /// The same from the kill until all were back, for ten seconds at least.
    pub others_storm_ack_ms: Percentiles,
    /// The second p99 divided by the first.
    pub others_p99_ratio: Option<f64>,
}

impl Report {
    /// Whether every promise was kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.promises.values().all(|&times| times == 0)
    }

    /// How often a promise was broken.
    #[must_use]
    pub fn times_broken(&self, promise: Promise) -> u64 {
        self.promises.get(&promise).copied().unwrap_or(0)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::faults::FaultKind;

    /// A soak with one of everything.
    pub(in crate::soak) fn report() -> Report {
        let times = Percentiles {
            n: 10,
            p50: 1.0,
            p90: 2.0,
            p99: 3.0,
            p999: 4.0,
            max: 5.0,
        };
        let history = |role, line: &str| SeatHistory {
            role,
            lines: vec![line.to_owned()],
        };
        Report {
            command: "bot-client soak --seed 7".to_owned(),
            seed: 7,
            seconds: 60.0,
            violations: 1,
            promises: BTreeMap::from([(Promise::AckKept, 1), (Promise::Forgotten, 0)]),
            broken: vec![BrokenPromise {
                promise: Promise::AckKept,
                match_id: Some("0123456789Ab".parse().unwrap()),
                role: Some(Role::White),
                at_s: 12.5,
                expected: "e2e4 at ply 0".to_owned(),
                got: "0 moves in the store".to_owned(),
                histories: vec![
                    history(Role::White, "command 7 acknowledged by event 1, epoch 1"),
                    history(Role::Black, "joined at event 0"),
                ],
            }],
            matches_begun: 3,
            matches_finished: 2,
            unattended: BTreeMap::from([("left", 3)]),
            faults_on_unattended: BTreeMap::from([("shard_kill", 1)]),
            moves: 120,
            draw_offers: 2,
            rematches: 2,
            rooms: 3,
            commands: BTreeMap::from([("move".to_owned(), 9)]),
            moves_per_s: 2.0,
            faults: BTreeMap::from([("shard_kill", 1)]),
            fault_log: vec![FaultRecord {
                at_s: 10.0,
                lasted_s: 2.0,
                kind: FaultKind::ShardKill,
                shard: Some(1),
            }],
            ack_ms: times,
            next_ack_ms: times,
            takeover_ms: times,
            drain_ms: times,
            drain_exit_ms: times,
            in_log: InLog::default(),
            back_ms: times,
            clocks: ClockFigures {
                beyond_thinking_ms: times,
                tolerance_ms: 2_000.0,
                own_lag_ms_max: 3.0,
            },
            needless_takeovers: 0,
            rss_mb: Some(Memory::default()),
            connections: Connections::default(),
            sessions_lost: 0,
            errors: BTreeMap::new(),
            storm: None,
            samples: vec![Sample::default(); 3],
        }
    }

    #[test]
    fn a_broken_promise_is_told_with_all_that_reproduces_it() {
        let text = report().to_string();
        let head = "BROKEN ack_kept in match 0123456789Ab, seen by white, at 12.500 s";
        for part in [
            head,
            "expected  e2e4 at ply 0",
            "got       0 moves in the store",
            "  white:\n    command 7 acknowledged",
            "  black:\n    joined",
            "reproduce    bot-client soak --seed 7",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn scripts_find_the_figures_by_name() {
        let json = serde_json::to_value(report()).unwrap();
        assert_eq!(json["violations"], 1);
        assert_eq!(json["broken"][0]["promise"], "ack_kept");
        assert_eq!(json["broken"][0]["match"], "0123456789Ab");
        assert_eq!(json["faults"]["shard_kill"], 1);
        assert_eq!(json["fault_log"][0]["kind"], "shard_kill");
        for name in [
            "matches_finished",
            "unattended",
            "forgotten",
            "moves",
            "ack_ms",
            "rss_mb",
            "sessions_lost",
        ] {
            assert!(!json[name].is_null(), "{name}");
        }
    }
}
