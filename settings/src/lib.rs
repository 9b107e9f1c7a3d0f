//! What a program is configured with: flags over the environment over a file over defaults.
//!
//! An option is declared once, with `clap`. [`parse`] reads the file that `--config` names and passes its
//! values to the same parsers as the command line, so that one rule checks a value wherever it comes from.
//! [`Effective`] lists the values in effect and their origins.

mod effective;
mod file;
mod network;
mod open_files;
mod pages;
mod parse;
mod secret;
mod variables;

pub use effective::{Effective, OptionValue, Origin, without_password};
pub use file::FileError;
pub use network::{AddressGroup, InvalidNetworks, Networks};
pub use open_files::{open_files, raise_open_files};
pub use pages::PagesArgs;
pub use parse::{Parsed, Refused, parse};
pub use secret::is_guessable;
pub use variables::{UnknownVariable, VARIABLES};

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

/// The options of every configurable command: its file, and whether it runs in production.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub struct ConfigArgs {
    /// A file in TOML with any options of this command, named as here but with underscores
    /// (`listen = "0.0.0.0:7000"`). Variables of the environment override it, and options override both.
    #[arg(long, env = "ROOKERY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Refuse what only suits development: keys and tokens made for this run, secrets that can be guessed,
    /// and a Redis that answers before it has flushed (anything but `appendfsync always`).
    #[arg(long, env = "ROOKERY_PRODUCTION", value_parser = BoolishValueParser::new())]
    pub production: bool,
}
