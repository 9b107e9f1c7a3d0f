//! The rules of a match, row by row: through the public interface, on time that the test owns.
//!
//! | row of the specification | module |
//! |---|---|
//! | resolution, increment, first move, start, time stamp, flag, flag result, outage | `clocks` |
//! | lag compensation, delay, stages, unequal, bounds | `controls` |
//! | speeds, and every row of the clock alone | the clock's own unit tests |
//! | give time | `gifts` |
//! | checkmate, stalemate, dead position, fivefold, seventy-five, same position, length | `endings`, `blockade` |
//! | threefold, fifty moves, `auto_claim` | `claims` |
//! | draw offer, offer and position, `no_early_draw` | `draws` |
//! | resign, abort, refusals, repeated commands | `play` |
//! | takeback | `takebacks` |
//! | opponent gone | `gone` |
//! | rematch | `rematches` |
//! | nobody comes, `start_at`, `no_abort` | `clocks`, `starts` |
//! | variants, variant endings, mating material | `variants`, `perft` |
//! | PGN export | `pgn`, `lichess` |
//! | decisions of an arbiter | `arbiter` |
//! | snapshots and logs | `restore`, `hostile`, `properties`, `limits` |

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod arbiter;
mod blockade;
mod claims;
mod clocks;
mod controls;
mod course;
mod draws;
mod endings;
mod games;
mod gifts;
mod gone;
mod hostile;
mod lichess;
mod limits;
mod orders;
mod perft;
mod pgn;
mod play;
mod properties;
mod rematches;
mod restore;
mod starts;
mod table;
mod takebacks;
mod variants;
