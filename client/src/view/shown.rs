//! What there is to see of a match.

use std::time::{Duration, Instant};

use game_core::{
    BySeat, ClockStart, Epoch, MatchId, Move, Outcome, Position, Rules, Seat, Termination,
    TimeControl, Uci, UnixMillis, Variant,
};
use protocol::{ChatLine, ClockView, Role, SeatView, TagsView};

use super::MatchView;
use super::clocks::Standstill;

impl MatchView {
    /// Which match.
    #[must_use]
    pub const fn id(&self) -> MatchId {
        self.id
    }

    /// What this client may do in it.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// This client's seat; `None` for a spectator.
    #[must_use]
    pub const fn seat(&self) -> Option<Seat> {
        self.role.seat()
    }

    /// Who plays.
    #[must_use]
    pub const fn players(&self) -> &BySeat<SeatView> {
        &self.state.players
    }

    /// The rules of the game.
    #[must_use]
    pub const fn variant(&self) -> Variant {
        self.state.variant
    }

    /// How much time each side has.
    #[must_use]
    pub const fn controls(&self) -> &BySeat<TimeControl> {
        &self.state.controls
    }

    /// When play begins, if not as soon as the match was made.
    #[must_use]
    pub const fn start_at(&self) -> Option<UnixMillis> {
        self.state.start_at
    }

    /// By how much spectators are behind.
    #[must_use]
    pub const fn spectator_delay(&self) -> Duration {
        Duration::from_secs(self.state.spectator_delay_s as u64)
    }

    /// Whether players and spectators can chat.
    #[must_use]
    pub const fn has_chat(&self) -> bool {
        self.state.chat
    }

    /// The rules that differ from the usual ones.
    #[must_use]
    pub const fn rules(&self) -> Rules {
        self.state.rules
    }

    /// Where the match belongs.
    #[must_use]
    pub const fn tags(&self) -> Option<&TagsView> {
        self.state.tags.as_ref()
    }

    /// When the clocks begin to count.
    #[must_use]
    pub const fn clock_start(&self) -> ClockStart {
        self.state.clock_start
    }

    /// Whether the result counts for ratings.
    #[must_use]
    pub const fn is_rated(&self) -> bool {
        self.state.rated
    }

    /// The position at ply 0.
    #[must_use]
    pub const fn start(&self) -> &Position {
        self.line.start()
    }

    /// The position now.
    #[must_use]
    pub const fn position(&self) -> &Position {
        self.line.position()
    }

    /// The position now, as FEN (with an en passant square only where the capture is legal).
    #[must_use]
    pub fn fen(&self) -> String {
        self.position().fen()
    }

    /// All moves from ply 0.
    #[must_use]
    pub fn moves(&self) -> &[Uci] {
        self.line.moves()
    }

    /// The move that led to the position, in its canonical form.
    #[must_use]
    pub fn last_move(&self) -> Option<Uci> {
        self.moves().last().copied()
    }

    /// All moves from ply 0 in standard algebraic notation.
    #[must_use]
    pub fn sans(&self) -> Vec<String> {
        let mut position = self.start().clone();
        let san = |uci: &Uci| {
            let legal = position.resolve(*uci)?;
            Some(position.play_in_san(legal))
        };
        // All of them were legal when they were played.
        self.moves().iter().map_while(san).collect()
    }

    /// Half-moves made.
    #[must_use]
    pub fn ply(&self) -> u16 {
        self.line.ply()
    }

    /// The side to move.
    #[must_use]
    pub fn turn(&self) -> Seat {
        self.position().turn()
    }

    /// Whether this client is to move.
    #[must_use]
    pub fn is_my_turn(&self) -> bool {
        self.state.result.is_none() && self.seat() == Some(self.turn())
    }

    /// How the match ended, if it has.
    #[must_use]
    pub const fn result(&self) -> Option<(Outcome, Termination)> {
        self.state.result
    }

    /// The match that both agreed on after this one.
    #[must_use]
    pub const fn rematch(&self) -> Option<MatchId> {
        self.state.rematch
    }

    /// The seq of the last event that changed the line of moves, by which the next move is named; 0 before the
    /// first.
    #[must_use]
    pub const fn position_seq(&self) -> u32 {
        self.state.position_seq
    }

    /// Number of the last event seen.
    #[must_use]
    pub const fn seq(&self) -> u32 {
        self.seq
    }

    /// The highest epoch heard of.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Who is connected.
    #[must_use]
    pub const fn connected(&self) -> &BySeat<bool> {
        &self.connected
    }

    /// The opponent that is gone while to move, and from when on this client may claim the match.
    #[must_use]
    pub const fn gone(&self) -> Option<(Seat, Instant)> {
        self.gone
    }

    /// The last lines of chat in the room of this client, in order.
    #[must_use]
    pub fn chat(&self) -> &[ChatLine] {
        &self.chat
    }

    /// Whether the shard reports a pause because its store does not answer.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.clocks.is_paused()
    }

    /// Why both clocks stand still here; `None` while a clock may run, and when the match is over.
    #[must_use]
    pub fn standstill(&self) -> Option<Standstill> {
        self.clocks
            .standstill()
            .filter(|_| self.state.result.is_none())
    }

    /// The seat whose clock runs; `None` also while both stand still.
    #[must_use]
    pub fn running(&self) -> Option<Seat> {
        self.clocks.running()
    }

    /// Both clocks as the shard last sent them.
    #[must_use]
    pub const fn clock(&self) -> ClockView {
        self.clocks.said()
    }

    /// What `seat` has left at `now`, counted down here from the shard's last clocks, but not while the shard
    /// is paused or out of reach.
    #[must_use]
    pub fn remaining(&self, seat: Seat, now: Instant) -> Duration {
        self.clocks.remaining(seat, now)
    }

    /// Whether the match counts: it can be resigned, and no longer be aborted.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.state.clock_start == ClockStart::AtOnce || self.ply() >= 2
    }

    /// The form in which the shard names a move that is legal now; the same move if it is not legal.
    #[must_use]
    pub fn canonical(&self, uci: Uci) -> Uci {
        self.position().resolve(uci).map_or(uci, Move::uci)
    }
}
