//! The live match: commands and time go in, events come out.

use std::time::Duration;

use crate::board::Ending;
use crate::clock::Clock;
use crate::history::History;
use crate::line::Line;
use crate::offers::DrawOffers;
use crate::refusals::RecentRefusals;
use crate::{
    BySeat, ClockStart, CommandId, MatchSetup, MatchTime, Move, Outcome, Position, Seat,
    Termination, Uci,
};

/// A match in play or finished.
///
/// Its owner hands it every command with the time of its receipt ([`apply`](Self::apply)), calls
/// [`tick`](Self::tick) when [`deadline`](Self::deadline) has come, and
/// [`start_clock`](Self::start_clock) once what happened may be shown: until then the clock of the
/// side to move stands still, so that nobody pays for the owner's own delays. All time comes in
/// through these arguments.
///
/// Every event that comes out carries the next seq. Whatever is refused changes nothing.
#[derive(Debug, Clone)]
pub struct Match {
    /// What was agreed; it never changes.
    pub(crate) setup: MatchSetup,
    /// The moves that stand, and the board that they lead to.
    pub(crate) line: Line,
    /// Both remaining times.
    pub(crate) clock: Clock,
    /// Until when the side to move may make its untimed first move, once that wait has begun.
    pub(crate) first_move_until: Option<MatchTime>,
    /// Until when one of the players may come to a match whose clocks count from the start, once that
    /// wait has begun. Until somebody has come, no flag falls.
    pub(crate) attended_until: Option<MatchTime>,
    /// Whether a player has come, as far as its owner knows; not part of a snapshot.
    is_attended: bool,
    /// What counted of the move under way under former owners, and is in no event.
    pub(crate) carried: Duration,
    /// The draw offer that stands, and when each seat last made one.
    pub(crate) offers: DrawOffers,
    /// Every event but the one that ended the match.
    pub(crate) history: History,
    /// How the match ended.
    pub(crate) end: Option<End>,
    /// What was refused lately; not part of a snapshot.
    pub(crate) refusals: BySeat<RecentRefusals>,
}

/// The event that ended a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct End {
    /// The seat and command that ended it; `None` where time, the rules or an arbiter did.
    pub by: Option<(Seat, CommandId)>,
    /// Who won.
    pub outcome: Outcome,
    /// Why.
    pub termination: Termination,
}

impl Match {
    /// A match before its first event, its clocks stopped.
    #[must_use]
    pub fn new(setup: MatchSetup) -> Self {
        Self {
            line: Line::new(&setup.start),
            clock: Clock::new(setup.time_control),
            first_move_until: None,
            attended_until: None,
            is_attended: false,
            carried: Duration::ZERO,
            offers: DrawOffers::default(),
            history: History::default(),
            end: None,
            refusals: BySeat::default(),
            setup,
        }
    }

    /// A player has come: from now on time counts as the terms say. Without it, a match that has no event
    /// ends as aborted after the time for a first move, also where the clocks count from the start: two
    /// players who never came have lost nothing.
    pub fn attend(&mut self) {
        self.is_attended = true;
    }

    /// When [`tick`](Self::tick) must be called next; `None` while no clock counts or the match is
    /// over. It is in the past for a match restored from a log that ends between a move and the end
    /// that follows from it.
    #[must_use]
    pub fn deadline(&self) -> Option<MatchTime> {
        if self.end.is_some() {
            None
        } else if self.verdict().is_some() {
            Some(MatchTime::default())
        } else {
            self.waits_until()
                .or(self.first_move_until)
                .or_else(|| self.clock.flag_at())
        }
    }

    /// Lets time count for the side to move from `now`: its clock, or the wait for its untimed
    /// first move. After each move nothing counts until this is called. Has no effect while time
    /// counts already, and none on a finished match.
    pub fn start_clock(&mut self, now: MatchTime) {
        if self.is_over() || self.deadline().is_some() {
            return;
        }
        let first_move_until = now + self.first_move_timeout().saturating_sub(self.carried);
        if self.has_begun() {
            self.clock.start(self.turn(), now);
            self.attended_until = Some(first_move_until);
        } else {
            self.first_move_until = Some(first_move_until);
        }
    }

    /// Until when a match whose clocks count from the start waits for a player; `None` once there is a
    /// sign that one came.
    pub(crate) fn waits_until(&self) -> Option<MatchTime> {
        self.attended_until
            .filter(|_| !self.is_attended && self.seq() == 0)
    }

    /// What has counted for the side to move since the last event, by `now`: on its clock, or of the
    /// wait for its untimed first move. To be [carried over](Self::carry_over) when the match changes
    /// its owner in good order, as no event shows it.
    #[must_use]
    pub fn move_time(&self, now: MatchTime) -> Duration {
        if let Some(until) = self.first_move_until {
            return self.first_move_timeout().saturating_sub(until.since(now));
        }
        let turn = self.turn();
        let counted = self.clock.remaining()[turn].saturating_sub(self.clock.shown(now)[turn]);
        self.carried + counted
    }

    /// Charges the side to move with what a former owner says has counted of its move. To be called
    /// on a match that was just [restored](Self::restore), before its clock is started; no effect on
    /// a finished one.
    pub fn carry_over(&mut self, counted: Duration) {
        if self.is_over() {
            return;
        }
        self.carried = counted;
        if self.has_begun() {
            self.clock.charge(self.turn(), counted);
        }
    }

    fn first_move_timeout(&self) -> Duration {
        self.setup.time_control.speed().first_move_timeout()
    }

    /// What was agreed before the match.
    #[must_use]
    pub const fn setup(&self) -> &MatchSetup {
        &self.setup
    }

    /// The number of the last event; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u32 {
        self.history.len() + u32::from(self.end.is_some())
    }

    /// Half-moves made.
    #[must_use]
    pub const fn ply(&self) -> u16 {
        self.line.board().ply()
    }

    /// The side to move.
    #[must_use]
    pub fn turn(&self) -> Seat {
        self.position().turn()
    }

    /// How the match ended, if it has.
    #[must_use]
    pub fn outcome(&self) -> Option<(Outcome, Termination)> {
        self.end.map(|end| (end.outcome, end.termination))
    }

    /// What both clocks show at `now`.
    #[must_use]
    pub fn clocks(&self, now: MatchTime) -> BySeat<Duration> {
        self.clock.shown(now)
    }

    /// Whose clock is counting. `None` also during the wait for an untimed first move.
    #[must_use]
    pub fn running(&self) -> Option<Seat> {
        self.clock.running()
    }

    /// Whose clock counts, or will once [`start_clock`](Self::start_clock) is called. `None` while
    /// first moves are untimed and when the match is over.
    #[must_use]
    pub fn timed_seat(&self) -> Option<Seat> {
        (!self.is_over() && self.has_begun()).then(|| self.turn())
    }

    /// Whose draw offer stands.
    #[must_use]
    pub const fn draw_offer(&self) -> Option<Seat> {
        self.offers.standing()
    }

    /// The position as FEN; an en passant square only where the capture is legal.
    #[must_use]
    pub fn fen(&self) -> String {
        self.position().fen()
    }

    /// The position.
    #[must_use]
    pub const fn position(&self) -> &Position {
        self.line.board().position()
    }

    /// The moves made, each with what the mover's clock showed after it in whole milliseconds
    /// (rounded down).
    pub fn moves(&self) -> impl DoubleEndedIterator<Item = (Uci, Duration)> + '_ {
        self.line.moves()
    }

    /// Every legal move in the position, in the form in which moves are recorded. Also of a
    /// finished match, whose position may still have some.
    #[must_use]
    pub fn legal_moves(&self) -> Vec<Uci> {
        let legal = self.position().legal_moves().into_iter();
        legal.map(Move::uci).collect()
    }

    /// Whether `uci` names a legal move in the position.
    #[must_use]
    pub fn is_legal(&self, uci: Uci) -> bool {
        self.position().resolve(uci).is_some()
    }

    /// Whether either seat may abort.
    #[must_use]
    pub fn may_abort(&self) -> bool {
        !self.is_over() && !self.has_begun()
    }

    /// Whether either seat may resign.
    #[must_use]
    pub fn may_resign(&self) -> bool {
        !self.is_over() && self.has_begun()
    }

    /// The plies that make up both first moves, which are not timed and do not count yet.
    const FIRST_PLIES: u16 = 2;

    /// How the rules have ended the match, whether or not the end is an event already.
    pub(crate) const fn verdict(&self) -> Option<Ending> {
        self.line.board().verdict()
    }

    /// Whether the match counts: it is timed, has a result, and can no longer be aborted.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun_at(self.ply())
    }

    /// Whether there is nothing left to do but, at most, to state the result.
    pub(crate) const fn is_over(&self) -> bool {
        self.end.is_some() || self.verdict().is_some()
    }

    /// Whether the match counts once `ply` half-moves are made.
    pub(crate) fn has_begun_at(&self, ply: u16) -> bool {
        self.setup.clock_start == ClockStart::AtOnce || ply >= Self::FIRST_PLIES
    }

    /// The seq of the event that this command of `seat` caused, if it was accepted.
    pub(crate) fn accepted(&self, seat: Seat, id: CommandId) -> Option<u32> {
        if self.end.is_some_and(|end| end.by == Some((seat, id))) {
            Some(self.seq())
        } else {
            self.history.find(seat, id)
        }
    }

    /// Lets no time count for anyone.
    pub(crate) fn stop_clock(&mut self) {
        self.clock.stop();
        self.first_move_until = None;
        self.attended_until = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SetupBuilder;
    use crate::{Command, CommandKind, Player};

    /// The capacity of a shard assumes this much memory for a match.
    #[test]
    fn a_live_match_takes_less_than_4_kb_at_80_plies() {
        let player = |id: &str| Player {
            id: id.repeat(12).parse().unwrap(),
            name: "A name of twenty-four ch".into(),
        };
        let setup = SetupBuilder::new().players(player("white"), player("black"));
        let mut game = Match::new(setup.build());
        // Knights that walk in ever new figures: no move is irreversible, so the board remembers
        // every position, which is the worst case.
        let mut events = Vec::new();
        for ply in 0..80 {
            let quiet = |uci: &Uci| {
                let mut after = game.clone();
                let legal = after.position().resolve(*uci).unwrap();
                after.line.play(legal);
                let position = after.position();
                position.quiet_plies() > 0 && !position.is_check() && !after.is_over()
            };
            let moves: Vec<Uci> = game.legal_moves().into_iter().filter(quiet).collect();
            let uci = moves[usize::from(ply) * 7 % moves.len()];
            let kind = CommandKind::Move {
                ply,
                uci,
                offers_draw: false,
            };
            let id = CommandId(u64::from(ply));
            let command = Command { id, kind };
            game.apply(game.turn(), &command, MatchTime::default(), &mut events)
                .unwrap();
        }
        let players = &game.setup.players;
        let names = |player: &Player| player.id.as_str().len() + player.name.len();
        let bytes = size_of::<Match>()
            + game.line.heap_bytes()
            + game.history.heap_bytes()
            + names(&players.white)
            + names(&players.black);
        assert!(bytes <= 4096, "{bytes} bytes");
    }
}
