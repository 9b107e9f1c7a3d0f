//! Bounds of the rules, most of them at which a match ends in a draw.

/// Half-moves after which a match is drawn: 600 moves a side.
pub const PLIES_MAX: u16 = 2 * 600;

/// Half-moves without a capture or a pawn move after which a match is drawn: 75 moves a side (FIDE
/// 9.6.2).
pub const QUIET_PLIES_MAX: u32 = 2 * 75;

/// Occurrences of one position after which a match is drawn (FIDE 9.6.1).
pub const REPETITIONS_MAX: usize = 5;

/// Occurrences of one position at which a draw can be claimed (FIDE 9.2).
pub const REPETITIONS_CLAIM: usize = 3;

/// Half-moves without a capture or a pawn move at which a draw can be claimed: fifty moves a side
/// (FIDE 9.3).
pub const QUIET_PLIES_CLAIM: u32 = 2 * 50;

/// Upper bound on events of a match that are no moves, and on moves taken back: commands that add one
/// are refused once a match has this many events more than half-moves on the board. Nobody can make a log
/// grow without end.
pub const SIDE_EVENTS_MAX: u32 = 1_000;

/// Least that a seat may add to its opponent's clock at once, in seconds.
pub const GIVE_TIME_MIN: u8 = 5;

/// Most that a seat may add to its opponent's clock at once, in seconds.
pub const GIVE_TIME_MAX: u8 = 60;
