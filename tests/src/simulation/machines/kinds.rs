//! The kinds of faults.

use std::fmt;

use rand::RngExt;
use rand::rngs::StdRng;

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// `kill -9` of a process.
    Kill,
    /// SIGSTOP of a process, and SIGCONT later.
    Stop,
    /// A process does not reach the store.
    Isolate,
    /// SIGTERM of a process.
    Drain,
    /// Nobody reaches the store.
    StoreDown,
    /// A player's network is cut.
    Cut,
    /// `kill -9` of a process while nobody reaches the store.
    KillInOutage,
    /// The store's replica falls behind, and then takes over; or it catches up in time.
    Failover,
    /// A process hears no beats, its own neither.
    Deaf,
    /// A process hears every beat late.
    LateBeats,
    /// The beats of a process reach nobody.
    Mute,
    /// The liveness port of a process refuses everyone.
    PortRefuses,
}

impl FaultKind {
    /// All kinds, each with how likely it is.
    const LIKELY: [(Self, u32); 12] = [
        (Self::Kill, 8),
        (Self::Stop, 3),
        (Self::Isolate, 2),
        (Self::Drain, 2),
        (Self::StoreDown, 2),
        (Self::Cut, 2),
        (Self::KillInOutage, 2),
        (Self::Failover, 4),
        (Self::Deaf, 2),
        (Self::LateBeats, 1),
        (Self::Mute, 2),
        (Self::PortRefuses, 2),
    ];

    /// Any kind.
    pub(super) fn drawn(dice: &mut StdRng) -> Self {
        let all = Self::LIKELY.iter().map(|(_, likely)| likely).sum();
        let mut roll = dice.random_range(0..all);
        for (kind, likely) in Self::LIKELY {
            if roll < likely {
                return kind;
            }
            roll -= likely;
        }
        Self::Kill
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kill => "kill",
            Self::Stop => "stop",
            Self::Isolate => "isolate",
            Self::Drain => "drain",
            Self::StoreDown => "store_down",
            Self::Cut => "cut",
            Self::KillInOutage => "kill_in_outage",
            Self::Failover => "failover",
            Self::Deaf => "deaf",
            Self::LateBeats => "late_beats",
            Self::Mute => "mute",
            Self::PortRefuses => "port_refuses",
        })
    }
}
