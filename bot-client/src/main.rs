//! The binary `bot-client`.

use std::process::ExitCode;
use std::time::Duration;

use bot_client::commands::Cli;
use clap::Parser;
use lab::command::Failure;

/// Measured to cost less CPU than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let _flush = program::Flush;
    settings::raise_open_files();
    let cli = Cli::parse();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let why = failure.to_string();
            program::complain!("bot-client: {}", client::printable_lines(&why));
            failure.exit_code()
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    if cli.may_log() {
        let started = cli.log().start("warn");
        started.map_err(|error| Failure::Setup(error.to_string()))?;
    }
    let mut runtime = match cli.has_one_thread() {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| Failure::Setup(format!("no runtime: {error}")))?;
    let done = runtime.block_on(cli.run());
    // A thread that waits for a line of stdin cannot be interrupted.
    runtime.shutdown_timeout(Duration::from_millis(100));
    done
}
