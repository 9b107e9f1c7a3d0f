//! Lines for people, on stdout and stderr.

use std::fmt;
use std::io::{self, ErrorKind, Write};

use crate::log;

/// Prints a line on stdout, like `println!`, but never panics: a line that cannot be written is lost.
#[macro_export]
macro_rules! say {
    () => { $crate::say_line(format_args!("")) };
    ($($line:tt)+) => { $crate::say_line(format_args!($($line)+)) };
}

/// Prints a line on stderr, like `eprintln!`, but neither panics nor waits: the line goes through the queue of
/// the log.
#[macro_export]
macro_rules! complain {
    ($($line:tt)+) => { $crate::complain_line(format_args!($($line)+)) };
}

/// What [`say!`] does.
pub fn say_line(line: fmt::Arguments<'_>) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// What [`complain!`] does.
pub fn complain_line(line: fmt::Arguments<'_>) {
    log::stderr().push(format!("{line}\n").into_bytes());
}

/// Prints the result of a command on stdout. A reader that closes the pipe early is no error.
///
/// # Errors
///
/// Any other failure to write, such as a full disk.
pub fn print(product: impl fmt::Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match write!(stdout, "{product}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
