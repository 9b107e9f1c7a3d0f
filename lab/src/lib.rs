//! The laboratory: local clusters of real processes, networks and disks that fail, players by the thousand, and
//! what is measured and checked of all that.
//!
//! [`cluster`] starts and supervises the processes; [`udp_proxy`] and [`tcp_proxy`] stand between them, and
//! [`faults`] says how all that fails, and [`power`] what a power cut takes of files. [`replay`] plays recorded games, [`soak`] plays for hours or for so many
//! faults and checks every promise from outside and against the log of each match, [`mod@bench`] measures.
//! [`engine`] and [`player`] are the bots, [`board`] how a position looks in a terminal.

pub mod acked_log;
pub mod bench;
pub mod board;
pub mod cluster;
pub mod command;
pub mod draws;
mod duration;
pub mod engine;
pub mod faults;
mod html;
mod lines;
pub mod player;
pub mod power;
pub mod replay;
pub mod soak;
pub mod tcp_proxy;
pub mod terminal;
pub mod udp_proxy;
pub mod unattended;
