//! A player: a seat with a memory.

use std::collections::BTreeMap;

use game_core::{
    Command, CommandId, CommandKind, Epoch, EventKind, MatchId, Outcome, Position, Seat, ShardId,
    Termination, Uci, Variant, WithMove,
};
use protocol::{CatchUp, MatchState, ServerBody, ServerFrame, WireEvent};
use rand::RngExt;
use rand::seq::IndexedRandom;

use super::{At, Due, Hall};

/// A player resigns at this ply, if nothing ended the match before.
const PLIES: usize = 20;
/// How long a player waits for an answer before it comes back over another connection.
const PATIENCE: At = 2_000_000;

/// A player.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) match_id: MatchId,
    pub(super) seat: Seat,
    /// The number of its connection, counted up.
    pub(super) connection: u64,
    /// Nothing that it sends or is sent arrives before.
    pub(super) cut_until: At,
    /// Where its connection goes; `None` if it has none.
    at: Option<ShardId>,
    is_joined: bool,
    /// When it last did something, or was shown something.
    moved_at: At,
    /// It does nothing of itself before.
    rests_until: At,
    epoch: Epoch,
    seen: Option<u32>,
    position: Position,
    position_seq: u32,
    offer: Option<Seat>,
    /// The command that has no answer yet.
    waiting: Option<Command>,
    commands: u64,
    pub(super) moves: Vec<Uci>,
    pub(super) result: Option<(Outcome, Termination)>,
    /// Every event that it was shown, also in states: by seq.
    pub(super) shown: BTreeMap<u32, WireEvent>,
    pub(super) acked: Vec<(Command, u32)>,
    /// Of all that it was shown, and when.
    pub(super) digest: u64,
}

impl Player {
    pub(super) fn new(match_id: MatchId, seat: Seat) -> Self {
        Self {
            match_id,
            seat,
            connection: 0,
            cut_until: 0,
            at: None,
            is_joined: false,
            moved_at: 0,
            rests_until: 0,
            epoch: Epoch::default(),
            seen: None,
            position: Position::initial(Variant::Standard),
            position_seq: 0,
            offer: None,
            waiting: None,
            commands: 0,
            moves: Vec::new(),
            result: None,
            shown: BTreeMap::new(),
            acked: Vec::new(),
            digest: 0,
        }
    }

    /// A frame arrives.
    pub(super) fn shown(
        &mut self,
        connection: u64,
        frame: &ServerFrame,
        at: At,
    ) -> Result<(), String> {
        if connection != self.connection || at < self.cut_until {
            return Ok(());
        }
        if frame.epoch < self.epoch {
            // Of a former owner.
            return Ok(());
        }
        self.epoch = frame.epoch;
        self.moved_at = at;
        self.digest = (self.digest ^ at ^ u64::from(frame.seq) << 40)
            .rotate_left(9)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match &frame.body {
            ServerBody::Joined(joined) => {
                self.is_joined = true;
                match &joined.catch_up {
                    CatchUp::State(state) => self.state(frame.seq, state)?,
                    CatchUp::Events(events) => {
                        for (seq, event) in events {
                            self.event(*seq, event)?;
                        }
                    }
                }
                // Sent again, now that it is known where the match stands.
                if self.waiting.is_some() {
                    self.rests_until = at;
                }
            }
            ServerBody::Event(event) => self.event(frame.seq, event)?,
            ServerBody::Ack { command_id, event } => {
                if self.waits_for(*command_id)
                    && let Some(command) = self.waiting.take()
                {
                    self.acked.push((command, *event));
                }
            }
            ServerBody::Refused { command_id, .. } if self.waits_for(*command_id) => {
                self.waiting = None;
                self.rests_until = at + 50_000;
            }
            _ => {}
        }
        Ok(())
    }

    fn waits_for(&self, id: CommandId) -> bool {
        self.waiting.is_some_and(|command| command.id == id)
    }

    fn state(&mut self, seq: u32, state: &MatchState) -> Result<(), String> {
        // What it was shown before must be in what it is shown now.
        if self.seen.is_some_and(|seen| seen > seq) {
            return Err(format!(
                "{self:#?}\nwas shown event {:?}, and now the state after {seq}",
                self.seen
            ));
        }
        if !state.moves.starts_with(&self.moves) {
            return Err(format!(
                "{self:#?}\nis shown other moves than before: {:?}",
                state.moves
            ));
        }
        self.seen = Some(seq);
        self.moves.clone_from(&state.moves);
        self.position = Position::from_fen(Variant::Standard, &state.fen)
            .map_err(|error| format!("a state has no position: {error}"))?;
        self.position_seq = state.position_seq;
        self.offer = state.draw_offer;
        self.result = state.result;
        Ok(())
    }

    fn event(&mut self, seq: u32, event: &WireEvent) -> Result<(), String> {
        let next = self.seen.map_or(1, |seen| seen + 1);
        if seq < next {
            // It has it already, which must be the same.
            return match self.shown.get(&seq) {
                Some(shown) if shown.kind != event.kind || shown.seat != event.seat => {
                    Err(format!("event {seq} was {shown:?} and is {event:?}"))
                }
                _ => Ok(()),
            };
        }
        if seq > next {
            return Err(format!(
                "event {seq} comes after {:?}: {event:?}",
                self.seen
            ));
        }
        self.seen = Some(seq);
        self.shown.insert(seq, event.clone());
        match event.kind {
            Some(EventKind::Moved { uci, with }) => {
                let mover = event.seat.ok_or("a move of nobody")?;
                if self.position.play_uci(uci).is_none() {
                    return Err(format!("{uci} is no move in {}", self.position.fen()));
                }
                self.moves.push(uci);
                self.position_seq = seq;
                if self.offer == Some(mover.opponent()) {
                    self.offer = None;
                }
                if with == WithMove::DrawOffer {
                    self.offer = Some(mover);
                }
            }
            Some(EventKind::DrawOffered) => self.offer = event.seat,
            Some(EventKind::DrawDeclined) => self.offer = None,
            Some(EventKind::Ended {
                outcome,
                termination,
            }) => self.result = Some((outcome, termination)),
            _ => {}
        }
        Ok(())
    }
}

impl Hall {
    /// A player looks around, and does what is to be done.
    pub(super) fn player(&mut self, number: usize) {
        let now = self.now;
        let player = &self.players[number];
        if player.result.is_some() {
            return;
        }
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
            // Each connection is told once.
            Some(command) => self.tell(number, command, PATIENCE),
            None => self.act(number),
        }
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
        let arrives = now + self.dice.random_range(500..40_000);
        let input = Box::new(move |process: &mut super::Process, hall: &mut Self| {
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
        let arrives = now + self.dice.random_range(500..40_000);
        let input = Box::new(move |process: &mut super::Process, _: &mut Self| {
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
        let arrives = sent + self.dice.random_range(500..20_000);
        let player = &mut self.players[number];
        player.moved_at = sent;
        player.rests_until = sent + PATIENCE;
        let (Some(place), connection) = (player.at, player.connection) else {
            return;
        };
        if arrives < player.cut_until {
            return;
        }
        let input = Box::new(move |process: &mut super::Process, hall: &mut Self| {
            process.command((number, connection), &command, hall);
        });
        self.at(arrives, Due::Input(place, input));
        self.at(sent + PATIENCE, Due::Player(number));
    }
}
