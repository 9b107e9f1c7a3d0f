//! What operators may see of a match: its confirmed state, and the number of unconfirmed events.

use std::time::Duration;

use crate::Uptime;
use crate::shown::{Inspection, MatchFacts, MatchRow};
use game_core::{BySeat, EventKind, MatchTime, Seat};

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
        let unmade = self.unconfirmed_moves();
        let turn = self.game.turn();
        let (clocks, running) = self.confirmed_clocks(now);
        MatchRow {
            id: setup.id,
            players: BySeat::new_with(|seat| setup.players[seat].clone()),
            time_control: setup.time_control,
            rated: setup.rated,
            from_initial: setup.start.is_initial(),
            created_at: setup.created_at,
            ply: self.confirmed_ply(),
            turn: if unmade.is_multiple_of(2) {
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
        let (clocks, _) = self.confirmed_clocks(now);
        Inspection {
            row: self.row(now),
            snapshot: self.game.snapshot_at(self.confirmed_seq(), clocks),
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

    fn unconfirmed_moves(&self) -> u16 {
        let is_move = |kind: &EventKind| matches!(kind, EventKind::Moved { .. });
        let moves = self.pending.iter().filter(|event| is_move(&event.kind));
        u16::try_from(moves.count()).unwrap_or(u16::MAX)
    }

    fn confirmed_ply(&self) -> u16 {
        self.game.ply().saturating_sub(self.unconfirmed_moves())
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
        let confirmed = self.confirmed_seq();
        let last = self.recent.iter().rfind(|event| event.seq == confirmed);
        (last.map_or(self.loaded_clocks, |event| event.clocks), None)
    }

    fn spectators(&self) -> u32 {
        let spectators = self.members.iter().filter(|m| m.role.seat().is_none());
        u32::try_from(spectators.count()).unwrap_or(u32::MAX)
    }
}
