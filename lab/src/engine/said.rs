//! What a UCI program has said so far.

use game_core::Variant;

use super::options::Options;
use super::report::Report;

/// What a program has said of itself, and of its last search.
#[derive(Debug, Clone, Default)]
pub struct Said {
    options: Options,
    report: Report,
}

impl Said {
    /// Takes in a line of the program, whatever it is.
    pub fn note(&mut self, line: &str) {
        self.options.note(line);
        self.report.note(line);
    }

    /// A search begins, of which it has said nothing yet.
    pub(super) fn forget_search(&mut self) {
        self.report = Report::default();
    }

    /// What it said of its last search.
    #[must_use]
    pub const fn report(&self) -> Report {
        self.report
    }

    /// Whether it can be told to play a variant.
    #[must_use]
    pub fn plays(&self, variant: Variant) -> bool {
        self.options.plays(variant)
    }

    /// What tells it to play a variant that it knows.
    pub(super) fn commands(&self, variant: Variant) -> Vec<String> {
        self.options.commands(variant)
    }
}
