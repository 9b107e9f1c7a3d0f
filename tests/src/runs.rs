//! Runs of a campaign that add up: a line of JSON for each in one file, so that a campaign of days is done in parts.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What came of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The SHA-256 of the server's program, in hexadecimal.
    pub program: String,
    /// Decided what the run did.
    pub seed: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What was done in it, by name.
    pub counts: BTreeMap<String, u64>,
    /// How often a promise was broken.
    pub violations: u64,
}

/// All runs in a file.
#[derive(Debug)]
pub struct Runs {
    path: PathBuf,
    runs: Vec<Run>,
}

impl Runs {
    /// Reads a file, which need not be there yet.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or a line of it is no run.
    pub fn open(path: &Path) -> io::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let runs: Result<_, _> = text.lines().map(serde_json::from_str).collect();
        Ok(Self {
            path: path.to_owned(),
            runs: runs?,
        })
    }

    /// Adds a run at the end of the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn add(&mut self, run: Run) -> io::Result<()> {
        let line = serde_json::to_string(&run)? + "\n";
        let mut file = File::options().create(true).append(true).open(&self.path)?;
        file.write_all(line.as_bytes())?;
        file.sync_data()?;
        self.runs.push(run);
        Ok(())
    }

    /// How many runs there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there is none yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The sum of a count over all runs.
    #[must_use]
    pub fn sum(&self, count: &str) -> u64 {
        let counts = self.runs.iter().filter_map(|run| run.counts.get(count));
        counts.sum()
    }

    /// How often a promise was broken in all runs.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.runs.iter().map(|run| run.violations).sum()
    }
}

/// The sums, with the seeds that they are of.
impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for (name, count) in self.runs.iter().flat_map(|run| &run.counts) {
            *sums.entry(name).or_default() += count;
        }
        let mut programs: Vec<&str> = self.runs.iter().map(|run| run.program.as_str()).collect();
        programs.sort_unstable();
        programs.dedup();
        let seeds: Vec<String> = self.runs.iter().map(|run| run.seed.to_string()).collect();
        let seconds: f64 = self.runs.iter().map(|run| run.seconds).sum();
        writeln!(
            f,
            "{} runs of {} programs in {:.1} h, seeds {}",
            self.len(),
            programs.len(),
            seconds / 3_600.0,
            seeds.join(" ")
        )?;
        for (name, count) in sums {
            writeln!(f, "  {count:>9} {name}")?;
        }
        write!(f, "  {:>9} promises broken", self.violations())
    }
}

/// The SHA-256 of a program, in hexadecimal.
///
/// # Errors
///
/// When it cannot be read.
pub fn digest(program: &Path) -> io::Result<String> {
    let bytes = std::fs::read(program)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    Ok(protocol::http::hex(digest.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seed: u64, faults: u64) -> Run {
        Run {
            program: "ab".to_owned(),
            seed,
            seconds: 1_800.0,
            counts: BTreeMap::from([("faults".to_owned(), faults)]),
            violations: 0,
        }
    }

    #[test]
    fn runs_add_up_over_processes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.jsonl");
        Runs::open(&path).unwrap().add(run(1, 250)).unwrap();
        let mut runs = Runs::open(&path).unwrap();
        runs.add(run(2, 50)).unwrap();
        let runs = Runs::open(&path).unwrap();
        assert_eq!((runs.len(), runs.sum("faults")), (2, 300));
        let text = runs.to_string();
        assert!(text.starts_with("2 runs of 1 programs in 1.0 h, seeds 1 2\n"));
        assert!(text.contains("300 faults"), "{text}");
        std::fs::write(&path, "no run\n").unwrap();
        assert!(Runs::open(&path).is_err());
    }
}
