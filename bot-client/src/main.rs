//! The binary `bot-client`.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use bot_client::commands::{Cli, Failure};
use clap::Parser;
use tracing_subscriber::EnvFilter;

/// Measured to cost less CPU than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    settings::raise_open_files();
    let cli = Cli::parse();
    if cli.may_log() {
        start_logging();
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bot-client: {failure}");
            failure.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Setup(format!("no runtime: {error}")))?;
    let done = runtime.block_on(cli.run());
    // A thread that waits for a line of stdin cannot be interrupted.
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}

fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}
