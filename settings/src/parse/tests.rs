//! Every value is checked by the same rule, wherever it comes from.

use std::io::Write;

use clap::{Args, Subcommand};
use tempfile::NamedTempFile;

use super::*;
use crate::ConfigArgs;

#[derive(Debug, Parser)]
#[command(name = "program")]
struct Program {
    #[command(subcommand)]
    command: Option<Known>,
    #[arg(long, default_value = "text", global = true)]
    form: String,
}

#[derive(Debug, Subcommand)]
enum Known {
    Serve(Serve),
    Check {
        #[command(subcommand)]
        what: Checked,
    },
    Plain,
}

#[derive(Debug, Subcommand)]
enum Checked {
    Serve(Serve),
}

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    configuration: ConfigArgs,
    /// The variable is one that every environment has.
    #[arg(long, env = "PATH")]
    from_environment: String,
    #[arg(long, hide_env_values = true, value_parser = store)]
    the_store: String,
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=9))]
    number: u16,
    #[arg(long, requires = "right")]
    left: Option<String>,
    #[arg(long)]
    right: Option<String>,
    #[arg(
        long,
        env = "ROOKERY_TEST_PASSWORD",
        hide = true,
        hide_env_values = true
    )]
    the_password: Option<String>,
}

fn store(text: &str) -> Result<String, String> {
    let known = text.starts_with("redis://");
    known
        .then(|| text.to_owned())
        .ok_or_else(|| "it must be redis://".to_owned())
}

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Parses `program WORDS --config FILE`.
fn parsed(words: &[&str], text: &str) -> Result<(Serve, Effective), String> {
    let file = file(text);
    let mut all = vec!["program"];
    all.extend(words);
    all.extend(["--config", file.path().to_str().unwrap()]);
    let all = all.into_iter().map(OsString::from);
    let parsed = parse::<Program>(all, None).map_err(|refused| refused.to_string())?;
    let (Some(Known::Serve(args))
    | Some(Known::Check {
        what: Checked::Serve(args),
    })) = parsed.args.command
    else {
        panic!("another command");
    };
    Ok((args, parsed.effective))
}

#[test]
fn flags_come_before_the_environment_before_the_file_before_defaults() {
    let text = "the_store = \"redis://me:secret@host\"\nfrom_environment = \"file\"\nform = \"json\"\n\
                left = \"\"\nright = \"file\"\nproduction = true";
    for command in [&["serve"][..], &["check", "serve"]] {
        let words = [command, &["--right", "flag"]].concat();
        let (args, effective) = parsed(&words, text).unwrap();
        assert_eq!(args.the_store, "redis://me:secret@host");
        assert_eq!(args.from_environment, std::env::var("PATH").unwrap());
        assert_eq!(args.right.as_deref(), Some("flag"));
        assert_eq!(args.left.as_deref(), Some(""));
        assert_eq!(args.number, 7);
        assert!(args.configuration.production);
        let shown = effective.to_string();
        for line in [
            "the_store = \"redis://…@host\"  # file\n",
            "# environment PATH\n",
            "right = \"flag\"  # flag\n",
            "number = 7  # default\n",
            "form = \"json\"  # file\n",
            "production = true  # file\n",
        ] {
            assert!(shown.contains(line), "{line}: {shown}");
        }
        assert!(!shown.contains("secret"), "{shown}");
        // What is shown is a file again.
        assert!(shown.parse::<toml::Table>().is_ok(), "{shown}");
    }
}

#[test]
fn a_file_that_is_wrong_is_refused_with_key_value_and_what_is_allowed() {
    let store = "the_store = \"redis://host\"\n";
    for (text, parts) in [
        ("listne = 1", &["\"listne\"", "number", "the_store"][..]),
        ("number = 10", &["number", "10", "1..=9"]),
        ("number = \"x\"", &["number", "'x'"]),
        ("number = 1.5", &["number", "'1.5'"]),
        (
            "number = [1]",
            &["number = Array([Integer(1)])", "a number"],
        ),
        (
            "production = \"yes\"",
            &["production", "\"yes\"", "true or false"],
        ),
        ("left = \"x\"", &["--right"]),
        ("config = \"other\"", &["\"config\"", "no option"]),
        ("[serve]\nnumber = 1", &["\"serve\"", "no option"]),
        ("number =", &["is not TOML", "line"]),
        ("number = 1\nnumber = 2", &["is not TOML", "duplicate key"]),
    ] {
        let error = parsed(&["serve"], &format!("{store}{text}")).unwrap_err();
        for part in parts {
            assert!(error.contains(part), "{text}: {error}");
        }
    }
    let error = parsed(&["serve"], "the_store = \"rediss://me:secret@host\"").unwrap_err();
    assert!(
        error.contains("redis://") && !error.contains("secret"),
        "{error}"
    );
    let error = parsed(&["serve"], "the_store = [\"secret\"]").unwrap_err();
    assert!(!error.contains("secret"), "{error}");
    let error = parsed(&["serve"], "").unwrap_err();
    assert!(error.contains("--the-store"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let words = ["program", "serve", "--config", "/nowhere.toml"].map(OsString::from);
    let error = parse::<Program>(words, None).unwrap_err().to_string();
    assert!(error.contains("/nowhere.toml"), "{error}");
}

#[test]
fn without_a_command_the_default_is_meant() {
    let words = ["program", "--form", "json"].map(OsString::from);
    let parsed = parse::<Program>(words, Some("plain")).unwrap();
    assert!(matches!(parsed.args.command, Some(Known::Plain)));
    assert_eq!(parsed.args.form, "json");
    assert_eq!(parsed.effective, Effective::default());
    for wrong in [&["program", "--nothing"][..], &["program", "nothing"]] {
        let words = wrong.iter().map(OsString::from);
        let error = parse::<Program>(words, Some("plain")).unwrap_err();
        assert!(error.to_string().contains("nothing"), "{error}");
    }
}

#[test]
fn passwords_are_left_out() {
    assert_eq!(without_password("http://h"), "http://h");
    assert_eq!(without_password("me:secret@h"), "://…@h");
    let group = "redis+sentinel://me:secret@a:1,b:2/name/3";
    assert_eq!(without_password(group), "redis+sentinel://…@a:1,b:2/name/3");
    let socket = "redis+unix:///r?db=2&user=me&pass=se@cret";
    assert_eq!(
        without_password(socket),
        "redis+unix:///r?db=2&user=…&pass=…"
    );
}

#[test]
fn a_password_is_taken_from_anywhere_but_the_command_line_and_never_shown() {
    let text = "the_store = \"redis://h\"\nthe_password = \"s3cret\"";
    let (args, effective) = parsed(&["serve"], text).unwrap();
    assert_eq!(args.the_password.as_deref(), Some("s3cret"));
    let shown = effective.to_string();
    assert!(shown.contains("the_password = \"…\"  # file"), "{shown}");
    assert!(!shown.contains("s3cret"), "{shown}");
    let words = ["serve", "--the-store=redis://h", "--the-password=s3cret"];
    let refused = parsed(&words, "").unwrap_err();
    assert!(refused.contains("--the-password-file"), "{refused}");
    assert!(refused.contains("ROOKERY_TEST_PASSWORD"), "{refused}");
    assert!(!refused.contains("s3cret"), "{refused}");
}
