//! What a history says of each place in a log, whenever it says it.
//!
//! Every answer names its number in the log, so what stands there need not be searched for: it is collected first, and
//! two answers that differ on it are a contradiction in any order.

use std::collections::HashMap;

use crate::operation::{Action, Answer, Entry, Operation, Record, Role, Seat, State};

/// A command, by who gave it and under which number.
pub(crate) type Cause = (Seat, u64);

/// Two answers that no log can explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contradicted;

type Known = Result<(), Contradicted>;

/// Everything that is known of a log.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// By number, the first at 0.
    places: Vec<Place>,
    /// Where the commands stand of which that is known.
    places_of: HashMap<Cause, u32>,
    /// The least number of events with which the match was shown as over.
    over: Option<u32>,
    /// Numbers of events, each with the moves that stood after them.
    lines: Vec<(u32, Vec<String>)>,
    /// From each number of events on, the next place that takes a command of a seat.
    next_of_a_seat: Vec<u32>,
}

/// What is known of one place; `None` is not known.
#[derive(Debug)]
struct Place {
    seat: Option<Option<Seat>>,
    command: Option<Option<Cause>>,
    uci: Option<Option<String>>,
    taken_back: Option<Option<u32>>,
    event: Option<String>,
    /// Whether it is of what may come after the end.
    is_aftermath: Option<bool>,
    /// The lowest epoch under which anybody was told that it, or a later one, is there.
    epoch: u64,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            seat: None,
            command: None,
            uci: None,
            taken_back: None,
            event: None,
            is_aftermath: None,
            epoch: u64::MAX,
        }
    }
}

impl Place {
    /// Whether only a command of a seat can be here.
    const fn is_of_a_seat(&self) -> bool {
        matches!(self.seat, Some(Some(_))) || matches!(self.command, Some(Some(_)))
    }
}

fn pin<T: PartialEq>(slot: &mut Option<T>, value: T) -> Known {
    match slot {
        Some(known) if *known != value => Err(Contradicted),
        Some(_) => Ok(()),
        None => {
            *slot = Some(value);
            Ok(())
        }
    }
}

/// Whether a command asks for what may come after the end.
pub(crate) fn asks_for_a_rematch(kind: &str) -> bool {
    kind.ends_with("_rematch")
}

impl Facts {
    /// What operations with a known answer say together.
    pub(crate) fn of<'a>(
        answered: impl Iterator<Item = &'a Operation>,
    ) -> Result<Self, Contradicted> {
        let mut facts = Self::default();
        for operation in answered {
            facts.learn(&operation.action)?;
        }
        facts.close()?;
        Ok(facts)
    }

    fn learn(&mut self, action: &Action) -> Known {
        match action {
            Action::Command { input, output } => {
                let Some(Answer::Acknowledged { seq, epoch }) = output else {
                    return Ok(());
                };
                self.stands((input.seat, input.command_id), *seq)?;
                let place = self.told(*seq, *epoch);
                pin(&mut place.uci, input.uci.clone())?;
                if input.uci.is_some() {
                    pin(&mut place.taken_back, None)?;
                }
                pin(&mut place.is_aftermath, asks_for_a_rematch(&input.kind))
            }
            Action::Join { input, output } => {
                let is_late = input.role == Role::Spectator;
                let epoch = output.epoch.filter(|_| !is_late);
                self.shown(output, epoch)
            }
            Action::Shown { output } => self.shown(output, None),
            Action::Event { output } => {
                self.told(output.seq, output.epoch);
                self.entry(output.seq, &output.entry)
            }
            Action::Log { output } => {
                for (seq, record) in (1..).zip(&output.records) {
                    self.record(seq, record)?;
                }
                Ok(())
            }
            Action::Broken { .. } => Err(Contradicted),
        }
    }

    /// The place is there, as was said under an epoch.
    fn told(&mut self, seq: u32, epoch: u64) -> &mut Place {
        let place = self.place(seq);
        place.epoch = place.epoch.min(epoch);
        place
    }

    fn place(&mut self, seq: u32) -> &mut Place {
        let index = (seq as usize).saturating_sub(1);
        if self.places.len() <= index {
            self.places.resize_with(index + 1, Place::default);
        }
        &mut self.places[index]
    }

    /// A command stands at one place, and no other is there.
    fn stands(&mut self, cause: Cause, seq: u32) -> Known {
        if *self.places_of.entry(cause).or_insert(seq) != seq {
            return Err(Contradicted);
        }
        let place = self.place(seq);
        pin(&mut place.command, Some(cause))?;
        pin(&mut place.seat, Some(cause.0))
    }

    fn entry(&mut self, seq: u32, entry: &Entry) -> Known {
        let place = self.place(seq);
        pin(&mut place.seat, entry.seat)?;
        if entry.seat.is_none() {
            pin(&mut place.command, None)?;
        }
        let Some(event) = &entry.event else {
            return Ok(());
        };
        pin(&mut place.uci, entry.uci.clone())?;
        pin(&mut place.taken_back, entry.taken_back)?;
        pin(&mut place.is_aftermath, event.starts_with("rematch_"))?;
        pin(&mut place.event, event.clone())
    }

    fn record(&mut self, seq: u32, record: &Record) -> Known {
        self.entry(seq, &record.entry)?;
        match (record.entry.seat, record.command_id) {
            (Some(seat), Some(id)) => self.stands((seat, id), seq),
            (None, None) => Ok(()),
            _ => Err(Contradicted),
        }
    }

    fn shown(&mut self, state: &State, epoch: Option<u64>) -> Known {
        if state.seq > 0 {
            self.told(state.seq, epoch.unwrap_or(u64::MAX));
        }
        if state.over {
            let least = self.over.map_or(state.seq, |seq| seq.min(state.seq));
            self.over = Some(least);
        }
        let lines = state.moves.clone().map(|moves| (state.seq, moves));
        self.lines.extend(lines);
        Ok(())
    }

    /// What follows from all of it.
    fn close(&mut self) -> Known {
        if let Some(over) = self.over {
            let mut after = self.places.iter().skip(over as usize);
            if after.any(|place| place.is_aftermath == Some(false)) {
                return Err(Contradicted);
            }
        }
        let (mut epoch, mut next) = (u64::MAX, u32::MAX);
        self.next_of_a_seat = vec![u32::MAX; self.places.len() + 1];
        for (index, place) in self.places.iter_mut().enumerate().rev() {
            epoch = epoch.min(place.epoch);
            place.epoch = epoch;
            if place.is_of_a_seat() {
                next = u32::try_from(index + 1).unwrap_or(u32::MAX);
            }
            self.next_of_a_seat[index] = next;
        }
        self.check_lines()
    }

    /// The moves that were shown are those that the events before lead to, as far as these are known.
    fn check_lines(&mut self) -> Known {
        self.lines.sort_unstable();
        let mut lines = self.lines.iter().peekable();
        let mut line = Some(Vec::new());
        for seq in 0..=self.places.len() {
            if let Some(place) = seq.checked_sub(1).map(|index| &self.places[index]) {
                line = line.and_then(|line| place.follow(line));
            }
            while let Some((_, moves)) = lines.next_if(|(at, _)| *at as usize == seq) {
                if *line.get_or_insert_with(|| moves.clone()) != *moves {
                    return Err(Contradicted);
                }
            }
        }
        Ok(())
    }

    // ---- what the search asks --------------------------------------------------------------------

    /// The first place after `len` events that only a command of a seat can take; the others before it the server
    /// itself may have taken.
    pub(crate) fn next_of_a_seat(&self, len: u32) -> u32 {
        let next = self.next_of_a_seat.get(len as usize);
        next.copied().unwrap_or(u32::MAX)
    }

    /// Whether a command without an answer may be at a place of a seat.
    pub(crate) fn may_be(&self, cause: Cause, uci: Option<&str>, kind: &str, seq: u32) -> bool {
        let Some(place) = self.places.get((seq as usize).saturating_sub(1)) else {
            return false;
        };
        let fits_elsewhere = self.places_of.get(&cause).is_some_and(|at| *at != seq);
        !fits_elsewhere
            && place.command.is_none_or(|command| command == Some(cause))
            && place.seat.is_none_or(|seat| seat == Some(cause.0))
            && place.uci.as_ref().is_none_or(|has| has.as_deref() == uci)
            && place
                .is_aftermath
                .is_none_or(|is| is == asks_for_a_rematch(kind))
    }

    /// Whether all events after the first `len` were decided under later epochs than this one, for all that is known.
    pub(crate) fn is_newer_than(&self, epoch: u64, len: u32) -> bool {
        let next = self.places.get(len as usize);
        next.is_none_or(|place| place.epoch > epoch)
    }
}

impl Place {
    /// The moves that stand after it; `None` if that is not known.
    fn follow(&self, mut line: Vec<String>) -> Option<Vec<String>> {
        match (&self.uci, self.taken_back) {
            (Some(Some(uci)), _) => line.push(uci.clone()),
            (_, Some(Some(plies))) => {
                line.truncate(line.len().saturating_sub(plies as usize));
            }
            (Some(None), Some(None)) => {}
            _ => return None,
        }
        Some(line)
    }
}
