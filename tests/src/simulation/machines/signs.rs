//! The signs of life of a process, and what it makes of the others'.

use game_core::MatchId;
use rand::RngExt;
use store::{Beat, Heard, Liveness, Port, Proof, Suspicion};

use super::driving::apart;
use super::hall::{Due, Hall};
use super::process::{Process, run_id};
use super::replica::Kept;
use super::time::after;

impl Process {
    /// Looks at what it has heard, and sends a beat at every other look.
    pub(super) fn look(&mut self, hall: &mut Hall) {
        if self.postpones(Due::Look(self.id()), hall).is_none() {
            return;
        }
        hall.at(hall.now + after(Liveness::LOOK_EVERY), Due::Look(self.id()));
        self.runs(hall);
        let now = self.now(hall);
        self.looks += 1;
        if self.looks.is_multiple_of(2) {
            self.record.heartbeat += 1;
            let beat = self.shard.beat(self.record.heartbeat, now);
            let silent_until = self.isolated_until.max(self.mute_until);
            if hall.now >= silent_until.max(hall.store_down_until) {
                hall.publish(beat);
            }
        }
        let heard = Heard {
            beats: self.hearing.beats(),
            ..Heard::default()
        };
        self.looked_at = hall.now;
        self.shard.heard(&heard, now, self.since_boot(hall));
        self.round(hall);
    }

    /// Stores a heartbeat, if it is time.
    pub(super) fn heartbeat(&mut self, hall: &mut Hall) {
        if self.postpones(Due::Heartbeat(self.id()), hall).is_none() {
            return;
        }
        let next = hall.now + after(Liveness::HEARTBEAT_EVERY);
        hall.at(next, Due::Heartbeat(self.id()));
        self.runs(hall);
        self.ticks += 1;
        let is_due = self.ticks.is_multiple_of(2) || !self.shard.hears() || self.ticks == 1;
        if !is_due || self.heartbeat_under_way {
            return;
        }
        self.heartbeat_under_way = true;
        self.shard
            .heartbeat_sent(self.now(hall), self.since_boot(hall));
        self.record.heartbeat += 1;
        let record = self.shard.record(&self.record);
        hall.ask(
            self,
            Kept::Here,
            move |hall| {
                let now = hall.now;
                hall.records.entry(record.id).or_default().push(now);
                (now, hall.store.heartbeat(&record))
            },
            |process, hall, answer| {
                process.heartbeat_under_way = false;
                let (read_at, answer) = apart(answer);
                let is_alive = answer.is_ok();
                let (now, since_boot) = (process.now(hall), process.since_boot(hall));
                process.shard.heartbeat_answered(answer, now, since_boot);
                process.judge_silence(read_at, hall);
                if is_alive {
                    process.read_own_set(hall);
                }
            },
        );
        self.round(hall);
    }

    /// Reads which matches are assigned to it.
    fn read_own_set(&mut self, hall: &mut Hall) {
        let me = self.id();
        hall.ask(
            self,
            Kept::Here,
            move |hall| hall.store.owned(me),
            |process, hall, answer: Result<Vec<MatchId>, _>| {
                if let Ok(matches) = answer {
                    let now = process.now(hall);
                    process.shard.assigned(matches, now);
                }
            },
        );
    }

    /// Asks for evidence.
    pub(super) fn prove(&self, mut suspicions: Vec<Suspicion>, hall: &mut Hall) {
        suspicions.sort_unstable_by_key(|suspicion| suspicion.shard);
        for suspicion in suspicions {
            let asked = suspicion.clone();
            hall.ask(
                self,
                Kept::Here,
                move |hall| hall.proof(&asked),
                move |process, hall, proof| {
                    let nothing = Proof {
                        port: Port::Unknown,
                        connected: None,
                    };
                    process.shard.proved(&suspicion, proof.unwrap_or(nothing));
                    process.judge_evidence(hall);
                    process.round(hall);
                },
            );
        }
    }
}

impl Hall {
    /// A beat goes to everyone who hears it.
    fn publish(&mut self, beat: Beat) {
        let arrives = self.now + self.dice.random_range(50..2_000);
        let effect = move |hall: &mut Self| {
            let now = hall.now;
            let mut late = Vec::new();
            for (id, process) in &mut hall.processes {
                if now < process.isolated_until {
                    continue;
                }
                match process.hearing.arrival(now) {
                    at if at == now => process.hearing.arrive(beat, now),
                    at => late.push((*id, at)),
                }
            }
            for (id, at) in late {
                let arrive = move |hall: &mut Self| {
                    let now = hall.now;
                    if let Some(process) = hall.processes.get_mut(&id) {
                        process.hearing.arrive(beat, now);
                    }
                };
                hall.at(at, Due::Effect(Box::new(arrive)));
            }
        };
        self.at(arrives, Due::Effect(Box::new(effect)));
    }

    /// What port and server say of a process. Now and then neither says anything of one that has ended; of one that lives
    /// either may say that it has, and never both: that is what the product trusts in.
    fn proof(&mut self, suspicion: &Suspicion) -> Proof {
        let is_known = self.dice.random_range(0..10) > 0;
        let server = run_id(self.replica.failovers);
        let is_of_server = suspicion.connections.iter().all(|to| to.run_id == server);
        let (port, is_connected) = match self.processes.get(&suspicion.shard) {
            None if is_known => (Port::Refused, false),
            None => (Port::Unknown, false),
            Some(process) if self.now < process.port_refuses_until => (Port::Refused, true),
            Some(process) if self.now < process.still_until => (Port::Unknown, true),
            Some(process) => (Port::Answered, self.now >= process.isolated_until),
        };
        Proof {
            port,
            connected: is_of_server.then_some(is_connected),
        }
    }
}
