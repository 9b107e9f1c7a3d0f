//! The binary `rookery`.

use std::process::ExitCode;

use clap::Parser;
use server::commands::{Cli, run};

/// Measured to cost less CPU than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("rookery: {failure}");
            ExitCode::FAILURE
        }
    }
}
