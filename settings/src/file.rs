//! The configuration file: a flat table of options.

use std::any::TypeId;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use toml::{Table, Value};

/// Longest configuration file, in bytes.
const LEN_MAX: u64 = 65_536;

/// Why a configuration file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// The file does not exist or cannot be read.
    #[error("--config (ROOKERY_CONFIG): {path:?} cannot be read: {why}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// The system's error.
        why: String,
    },
    /// It is not TOML.
    #[error("{path:?} is not TOML: {why}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where, and what was expected.
        why: String,
    },
    /// A key that is not an option of this command.
    #[error("{path:?}: {key:?} is no option of this command; there are: {known}")]
    UnknownKey {
        /// Which file.
        path: PathBuf,
        /// What the file has.
        key: String,
        /// The options of the command.
        known: String,
    },
    /// A value of the wrong type.
    #[error("{path:?}: {key} = {value} cannot be used: it must be {allowed}")]
    WrongType {
        /// Which file.
        path: PathBuf,
        /// Which option.
        key: String,
        /// What the file has.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

/// The values of a file by key, as words of a command line.
pub(crate) type Words = BTreeMap<String, Option<OsString>>;

/// Whether the file may hold an argument.
pub(crate) fn is_setting(arg: &Arg) -> bool {
    let id = arg.get_id().as_str();
    arg.get_long().is_some() && !matches!(id, "config" | "help" | "version")
}

/// Reads the options of `command` from a file.
pub(crate) fn read(path: &Path, command: &Command) -> Result<Words, FileError> {
    let unreadable = |why: String| FileError::Unreadable {
        path: path.to_owned(),
        why,
    };
    let len = std::fs::metadata(path)
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    if len > LEN_MAX {
        return Err(unreadable(format!(
            "it has {len} bytes; a configuration has at most {LEN_MAX}"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| FileError::Syntax {
            path: path.to_owned(),
            why: error.to_string().trim_end().to_owned(),
        })?;
    table
        .into_iter()
        .map(|(key, value)| word(path, command, &key, &value).map(|word| (key, word)))
        .collect()
}

/// The word that would follow `--key` on the command line; `None` for a switch that is off.
fn word(
    path: &Path,
    command: &Command,
    key: &str,
    value: &Value,
) -> Result<Option<OsString>, FileError> {
    let mut settings = command.get_arguments().filter(|arg| is_setting(arg));
    let Some(arg) = settings.find(|arg| arg.get_id() == key) else {
        let known = command.get_arguments().filter(|arg| is_setting(arg));
        let known: Vec<&str> = known.map(|arg| arg.get_id().as_str()).collect();
        return Err(FileError::UnknownKey {
            path: path.to_owned(),
            key: key.to_owned(),
            known: known.join(", "),
        });
    };
    let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
    let is_bool = arg.get_value_parser().type_id() == TypeId::of::<bool>();
    let is_secret = arg.is_hide_env_values_set();
    match (is_switch, value) {
        (true, Value::Boolean(on)) => Ok(on.then(OsString::new)),
        (false, Value::Boolean(on)) if is_bool => Ok(Some(on.to_string().into())),
        (false, Value::String(text)) => Ok(Some(text.into())),
        (false, Value::Integer(number)) => Ok(Some(number.to_string().into())),
        (false, Value::Float(number)) => Ok(Some(format!("{number:?}").into())),
        (_, value) => Err(FileError::WrongType {
            path: path.to_owned(),
            key: key.to_owned(),
            value: if is_secret {
                "…".to_owned()
            } else {
                format!("{value:?}")
            },
            allowed: if is_switch || is_bool {
                "true or false"
            } else {
                "text in quotes, or a number"
            },
        }),
    }
}
