//! The oracle against the log: holds what the players were told against what is stored. It does no I/O and trusts nobody.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use client::Violation;
use game_core::{
    BySeat, CommandId, CommandKind, Delay, Epoch, Event, EventKind, Match, MatchId, MatchSetup,
    Outcome, Seat, Termination, TimeControl, Uci,
};
use protocol::WireEvent;

use self::clocks::check_clocks;
use self::offers::offers_after;
use super::history::{Entry, History, Offers};
use super::{Breach, Promise};

mod clocks;
mod offers;
#[cfg(test)]
mod tests;

/// A match as everyone can read it after its end.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What was agreed before it.
    pub setup: MatchSetup,
    /// The records in the order in which they are stored.
    pub log: Vec<Event>,
    /// What the matchmaker says of it.
    pub published: Published,
    /// Its players think for a fraction of their time, so that a result by the clock is one that a fault
    /// brought about.
    pub time_is_plenty: bool,
    /// One shard wrote all of it, so that the times in it are of one clock.
    pub has_one_owner: bool,
    /// How far the owner's clock may have stepped back: nothing as long as the store answered.
    pub step_back_max: Duration,
}

/// What the matchmaker says of a match.
#[derive(Debug, Clone)]
pub struct Published {
    /// The export of the game.
    pub pgn: String,
    /// Number of events.
    pub seq: u32,
    /// All moves.
    pub moves: Vec<Uci>,
    /// The result.
    pub result: Option<(Outcome, Termination)>,
}

impl Published {
    /// What is to be said of a match.
    #[must_use]
    pub fn of(game: &Match) -> Self {
        Self {
            pgn: game.pgn(SITE),
            seq: game.seq(),
            moves: game.moves().map(|(uci, _)| uci).collect(),
            result: game.outcome(),
        }
    }
}

/// What a matchmaker without a public address puts into PGN.
const SITE: &str = "?";

/// Everything that is wrong with one match, as its players were told of it. Spectators are passed over.
#[must_use]
pub fn check(histories: &[History], stored: &Stored) -> Vec<Breach> {
    let (offers, wrong) = offers_after(stored);
    let mut checker = Checker {
        stored,
        offers,
        breaches: wrong,
    };
    checker.check_log();
    for history in histories {
        checker.check_history(history);
    }
    checker.breaches
}

/// What a player's clock lost beyond the player's own thinking: the way to the server and back, and
/// what a fault cost that is charged to the player.
///
/// `None` where clocks also rise.
#[must_use]
pub fn excess(history: &History, stored: &Stored) -> Option<Duration> {
    let may_rise = |control: TimeControl| {
        let stage = control.first_stage();
        control.is_staged() || !stage.increment.is_zero() || stage.delay != Delay::None
    };
    let controls = &stored.setup.controls;
    let changes = |event: &Event| {
        matches!(
            event.kind,
            EventKind::TakenBack { .. } | EventKind::TimeGiven { .. }
        )
    };
    if may_rise(controls.white) || may_rise(controls.black) || stored.log.iter().any(changes) {
        return None;
    }
    let last = stored.log.last();
    let left = last
        .zip(history.role().seat())
        .map(|(event, seat)| (event.clocks.remaining[seat], seat));
    let had = stored.setup.controls.map(TimeControl::start);
    let charged = left.map_or(Duration::ZERO, |(left, seat)| {
        had[seat].saturating_sub(left)
    });
    Some(charged.saturating_sub(history.thought))
}

/// What is wrong with the order of a log, whatever its records say.
#[must_use]
pub fn check_order(id: MatchId, log: &[Event]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut breach = |promise, text: String| {
        let text = format!("match {id}: {text}");
        breaches.push(Breach::stored(promise, text));
    };
    let (mut seqs, mut commands) = (HashSet::new(), HashMap::new());
    let mut due = 1;
    for (event, place) in log.iter().zip(1..) {
        if !seqs.insert(event.seq) {
            let text = format!("record {} stands there again at {place}", event.seq);
            breach(Promise::Duplicated, text);
            continue;
        }
        if event.seq != due {
            let text = format!("record {} stands at {place}, where {due} is due", event.seq);
            breach(Promise::Reordered, text);
        }
        due = event.seq.saturating_add(1);
        if let (Some(seat), Some(command)) = (event.seat, event.command_id)
            && let Some(first) = commands.insert((seat, command), event.seq)
        {
            let text = format!("command {command} of {seat} took effect at {first} and {place}");
            breach(Promise::Duplicated, text);
        }
    }
    breaches
}

struct Checker<'a> {
    stored: &'a Stored,
    /// The offers that stand after each event, beginning before the first.
    offers: Vec<Offers>,
    breaches: Vec<Breach>,
}

impl Checker<'_> {
    fn breach(&mut self, promise: Promise, text: impl Into<String>) {
        let text = format!("match {}: {}", self.stored.setup.id, text.into());
        self.breaches.push(Breach::stored(promise, text));
    }

    // ---- the log by itself -----------------------------------------------------------------------

    fn check_log(&mut self) {
        let log = &self.stored.log;
        self.breaches.extend(check_order(self.stored.setup.id, log));
        if log_result(log).is_none() {
            let text = format!("no end after {} events", log.len());
            self.breach(Promise::Unfinished, text);
        }
        self.check_replay();
        self.check_rematch();
        // What stands in the wrong order says nothing of clocks.
        let is_in_order = check_order(self.stored.setup.id, log).is_empty();
        if is_in_order {
            self.breaches.extend(check_clocks(self.stored));
        }
    }

    fn check_rematch(&mut self) {
        let agreed = self.stored.log.iter().filter_map(agreed_on).count();
        if agreed > 1 {
            self.breach(
                Promise::Rematch,
                format!("{agreed} rematches were agreed on"),
            );
        }
    }

    fn check_replay(&mut self) {
        let start = Match::new(self.stored.setup.clone()).snapshot();
        match Match::restore(start, &self.stored.log) {
            Ok(game) => self.check_published(&game),
            // What stands in the wrong order was found already, and does not replay.
            Err(_) if !self.breaches.is_empty() => {}
            Err(error) => self.breach(Promise::Disagreement, format!("does not replay: {error}")),
        }
        if let Some((outcome, termination)) = log_result(&self.stored.log)
            && self.stored.time_is_plenty
            && matches!(
                termination,
                Termination::TimeForfeit | Termination::WhiteNoStart | Termination::BlackNoStart
            )
        {
            let text = format!("{outcome} by {termination}, and nobody thought so long");
            self.breach(Promise::Overcharged, text);
        }
    }

    fn check_published(&mut self, game: &Match) {
        let (expected, published) = (Published::of(game), &self.stored.published);
        let checks = [
            ("PGN", expected.pgn == published.pgn),
            ("number of events", expected.seq == published.seq),
            ("moves", expected.moves == published.moves),
            ("result", expected.result == published.result),
        ];
        for (what, same) in checks {
            if !same {
                let text = format!("the published {what} is not what the log makes");
                self.breach(Promise::Disagreement, text);
            }
        }
    }

    // ---- the log beside what one player was told -------------------------------------------------

    fn check_history(&mut self, history: &History) {
        let Some(seat) = history.role().seat() else {
            return;
        };
        let mut asked = HashSet::new();
        let mut acks = HashMap::new();
        let mut highest = Epoch(0);
        let mut result = None;
        for entry in history.entries() {
            match entry {
                Entry::Asked { id, .. } => {
                    asked.insert(*id);
                }
                Entry::Acked { id, event, .. } => {
                    if let Some(first) = acks.insert(*id, *event)
                        && first != *event
                    {
                        let text = format!("command {id} was acked as {first} and as {event}");
                        self.breach(Promise::Duplicated, text);
                    }
                }
                Entry::Shown { result: shown, .. } => result = shown.or(result),
                Entry::Saw { event, .. } => {
                    result = event.kind.as_ref().and_then(ending).or(result)
                }
                _ => {}
            }
            self.check_entry(seat, entry, &asked);
            if let Some(epoch) = spoken_under(entry) {
                if epoch < highest {
                    let text = format!("{seat} heard epoch {epoch} after {highest}");
                    self.breach(Promise::Disagreement, text);
                }
                highest = highest.max(epoch);
            }
        }
        self.check_result(seat, result);
    }

    fn check_result(&mut self, seat: Seat, known: Option<(Outcome, Termination)>) {
        let stored = log_result(&self.stored.log);
        match (known, stored) {
            (Some(known), Some(stored)) if known != stored => {
                let text = format!("{seat} was told {known:?}, the log says {stored:?}");
                self.breach(Promise::Disagreement, text);
            }
            (Some(known), None) => {
                self.breach(
                    Promise::Lost,
                    format!("{seat} was told the result {known:?}"),
                );
            }
            (None, Some(_)) => {
                self.breach(
                    Promise::Unfinished,
                    format!("{seat} never learnt the result"),
                );
            }
            _ => {}
        }
    }

    fn check_entry(&mut self, seat: Seat, entry: &Entry, asked: &HashSet<CommandId>) {
        match entry {
            Entry::Acked {
                id, kind, event, ..
            } => {
                if !asked.contains(id) {
                    let text = format!("{seat} never asked what was acked as {id}");
                    self.breach(Promise::Disagreement, text);
                }
                self.check_ack((seat, *id), kind, *event);
            }
            Entry::Refused { id, reason } if self.place_of(seat, *id).is_some() => {
                let text = format!("command {id} of {seat} was refused ({reason}), and stands");
                self.breach(Promise::Disagreement, text);
            }
            Entry::Saw {
                seq, event, offers, ..
            } => {
                self.check_sight(seat, *seq, event);
                self.check_offers(seat, *seq, *offers);
            }
            Entry::Shown {
                seq,
                moves,
                result,
                offers,
                ..
            } => {
                self.check_whole(seat, *seq, moves, *result);
                self.check_offers(seat, *seq, *offers);
            }
            Entry::Broke(violation) => {
                let promise = promise_of(violation);
                self.breach(promise, format!("{seat} broke off: {violation}"));
            }
            _ => {}
        }
    }

    fn check_ack(&mut self, (seat, id): (Seat, CommandId), kind: &CommandKind, event: u32) {
        let said = format!("{seat}'s command {id} was acked as {event}");
        match self.record(event) {
            Some(record) if (record.seat, record.command_id) == (Some(seat), Some(id)) => {
                if !self.caused(kind, &record) {
                    let text = format!("{said}: {kind:?}, which stands as {:?}", record.kind);
                    self.breach(Promise::Disagreement, text);
                }
            }
            _ => match self.place_of(seat, id) {
                Some(place) => {
                    self.breach(Promise::Reordered, format!("{said}, and stands at {place}"));
                }
                None => self.breach(Promise::Lost, format!("{said}, and stands nowhere")),
            },
        }
    }

    fn check_sight(&mut self, seat: Seat, seq: u32, seen: &WireEvent) {
        let Some(record) = self.record(seq) else {
            let text = format!("{seat} saw event {seq}, which is not stored: {seen:?}");
            return self.breach(Promise::Lost, text);
        };
        let ms = |clocks: BySeat<Duration>| clocks.map(|clock| clock.as_millis());
        let clocks = BySeat::new_with(|seat| seen.clock.of(seat));
        let same = (record.seat, Some(record.kind)) == (seen.seat, seen.kind)
            && ms(record.clocks.remaining) == ms(clocks);
        if !same {
            let text = format!("{seat} saw event {seq} as {seen:?}, stored is {record:?}");
            self.breach(Promise::Disagreement, text);
        }
    }

    fn check_whole(
        &mut self,
        seat: Seat,
        seq: u32,
        moves: &[Uci],
        result: Option<(Outcome, Termination)>,
    ) {
        let log = &self.stored.log;
        let Some(prefix) = log.get(..seq as usize) else {
            let text = format!("{seat} was shown {seq} events, {} are stored", log.len());
            return self.breach(Promise::Lost, text);
        };
        if line_of(prefix) != moves || log_result(prefix) != result {
            let text = format!("{seat} was shown other first {seq} events than are stored");
            self.breach(Promise::Disagreement, text);
        }
    }

    /// The offers that a client had in view after an event are those that stood then.
    fn check_offers(&mut self, seat: Seat, seq: u32, seen: Offers) {
        // What is not stored is a breach already.
        if let Some(&stored) = self.offers.get(seq as usize)
            && stored != seen
        {
            let text = format!("after event {seq} {seat} saw {seen:?}, it was {stored:?}");
            self.breach(Promise::Disagreement, text);
        }
    }

    /// Whether a record is what a command asked for, a move in the position that it was for.
    fn caused(&self, asked: &CommandKind, record: &Event) -> bool {
        let before = &self.stored.log[..(record.seq as usize).saturating_sub(1)];
        let in_place = match asked {
            CommandKind::Move { position_seq, .. } => *position_seq == position_of(before),
            _ => true,
        };
        in_place && caused(asked, &record.kind)
    }

    /// The record at a seq, by its place.
    fn record(&self, seq: u32) -> Option<Event> {
        let index = (seq as usize).checked_sub(1)?;
        self.stored.log.get(index).cloned()
    }

    fn place_of(&self, seat: Seat, id: CommandId) -> Option<usize> {
        let by = (Some(seat), Some(id));
        let index = |event: &Event| (event.seat, event.command_id) == by;
        self.stored
            .log
            .iter()
            .position(index)
            .map(|index| index + 1)
    }
}

fn spoken_under(entry: &Entry) -> Option<Epoch> {
    match entry {
        Entry::Acked { epoch, .. } | Entry::Saw { epoch, .. } | Entry::Shown { epoch, .. } => {
            Some(*epoch)
        }
        _ => None,
    }
}

fn ending(kind: &EventKind) -> Option<(Outcome, Termination)> {
    match kind {
        EventKind::Ended {
            outcome,
            termination,
        } => Some((*outcome, *termination)),
        _ => None,
    }
}

fn log_result(log: &[Event]) -> Option<(Outcome, Termination)> {
    // After the end come only events of a rematch.
    log.iter().rev().find_map(|event| ending(&event.kind))
}

/// The rematch that an event agrees on.
const fn agreed_on(event: &Event) -> Option<MatchId> {
    match event.kind {
        EventKind::RematchAgreed { match_id } => Some(match_id),
        _ => None,
    }
}

/// The moves that stand after these events.
fn line_of(log: &[Event]) -> Vec<Uci> {
    let mut line = Vec::new();
    for event in log {
        match event.kind {
            EventKind::Moved { uci, .. } => line.push(uci),
            EventKind::TakenBack { plies } => {
                line.truncate(line.len().saturating_sub(plies.into()));
            }
            _ => {}
        }
    }
    line
}

/// The event that names the position after these events: the last that changed the line of moves.
fn position_of(log: &[Event]) -> u32 {
    let changes = |event: &&Event| {
        matches!(
            event.kind,
            EventKind::Moved { .. } | EventKind::TakenBack { .. }
        )
    };
    log.iter().rev().find(changes).map_or(0, |event| event.seq)
}

/// Whether an event is what a command asks for; of a move, without the position that it was for.
fn caused(asked: &CommandKind, did: &EventKind) -> bool {
    use CommandKind as C;
    use EventKind as E;
    match (asked, did) {
        (
            C::Move { uci, with, .. },
            E::Moved {
                uci: stored,
                with: stored_with,
            },
        ) => (uci, with) == (stored, stored_with),
        (C::GiveTime { seconds }, E::TimeGiven { seconds: given }) => seconds == given,
        (C::OfferDraw, E::DrawOffered)
        | (C::DeclineDraw, E::DrawDeclined)
        | (C::OfferTakeback, E::TakebackOffered)
        | (C::DeclineTakeback, E::TakebackDeclined)
        // Two who offer have agreed.
        | (C::OfferTakeback | C::AcceptTakeback, E::TakenBack { .. })
        | (C::OfferRematch, E::RematchOffered)
        | (C::DeclineRematch, E::RematchDeclined)
        | (C::OfferRematch | C::AcceptRematch, E::RematchAgreed { .. }) => true,
        (asked, E::Ended { termination, .. }) => matches!(
            (asked, termination),
            (C::Resign, Termination::Resignation)
                | (C::Abort, Termination::Aborted)
                | (C::AcceptDraw | C::OfferDraw, Termination::DrawAgreement)
                | (
                    C::ClaimDraw,
                    Termination::ThreefoldRepetition | Termination::FiftyMoves
                )
                | (C::ClaimWin | C::ClaimAbandonedDraw, Termination::Abandoned)
        ),
        _ => false,
    }
}

fn promise_of(violation: &Violation) -> Promise {
    match violation {
        Violation::Lost { .. } | Violation::AckBroken { .. } => Promise::Lost,
        Violation::AnswerChanged { .. } | Violation::SharedEvent { .. } => Promise::Duplicated,
        Violation::Gap { .. } | Violation::WrongTurn { .. } => Promise::Reordered,
        _ => Promise::Disagreement,
    }
}
