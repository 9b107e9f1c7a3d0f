//! The moves that stand and the board that they lead to, as a client replays them.

use game_core::{
    Move, Outcome, PLIES_MAX, Position, QUIET_PLIES_CLAIM, QUIET_PLIES_MAX, REPETITIONS_CLAIM,
    REPETITIONS_MAX, Seat, Termination, Uci,
};

/// The board after some moves from a start position.
#[derive(Debug, Clone)]
pub(super) struct Line {
    start: Position,
    position: Position,
    /// The moves in their canonical form.
    moves: Vec<Uci>,
    /// The keys of all positions from ply 0 to the present one.
    keys: Vec<u64>,
}

impl Line {
    pub(super) fn new(start: Position) -> Self {
        Self {
            keys: vec![start.repetition_key()],
            position: start.clone(),
            start,
            moves: Vec::new(),
        }
    }

    pub(super) const fn start(&self) -> &Position {
        &self.start
    }

    pub(super) const fn position(&self) -> &Position {
        &self.position
    }

    pub(super) fn moves(&self) -> &[Uci] {
        &self.moves
    }

    pub(super) fn ply(&self) -> u16 {
        // A match ends at 1,200 plies.
        u16::try_from(self.moves.len()).unwrap_or(u16::MAX)
    }

    /// The number of moves of `seat` that stand.
    pub(super) fn moves_of(&self, seat: Seat) -> u16 {
        (self.ply() + u16::from(self.start.turn() == seat)) / 2
    }

    /// Plays a move; `None` and no change if the rules do not allow it, or have ended the match.
    pub(super) fn play(&mut self, uci: Uci) -> Option<()> {
        if self.verdict().is_some() {
            return None;
        }
        let legal = self.position.resolve(uci)?;
        self.push(legal);
        Some(())
    }

    fn push(&mut self, legal: Move) {
        self.position.play(legal);
        self.moves.push(legal.uci());
        self.keys.push(self.position.repetition_key());
    }

    /// Takes back the last `plies` moves.
    pub(super) fn take_back(&mut self, plies: u8) {
        let stay = self.moves.len().saturating_sub(plies.into());
        let mut line = Self::new(self.start.clone());
        for &uci in &self.moves[..stay] {
            // All of them were legal when they were played.
            if let Some(legal) = line.position.resolve(uci) {
                line.push(legal);
            }
        }
        *self = line;
    }

    /// How often the position has stood on the board, this time included (FIDE 9.2.3).
    pub(super) fn repetitions(&self) -> usize {
        let present = self.keys.last();
        self.keys.iter().filter(|&key| Some(key) == present).count()
    }

    /// How the rules have ended the match by this position, in the order in which the shard asks.
    pub(super) fn verdict(&self) -> Option<(Outcome, Termination)> {
        let draw = |termination| Some((Outcome::Draw, termination));
        let position = &self.position;
        if let Some(winner) = position.variant_end() {
            let outcome = winner.map_or(Outcome::Draw, Outcome::win_of);
            Some((outcome, Termination::VariantEnd))
        } else if position.is_checkmate() {
            let winner = position.turn().opponent();
            Some((Outcome::win_of(winner), Termination::Checkmate))
        } else if position.is_stalemate() {
            draw(Termination::Stalemate)
        } else if position.is_dead() {
            draw(Termination::DeadPosition)
        } else if self.repetitions() >= REPETITIONS_MAX {
            draw(Termination::FivefoldRepetition)
        } else if position.quiet_plies() >= QUIET_PLIES_MAX {
            draw(Termination::SeventyFiveMoves)
        } else if self.ply() >= PLIES_MAX {
            draw(Termination::MaxLength)
        } else {
            None
        }
    }

    /// The draw that the side to move can claim (FIDE 9.2 and 9.3).
    pub(super) fn claim(&self) -> Option<Termination> {
        if self.repetitions() >= REPETITIONS_CLAIM {
            Some(Termination::ThreefoldRepetition)
        } else if self.position.quiet_plies() >= QUIET_PLIES_CLAIM {
            Some(Termination::FiftyMoves)
        } else {
            None
        }
    }

    /// The least number of events that lead from this line to `later`: each takeback is two of them, a request and
    /// its grant, and undoes at most two moves. The request of the first may be there already (`is_requested`).
    pub(super) fn events_to(&self, later: &[Uci], is_requested: bool) -> usize {
        let pairs = self.moves.iter().zip(later);
        let common = pairs.take_while(|(ours, theirs)| ours == theirs).count();
        let undone = self.moves.len() - common;
        let takebacks = 2 * undone.div_ceil(2);
        takebacks.saturating_sub(usize::from(is_requested)) + (later.len() - common)
    }
}
