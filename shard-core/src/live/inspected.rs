//! What operators may see of a match: its confirmed state, and the number of unconfirmed events.

use std::time::Duration;

use crate::Uptime;
use crate::shown::{Inspection, MatchFacts, MatchRow, PublicMatch};
use game_core::{BySeat, ClockState, EventKind, MatchTime, Seat};
use protocol::ClockView;

use super::LiveMatch;
use crate::PeerKey;

impl LiveMatch {
    /// What a list is filtered and sorted by, of all that is confirmed or only of what is `public`.
    pub(crate) fn facts(&self, public: bool) -> MatchFacts<'_> {
        let behind = self.delayed.as_ref().filter(|_| public);
        MatchFacts {
            setup: self.game.setup(),
            is_live: self.confirmed_result().is_none()
                || behind.is_some_and(|view| !self.game.had_ended_by(view.seq)),
            ply: behind.map_or_else(|| self.confirmed_ply(), |view| self.game.ply_at(view.seq)),
            spectators: self.spectators(),
        }
    }

    /// What a list shows to the public.
    pub(crate) fn public_row(&self, now: MatchTime) -> MatchRow {
        let row = self.row(now);
        let Some(view) = &self.delayed else {
            return row;
        };
        let ply = self.game.ply_at(view.seq);
        let turn = self.game.turn();
        MatchRow {
            ply,
            turn: if self.game.ply().abs_diff(ply).is_multiple_of(2) {
                turn
            } else {
                turn.opponent()
            },
            clocks: view.clocks.remaining,
            running: None,
            result: row.result.filter(|_| self.game.had_ended_by(view.seq)),
            confirmed_seq: view.seq,
            unconfirmed: 0,
            ..row
        }
    }

    /// The match as the public sees it; without its state if the asker has that of event `known`.
    pub(crate) fn as_public(&self, known: Option<u32>, now: MatchTime) -> PublicMatch {
        let (seq, (state, at), clock) = match &self.delayed {
            Some(view) => {
                let clock = ClockView::new(view.clocks.remaining, None, Duration::ZERO);
                (view.seq, (view.clocks, view.at), clock)
            }
            None => {
                let (clocks, running) = self.confirmed_clocks(now);
                let delay = running.map_or(Duration::ZERO, |_| self.game.delay_left(now));
                let clock = ClockView::new(clocks, running, delay);
                (self.confirmed_seq(), self.confirmed_event(), clock)
            }
        };
        let is_news = known != Some(seq);
        PublicMatch {
            seq,
            snapshot: is_news.then(|| self.game.snapshot_at(seq, state, at)),
            clock,
            paused: false,
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
            spectator_delay_s: setup.spectator_delay_s,
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
