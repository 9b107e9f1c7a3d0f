//! The stored record of an event.

use game_core::{CommandId, Event, EventKind, MatchTime, Seat, Uci, WithMove};
use serde::{Deserialize, Serialize};

use super::layout::{Format, Layout, NoLayout};
use super::leaves::{
    StoredClocks, StoredId, StoredOutcome, StoredRoundTrip, StoredSeat, StoredTermination,
    StoredWithMove, id_from_stored, id_to_stored, refused,
};
use super::varint::Varint;

/// An [`Event`], version 3.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RecordV3 {
    seq: Varint,
    author: AuthorV2,
    clocks: StoredClocks,
    /// Microseconds on the owner's clock.
    at: Varint,
    kind: KindV2,
    round_trip: StoredRoundTrip,
}

impl Layout for RecordV3 {
    const FORMAT: Format = Format::Record;
    const VERSION: u8 = 3;
    type Former = RecordV2;

    fn from_former(former: RecordV2) -> Self {
        Self {
            seq: former.seq,
            author: former.author,
            clocks: former.clocks,
            at: former.at,
            kind: former.kind,
            round_trip: StoredRoundTrip::default(),
        }
    }
}

/// An [`Event`], version 2, which is read.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RecordV2 {
    seq: Varint,
    author: AuthorV2,
    clocks: StoredClocks,
    /// Microseconds on the owner's clock.
    at: Varint,
    kind: KindV2,
}

impl Layout for RecordV2 {
    const FORMAT: Format = Format::Record;
    const VERSION: u8 = 2;
    type Former = NoLayout;

    fn from_former(former: NoLayout) -> Self {
        match former {}
    }
}

/// The seat and command that caused an event. The last two are for events that no match makes.
#[derive(Debug, Serialize, Deserialize)]
enum AuthorV2 {
    Nobody,
    White(u64),
    Black(u64),
    Seat(StoredSeat),
    Command(u64),
}

/// An [`EventKind`], with what is said with a move folded in. Moves are the bytes of [`Uci::to_bits`].
#[derive(Debug, Serialize, Deserialize)]
enum KindV2 {
    Moved([u8; 2]),
    MovedWith([u8; 2], StoredWithMove),
    DrawOffered,
    DrawDeclined,
    TakebackOffered,
    TakebackDeclined,
    TakenBack(u8),
    TimeGiven(u8),
    Ended(StoredOutcome, StoredTermination),
    RematchOffered,
    RematchDeclined,
    RematchAgreed(StoredId),
    Stopped,
    Resumed,
    ClockSet(StoredSeat),
}

impl From<&Event> for RecordV3 {
    fn from(event: &Event) -> Self {
        let Event {
            seq,
            seat,
            command_id,
            clocks,
            at,
            round_trip,
            kind,
        } = event;
        Self {
            seq: Varint((*seq).into()),
            author: AuthorV2::new(*seat, *command_id),
            clocks: (*clocks).into(),
            at: Varint(at.as_micros()),
            kind: (*kind).into(),
            round_trip: (*round_trip).into(),
        }
    }
}

#[cfg(feature = "testing")]
impl From<&Event> for RecordV2 {
    fn from(event: &Event) -> Self {
        let present = RecordV3::from(event);
        Self {
            seq: present.seq,
            author: present.author,
            clocks: present.clocks,
            at: present.at,
            kind: present.kind,
        }
    }
}

impl TryFrom<RecordV3> for Event {
    type Error = String;

    fn try_from(stored: RecordV3) -> Result<Self, String> {
        let (seat, command_id) = stored.author.parts();
        Ok(Self {
            seq: u32::try_from(stored.seq.0).map_err(refused)?,
            seat,
            command_id,
            clocks: stored.clocks.into(),
            at: MatchTime::from_micros(stored.at.0),
            round_trip: stored.round_trip.try_into()?,
            kind: stored.kind.try_into()?,
        })
    }
}

impl AuthorV2 {
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

impl From<EventKind> for KindV2 {
    fn from(kind: EventKind) -> Self {
        match kind {
            EventKind::Moved {
                uci,
                with: WithMove::Nothing,
            } => Self::Moved(uci.to_bits().to_le_bytes()),
            EventKind::Moved { uci, with } => {
                Self::MovedWith(uci.to_bits().to_le_bytes(), with.into())
            }
            EventKind::DrawOffered => Self::DrawOffered,
            EventKind::DrawDeclined => Self::DrawDeclined,
            EventKind::TakebackOffered => Self::TakebackOffered,
            EventKind::TakebackDeclined => Self::TakebackDeclined,
            EventKind::TakenBack { plies } => Self::TakenBack(plies),
            EventKind::TimeGiven { seconds } => Self::TimeGiven(seconds),
            EventKind::Ended {
                outcome,
                termination,
            } => Self::Ended(outcome.into(), termination.into()),
            EventKind::RematchOffered => Self::RematchOffered,
            EventKind::RematchDeclined => Self::RematchDeclined,
            EventKind::RematchAgreed { match_id } => Self::RematchAgreed(id_to_stored(match_id)),
            EventKind::Stopped => Self::Stopped,
            EventKind::Resumed => Self::Resumed,
            EventKind::ClockSet { seat } => Self::ClockSet(seat.into()),
        }
    }
}

impl TryFrom<KindV2> for EventKind {
    type Error = String;

    fn try_from(stored: KindV2) -> Result<Self, String> {
        let uci = |bits| Uci::from_bits(u16::from_le_bytes(bits)).map_err(refused);
        Ok(match stored {
            KindV2::Moved(bits) => Self::Moved {
                uci: uci(bits)?,
                with: WithMove::Nothing,
            },
            KindV2::MovedWith(bits, with) => Self::Moved {
                uci: uci(bits)?,
                with: with.into(),
            },
            KindV2::DrawOffered => Self::DrawOffered,
            KindV2::DrawDeclined => Self::DrawDeclined,
            KindV2::TakebackOffered => Self::TakebackOffered,
            KindV2::TakebackDeclined => Self::TakebackDeclined,
            KindV2::TakenBack(plies) => Self::TakenBack { plies },
            KindV2::TimeGiven(seconds) => Self::TimeGiven { seconds },
            KindV2::Ended(outcome, termination) => Self::Ended {
                outcome: outcome.into(),
                termination: termination.into(),
            },
            KindV2::RematchOffered => Self::RematchOffered,
            KindV2::RematchDeclined => Self::RematchDeclined,
            KindV2::RematchAgreed(match_id) => Self::RematchAgreed {
                match_id: id_from_stored(match_id)?,
            },
            KindV2::Stopped => Self::Stopped,
            KindV2::Resumed => Self::Resumed,
            KindV2::ClockSet(seat) => Self::ClockSet { seat: seat.into() },
        })
    }
}
