//! What a program runs with, and whence.

use std::fmt;

/// Where a value comes from, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// A variable of the environment.
    Environment,
    /// The configuration file.
    File,
    /// Nobody gave one.
    Default,
}

/// One option with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the file: the flag's, with underscores.
    pub key: String,
    /// Its value as TOML, a password in it left out; `None` if it has none.
    pub value: Option<String>,
    /// Where the value comes from.
    pub origin: Origin,
    /// The variable of the environment that it may come from.
    pub variable: Option<String>,
}

/// All options of a command. Its [`Display`](fmt::Display) form is TOML, with the origin of each value
/// behind it as a comment; what has no value is a comment as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective(pub Vec<Entry>);

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.0 {
            let Some(value) = &entry.value else {
                writeln!(f, "# {} is not set", entry.key)?;
                continue;
            };
            write!(f, "{} = {value}  # ", entry.key)?;
            match (entry.origin, &entry.variable) {
                (Origin::Flag, _) => writeln!(f, "flag")?,
                (Origin::Environment, Some(variable)) => writeln!(f, "environment {variable}")?,
                (Origin::Environment, None) => writeln!(f, "environment")?,
                (Origin::File, _) => writeln!(f, "file")?,
                (Origin::Default, _) => writeln!(f, "default")?,
            }
        }
        Ok(())
    }
}

/// A URL with whatever stands before its `@` left out.
#[must_use]
pub fn without_password(url: &str) -> String {
    match url.rsplit_once('@') {
        None => url.to_owned(),
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://…@{host}")
        }
    }
}
