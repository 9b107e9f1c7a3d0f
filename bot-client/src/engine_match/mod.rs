//! `bot-client match`: matches of engines against each other, each game a match on the server.
//!
//! A run is a list of games that its command line determines ([`schedule`]). The id of each game's match follows from the
//! name of the run and the number of the game, by the idempotency keys under which the match is made ([`game`]): a run whose
//! process was killed is started again with the same words, and goes on in the middle of its games. What is over stands in
//! the PGN file ([`record`]); what engines thought of moves whose game is not over stands beside it ([`notes`]).
//!
//! An engine on another machine plays what is made for its account ([`connect`]).
//!
//! [`words`] and [`plan`] read the command line, [`openings`] the book, [`adjudication`] and [`conduct`] decide how a game
//! ends, [`elo`], [`sprt`] and [`standing`] say what results mean: all of them without I/O, but the reading of files.

mod adjudication;
mod conduct;
mod connect;
mod control;
mod elo;
mod game;
mod help;
mod notes;
mod openings;
mod pgn_file;
mod plan;
mod record;
mod run;
mod schedule;
mod sprt;
mod standing;
mod words;

pub(crate) use help::MatchArgs;
pub(crate) use run::run;
