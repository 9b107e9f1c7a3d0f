//! The binary `rookery-matchmaker`.

use std::process::ExitCode;

use clap::Parser;
use matchmaker::Args;

#[tokio::main]
async fn main() -> ExitCode {
    match matchmaker::start(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("rookery-matchmaker: {failure}");
            ExitCode::FAILURE
        }
    }
}
