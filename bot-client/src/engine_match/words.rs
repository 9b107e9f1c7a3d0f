//! The words of the command line, which are those of programs that play matches of engines: options with one dash, each
//! followed by values, many of them `KEY=VALUE`.

use std::path::PathBuf;

/// A command line that says nothing that can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; `bot-client match --help` lists all words")]
pub(super) struct InvalidWords(pub(super) String);

/// Makes an [`InvalidWords`].
pub(super) fn invalid(why: impl Into<String>) -> InvalidWords {
    InvalidWords(why.into())
}

/// An option and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Its name, without the dash.
    pub(super) name: String,
    /// The words up to the next option.
    pub(super) values: Vec<String>,
}

/// Splits a command line at its options.
pub(super) fn groups(words: &[String]) -> Result<Vec<Group>, InvalidWords> {
    let mut groups: Vec<Group> = Vec::new();
    for word in words {
        if let Some(long) = word.strip_prefix("--") {
            return Err(invalid(format!(
                "--{long} has two dashes and belongs before the first option with one"
            )));
        }
        let name = word.strip_prefix('-').filter(|name| {
            // What begins with a digit is a negative number.
            name.starts_with(|first: char| first.is_ascii_alphabetic())
        });
        match (name, groups.last_mut()) {
            (Some(name), _) => groups.push(Group {
                name: name.to_owned(),
                values: Vec::new(),
            }),
            (None, Some(group)) => group.values.push(word.clone()),
            (None, None) => {
                return Err(invalid(format!(
                    "{word:?} follows no option, such as -engine"
                )));
            }
        }
    }
    Ok(groups)
}

impl Group {
    /// The one value.
    pub(super) fn value(&self) -> Result<&str, InvalidWords> {
        match &self.values[..] {
            [value] => Ok(value),
            _ => Err(invalid(format!("-{} needs one value", self.name))),
        }
    }

    /// The one value as a number.
    pub(super) fn number<T: std::str::FromStr>(&self) -> Result<T, InvalidWords> {
        let value = self.value()?;
        number(&self.name, value)
    }

    /// That there is no value.
    pub(super) fn alone(&self) -> Result<(), InvalidWords> {
        match self.values.first() {
            None => Ok(()),
            Some(value) => Err(invalid(format!(
                "-{} has no value, and {value:?} follows it",
                self.name
            ))),
        }
    }

    /// The values as keys and values.
    pub(super) fn pairs(&self) -> Result<Pairs, InvalidWords> {
        let mut pairs = Vec::new();
        for value in &self.values {
            let Some((key, value)) = value.split_once('=') else {
                return Err(invalid(format!(
                    "-{}: {value:?} is not KEY=VALUE",
                    self.name
                )));
            };
            if value.contains(['\n', '\r']) {
                return Err(invalid(format!(
                    "-{}: the value of {key} has a line break",
                    self.name
                )));
            }
            pairs.push((key.to_owned(), value.to_owned()));
        }
        Ok(Pairs {
            of: self.name.clone(),
            pairs,
        })
    }
}

/// The keys and values behind an option. Each that is taken is removed, so that those nobody knows are left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    of: String,
    pairs: Vec<(String, String)>,
}

impl Pairs {
    /// Both in one; the first of two values of a key counts, unless the key may be there often.
    pub(super) fn and(mut self, others: &Self) -> Self {
        self.pairs.extend(others.pairs.iter().cloned());
        self
    }

    /// The first value of a key. All values of the key are taken.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        self.take_all(key).into_iter().next()
    }

    /// All values of a key.
    pub(super) fn take_all(&mut self, key: &str) -> Vec<String> {
        let (taken, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.pairs)
            .into_iter()
            .partition(|(other, _)| other == key);
        self.pairs = left;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// All values of keys that begin with `prefix`, under what follows it; of two for one key the first.
    pub(super) fn take_with_prefix(&mut self, prefix: &str) -> Vec<(String, String)> {
        let mut taken: Vec<(String, String)> = Vec::new();
        self.pairs
            .retain(|(key, value)| match key.strip_prefix(prefix) {
                None => true,
                Some(name) => {
                    if taken.iter().all(|(other, _)| other != name) {
                        taken.push((name.to_owned(), value.clone()));
                    }
                    false
                }
            });
        taken
    }

    /// The value of a key as a number.
    pub(super) fn number<T: std::str::FromStr>(
        &mut self,
        key: &str,
    ) -> Result<Option<T>, InvalidWords> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        number(&format!("{} {key}", self.of), &value).map(Some)
    }

    /// The value of a key that must be there, as a number.
    pub(super) fn needed<T: std::str::FromStr>(&mut self, key: &str) -> Result<T, InvalidWords> {
        let number = self.number(key)?;
        number.ok_or_else(|| invalid(format!("-{} needs {key}=", self.of)))
    }

    /// The value of a key as true or false.
    pub(super) fn switch(&mut self, key: &str) -> Result<Option<bool>, InvalidWords> {
        match self.take(key).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(invalid(format!(
                "-{}: {key} is true or false, not {other:?}",
                self.of
            ))),
        }
    }

    /// The value of a key as a path.
    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.take(key).map(PathBuf::from)
    }

    /// That nothing is left.
    pub(super) fn finish(self) -> Result<(), InvalidWords> {
        match self.pairs.into_iter().next() {
            None => Ok(()),
            Some((key, _)) => Err(invalid(format!("-{} does not know {key}=", self.of))),
        }
    }
}

fn number<T: std::str::FromStr>(of: &str, text: &str) -> Result<T, InvalidWords> {
    let not = |_| invalid(format!("-{of}: {text:?} is not a number that fits"));
    text.parse().map_err(not)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<Group>, InvalidWords> {
        groups(&shlex::split(line).unwrap())
    }

    #[test]
    fn values_belong_to_the_option_before_them() {
        let groups =
            split("-engine cmd=a name='A 1' option.Skill=-3 -repeat -rounds 5 -x -5").unwrap();
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["engine", "repeat", "rounds", "x"]);
        assert_eq!(groups[0].values, ["cmd=a", "name=A 1", "option.Skill=-3"]);
        assert_eq!(groups[1].alone(), Ok(()));
        assert_eq!(groups[2].number::<u32>(), Ok(5));
        assert_eq!(groups[3].value(), Ok("-5"));
    }

    #[test]
    fn pairs_are_taken_until_none_is_left() {
        let mut own = split("-engine name=a option.Hash=16 arg=-x arg=-y").unwrap()[0]
            .pairs()
            .unwrap();
        let each = split("-each option.Hash=1 option.Threads=2 name=b").unwrap()[0]
            .pairs()
            .unwrap();
        own = own.and(&each);
        assert_eq!(own.take("name").as_deref(), Some("a"));
        let options = own.take_with_prefix("option.");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(options, [pair("Hash", "16"), pair("Threads", "2")]);
        assert_eq!(
            own.clone().finish().unwrap_err().0,
            "-engine does not know arg="
        );
        assert_eq!(own.take_all("arg"), ["-x", "-y"]);
        assert_eq!(own.finish(), Ok(()));
    }

    #[test]
    fn what_is_no_command_line_is_refused_with_what_is_wrong() {
        for (line, why) in [
            ("engine", "follows no option"),
            ("-rounds 5 --matchmaker x", "before the first option"),
        ] {
            let said = split(line).unwrap_err().to_string();
            assert!(said.contains(why), "{line}: {said}");
        }
        let groups = split("-rounds x -games 1 2 -draw a -repeat=1 -quick yes").unwrap();
        let errors = [
            groups[0].number::<u32>().unwrap_err(),
            groups[1].value().unwrap_err(),
            groups[2].pairs().unwrap_err(),
            groups[4].alone().unwrap_err(),
        ];
        let parts = ["not a number", "one value", "KEY=VALUE", "no value"];
        for (error, part) in errors.iter().zip(parts) {
            assert!(error.0.contains(part), "{error}");
        }
    }
}
