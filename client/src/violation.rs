//! What a shard must never send.

use game_core::{CommandId, Outcome, Termination, Uci};
use protocol::codec::FrameError;

/// A promise that the shard broke, or a frame that makes no sense. There is no going on after it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Bytes that are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame where it does not belong.
    #[error("a frame out of place: {0}")]
    OutOfPlace(&'static str),
    /// Events were left out.
    #[error("after event {seen} came event {got}")]
    Gap {
        /// The last event seen.
        seen: u32,
        /// The one that came.
        got: u32,
    },
    /// Events that were seen are gone.
    #[error("event {seen} was seen, and now the match has {has} events")]
    Lost {
        /// The last event seen.
        seen: u32,
        /// What the match has.
        has: u32,
    },
    /// The past is another than it was.
    #[error("the full state contradicts the events that were seen before it")]
    Rewritten,
    /// A match starts from no legal position.
    #[error("the match starts from what is no legal position: {0}")]
    StartPosition(String),
    /// The full state names another position than its moves lead to.
    #[error("the state says {said}, its moves lead to {ours}")]
    OtherPosition {
        /// The shard's FEN.
        said: String,
        /// The FEN that the moves lead to.
        ours: String,
    },
    /// The rules do not allow the move.
    #[error("{uci} is not legal in {fen}")]
    IllegalMove {
        /// The move.
        uci: Uci,
        /// The position.
        fen: String,
    },
    /// A move of the seat that was not to move.
    #[error("event {seq} is a move of the wrong seat")]
    WrongTurn {
        /// The event.
        seq: u32,
    },
    /// An event of a match that had ended.
    #[error("event {seq} comes after the end of the match")]
    AfterTheEnd {
        /// The event.
        seq: u32,
    },
    /// An event of a rematch in a match that had not ended.
    #[error("event {seq} is of a rematch before the end of the match")]
    BeforeTheEnd {
        /// The event.
        seq: u32,
    },
    /// An answer to an offer that does not stand, or an offer of nobody.
    #[error("event {seq} answers what nobody offers")]
    NoOffer {
        /// The event.
        seq: u32,
    },
    /// A takeback of another number of moves than was asked for.
    #[error("event {seq} takes back {plies} half-moves, which is not what was asked for")]
    WrongTakeback {
        /// The event.
        seq: u32,
        /// How many half-moves.
        plies: u8,
    },
    /// The ending does not follow from the board or the open draw offer.
    #[error("{outcome} by {termination} is not how {fen} ends")]
    WrongEnding {
        /// The outcome that was sent.
        outcome: Outcome,
        /// Why.
        termination: Termination,
        /// The position.
        fen: String,
    },
    /// A command took effect twice, or its answer changed.
    #[error("command {id} was answered by event {first}, and now by event {now}")]
    AnswerChanged {
        /// The command.
        id: CommandId,
        /// The event of its first answer.
        first: u32,
        /// The event of this answer.
        now: u32,
    },
    /// One event is the answer to two commands.
    #[error("event {event} is the answer to the commands {first} and {second}")]
    SharedEvent {
        /// The event.
        event: u32,
        /// The command answered first.
        first: CommandId,
        /// The other command.
        second: CommandId,
    },
    /// A move that was acknowledged is not in the match.
    #[error("{uci} was acknowledged as event {event}, which it is not")]
    AckBroken {
        /// The move.
        uci: Uci,
        /// Its event, as it was acknowledged.
        event: u32,
        /// The move that this event is, or that is in its place; `None` if there is none.
        has: Option<Uci>,
    },
    /// The answer to a command that was never sent.
    #[error("command {0} is answered and was never sent")]
    UnknownCommand(CommandId),
    /// An event that does not exist yet.
    #[error("event {event} is named when the match has {has}")]
    FutureEvent {
        /// The event named.
        event: u32,
        /// The events there are.
        has: u32,
    },
}
