//! The binary `linearize`: whether what the clients of a campaign did is linearizable.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use linear::{Contradiction, Judgement, Verdict, check, read};

const EXAMPLES: &str = "\
Examples:
  linearize history.jsonl
      of faults, power or bot-client soak, each with --history history.jsonl
  linearize history.jsonl --steps-max 1000000000
      with more patience, where a match was undecided";

/// Reads a history and says of each match whether there is one order of its operations, in keeping with real time, in
/// which every answer is right. Ends with 0 if there is, and with 1 if there is none for some match; then it prints the
/// answers that contradict each other. Ends with 2 if the file is no history, or a match is undecided.
#[derive(Debug, Parser)]
#[command(name = "linearize", after_help = EXAMPLES)]
struct Args {
    /// The history: one operation a line, as docs/histories.md describes it.
    #[arg(value_name = "FILE")]
    history: PathBuf,
    /// Upper bound on the steps of one search; a match that needs more is undecided.
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    steps_max: u64,
}

fn main() -> ExitCode {
    let _flush = program::Flush;
    let args = Args::parse();
    match judge(&args) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            program::complain!("linearize: {}: {error}", args.history.display());
            ExitCode::from(2)
        }
    }
}

/// Says what is wrong, and returns the exit code.
fn judge(args: &Args) -> Result<u8, Box<dyn std::error::Error>> {
    let history = read(BufReader::new(File::open(&args.history)?))?;
    if history.is_empty() {
        return Err("it has no operation: was it written with --history?".into());
    }
    let verdicts = check(&history, args.steps_max);
    let (mut violated, mut undecided) = (0, 0);
    for verdict in &verdicts {
        match &verdict.judgement {
            Judgement::Holds => {}
            Judgement::Violated(found) => {
                violated += 1;
                tell(&verdict.match_id, found, &args.history)?;
            }
            Judgement::Undecided => {
                undecided += 1;
                let id = &verdict.match_id;
                program::complain!("match {id} is undecided: try a higher --steps-max");
            }
        }
    }
    let sum = |count: fn(&Verdict) -> usize| verdicts.iter().map(count).sum::<usize>();
    let said = match (violated, undecided) {
        (0, 0) => "holds",
        (0, _) => "undecided",
        _ => "violated",
    };
    program::complain!(
        "{said}: {} matches, {} operations, {} of them of unknown outcome; {violated} violated, {undecided} undecided",
        verdicts.len(),
        sum(|verdict| verdict.operations),
        sum(|verdict| verdict.unknown),
    );
    Ok(match (violated, undecided) {
        (0, 0) => 0,
        (0, _) => 2,
        _ => 1,
    })
}

/// Prints the answers of a match that contradict each other.
fn tell(match_id: &str, found: &Contradiction, history: &Path) -> std::io::Result<()> {
    let text = std::fs::read_to_string(history)?;
    program::complain!(
        "match {match_id}: no order of its first {} operations explains these answers:",
        found.prefix
    );
    for (line, operation) in (1..).zip(text.lines()) {
        if found.answers.contains(&line) {
            program::complain!("  line {line}: {operation}");
        }
    }
    Ok(())
}
