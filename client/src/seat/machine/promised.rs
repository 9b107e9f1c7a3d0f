//! Acknowledged moves, which must be in the match.

use game_core::{CommandKind, Uci};

use crate::seat::unanswered::Acked;
use crate::{MatchView, Violation};

/// Moves that were acknowledged before their events were seen.
#[derive(Debug, Default)]
pub(super) struct Promised(Vec<Move>);

#[derive(Debug)]
struct Move {
    /// The seq of its event, as it was acknowledged.
    event: u32,
    uci: Uci,
    /// Its place among the moves, if it was made in the position that was in view.
    ply: Option<u16>,
}

impl Promised {
    /// A command was acknowledged.
    ///
    /// # Errors
    ///
    /// [`Violation::AckBroken`] if it is a move, and its event is known to be something else.
    pub(super) fn add(&mut self, acked: &Acked, view: &MatchView) -> Result<(), Violation> {
        let CommandKind::Move {
            position_seq, uci, ..
        } = acked.kind
        else {
            return Ok(());
        };
        let is_in_view = position_seq == view.position_seq();
        self.0.push(Move {
            event: acked.event,
            uci,
            ply: is_in_view.then(|| view.ply()),
        });
        self.check(view)
    }

    /// The match in view has changed: what was promised up to its last event must be in it.
    ///
    /// # Errors
    ///
    /// [`Violation::AckBroken`].
    pub(super) fn check(&mut self, view: &MatchView) -> Result<(), Violation> {
        let mut broken = None;
        self.0.retain(|promised| {
            let is_due = promised.event <= view.seq();
            if is_due && let Err(has) = promised.is_kept(view) {
                let (uci, event) = (promised.uci, promised.event);
                broken = Some(Violation::AckBroken { uci, event, has });
            }
            !is_due
        });
        broken.map_or(Ok(()), Err)
    }
}

impl Move {
    /// Whether the match has the move, or had it before a takeback; else what it has in its place.
    fn is_kept(&self, view: &MatchView) -> Result<(), Option<Uci>> {
        if let Some(made) = view.move_made_by(self.event) {
            return if made == self.uci {
                Ok(())
            } else {
                Err(Some(made))
            };
        }
        // Its event was in a full state.
        let moves = view.moves();
        if view.position_seq() == self.event {
            let last = view.last_move();
            return if last == Some(self.uci) {
                Ok(())
            } else {
                Err(last)
            };
        }
        let Some(ply) = self.ply.map(usize::from) else {
            return Ok(());
        };
        let has = moves.get(ply).copied();
        // A takeback is two events, and each move that came in its place one.
        let needed = 2 + moves.len().saturating_sub(ply);
        let may_be_taken_back = (view.seq() - self.event) as usize >= needed;
        if has == Some(self.uci) || may_be_taken_back {
            Ok(())
        } else {
            Err(has)
        }
    }
}
