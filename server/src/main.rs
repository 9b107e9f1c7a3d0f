//! The binary `rookery`.

use std::process::ExitCode;

use server::commands::{Cli, DEFAULT_COMMAND, run};

/// Measured to cost less CPU than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let _flush = program::Flush;
    // A damaged file of the embedded store is refused in words.
    program::contain_panics(store::contains_panics);
    settings::raise_open_files();
    let parsed = settings::parse::<Cli>(std::env::args_os(), Some(DEFAULT_COMMAND))
        .unwrap_or_else(|refused| refused.exit());
    match run(parsed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            program::complain!("rookery: {failure}");
            ExitCode::FAILURE
        }
    }
}
