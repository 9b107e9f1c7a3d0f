//! The live match: commands and time go in, events come out.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use shakmaty::fen::Fen;
use shakmaty::{Chess, EnPassantMode, Move};

use crate::board::{Board, Ending};
use crate::clock::Clock;
use crate::decide::Act;
use crate::history::{Deed, History};
use crate::offers::DrawOffers;
use crate::refusals::RecentRefusals;
use crate::{
    BySeat, Command, CommandId, Event, EventKind, MatchSetup, MatchTime, Outcome, Refusal, Seat,
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
    /// Position, repetitions, and what the rules conclude.
    pub(crate) board: Board,
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
    refusals: BySeat<RecentRefusals>,
}

/// The event that ended a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct End {
    /// The seat and command that ended it; `None` where time, the rules or an arbiter did.
    pub(crate) by: Option<(Seat, CommandId)>,
    /// Who won.
    pub(crate) outcome: Outcome,
    /// Why.
    pub(crate) termination: Termination,
}

/// Where the clocks of an event come from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clocks {
    /// It happens now: what has passed is charged.
    Now(MatchTime),
    /// It happened before: its record says what the clocks showed.
    Recorded(BySeat<Duration>),
}

impl Match {
    /// A match before its first event, its clocks stopped.
    #[must_use]
    pub fn new(setup: MatchSetup) -> Self {
        Self {
            board: Board::new(&setup.start),
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

    /// Hands the match a command of `seat` that was received at `now`.
    ///
    /// Time is settled first: a command from after the fall of a flag finds the match over. What
    /// happened is added to `events`, be it caused by time, by the command, or by the rules in
    /// consequence (a mating move is followed by the end of the match). Returns the seq of the
    /// event that carries the command's id.
    ///
    /// A command id that this seat has used before is a repeat whatever else it says: it gets the
    /// answer of the first, and changes nothing. Refusals are remembered only for a seat's last
    /// few, and not in a [`Snapshot`](crate::Snapshot).
    ///
    /// # Errors
    ///
    /// A [`Refusal`], and the command has changed nothing. The reason is the first that holds:
    /// [`MatchOver`](Refusal::MatchOver); for a move, [`StalePly`](Refusal::StalePly) if it is for
    /// another ply, whoever's turn it is, [`NotYourTurn`](Refusal::NotYourTurn),
    /// [`IllegalMove`](Refusal::IllegalMove), and, if a draw cannot be offered with it,
    /// [`TooEarly`](Refusal::TooEarly) or [`OfferTooSoon`](Refusal::OfferTooSoon). The other
    /// commands have one reason each; see [`Refusal`].
    pub fn apply(
        &mut self,
        seat: Seat,
        command: &Command,
        now: MatchTime,
        events: &mut Vec<Event>,
    ) -> Result<u32, Refusal> {
        if let Some(seq) = self.accepted(seat, command.id) {
            return Ok(seq);
        }
        if let Some(refusal) = self.refusals[seat].find(command.id) {
            return Err(refusal);
        }
        self.tick(now, events);
        let act = self
            .decide(seat, command.kind)
            .inspect_err(|&refusal| self.refusals[seat].push(command.id, refusal))?;
        events.push(self.enact((seat, command.id), act, Clocks::Now(now)));
        let seq = self.seq();
        // A move may have ended the match.
        self.tick(now, events);
        Ok(seq)
    }

    /// Lets time do what it does up to `now`: a flag falls, a first move comes too late. Adds what
    /// happened to `events`. Calling it early or often does no harm.
    pub fn tick(&mut self, now: MatchTime, events: &mut Vec<Event>) {
        if let Some(ending) = self.due(now) {
            events.push(self.finish(None, ending, Clocks::Now(now)));
        }
    }

    /// A player has come: from now on time counts as the terms say. Without it, a match that has no event
    /// ends as aborted after the time for a first move, also where the clocks count from the start: two
    /// players who never came have lost nothing.
    pub fn attend(&mut self) {
        self.is_attended = true;
    }

    /// An arbiter ends the match at `now` with `outcome`, which may be any;
    /// [`Outcome::Aborted`] leaves it without a result. Time is settled first, as for a command. What
    /// happened is added to `events`. Returns the seq of the event that states the decision.
    ///
    /// # Errors
    ///
    /// [`Refusal::MatchOver`] if the match has ended, be it by the time that has passed.
    pub fn adjudicate(
        &mut self,
        outcome: Outcome,
        now: MatchTime,
        events: &mut Vec<Event>,
    ) -> Result<u32, Refusal> {
        self.tick(now, events);
        if self.is_over() {
            return Err(Refusal::MatchOver);
        }
        let ending = (outcome, Termination::Adjudicated);
        events.push(self.finish(None, ending, Clocks::Now(now)));
        Ok(self.seq())
    }

    /// When [`tick`](Self::tick) must be called next; `None` while no clock counts or the match is
    /// over. It is in the past for a match restored from a log that ends between a move and the end
    /// that follows from it.
    #[must_use]
    pub fn deadline(&self) -> Option<MatchTime> {
        if self.end.is_some() {
            None
        } else if self.board.verdict().is_some() {
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
        let counted = self.clock.settled()[turn].saturating_sub(self.clock.shown(now)[turn]);
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
        self.board.ply()
    }

    /// The side to move.
    #[must_use]
    pub fn turn(&self) -> Seat {
        self.board.turn()
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
        Fen::from_position(self.position(), EnPassantMode::Legal).to_string()
    }

    /// The position.
    #[must_use]
    pub const fn position(&self) -> &Chess {
        self.board.position()
    }

    /// The moves made, each with what the mover's clock showed after it in whole milliseconds
    /// (rounded down).
    pub fn moves(&self) -> impl DoubleEndedIterator<Item = (Uci, Duration)> + '_ {
        self.history.moves()
    }

    /// Every legal move in the position, in the form in which moves are recorded. Also of a
    /// finished match, whose position may still have some.
    #[must_use]
    pub fn legal_moves(&self) -> Vec<Uci> {
        self.board.legal_moves()
    }

    /// Whether `uci` names a legal move in the position.
    #[must_use]
    pub fn is_legal(&self, uci: Uci) -> bool {
        self.board.resolve(uci).is_some()
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

    /// Whether `seat` may offer a draw without a move; while its opponent's offer stands, that
    /// means to accept it.
    #[must_use]
    pub fn may_offer_draw(&self, seat: Seat) -> bool {
        self.decide(seat, crate::CommandKind::OfferDraw).is_ok()
    }

    /// The seq of the event that this command of `seat` caused, if it was accepted.
    pub(crate) fn accepted(&self, seat: Seat, id: CommandId) -> Option<u32> {
        if self.end.is_some_and(|end| end.by == Some((seat, id))) {
            Some(self.seq())
        } else {
            self.history.find(seat, id)
        }
    }

    /// Makes part of the match what [`decide`](Self::decide) allows now.
    pub(crate) fn enact(&mut self, by: (Seat, CommandId), act: Act, clocks: Clocks) -> Event {
        self.settle(clocks);
        let (seat, command) = by;
        let kind = match act {
            Act::Move {
                legal,
                uci,
                offers_draw,
            } => {
                self.make_move(seat, legal, clocks);
                if offers_draw {
                    self.offers.offer(seat, self.ply());
                }
                let clock_ms = self.clock.settled()[seat].as_millis();
                let deed = Deed::Moved {
                    seat,
                    uci,
                    clock_ms: u32::try_from(clock_ms).unwrap_or(u32::MAX),
                    offers_draw,
                };
                self.history.push(command, deed);
                EventKind::Moved { uci, offers_draw }
            }
            Act::OfferDraw => {
                self.offers.offer(seat, self.ply());
                self.history.push(command, Deed::DrawOffered { seat });
                EventKind::DrawOffered
            }
            Act::DeclineDraw => {
                self.offers.clear();
                self.history.push(command, Deed::DrawDeclined { seat });
                EventKind::DrawDeclined
            }
            Act::End(ending) => return self.finish(Some(by), ending, clocks),
        };
        self.event(Some(by), kind)
    }

    /// Ends the match. `by` is `None` where time, the rules or an arbiter do.
    pub(crate) fn finish(
        &mut self,
        by: Option<(Seat, CommandId)>,
        (outcome, termination): Ending,
        clocks: Clocks,
    ) -> Event {
        self.settle(clocks);
        self.stop_clock();
        self.offers.clear();
        self.end = Some(End {
            by,
            outcome,
            termination,
        });
        let kind = EventKind::Ended {
            outcome,
            termination,
        };
        self.event(by, kind)
    }

    /// Plays a legal move: on the board, on the mover's clock, and against the opponent's offer.
    fn make_move(&mut self, mover: Seat, legal: Move, clocks: Clocks) {
        let timed = self.has_begun();
        self.board.play(legal);
        self.offers.moved(mover);
        self.stop_clock();
        // A recorded clock has its increment in it already.
        let live = matches!(clocks, Clocks::Now(_));
        if live && timed && self.board.verdict().is_none() {
            self.clock.add_increment(mover);
        }
    }

    /// The event of what was just made part of the match.
    fn event(&self, by: Option<(Seat, CommandId)>, kind: EventKind) -> Event {
        Event {
            seq: self.seq(),
            seat: by.map(|(seat, _)| seat),
            command_id: by.map(|(_, command)| command),
            clocks: self.clock.settled(),
            kind,
        }
    }

    fn settle(&mut self, clocks: Clocks) {
        self.carried = Duration::ZERO;
        match clocks {
            Clocks::Now(now) => self.clock.settle(now),
            Clocks::Recorded(shown) => self.clock.set(shown),
        }
    }

    /// Lets no time count for anyone.
    fn stop_clock(&mut self) {
        self.clock.stop();
        self.first_move_until = None;
        self.attended_until = None;
    }
}

#[cfg(test)]
mod tests {
    use shakmaty::Position;

    use super::*;
    use crate::{ClockStart, CommandKind, Player, StartPosition, TimeControl, UnixMillis};

    /// A shard is sized by this: so many live matches to a machine.
    #[test]
    fn a_live_match_takes_less_than_4_kb_at_80_plies() {
        let player = |id: &str| Player {
            id: id.repeat(12).parse().unwrap(),
            name: "A name of twenty-four ch".into(),
        };
        let mut game = Match::new(MatchSetup {
            id: crate::MatchId::from_random(7),
            players: BySeat {
                white: player("white"),
                black: player("black"),
            },
            time_control: TimeControl::from_millis(60_000, 0).unwrap(),
            clock_start: ClockStart::AfterFirstMoves,
            start: StartPosition::INITIAL,
            rated: true,
            created_at: UnixMillis(0),
        });
        // Knights that walk in ever new figures: no move is irreversible, so the board remembers
        // every position, which is the worst case.
        let mut events = Vec::new();
        for ply in 0..80 {
            let quiet = |uci: &Uci| {
                let mut after = game.clone();
                let legal = after.board.resolve(*uci).unwrap().0;
                after.board.play(legal);
                let position = after.position();
                position.halfmoves() > 0 && !position.is_check() && !after.is_over()
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
            + game.board.heap_bytes()
            + game.history.heap_bytes()
            + names(&players.white)
            + names(&players.black);
        assert!(bytes <= 4096, "{bytes} bytes");
    }
}
