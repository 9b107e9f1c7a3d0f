//! Bounds at which the rules end a match in a draw, without anybody's command.

/// Half-moves after which a match is drawn: 600 moves a side.
pub const PLIES_MAX: u16 = 2 * 600;

/// Half-moves without a capture or a pawn move after which a match is drawn: 75 moves a side (FIDE
/// 9.6.2).
pub const QUIET_PLIES_MAX: u32 = 2 * 75;

/// Occurrences of one position after which a match is drawn (FIDE 9.6.1).
pub const REPETITIONS_MAX: usize = 5;
