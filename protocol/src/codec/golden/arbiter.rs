//! The events of an arbiter, which a client of an earlier version takes for unknown ones.

use game_core::{EventKind, Seat};

use super::events::event;
use super::{Table, clock};
use crate::ServerFrame;

pub(super) fn table() -> Table<ServerFrame> {
    let by_arbiter = |kind| event(None, kind, clock(None));
    vec![
        (
            "00000017 0006474846204000 03fb01040100fc0002bf20fa00000b",
            by_arbiter(EventKind::Stopped),
        ),
        (
            "00000017 0006474846204000 03fb01040100fc0002bf20fa00000c",
            by_arbiter(EventKind::Resumed),
        ),
        (
            "00000018 0006474846204000 03fb01040100fc0002bf20fa00000d01",
            by_arbiter(EventKind::ClockSet { seat: Seat::Black }),
        ),
        (
            "00000018 0006474846204000 03fb01040100fc0002bf20fa00000503",
            by_arbiter(EventKind::TakenBack { plies: 3 }),
        ),
    ]
}
