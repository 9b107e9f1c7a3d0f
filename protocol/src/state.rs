//! The full state of a match, as its owner tells it to who joins.

use game_core::{BySeat, Match, Seat};

use crate::{MatchState, SeatView, TagsView};

impl MatchState {
    /// The state of a match.
    #[must_use]
    pub fn of(game: &Match) -> Self {
        let setup = game.setup();
        Self {
            players: BySeat::new_with(|seat: Seat| SeatView::from(&setup.players[seat])),
            variant: setup.variant(),
            controls: setup.controls,
            clock_start: setup.clock_start,
            start_at: setup.start_at,
            rated: setup.rated,
            spectator_delay_s: setup.spectator_delay_s,
            chat: setup.chat,
            rules: setup.rules,
            tags: setup.tags.as_deref().map(TagsView::from),
            start_fen: (!setup.start.is_initial()).then(|| setup.start.fen()),
            fen: game.fen(),
            moves: game.moves().map(|(uci, _)| uci).collect(),
            position_seq: game.position_seq(),
            draw_offer: game.draw_offer(),
            takeback_offer: game.takeback_offer(),
            rematch_offer: game.rematch_offer(),
            rematch: game.rematch(),
            result: game.outcome(),
            offered_plies: game.offered_plies(),
        }
    }
}
