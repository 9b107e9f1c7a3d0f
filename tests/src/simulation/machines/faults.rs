//! What goes wrong, and when.

use game_core::ShardId;
use rand::RngExt;

use super::hall::{Due, Hall};
use super::kinds::FaultKind;
use super::process::Process;
use super::time::At;

impl Hall {
    /// Something goes wrong.
    pub(super) fn fault(&mut self) {
        let kind = FaultKind::drawn(&mut self.dice);
        *self.faults.entry(kind).or_default() += 1;
        let spell = self.dice.random_range(50_000..5_000_000);
        let until = self.now + spell;
        let chosen = self.dice.random_range(0..self.processes.len().max(1));
        let chosen = self.processes.keys().copied().nth(chosen);
        match (kind, chosen) {
            (FaultKind::StoreDown, _) => self.store_down_until = until,
            (FaultKind::Cut, _) => self.cut(until),
            (FaultKind::Failover, _) => self.fall_behind(),
            (_, Some(id)) => self.befall(id, kind, until),
            (_, None) => {}
        }
    }

    /// Something happens to a process.
    fn befall(&mut self, id: ShardId, kind: FaultKind, until: At) {
        let now = self.now;
        let spell = until - now;
        match kind {
            FaultKind::Kill => {
                self.kill(id);
                self.at(now + spell / 2, Due::Start);
            }
            FaultKind::KillInOutage => {
                self.kill(id);
                self.at(until, Due::Start);
                self.store_down_until = self.store_down_until.max(now + spell / 4);
            }
            FaultKind::Stop => {
                self.with(id, |process, hall| {
                    let from = now.max(process.still_until);
                    hall.stops.push((id, from, until));
                    process.stand_still(until);
                });
            }
            FaultKind::Isolate => self.with(id, |process, _| process.isolate(until)),
            // One that stands still hears of it when it goes on.
            FaultKind::Drain => self.at(now, Due::Input(id, Box::new(Process::drain))),
            FaultKind::Deaf => self.with(id, |process, _| process.hearing.deaf_until = until),
            FaultKind::LateBeats => {
                let late_by = self.dice.random_range(20_000..2_000_000);
                self.with(id, |process, _| process.hearing.be_late(late_by, until));
            }
            FaultKind::Mute => self.with(id, |process, _| process.mute_until = until),
            FaultKind::PortRefuses => {
                // Of no consequence by itself, so it lasts.
                self.with(id, |process, _| {
                    process.port_refuses_until = until + 4 * spell
                });
            }
            FaultKind::StoreDown | FaultKind::Cut | FaultKind::Failover => {}
        }
    }

    /// A player's network is cut.
    fn cut(&mut self, until: At) {
        let number = self.dice.random_range(0..self.players.len());
        self.players[number].cut_until = until;
        let connection = self.players[number].connection;
        self.at(self.now + 1_000_000, Due::Broken(number, connection));
    }

    /// `kill -9`: what it has sent arrives all the same.
    fn kill(&mut self, id: ShardId) {
        let Some(process) = self.processes.remove(&id) else {
            return;
        };
        self.said_lost += process.said_lost();
        self.needless += process.needless();
        self.deaths.insert(id, self.now);
        for (number, connection) in process.connections() {
            let notices = self.dice.random_range(1_000..1_500_000);
            self.at(self.now + notices, Due::Broken(number, connection));
        }
    }

    /// A process that was told to ends; its record goes with it if it has no match any more.
    pub(super) fn end(&mut self, id: ShardId) {
        if self.processes.get(&id).is_some_and(Process::is_drained) {
            self.store.leave(id);
        }
        self.kill(id);
    }
}
