//! The live match: its state, its clocks, and what can be read of it.

use std::time::Duration;

use crate::absence::Absence;
use crate::board::BoardEnding;
use crate::clock::Clock;
use crate::history::PackedLog;
use crate::line::Line;
use crate::offers::{DrawOffers, Rematch, Takebacks};
use crate::refusals::RecentRefusals;
use crate::{
    BySeat, ClockStart, ClockState, CommandId, MatchId, MatchSetup, MatchTime, Move, Outcome,
    Position, RoundTrip, Rule, Seat, Termination, TimeControl, Uci, Variant,
};

/// A match in play or finished.
///
/// Its owner passes it every command with the time of its receipt ([`apply`](Self::apply)), calls
/// [`tick`](Self::tick) at the [`deadline`](Self::deadline), and
/// [`start_clock`](Self::start_clock) as soon as peers may receive the events: until then the clock of
/// the side to move stands still, so that the owner's own delays cost no player time. Time is known
/// only by these arguments.
///
/// Each event has the next seq. A refused command changes nothing.
#[derive(Debug, Clone)]
pub struct Match {
    /// The terms, which never change.
    pub(crate) setup: MatchSetup,
    /// The moves that stand, and the board that they lead to.
    pub(crate) line: Line,
    /// The remaining time of both sides.
    pub(crate) clock: Clock,
    /// The deadline for the untimed first move of the side to move, once that wait has begun.
    pub(crate) first_move_until: Option<MatchTime>,
    /// The deadline for a player to join a match whose clocks count from the start, once that wait has
    /// begun. No flag falls before a player has joined.
    pub(crate) attended_until: Option<MatchTime>,
    /// Whether a player has joined, as far as the owner knows; not part of a snapshot.
    is_attended: bool,
    /// The time that counted for the move under way under former owners, and is in no event.
    pub(crate) carried: Duration,
    /// Play begins then, if it has to wait for its agreed time.
    pub(crate) opens_at: Option<MatchTime>,
    /// Since when the side to move has been asked to move.
    pub(crate) turn_since: Option<MatchTime>,
    /// When the present owner first counted time; not part of a snapshot.
    pub(crate) resumed_at: Option<MatchTime>,
    /// Who is gone; not part of a snapshot.
    pub(crate) absence: Absence,
    /// The standing draw offer, and when each seat last made one.
    pub(crate) offers: DrawOffers,
    /// The standing request for a takeback.
    pub(crate) takebacks: Takebacks,
    /// The offer of a rematch, after the end.
    pub(crate) rematch: Rematch,
    /// A draw was claimed with the last move.
    pub(crate) claims_draw: bool,
    /// Every event but the one that ended the match.
    pub(crate) history: PackedLog,
    /// The clocks at the last event, without the time that counted since then under a former owner.
    pub(crate) last_clocks: ClockState,
    /// When the last event happened, on the clock of the owner at that time.
    pub(crate) last_at: MatchTime,
    /// An arbiter has stopped play.
    pub(crate) is_stopped: bool,
    /// How the match ended.
    pub(crate) end: Option<End>,
    /// The most recent refusals; not part of a snapshot.
    pub(crate) refusals: BySeat<RecentRefusals>,
}

/// The event that ended a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct End {
    /// The seat and command that ended it; `None` if time, the rules or an arbiter did.
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
        let compensated = BySeat::new_with(|seat| setup.compensates(seat));
        let clock = Clock::new(&setup.controls, compensated);
        Self {
            line: Line::new(&setup.start),
            last_clocks: clock.state(),
            clock,
            first_move_until: None,
            attended_until: None,
            is_attended: false,
            carried: Duration::ZERO,
            opens_at: None,
            turn_since: None,
            resumed_at: None,
            absence: Absence::default(),
            offers: DrawOffers::default(),
            takebacks: Takebacks::default(),
            rematch: Rematch::default(),
            claims_draw: false,
            history: PackedLog::default(),
            last_at: MatchTime::default(),
            is_stopped: false,
            end: None,
            refusals: BySeat::default(),
            setup,
        }
    }

    /// Notes that a player has joined: from now on time counts by the terms. Without this, a match
    /// without events ends as aborted after the timeout for a first move, also if its clocks count from
    /// the start, so that nobody loses a match that neither player joined.
    pub fn attend(&mut self) {
        self.is_attended = true;
    }

    /// Lets play begin at `at` only: until then no move is accepted and no time counts. To be called before
    /// [`start_clock`](Self::start_clock) by an owner who knows that the agreed time has not come.
    pub const fn open_at(&mut self, at: MatchTime) {
        self.opens_at = Some(at);
    }

    /// Notes that the player of `seat` is here.
    pub fn came(&mut self, seat: Seat) {
        self.absence.came(seat);
    }

    /// Notes that the player of `seat` is gone since `now`, and whether on purpose.
    pub fn left(&mut self, seat: Seat, said_goodbye: bool, now: MatchTime) {
        self.absence.left(seat, said_goodbye, now);
    }

    /// From when on `seat` may claim the match, as its opponent is gone while to move. `None` while it
    /// cannot, and where the terms forbid it.
    #[must_use]
    pub fn claimable_at(&self, seat: Seat) -> Option<MatchTime> {
        let absentee = seat.opponent();
        let both_moved = self.ply() >= Self::FIRST_PLIES;
        if self.is_over()
            || !both_moved
            || self.turn() != absentee
            || self.setup.rules.has(Rule::NoClaimWin)
        {
            return None;
        }
        let turn_since = self.turn_since?;
        let speed = || self.setup.speed();
        self.absence.claimable_at(absentee, turn_since, speed)
    }

    /// When [`tick`](Self::tick) must be called next; `None` while no clock counts, and after the end.
    /// It is in the past for a match restored from a log that ends between a move and the end that
    /// follows from it.
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

    /// Starts to count time for the side to move at `now`: its clock, or the wait for its untimed first
    /// move. After each move no time counts until this is called. Has no effect while time counts
    /// already or an arbiter has stopped play, or on a finished match.
    pub fn start_clock(&mut self, now: MatchTime) {
        self.resumed_at.get_or_insert(now);
        if self.is_over() || self.is_stopped || self.deadline().is_some() {
            return;
        }
        let now = self.opens_at.map_or(now, |opens_at| now.max(opens_at));
        self.turn_since = Some(now);
        let first_move_until = now + self.first_move_timeout().saturating_sub(self.carried);
        if self.has_begun() {
            self.clock.start(self.turn(), now);
            self.attended_until = Some(first_move_until);
        } else {
            self.first_move_until = Some(first_move_until);
        }
    }

    /// Until when a match whose clocks count from the start waits for a player; `None` once one has
    /// joined.
    pub(crate) fn waits_until(&self) -> Option<MatchTime> {
        self.attended_until
            .filter(|_| !self.is_attended && self.seq() == 0)
    }

    /// The time that has counted for the side to move between the last event and `now`: on its clock, or
    /// of the wait for its untimed first move. No event shows it, so a hand-over to another owner has to
    /// [carry it over](Self::carry_over).
    #[must_use]
    pub fn move_time(&self, now: MatchTime) -> Duration {
        if let Some(until) = self.first_move_until {
            return self.first_move_timeout().saturating_sub(until.since(now));
        }
        self.carried.saturating_add(self.clock.uncharged(now))
    }

    /// Charges the side to move the time that counted for its move under a former owner. To be called
    /// on a match that was just [restored](Self::restore), before its clock is started; has no effect
    /// on a finished match.
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
        let control = self.setup.controls[self.turn()];
        control.first_move_timeout(self.setup.variant() == Variant::Chess960)
    }

    /// The terms of the match.
    #[must_use]
    pub const fn setup(&self) -> &MatchSetup {
        &self.setup
    }

    /// The number of the last event; 0 before the first.
    #[must_use]
    pub fn seq(&self) -> u32 {
        self.history.seq()
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

    /// For how long the clock of the side to move still stands at `now`, as its simple delay has not
    /// passed.
    #[must_use]
    pub fn delay_left(&self, now: MatchTime) -> Duration {
        self.clock.delay_left(self.turn(), now)
    }

    /// The clocks at the last event, and when that happened.
    #[must_use]
    pub const fn last_event(&self) -> (ClockState, MatchTime) {
        (self.last_clocks, self.last_at)
    }

    /// The seat whose clock counts. `None` also during the wait for an untimed first move.
    #[must_use]
    pub fn running(&self) -> Option<Seat> {
        self.clock.running()
    }

    /// The seat whose clock counts, or will count after [`start_clock`](Self::start_clock). `None` while
    /// first moves are untimed, and after the end.
    #[must_use]
    pub fn timed_seat(&self) -> Option<Seat> {
        (!self.is_over() && !self.is_stopped && self.has_begun()).then(|| self.turn())
    }

    /// The seat whose draw offer stands.
    #[must_use]
    pub const fn draw_offer(&self) -> Option<Seat> {
        self.offers.standing()
    }

    /// The plies right after whose move a draw offer of the mover stood, in order. A takeback to one of them
    /// brings the offer back.
    #[must_use]
    pub fn offered_plies(&self) -> Vec<u16> {
        DrawOffers::offered_plies(self.history.entries())
    }

    /// The seat whose request for a takeback stands.
    #[must_use]
    pub const fn takeback_offer(&self) -> Option<Seat> {
        self.takebacks.standing()
    }

    /// The seat whose offer of a rematch stands.
    #[must_use]
    pub const fn rematch_offer(&self) -> Option<Seat> {
        self.rematch.standing
    }

    /// The match that follows this one, once both have agreed on a rematch.
    #[must_use]
    pub const fn rematch(&self) -> Option<MatchId> {
        self.rematch.agreed
    }

    /// The seq of the last event that changed the line of moves, a move or a takeback; 0 before the first.
    /// A move names it.
    #[must_use]
    pub fn position_seq(&self) -> u32 {
        self.history.position_seq(self.history.entries().len())
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

    /// The round trip of the mover's connection at each move that stands; `None` where no connection measured
    /// it, as in a match that was imported.
    #[must_use]
    pub fn round_trips(&self) -> Vec<Option<RoundTrip>> {
        self.history.round_trips()
    }

    /// Every legal move in the position, in its canonical form. A finished match may have some too.
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
        !self.is_over() && !self.has_begun() && !self.setup.rules.has(Rule::NoAbort)
    }

    /// Whether either seat may resign.
    #[must_use]
    pub fn may_resign(&self) -> bool {
        !self.is_over() && self.has_begun()
    }

    /// The plies of both first moves, which are not timed and can be aborted.
    pub(crate) const FIRST_PLIES: u16 = 2;

    /// How the rules have ended the match, whether or not the end is an event already.
    pub(crate) fn verdict(&self) -> Option<BoardEnding> {
        let board = self.line.board();
        board.verdict().or_else(|| {
            let asked = self.claims_draw || self.setup.rules.has(Rule::AutoClaim);
            board.claim().filter(|_| asked)
        })
    }

    /// Whether the match counts: it is timed, has a result, and can no longer be aborted.
    pub(crate) fn has_begun(&self) -> bool {
        self.has_begun_at(self.ply())
    }

    /// Whether the match is decided. The event that states its end may still be missing.
    pub(crate) fn is_over(&self) -> bool {
        self.end.is_some() || self.verdict().is_some()
    }

    /// Whether the match counts once `ply` half-moves are made.
    pub(crate) fn has_begun_at(&self, ply: u16) -> bool {
        self.setup.clock_start == ClockStart::AtOnce || ply >= Self::FIRST_PLIES
    }

    /// Whether a command of `seat` under this id has taken effect.
    #[must_use]
    pub fn has_accepted(&self, seat: Seat, id: CommandId) -> bool {
        self.accepted(seat, id).is_some()
    }

    /// The seq of the event that this command of `seat` caused, if it was accepted.
    pub(crate) fn accepted(&self, seat: Seat, id: CommandId) -> Option<u32> {
        if self.end.is_some_and(|end| end.by == Some((seat, id))) {
            self.history.end_seq()
        } else {
            self.history.find(seat, id)
        }
    }

    /// The number of moves of each side that stand.
    pub(crate) fn moves_made(&self) -> BySeat<u16> {
        BySeat::new_with(|seat| self.line.moves_of(seat))
    }

    /// What both clocks showed after the move that led to `ply`.
    pub(crate) fn clocks_at(&self, ply: u16) -> BySeat<Duration> {
        let start = self.setup.controls.map(TimeControl::start);
        self.history.clocks_at(ply, start)
    }

    /// Sets the clocks from a record, and stops them.
    pub(crate) fn set_recorded(&mut self, clocks: ClockState) {
        let moves = self.moves_made();
        self.clock.set(clocks, &self.setup.controls, moves);
        self.last_clocks = clocks;
    }

    /// Stops the running clock, and any wait for a player or a first move.
    pub(crate) fn stop_clock(&mut self) {
        self.clock.stop();
        self.first_move_until = None;
        self.attended_until = None;
        self.turn_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::SetupBuilder;
    use crate::{Command, CommandKind, Player, WithMove};

    /// The capacity of a shard assumes this much memory for a match.
    #[test]
    fn a_live_match_takes_less_than_4_kb_at_80_plies() {
        let player = |id: &str| Player {
            id: id.repeat(12).parse().unwrap(),
            name: "A name of twenty-four ch".into(),
            rating: Some(1500),
            is_bot: false,
        };
        let setup = SetupBuilder::new().players(player("white"), player("black"));
        let mut game = Match::new(setup.build());
        // Knights that walk in ever new figures: no move is irreversible, so the board remembers
        // every position, which is the worst case.
        let mut events = Vec::new();
        for ply in 0..80_u32 {
            let quiet = |uci: &Uci| {
                let mut after = game.clone();
                let legal = after.position().resolve(*uci).unwrap();
                after.line.play(legal);
                let position = after.position();
                position.quiet_plies() > 0 && !position.is_check() && !after.is_over()
            };
            let moves: Vec<Uci> = game.legal_moves().into_iter().filter(quiet).collect();
            let uci = moves[ply as usize * 7 % moves.len()];
            let kind = CommandKind::Move {
                position_seq: ply,
                uci,
                with: WithMove::Nothing,
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
