//! The JSON of types of other crates, as the OpenAPI document describes it. Nothing here is ever made: only the
//! description is used.
#![allow(dead_code, reason = "only their descriptions are used")]

use utoipa::ToSchema;

/// How much time one side has.
#[derive(ToSchema)]
pub(crate) struct Control {
    /// The time at the start, in milliseconds.
    #[schema(nullable = false, maximum = 10_800_000)]
    initial_ms: Option<u64>,
    /// What each move adds, in milliseconds.
    #[schema(nullable = false, maximum = 180_000)]
    increment_ms: Option<u64>,
    /// The kind of delay: `simple` or `bronstein`.
    #[schema(nullable = false, pattern = "^(simple|bronstein)$")]
    delay: Option<String>,
    /// The delay of each move, in milliseconds.
    #[schema(nullable = false, maximum = 180_000)]
    delay_ms: Option<u64>,
    /// The stages, if there are several; the other keys then repeat the first.
    #[schema(nullable = false)]
    stages: Option<Vec<ControlStage>>,
}

/// A stage of a time control.
#[derive(ToSchema)]
pub(crate) struct ControlStage {
    /// The number of moves that it lasts; absent in the last stage.
    #[schema(nullable = false)]
    moves: Option<u16>,
    /// The time that it adds, in milliseconds.
    time_ms: u64,
    /// What each move adds, in milliseconds.
    #[schema(nullable = false)]
    increment_ms: Option<u64>,
    /// The kind of delay: `simple` or `bronstein`.
    #[schema(nullable = false, pattern = "^(simple|bronstein)$")]
    delay: Option<String>,
    /// The delay of each move, in milliseconds.
    #[schema(nullable = false)]
    delay_ms: Option<u64>,
}

/// The time controls of both sides.
#[derive(ToSchema)]
pub(crate) struct BothControls {
    white: Control,
    black: Control,
}

/// Both players of a match.
#[derive(ToSchema)]
pub(crate) struct BothPlayers {
    white: crate::SeatView,
    black: crate::SeatView,
}
