//! The commands of a seat, from the asking to the answer.

use std::time::{Duration, Instant};

use game_core::{CommandId, CommandKind, Epoch};
use protocol::ClientFrame;

/// A command that took effect: the shard's promise that it is kept for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acked {
    /// Which command.
    pub id: CommandId,
    /// The seq of the event that it caused.
    pub event: u32,
    /// The command, a move in the form in which the shard names it.
    pub kind: CommandKind,
    /// The epoch under which it was acknowledged.
    pub epoch: Epoch,
}

#[derive(Debug)]
struct Waiting {
    id: CommandId,
    kind: CommandKind,
    asked_at: Instant,
    /// When it was last sent over the present stream.
    sent_at: Option<Instant>,
    /// When to send it again, after a refusal for a reason that passes.
    retry_at: Option<Instant>,
    retries: u32,
}

/// Commands without an answer, in the order in which they were issued.
#[derive(Debug)]
pub(super) struct Unanswered {
    waiting: Vec<Waiting>,
    next: CommandId,
}

impl Unanswered {
    /// A player has one move to wait for, and perhaps an offer and a resignation.
    pub(super) const MAX: usize = 16;
    /// Upper bound on refusals for a temporary reason; then the reason counts as permanent.
    const RETRIES_MAX: u32 = 40;

    pub(super) const fn new(first: CommandId) -> Self {
        Self {
            waiting: Vec::new(),
            next: first,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes up a command; `None` if there are too many.
    pub(super) fn add(&mut self, kind: CommandKind, now: Instant) -> Option<CommandId> {
        if self.waiting.len() == Self::MAX {
            return None;
        }
        let id = self.next;
        self.next = CommandId(id.0.wrapping_add(1));
        self.waiting.push(Waiting {
            id,
            kind,
            asked_at: now,
            sent_at: None,
            retry_at: None,
            retries: 0,
        });
        Some(id)
    }

    pub(super) fn sent(&mut self, id: CommandId, now: Instant) {
        if let Some(waiting) = self.find(id) {
            waiting.sent_at = Some(now);
        }
    }

    /// The commands in the order in which they were issued.
    pub(super) fn kinds(&self) -> impl Iterator<Item = CommandKind> + '_ {
        self.waiting.iter().map(|waiting| waiting.kind)
    }

    /// How long ago a waiting command was issued, and whether it was ever sent.
    pub(super) fn waiting(&self, id: CommandId, now: Instant) -> Option<(Duration, bool)> {
        let waiting = self.waiting.iter().find(|waiting| waiting.id == id)?;
        let asked = now.saturating_duration_since(waiting.asked_at);
        Some((asked, waiting.sent_at.is_some()))
    }

    /// Every command, to be sent over a new stream.
    pub(super) fn send_all(&mut self, now: Instant) -> impl Iterator<Item = ClientFrame> {
        self.waiting.iter_mut().map(move |waiting| {
            waiting.sent_at = Some(now);
            waiting.retry_at = None;
            let (id, kind) = (waiting.id, waiting.kind);
            ClientFrame::Command { id, kind }
        })
    }

    /// The answer arrived: returns the command, and how long ago it was issued.
    pub(super) fn take(&mut self, id: CommandId, now: Instant) -> Option<(CommandKind, Duration)> {
        let index = self.waiting.iter().position(|waiting| waiting.id == id)?;
        let waiting = self.waiting.remove(index);
        Some((
            waiting.kind,
            now.saturating_duration_since(waiting.asked_at),
        ))
    }

    /// Notes that a command is to be sent again at `at`; whether it may be.
    pub(super) fn retry(&mut self, id: CommandId, at: Instant) -> bool {
        let Some(waiting) = self.find(id) else {
            return false;
        };
        waiting.retries += 1;
        waiting.retry_at = Some(at);
        waiting.retries <= Self::RETRIES_MAX
    }

    /// The commands whose time has come again.
    pub(super) fn take_retries(&mut self, now: Instant) -> Vec<ClientFrame> {
        let due = self.waiting.iter_mut().filter_map(|waiting| {
            waiting.retry_at.take_if(|at| *at <= now)?;
            waiting.sent_at = Some(now);
            let (id, kind) = (waiting.id, waiting.kind);
            Some(ClientFrame::Command { id, kind })
        });
        due.collect()
    }

    /// When a command has to be retransmitted, or an answer is overdue: `max` after both the sending and the
    /// last frame of the shard, which answers in order and may have a backlog.
    pub(super) fn deadline(&self, max: Duration, heard_at: Instant) -> Option<Instant> {
        let deadlines = self.waiting.iter().filter_map(|waiting| {
            let overdue = waiting.sent_at.map(|sent_at| sent_at.max(heard_at) + max);
            waiting.retry_at.or(overdue)
        });
        deadlines.min()
    }

    /// When the command was sent that has waited for its answer for longest over the present stream.
    pub(super) fn sent_since(&self) -> Option<Instant> {
        let waiting = self.waiting.iter();
        let sent = waiting.filter(|waiting| waiting.retry_at.is_none());
        sent.filter_map(|waiting| waiting.sent_at).min()
    }

    /// Whether an answer is overdue.
    pub(super) fn overdue(&self, max: Duration, heard_at: Instant, now: Instant) -> bool {
        self.deadline(max, heard_at).is_some_and(|at| at <= now)
    }

    fn find(&mut self, id: CommandId) -> Option<&mut Waiting> {
        self.waiting.iter_mut().find(|waiting| waiting.id == id)
    }
}
