//! Matches as the public sees them, as a shard tells matchmakers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use game_core::{Match, MatchId, Seat};
use protocol::ClockView;
use serde::{Deserialize, Serialize};
use shard_core::PublicMatch;
use store::codec;
use utoipa::ToSchema;

/// A match as the public sees it, which is behind by the delay of its spectators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WatchedMatch {
    /// Its id.
    #[schema(value_type = String)]
    pub match_id: MatchId,
    /// Number of the last event that is public.
    pub seq: u32,
    /// The state after that event as it is stored, in base64; absent if the asker has it.
    pub snapshot: Option<String>,
    /// White's remaining time, in milliseconds.
    pub white_ms: u32,
    /// Black's remaining time, in milliseconds.
    pub black_ms: u32,
    /// The side whose clock counts down from now on.
    #[schema(value_type = Option<String>)]
    pub running: Option<Seat>,
    /// For how many milliseconds the running clock still stands.
    pub delay_ms: u32,
    /// Whether play is paused because the store does not answer.
    pub paused: bool,
    /// Number of spectators on streams of the shard.
    pub spectators: u32,
}

/// Matches as the public sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WatchedList {
    /// Those that are in memory, in the order of the request.
    pub matches: Vec<WatchedMatch>,
}

impl WatchedMatch {
    /// A match as its shard has it.
    #[must_use]
    pub fn new(match_id: MatchId, public: &PublicMatch) -> Self {
        let encode = |snapshot| STANDARD.encode(codec::encode_snapshot(snapshot));
        let ClockView {
            white_ms,
            black_ms,
            running,
            delay_ms,
        } = public.clock;
        Self {
            match_id,
            seq: public.seq,
            snapshot: public.snapshot.as_ref().map(encode),
            white_ms,
            black_ms,
            running,
            delay_ms,
            paused: public.paused,
            spectators: public.spectators,
        }
    }

    /// Both clocks at the time of the answer.
    #[must_use]
    pub const fn clock(&self) -> ClockView {
        ClockView {
            white_ms: self.white_ms,
            black_ms: self.black_ms,
            running: self.running,
            delay_ms: self.delay_ms,
        }
    }

    /// The match after its last public event; `None` if the answer has no state, or one that cannot be read here.
    #[must_use]
    pub fn game(&self) -> Option<Match> {
        let bytes = STANDARD.decode(self.snapshot.as_ref()?).ok()?;
        let snapshot = codec::decode_snapshot(&bytes).ok()?;
        Match::restore(snapshot, &[]).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use game_core::testing::SetupBuilder;
    use game_core::{BySeat, Match};

    use super::*;

    #[test]
    fn a_match_arrives_as_it_was_sent() {
        let game = Match::new(SetupBuilder::new().timed("60+0").build());
        let clocks = BySeat {
            white: Duration::from_millis(1_500),
            black: Duration::from_secs(60),
        };
        let public = PublicMatch {
            seq: 0,
            snapshot: Some(game.snapshot()),
            clock: ClockView::new(clocks, Some(Seat::White), Duration::ZERO),
            paused: false,
            spectators: 3,
        };
        let sent = WatchedMatch::new(game.setup().id, &public);
        let json = serde_json::to_string(&sent).unwrap();
        let arrived: WatchedMatch = serde_json::from_str(&json).unwrap();
        assert_eq!(arrived.clock(), public.clock);
        assert_eq!(arrived.game().unwrap().setup(), game.setup());
        let damaged = WatchedMatch {
            snapshot: Some("AAAA".to_owned()),
            ..arrived
        };
        assert!(damaged.game().is_none());
    }
}
