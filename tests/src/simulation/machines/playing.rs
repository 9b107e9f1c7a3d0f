//! What players do.

use game_core::{Command, CommandId, CommandKind, WithMove};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::hall::{Due, Hall};
use super::player::{PATIENCE, PLIES};
use super::process::Process;
use super::time::At;

impl Hall {
    /// A player looks around, and acts.
    pub(super) fn player(&mut self, number: usize) {
        let now = self.now;
        let player = &self.players[number];
        if player.result.is_some() {
            return;
        }
        if self.is_stuck(number) {
            self.stuck += 1;
            return self.begin_anew(number);
        }
        let player = &self.players[number];
        if player.at.is_none() {
            if now < player.rests_until {
                return;
            }
            return self.connect(number);
        }
        if now >= player.moved_at + PATIENCE && (!player.is_joined || player.waiting.is_some()) {
            let connection = player.connection;
            return self.broken(number, connection);
        }
        self.at(now + PATIENCE / 4, Due::Player(number));
        let player = &self.players[number];
        if !player.is_joined || now < player.rests_until {
            return;
        }
        match player.waiting {
            // Once more, in case the shard did not hear it.
            Some(command) => self.tell(number, command, PATIENCE),
            None => self.act(number),
        }
    }

    /// When what a player sends at a moment arrives.
    fn arrival(&mut self, number: usize, sent: At) -> At {
        let delay = self.dice.random_range(500..40_000);
        let player = &mut self.players[number];
        player.arrives_at = player.arrives_at.max(sent + delay) + 1;
        player.arrives_at
    }

    fn connect(&mut self, number: usize) {
        let now = self.now;
        let player = &self.players[number];
        let (id, seat) = (player.match_id, player.seat);
        let owner = self.store.ownership(id).map(|known| known.owner);
        let known = owner.filter(|owner| self.processes.contains_key(owner));
        let any = self.dice.random_range(0..self.processes.len().max(1));
        let any = self.processes.keys().nth(any).copied();
        let is_wrong = self.dice.random_range(0..10) == 0;
        let place = if is_wrong { any } else { known.or(any) };
        let player = &mut self.players[number];
        let is_cut = now < player.cut_until;
        let Some(place) = place.filter(|_| !is_cut) else {
            player.rests_until = now + 100_000;
            return self.at(now + 100_000, Due::Player(number));
        };
        player.connection += 1;
        player.at = Some(place);
        player.is_joined = false;
        player.moved_at = now;
        player.rests_until = now;
        let (connection, seen) = (player.connection, player.seen);
        let arrives = self.arrival(number, now);
        let input = Box::new(move |process: &mut Process, hall: &mut Self| {
            process.join((number, connection), (id, seat), seen, hall);
        });
        self.at(arrives, Due::Input(place, input));
        self.at(now + PATIENCE, Due::Player(number));
    }

    /// A connection is of no more use.
    pub(super) fn broken(&mut self, number: usize, connection: u64) {
        let now = self.now;
        let wait = self.dice.random_range(5_000..300_000);
        let player = &mut self.players[number];
        if player.connection != connection {
            return;
        }
        let Some(place) = player.at.take() else {
            return;
        };
        player.is_joined = false;
        player.rests_until = now + wait;
        self.at(now + wait, Due::Player(number));
        let arrives = self.arrival(number, now);
        let input = Box::new(move |process: &mut Process, _: &mut Self| {
            process.leave((number, connection));
        });
        self.at(arrives, Due::Input(place, input));
    }

    /// Makes a move, or whatever else there is to do.
    fn act(&mut self, number: usize) {
        let player = &self.players[number];
        let (seat, offer) = (player.seat, player.offer);
        let is_turn = player.position.turn() == seat;
        let kind = if offer == Some(seat.opponent()) && self.dice.random_range(0..2) == 0 {
            match self.dice.random_range(0..8) {
                0 => CommandKind::AcceptDraw,
                _ => CommandKind::DeclineDraw,
            }
        } else if is_turn && player.moves.len() >= PLIES {
            CommandKind::Resign
        } else if is_turn {
            let legal = player.position.legal_moves();
            let Some(chosen) = legal.choose(&mut self.dice) else {
                return;
            };
            CommandKind::Move {
                position_seq: player.position_seq,
                uci: chosen.uci(),
                with: match self.dice.random_range(0..12) {
                    0 => WithMove::DrawOffer,
                    _ => WithMove::Nothing,
                },
            }
        } else {
            return;
        };
        let player = &mut self.players[number];
        player.commands += 1;
        let command = Command {
            id: CommandId(player.commands),
            kind,
        };
        player.waiting = Some(command);
        let think = self.dice.random_range(10_000..400_000);
        self.tell(number, command, think);
    }

    /// Sends a command after some time; nothing else is sent for longer than that.
    fn tell(&mut self, number: usize, command: Command, within: At) {
        let now = self.now;
        let sent = now + within.min(self.dice.random_range(1_000..400_000));
        let arrives = self.arrival(number, sent);
        let player = &mut self.players[number];
        player.moved_at = sent;
        player.rests_until = sent + PATIENCE;
        let (Some(place), connection) = (player.at, player.connection) else {
            return;
        };
        if arrives < player.cut_until {
            return;
        }
        let input = Box::new(move |process: &mut Process, hall: &mut Self| {
            process.command((number, connection), &command, hall);
        });
        self.at(arrives, Due::Input(place, input));
        self.at(sent + PATIENCE, Due::Player(number));
    }
}
