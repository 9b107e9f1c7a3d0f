//! Parsing of the command line, the environment and the configuration file.

use std::any::TypeId;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, Parser};
use toml::Value;

use crate::effective::{Effective, OptionValue, Origin, without_password};
use crate::file::{self, FileError, Words};
use crate::variables::{self, UnknownVariable};

/// Arguments, and the origin of each.
#[derive(Debug)]
pub struct Parsed<P> {
    /// The arguments.
    pub args: P,
    /// The same as text, with origins; empty for a command that is not configurable.
    pub effective: Effective,
    /// Variables with our prefix that nothing reads, to warn about.
    pub unread: Vec<UnknownVariable>,
}

/// Why parsing failed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The command line or the environment is wrong, or help was requested.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] FileError),
    /// A variable of the environment is misspelt, and would be ignored.
    #[error(transparent)]
    Variable(UnknownVariable),
    /// A password is on the command line, which every user of the machine can read.
    #[error(
        "--{option}: every user of this machine can read the command line; give the password in a file \
         (--{option}-file), or as {variable}"
    )]
    Password {
        /// The option.
        option: String,
        /// The variable of the environment to use instead.
        variable: String,
    },
    /// A value in the file is wrong.
    #[error("{path:?}: {key}: {why}")]
    Value {
        /// Which file.
        path: PathBuf,
        /// Which option.
        key: String,
        /// The value, and what is allowed.
        why: String,
    },
}

impl Refused {
    /// Prints the error or the requested help and ends the process: with 0 after help, else with 2.
    pub fn exit(self) -> ! {
        match self {
            Self::Usage(error) => error.exit(),
            refused => {
                // The process ends anyway, so a closed stderr does not matter.
                let _ = writeln!(std::io::stderr(), "error: {refused}");
                std::process::exit(2)
            }
        }
    }
}

/// Parses a command line, which begins with the program's name. Options override variables of the environment,
/// which override the file that either of them names, which overrides the defaults.
///
/// A command is configurable if it has the options of [`ConfigArgs`](crate::ConfigArgs).
/// `default_command` is the subcommand if none is named.
///
/// # Errors
///
/// [`Refused`] names the option, its value and what is allowed.
pub fn parse<P: Parser>(
    words: impl IntoIterator<Item = OsString>,
    default_command: Option<&str>,
) -> Result<Parsed<P>, Refused> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let mut root = P::command();
    root.build();
    // Errors are ignored here, as the file may supply what is missing; the second parse reports them.
    let lenient = P::command().ignore_errors(true);
    let mut given = lenient.clone().try_get_matches_from(&words)?;
    if let (Some(name), None) = (default_command, given.subcommand_name()) {
        words.push(name.into());
        given = lenient.try_get_matches_from(&words)?;
    }
    let (command, matches) = innermost(&root, &given);
    if let Some(refused) = password_on_the_command_line(command, matches) {
        return Err(refused);
    }
    let path = matches
        .try_get_one::<PathBuf>("config")
        .ok()
        .flatten()
        .cloned();
    let mut said = match &path {
        Some(path) => file::read(path, command)?,
        None => Words::new(),
    };
    said.retain(|key, _| !is_given(matches, key));
    for (key, word) in &said {
        let long = key.replace('_', "-");
        match word {
            // A switch that is set.
            Some(word) if word.is_empty() && is_switch(command, key) => {
                words.push(format!("--{long}").into());
            }
            Some(word) => {
                let mut flag = OsString::from(format!("--{long}="));
                flag.push(word);
                words.push(flag);
            }
            None => {}
        }
    }
    let whole = P::command()
        .try_get_matches_from(&words)
        .map_err(|error| blame(error, path, &said))?;
    let (command, matches) = innermost(&root, &whole);
    let configurable = command.get_arguments().any(|arg| arg.get_id() == "config");
    let effective = if configurable {
        effective(command, matches, &said)
    } else {
        Effective::default()
    };
    let args = P::from_arg_matches(&whole)?;
    let mut unread = variables::unknown(&root, std::env::vars_os());
    let is_slip = |variable: &UnknownVariable| matches!(variable, UnknownVariable::Misspelt { .. });
    if let Some(at) = unread.iter().position(is_slip) {
        return Err(Refused::Variable(unread.swap_remove(at)));
    }
    Ok(Parsed {
        args,
        effective,
        unread,
    })
}

/// The innermost subcommand.
fn innermost<'a>(root: &'a Command, matches: &'a ArgMatches) -> (&'a Command, &'a ArgMatches) {
    let (mut command, mut matches) = (root, matches);
    while let Some((name, inner)) = matches.subcommand()
        && let Some(found) = command.find_subcommand(name)
    {
        (command, matches) = (found, inner);
    }
    (command, matches)
}

/// Whether the command line or the environment has a value.
fn is_given(matches: &ArgMatches, key: &str) -> bool {
    matches!(
        source(matches, key),
        Some(ValueSource::CommandLine | ValueSource::EnvVariable)
    )
}

/// The option that is a password, as its name says.
fn is_password(key: &str) -> bool {
    key.ends_with("_password")
}

fn password_on_the_command_line(command: &Command, matches: &ArgMatches) -> Option<Refused> {
    let mut passwords = command.get_arguments().filter(|arg| {
        let key = arg.get_id().as_str();
        is_password(key) && source(matches, key) == Some(ValueSource::CommandLine)
    });
    let arg = passwords.next()?;
    let variable = arg.get_env().unwrap_or_default();
    Some(Refused::Password {
        option: arg.get_long().unwrap_or_default().to_owned(),
        variable: variable.to_string_lossy().into_owned(),
    })
}

/// Like [`ArgMatches::value_source`], for a key that the matches may not know.
fn source(matches: &ArgMatches, key: &str) -> Option<ValueSource> {
    matches.try_contains_id(key).ok()?;
    matches.value_source(key)
}

fn is_switch(command: &Command, key: &str) -> bool {
    let mut args = command.get_arguments();
    args.any(|arg| arg.get_id() == key && matches!(arg.get_action(), ArgAction::SetTrue))
}

/// The error without a password; it names the file if the value is from there.
fn blame(mut error: clap::Error, path: Option<PathBuf>, said: &Words) -> Refused {
    if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue)
        && value.contains(['@', '?'])
    {
        let shown = ContextValue::String(without_password(value));
        error.insert(ContextKind::InvalidValue, shown);
    }
    let about = error.get(ContextKind::InvalidArg);
    let about = about.map(ToString::to_string).unwrap_or_default();
    let flag = about.split_whitespace().next().unwrap_or_default();
    let key = flag.trim_start_matches("--").replace('-', "_");
    match path {
        Some(path) if said.contains_key(&key) => {
            let text = error.render().to_string();
            let why = text.split("\n\n").next().unwrap_or_default();
            let why = why.strip_prefix("error: ").unwrap_or(why).to_owned();
            Refused::Value { path, key, why }
        }
        _ => error.into(),
    }
}

fn effective(command: &Command, matches: &ArgMatches, said: &Words) -> Effective {
    let settings = command.get_arguments().filter(|arg| file::is_setting(arg));
    let entries = settings.map(|arg| {
        let key = arg.get_id().to_string();
        let origin = match source(matches, &key) {
            _ if said.contains_key(&key) => Origin::File,
            Some(ValueSource::CommandLine) => Origin::Flag,
            Some(ValueSource::EnvVariable) => Origin::Environment,
            _ => Origin::Default,
        };
        OptionValue {
            value: value(arg, matches, &key),
            key,
            origin,
            variable: arg
                .get_env()
                .map(|name| name.to_string_lossy().into_owned()),
        }
    });
    Effective(entries.collect())
}

/// The value as TOML, without a password.
fn value(arg: &Arg, matches: &ArgMatches, key: &str) -> Option<String> {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return Some(matches.try_get_one::<bool>(key).ok()??.to_string());
    }
    // A list is shown with commas, as it may be given.
    let all: Vec<_> = matches
        .try_get_raw(key)
        .ok()??
        .map(|raw| raw.to_string_lossy())
        .collect();
    let raw = std::borrow::Cow::from(all.join(","));
    let kind = arg.get_value_parser().type_id();
    let as_they_are = [
        TypeId::of::<u16>(),
        TypeId::of::<u32>(),
        TypeId::of::<u64>(),
        TypeId::of::<usize>(),
        TypeId::of::<bool>(),
    ];
    if as_they_are.iter().any(|plain| kind == *plain) {
        return Some(raw.into_owned());
    }
    if kind == TypeId::of::<f64>() {
        // As TOML spells it.
        return raw.parse::<f64>().ok().map(|number| format!("{number:?}"));
    }
    // URLs that may hold a password are marked so that help does not show them.
    let shown = if is_password(key) {
        "…".to_owned()
    } else if arg.is_hide_env_values_set() {
        without_password(&raw)
    } else {
        raw.into_owned()
    };
    Some(Value::String(shown).to_string())
}

#[cfg(test)]
mod tests;
