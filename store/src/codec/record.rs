//! The stored record of an event.

use std::time::Duration;

use game_core::{BySeat, CommandId, Event, EventKind, Seat, Uci};
use serde::{Deserialize, Serialize};

use super::leaves::{StoredOutcome, StoredSeat, StoredTermination};

/// An [`Event`], version 1: author and kind in a byte each, and the clocks as whole microseconds,
/// which take half the bytes of a [`Duration`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RecordV1 {
    seq: u32,
    author: AuthorV1,
    white_us: u64,
    black_us: u64,
    kind: KindV1,
}

/// The seat and command that caused an event. The last two are for events that no match makes.
#[derive(Debug, Serialize, Deserialize)]
enum AuthorV1 {
    Nobody,
    White(u64),
    Black(u64),
    Seat(StoredSeat),
    Command(u64),
}

/// An [`EventKind`] with the draw offer beside a move folded in. Moves are as [`Uci::to_bits`] packs
/// them.
#[derive(Debug, Serialize, Deserialize)]
enum KindV1 {
    Moved(u16),
    MovedAndOffered(u16),
    DrawOffered,
    DrawDeclined,
    Ended(StoredOutcome, StoredTermination),
}

impl From<&Event> for RecordV1 {
    fn from(event: &Event) -> Self {
        let Event {
            seq,
            seat,
            command_id,
            clocks,
            kind,
        } = event;
        Self {
            seq: *seq,
            author: AuthorV1::new(*seat, *command_id),
            white_us: micros(clocks.white),
            black_us: micros(clocks.black),
            kind: (*kind).into(),
        }
    }
}

impl TryFrom<RecordV1> for Event {
    type Error = String;

    fn try_from(stored: RecordV1) -> Result<Self, String> {
        let (seat, command_id) = stored.author.parts();
        Ok(Self {
            seq: stored.seq,
            seat,
            command_id,
            clocks: BySeat {
                white: Duration::from_micros(stored.white_us),
                black: Duration::from_micros(stored.black_us),
            },
            kind: stored.kind.try_into()?,
        })
    }
}

fn micros(clock: Duration) -> u64 {
    debug_assert_eq!(
        clock.subsec_nanos() % 1000,
        0,
        "clocks are whole microseconds"
    );
    u64::try_from(clock.as_micros()).unwrap_or(u64::MAX)
}

impl AuthorV1 {
    fn new(seat: Option<Seat>, command: Option<CommandId>) -> Self {
        match (seat, command) {
            (None, None) => Self::Nobody,
            (Some(Seat::White), Some(command)) => Self::White(command.0),
            (Some(Seat::Black), Some(command)) => Self::Black(command.0),
            (Some(seat), None) => Self::Seat(seat.into()),
            (None, Some(command)) => Self::Command(command.0),
        }
    }

    fn parts(&self) -> (Option<Seat>, Option<CommandId>) {
        match *self {
            Self::Nobody => (None, None),
            Self::White(command) => (Some(Seat::White), Some(CommandId(command))),
            Self::Black(command) => (Some(Seat::Black), Some(CommandId(command))),
            Self::Seat(seat) => (Some(seat.into()), None),
            Self::Command(command) => (None, Some(CommandId(command))),
        }
    }
}

impl From<EventKind> for KindV1 {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::Moved {
                uci,
                offers_draw: false,
            } => Self::Moved(uci.to_bits()),
            EventKind::Moved {
                uci,
                offers_draw: true,
            } => Self::MovedAndOffered(uci.to_bits()),
            EventKind::DrawOffered => Self::DrawOffered,
            EventKind::DrawDeclined => Self::DrawDeclined,
            EventKind::Ended {
                outcome,
                termination,
            } => Self::Ended(outcome.into(), termination.into()),
        }
    }
}

impl TryFrom<KindV1> for EventKind {
    type Error = String;

    fn try_from(stored: KindV1) -> Result<Self, String> {
        let moved = |bits, offers_draw| {
            let uci = Uci::from_bits(bits).map_err(|error| error.to_string())?;
            Ok(Self::Moved { uci, offers_draw })
        };
        match stored {
            KindV1::Moved(bits) => moved(bits, false),
            KindV1::MovedAndOffered(bits) => moved(bits, true),
            KindV1::DrawOffered => Ok(Self::DrawOffered),
            KindV1::DrawDeclined => Ok(Self::DrawDeclined),
            KindV1::Ended(outcome, termination) => Ok(Self::Ended {
                outcome: outcome.into(),
                termination: termination.into(),
            }),
        }
    }
}
