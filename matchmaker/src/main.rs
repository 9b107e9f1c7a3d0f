//! The binary `rookery-matchmaker`.

use std::process::ExitCode;

use matchmaker::Args;

#[tokio::main]
async fn main() -> ExitCode {
    let _flush = program::Flush;
    settings::raise_open_files();
    let parsed =
        settings::parse::<Args>(std::env::args_os(), None).unwrap_or_else(|refused| refused.exit());
    match matchmaker::start(parsed).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            program::complain!("rookery-matchmaker: {failure}");
            ExitCode::FAILURE
        }
    }
}
