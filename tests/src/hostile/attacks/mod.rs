//! What attackers do. Every loop ends with the attack, and none goes faster than its bound; that of `full_speed` is on the
//! requests under way.

pub(super) mod connections;
pub(super) mod creations;
pub(super) mod forged;
pub(super) mod full_speed;
pub(super) mod guesses;
pub(super) mod half_open;
pub(super) mod leave_and_join;
pub(super) mod many_seats;
pub(super) mod never_reads;
pub(super) mod nonsense;
mod pace;
pub(super) mod pages;
pub(super) mod revoked;
pub(super) mod without_token;
