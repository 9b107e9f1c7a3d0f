//! What the independent checker says of the history of a campaign.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use linear::{Judgement, Verdict, check, read};

/// Far above what a match takes.
const STEPS_MAX: u64 = 10_000_000;

/// The verdict on each match of a history.
///
/// # Panics
///
/// If the file is none.
#[must_use]
pub fn judge(history: &Path) -> Vec<Verdict> {
    let file = File::open(history).unwrap_or_else(|error| panic!("{}: {error}", history.display()));
    let operations = read(BufReader::new(file)).unwrap_or_else(|error| panic!("{error}"));
    check(&operations, STEPS_MAX)
}

/// Every match holds, and there are some operations.
///
/// # Panics
///
/// With the operations that contradict each other, or if there are hardly any.
pub fn assert_holds(history: &Path, operations_min: usize) {
    let verdicts = judge(history);
    for verdict in &verdicts {
        let named = match &verdict.judgement {
            Judgement::Violated(found) => lines(history, &found.answers),
            _ => String::new(),
        };
        assert_eq!(verdict.judgement, Judgement::Holds, "{verdict:?}\n{named}");
    }
    let operations: usize = verdicts.iter().map(|verdict| verdict.operations).sum();
    assert!(
        operations >= operations_min,
        "only {operations} operations in {} matches",
        verdicts.len()
    );
}

/// Some match is violated.
///
/// # Panics
///
/// If none is.
pub fn assert_violated(history: &Path) {
    let verdicts = judge(history);
    let is_violated = |verdict: &Verdict| matches!(verdict.judgement, Judgement::Violated(_));
    assert!(
        verdicts.iter().any(is_violated),
        "all of {} matches hold",
        verdicts.len()
    );
}

fn lines(history: &Path, numbers: &[usize]) -> String {
    let text = std::fs::read_to_string(history).unwrap_or_default();
    let named = (1..).zip(text.lines());
    let named = named.filter(|(number, _)| numbers.contains(number));
    let named: Vec<&str> = named.map(|(_, line)| line).collect();
    named.join("\n")
}
