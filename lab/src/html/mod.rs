//! Reports as HTML pages: plots as inline SVG, nothing from the network, light and dark.

mod plot;

use std::fmt::{self, Write as _};

pub(super) use plot::{Across, Band, Plot, Series};

const STYLE: &str = "
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1c1c1a; --muted: #6b6a66; --line: #e3e2dd;
  --band: #d9770633; --bad: #b3261e; --s0: #2a78d6; --s1: #d9603b; --s2: #1a8f6d; --s3: #8a5fc7; --s4: #b08900;
  --s5: #3f8f9f; --s6: #b8478f; --s7: #6f7f3a; --s8: #7a6a5a; }
@media (prefers-color-scheme: dark) { :root { --page: #1a1a19; --ink: #f2f1ec; --muted: #a3a29c;
  --line: #383835; --band: #f59e0b33; --bad: #ff8a80; --s0: #5b9bea; --s1: #ee8663; --s2: #3fb992; --s3: #ac8be0; --s4: #d9b13b;
  --s5: #6fc1d1; --s6: #e07fbf; --s7: #a9bb6b; --s8: #b7a795; } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem; }
.card { border: 1px solid var(--line); border-radius: 8px; padding: .6rem .8rem; }
.card b { display: block; font-size: 1.4rem; font-weight: 600; } .card span { color: var(--muted); }
.bad { color: var(--bad); }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
.key { font-weight: 400; color: var(--muted); margin-left: 1rem; }
.key::before { content: ''; display: inline-block; width: 1rem; height: .2rem; margin-right: .4rem;
  vertical-align: middle; background: currentColor; }
.key.s0::before { background: var(--s0); } .key.s1::before { background: var(--s1); }
.key.s2::before { background: var(--s2); } .key.s3::before { background: var(--s3); }
.key.s4::before { background: var(--s4); } .key.s5::before { background: var(--s5); }
.key.s6::before { background: var(--s6); } .key.s7::before { background: var(--s7); }
.key.s8::before { background: var(--s8); }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round; }
.line.s0 { stroke: var(--s0); } .line.s1 { stroke: var(--s1); } .line.s2 { stroke: var(--s2); }
.line.s3 { stroke: var(--s3); } .line.s4 { stroke: var(--s4); } .line.s5 { stroke: var(--s5); }
.line.s6 { stroke: var(--s6); } .line.s7 { stroke: var(--s7); } .line.s8 { stroke: var(--s8); }
.line.range { stroke-opacity: .45; stroke-width: 4; }
.dot.s0 { fill: var(--s0); } .dot.s1 { fill: var(--s1); } .dot.s2 { fill: var(--s2); }
.dot.s3 { fill: var(--s3); } .dot.s4 { fill: var(--s4); } .dot.s5 { fill: var(--s5); }
.dot.s6 { fill: var(--s6); } .dot.s7 { fill: var(--s7); } .dot.s8 { fill: var(--s8); }
.grid { stroke: var(--line); } .band { fill: var(--band); }
text { fill: var(--muted); font-size: 11px; } text.y { text-anchor: end; }
text.x { text-anchor: middle; }
table { border-collapse: collapse; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; font-size: 12px; } code { overflow-wrap: anywhere; }
";

/// A page with a title, the command line that it is of, and what stands below, which is HTML.
pub(super) fn page(title: &str, command: &str, body: &str) -> String {
    let title = Escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Rookery: {title}</title>\n\
         <style>{STYLE}</style>\n<h1>{title}</h1>\n<p><code>{}</code></p>\n{body}\n</html>\n",
        Escaped(command)
    )
}

/// Text that means nothing to HTML.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}
