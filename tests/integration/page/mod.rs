//! The page in a real browser: whole games, every offer, every variant, and whoever plays without a mouse or without eyes.

mod budgets;
mod demo;
mod everyone;
mod lobby;
mod offers;
mod stage;
mod switching;
mod variants;
mod whole_game;
