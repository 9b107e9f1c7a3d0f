//! The table, for a terminal, for docs and as JSON.

use std::fmt;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::plan::Plan;
use super::row::AttackRow;

/// Before and after the table in a document; what stands between is replaced.
const MARKS: [&str; 2] = ["<!-- table: begin -->", "<!-- table: end -->"];
const HEADS: [&str; 9] = [
    "attack",
    "newcomers in",
    "ack p50, ms",
    "ack p99, ms",
    "`/livez`",
    "shard · matchmaker · Redis, MiB",
    "the same, % of a core",
    "keys",
    "verdict",
];

/// What came of all attacks.
#[derive(Debug, Clone, Serialize)]
pub struct AttackReport {
    /// Decided the moves and the nonsense.
    pub seed: u64,
    /// How long each attack lasted at least, in seconds.
    pub seconds: f64,
    /// Matches that were played meanwhile.
    pub matches: u16,
    /// One for each attack.
    pub rows: Vec<AttackRow>,
}

impl AttackReport {
    pub(super) fn new(plan: &Plan, rows: Vec<AttackRow>) -> Self {
        Self {
            seed: plan.seed,
            seconds: plan.length.as_secs_f64(),
            matches: plan.matches,
            rows,
        }
    }

    /// Whether no attack did harm.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.rows.iter().all(|row| row.verdict.is_harmless())
    }

    /// The table in Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut table = line(&HEADS.map(str::to_owned));
        table.push_str(&line(&HEADS.map(|_| "---".to_owned())));
        for row in &self.rows {
            let [name, rest @ ..] = cells(row);
            let mut all = vec![format!("`{name}`: {}", row.attack.bound())];
            all.extend(rest.map(|cell| cell.replace('|', "\\|")));
            table.push_str(&line(&all));
        }
        format!(
            "{:.0} s for each attack, {} matches beside it, seed {}.\n\n{table}",
            self.seconds, self.matches, self.seed
        )
    }

    /// Puts the table between the marks of a document, or writes a document of the table alone where there
    /// is none.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written, or a document has no marks.
    pub fn write_markdown(&self, path: &Path) -> io::Result<()> {
        let document = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => MARKS.join("\n"),
            read => read?,
        };
        let table = self.markdown();
        let replaced = replace_between_marks(&document, &table);
        let why = || io::Error::other(format!("it has no {} and {}", MARKS[0], MARKS[1]));
        std::fs::write(path, replaced.ok_or_else(why)?)
    }
}

fn replace_between_marks(document: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    Some(format!("{before}{}\n{text}{}{after}", MARKS[0], MARKS[1]))
}

/// What stands in a row, by column.
fn cells(row: &AttackRow) -> [String; 9] {
    let facts = &row.facts;
    let (calm, attacked) = (&facts.calm_acks, &facts.attacked_acks);
    let (asked, answered) = facts.livez.iter().fold((0, 0), |(asked, answered), livez| {
        (asked + livez.asked, answered + livez.answered)
    });
    let mib = |part: fn(&super::Memory) -> u64| {
        let [before, peak, after] = [&facts.before, &facts.peak, &facts.after].map(part);
        let mib = |bytes: u64| bytes as f64 / 1_024.0 / 1_024.0;
        format!("{:.0}/{:.0}/{:.0}", mib(before), mib(peak), mib(after))
    };
    let memory = [mib(|m| m.shard), mib(|m| m.matchmaker), mib(|m| m.redis)];
    let percent = |part: fn(&super::Cpu) -> f64| {
        let [calm, attacked] = [&facts.calm_cpu, &facts.attacked_cpu].map(part);
        format!("{calm:.0} → {attacked:.0}")
    };
    let cpu = [
        percent(|cpu| cpu.shard),
        percent(|cpu| cpu.matchmaker),
        percent(|cpu| cpu.redis),
    ];
    [
        row.attack.name(),
        format!(
            "{} of {} (≤ {:.1} s)",
            facts.attacked.let_in,
            facts.attacked.tried,
            facts.attacked.slowest_ms / 1_000.0
        ),
        format!("{:.1} → {:.1}", calm.p50_ms, attacked.p50_ms),
        format!(
            "{:.0} → {:.0} ({:.1}×)",
            calm.p99_ms, attacked.p99_ms, row.verdict.slowdown
        ),
        format!("{answered} of {asked}"),
        memory.join(" · "),
        cpu.join(" · "),
        format!("{} → {}", facts.before.keys, facts.after.keys),
        verdict(row),
    ]
}

fn verdict(row: &AttackRow) -> String {
    let verdict = &row.verdict;
    match (verdict.is_harmless(), verdict.is_slow) {
        (true, false) => "held".to_owned(),
        (true, true) => "held, but slow".to_owned(),
        (false, _) => format!("**harm**: {}", verdict.broken.join("; ")),
    }
}

/// The row for a terminal, with what the attacker did.
impl fmt::Display for AttackRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [name, newcomers, p50, p99, livez, memory, cpu, keys, verdict] = cells(self);
        writeln!(f, "{name}: {}", self.attack.bound())?;
        writeln!(f, "  newcomers in {newcomers}")?;
        writeln!(
            f,
            "  acks p50 {p50} ms, p99 {p99} ms, of {} and {}; {} connections lost",
            self.facts.calm_acks.n, self.facts.attacked_acks.n, self.facts.attacked_acks.losses
        )?;
        let slowest = self.facts.store_slowest_ms;
        writeln!(
            f,
            "  probes {livez}; MiB {memory}; CPU {cpu} %; keys {keys}; the store's slowest answer {slowest:.0} ms"
        )?;
        writeln!(f, "  did {:?}", self.facts.deeds.counts)?;
        writeln!(f, "  {verdict}")
    }
}

/// The verdicts alone.
impl fmt::Display for AttackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            writeln!(f, "{:<20} {}", row.attack.name(), verdict(row))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_keeps_what_is_around_its_table() {
        let document = format!("# Head\n\n{}\nold\n{}\n\ntail\n", MARKS[0], MARKS[1]);
        let replaced = replace_between_marks(&document, "new\n").unwrap();
        assert_eq!(replaced, document.replace("old", "new"));
        assert_eq!(replace_between_marks("# Head\n", "new\n"), None);
    }
}
