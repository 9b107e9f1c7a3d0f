//! What operators may see of a match: its confirmed state, and the number of unconfirmed events.

use std::time::Duration;

use crate::Uptime;
use crate::shown::{Inspection, MatchFacts, MatchRow};
use game_core::{BySeat, ClockState, EventKind, MatchTime, Seat};

use super::LiveMatch;
use crate::PeerKey;

impl LiveMatch {
    /// What a list is filtered and sorted by.
    pub(crate) fn facts(&self) -> MatchFacts<'_> {
        MatchFacts {
            setup: self.game.setup(),
            is_live: self.confirmed_result().is_none(),
            ply: self.confirmed_ply(),
            spectators: self.spectators(),
        }
    }

    /// What a list shows.
    pub(crate) fn row(&self, now: MatchTime) -> MatchRow {
        let setup = self.game.setup();
        let unmade = self.unconfirmed_plies();
        let turn = self.game.turn();
        let (clocks, running) = self.confirmed_clocks(now);
        MatchRow {
            id: setup.id,
            players: BySeat::new_with(|seat| setup.players[seat].clone()),
            variant: setup.variant(),
            controls: setup.controls,
            rated: setup.rated,
            from_initial: setup.start.is_initial(),
            created_at: setup.created_at,
            ply: self.confirmed_ply(),
            turn: if unmade % 2 == 0 {
                turn
            } else {
                turn.opponent()
            },
            clocks,
            running,
            result: self.confirmed_result(),
            epoch: self.epoch,
            confirmed_seq: self.confirmed_seq(),
            unconfirmed: u32::try_from(self.pending.len()).unwrap_or(u32::MAX),
            connected: self.connected(),
            spectators: self.spectators(),
        }
    }

    /// Everything except the connections.
    pub(crate) fn inspect(&self, now: MatchTime, uptime: Uptime) -> Inspection {
        let (clocks, at) = self.confirmed_event();
        Inspection {
            row: self.row(now),
            snapshot: self.game.snapshot_at(self.confirmed_seq(), clocks, at),
            snapshot_seq: self.snapshot_seq.min(self.confirmed_seq()),
            checkpoint_lag: self
                .flight_since
                .or(self.waits_since)
                .map(|since| uptime.since(since)),
            paused: false,
            links: BySeat::default(),
            owner_fenced: 0,
        }
    }

    /// Who sits where.
    pub(crate) fn seated(&self) -> BySeat<Option<PeerKey>> {
        BySeat::new_with(|seat: Seat| self.member_in(seat.into()).map(|member| member.peer))
    }

    /// By how many half-moves the match is ahead of what is confirmed; below zero if moves were taken back.
    fn unconfirmed_plies(&self) -> i32 {
        let plies = self.pending.iter().map(|event| match event.kind {
            EventKind::Moved { .. } => 1,
            EventKind::TakenBack { plies } => -i32::from(plies),
            _ => 0,
        });
        plies.sum()
    }

    fn confirmed_ply(&self) -> u16 {
        let ply = i32::from(self.game.ply()) - self.unconfirmed_plies();
        u16::try_from(ply).unwrap_or(0)
    }

    fn confirmed_result(&self) -> Option<(game_core::Outcome, game_core::Termination)> {
        self.game.outcome().filter(|_| self.pending.is_empty())
    }

    /// What both clocks show, and whose counts. While events wait for the store, the values of the last
    /// confirmed one: the time since then depends on those that wait.
    fn confirmed_clocks(&self, now: MatchTime) -> (BySeat<Duration>, Option<Seat>) {
        if self.pending.is_empty() {
            return (self.game.clocks(now), self.counting_seat());
        }
        let (clocks, _) = self.confirmed_event();
        (clocks.remaining, None)
    }

    /// The clocks at the last confirmed event, and when that was.
    fn confirmed_event(&self) -> (ClockState, MatchTime) {
        let confirmed = self.confirmed_seq();
        let last = self.recent.iter().rfind(|event| event.seq == confirmed);
        let (_, clocks, at) = self.loaded;
        last.map_or((clocks, at), |event| (event.clocks, event.at))
    }

    fn spectators(&self) -> u32 {
        let spectators = self.members.iter().filter(|m| m.role.seat().is_none());
        u32::try_from(spectators.count()).unwrap_or(u32::MAX)
    }
}
