//! The options in effect, and the origin of each.

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
    /// The default.
    Default,
}

/// One option with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionValue {
    /// Its name in the file: the flag's, with underscores.
    pub key: String,
    /// Its value as TOML, without a password; `None` if it has none.
    pub value: Option<String>,
    /// Where the value comes from.
    pub origin: Origin,
    /// The variable of the environment that sets it.
    pub variable: Option<String>,
}

impl OptionValue {
    /// Its value without the quotes of TOML; `None` if it has none.
    #[must_use]
    pub fn plain(&self) -> Option<String> {
        let value = self.value.as_ref()?;
        let table = format!("value = {value}").parse::<toml::Table>();
        let text = table.ok().and_then(|table| match table.get("value") {
            Some(toml::Value::String(text)) => Some(text.clone()),
            _ => None,
        });
        Some(text.unwrap_or_else(|| value.clone()))
    }
}

/// All options of a command. Its [`Display`](fmt::Display) form is TOML, with the origin of each value as a
/// comment; an option without a value is a comment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective(pub Vec<OptionValue>);

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

/// A URL without its user and password, wherever they stand in it.
#[must_use]
pub fn without_password(url: &str) -> String {
    if let Some((before, query)) = url.split_once('?')
        && before.contains("unix://")
    {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((key @ ("user" | "pass"), _)) => format!("{key}=…"),
            _ => pair.to_owned(),
        });
        return format!("{before}?{}", pairs.collect::<Vec<_>>().join("&"));
    }
    match url.rsplit_once('@') {
        None => url.to_owned(),
        Some((before, host)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            format!("{scheme}://…@{host}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_told_without_quotes() {
        for (value, plain) in [
            (Some("\"a \\\"b\\\"\""), Some("a \"b\"")),
            (Some("5"), Some("5")),
            (Some("true"), Some("true")),
            (None, None),
        ] {
            let entry = OptionValue {
                key: "key".to_owned(),
                value: value.map(str::to_owned),
                origin: Origin::Default,
                variable: None,
            };
            assert_eq!(entry.plain().as_deref(), plain);
        }
    }
}
