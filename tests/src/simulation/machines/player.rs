//! A player: a seat with a memory.

use std::collections::BTreeMap;

use game_core::{
    Command, CommandId, CommandKind, Epoch, EventKind, MatchId, Outcome, Position, Seat, ShardId,
    Termination, Uci, Variant, WithMove,
};
use protocol::{CatchUp, CloseCode, MatchState, ServerBody, ServerFrame, WireEvent, WireRefusal};

use super::replica::Loss;
use super::time::At;

/// A player resigns at this ply, if nothing ended the match before.
pub(super) const PLIES: usize = 20;
/// How long a player waits for an answer before it comes back over another connection.
pub(super) const PATIENCE: At = 2_000_000;

/// A player.
#[derive(Debug, Clone)]
pub(super) struct Player {
    pub(super) match_id: MatchId,
    pub(super) seat: Seat,
    /// The number of its connection, counted up.
    pub(super) connection: u64,
    /// Nothing that it sends or is sent arrives before.
    pub(super) cut_until: At,
    /// Something of this connection did not arrive, so nothing of it does any more.
    pub(super) gap: Option<u64>,
    /// When the last thing that it sent arrives: nothing overtakes it.
    pub(super) arrives_at: At,
    /// Where its connection goes; `None` if it has none.
    pub(super) at: Option<ShardId>,
    pub(super) is_joined: bool,
    /// When it was last shown something, and by whom.
    pub(super) joined_at: At,
    pub(super) shown_by: Option<ShardId>,
    /// When it last did something, or was shown something.
    pub(super) moved_at: At,
    /// It does nothing of itself before.
    pub(super) rests_until: At,
    pub(super) epoch: Epoch,
    pub(super) seen: Option<u32>,
    pub(super) position: Position,
    pub(super) position_seq: u32,
    pub(super) offer: Option<Seat>,
    /// The command that has no answer yet.
    pub(super) waiting: Option<Command>,
    pub(super) commands: u64,
    pub(super) moves: Vec<Uci>,
    pub(super) result: Option<(Outcome, Termination)>,
    /// Every event that it was shown, by seq.
    pub(super) shown: BTreeMap<u32, WireEvent>,
    /// Every state that it was shown, each with the seq that it is of.
    pub(super) states: Vec<(u32, MatchState)>,
    /// Commands that were refused: they did nothing.
    pub(super) refused: Vec<CommandId>,
    pub(super) acked: Vec<(Command, u32)>,
    /// Of all that it was shown, and when.
    pub(super) digest: u64,
    /// What it knew each time that it was told of a loss, after which it began anew.
    pub(super) before: Vec<Self>,
}

impl Player {
    pub(super) fn new(match_id: MatchId, seat: Seat) -> Self {
        Self {
            match_id,
            seat,
            connection: 0,
            cut_until: 0,
            gap: None,
            arrives_at: 0,
            at: None,
            is_joined: false,
            joined_at: 0,
            shown_by: None,
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
            states: Vec::new(),
            refused: Vec::new(),
            acked: Vec::new(),
            digest: 0,
            before: Vec::new(),
        }
    }

    /// Whether it was shown something that a failover took away.
    pub(super) fn has_seen(&self, loss: &Loss) -> bool {
        let kept = loss.kept as u32;
        let acked = self.acked.iter().any(|(_, seq)| *seq > kept);
        acked || self.seen.is_some_and(|seen| seen > kept)
    }

    /// It was told that something is lost: it knows nothing any more, and remembers it for the verdict.
    pub(super) fn begin_anew(&mut self) {
        let fresh = Self::new(self.match_id, self.seat);
        let mut known = std::mem::replace(self, fresh);
        // Nothing that is under way reaches it.
        self.connection = known.connection + 1;
        self.cut_until = known.cut_until;
        self.arrives_at = known.arrives_at;
        self.joined_at = known.moved_at;
        self.moved_at = known.moved_at;
        self.rests_until = known.rests_until;
        self.commands = known.commands;
        self.digest = known.digest;
        self.before = std::mem::take(&mut known.before);
        self.before.push(known);
    }

    /// A frame arrives.
    pub(super) fn shown(
        &mut self,
        connection: u64,
        frame: &ServerFrame,
        at: At,
    ) -> Result<(), String> {
        if connection != self.connection || self.gap == Some(connection) {
            return Ok(());
        }
        if at < self.cut_until {
            self.gap = Some(connection);
            return Ok(());
        }
        if frame.epoch < self.epoch {
            // Of a former owner.
            return Ok(());
        }
        self.epoch = frame.epoch;
        self.moved_at = at;
        self.joined_at = at;
        self.shown_by = self.at;
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
                    self.rests_until = at;
                }
            }
            ServerBody::Refused { command_id, reason } if self.waits_for(*command_id) => {
                let may_come = matches!(reason, WireRefusal::Paused | WireRefusal::RateLimited);
                let is_open = self.waiting.is_some_and(|command| match command.kind {
                    // A draw may be offered only now and then.
                    CommandKind::Move {
                        position_seq,
                        with: WithMove::Nothing,
                        ..
                    } => position_seq == self.position_seq,
                    _ => false,
                });
                if is_open && !may_come && self.result.is_none() {
                    return Err(format!("{self:#?}\nis refused a legal move: {reason:?}"));
                }
                self.waiting = None;
                self.refused.push(*command_id);
                self.rests_until = at + 50_000;
            }
            ServerBody::Closed(code) if self.result.is_none() && !comes_back_after(*code) => {
                return Err(format!("{self:#?}\nis sent away from a live match: {code}"));
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
        self.states.push((seq, state.clone()));
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

/// Whether a shard may end a stream so in mid-game: the client comes back.
const fn comes_back_after(code: CloseCode) -> bool {
    matches!(
        code,
        CloseCode::NotOwner
            | CloseCode::ShuttingDown
            | CloseCode::StoreUnavailable
            | CloseCode::RateLimited
    )
}
