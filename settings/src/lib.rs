//! What a program is configured with: flags over the environment over a file over defaults.
//!
//! An option is declared once, with `clap`. [`parse`] reads the file that `--config` names and gives
//! what it says to the same parsers as what stands on the command line, so that a value is checked by
//! one rule wherever it comes from. [`Effective`] says which values those were, and whence.

mod effective;
mod file;
mod network;
mod open_files;
mod parse;
mod secret;
mod variables;

pub use effective::{Effective, Entry, Origin, without_password};
pub use file::FileError;
pub use network::{AddressGroup, InvalidNetworks, Networks};
pub use open_files::{open_files, raise_open_files};
pub use parse::{Parsed, Refused, parse};
pub use secret::is_guessable;
pub use variables::{UnknownVariable, VARIABLES};

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

/// The options that every configurable command has: where its file is, and how strict it is.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub struct Configuration {
    /// A file in TOML with any of the options of this command, named as here but with underscores
    /// (`listen = "0.0.0.0:7000"`). The environment comes before it, and options before both.
    #[arg(long, env = "ROOKERY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Refuse what is fit for development alone: keys and tokens made for this run, secrets that can
    /// be guessed, and a Redis that answers before it has flushed (anything but `appendfsync always`).
    #[arg(long, env = "ROOKERY_PRODUCTION", value_parser = BoolishValueParser::new())]
    pub production: bool,
}
