//! The log of a program: lines on stderr, as text or as JSON.

mod format;
mod lines;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::IsTerminal;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

pub use format::LogFormat;
use lines::Lines;

/// Upper bound on how long the end of a program waits for its last lines to be written.
pub const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// The options of the log, the same for every program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct LogArgs {
    /// What to log: error, warn, info, debug or trace, or levels by module (info,shard=debug). By default
    /// what RUST_LOG says, or what suits the command.
    #[arg(
        long,
        env = "ROOKERY_LOG",
        value_name = "FILTER",
        global = true,
        value_parser = filter_text
    )]
    pub log: Option<String>,
    /// How log lines look on stderr.
    #[arg(
        long,
        env = "ROOKERY_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        global = true
    )]
    pub log_format: LogFormat,
}

impl LogArgs {
    /// Starts the log of this process, on stderr; panics are logged too. Only the first call has an effect.
    /// `default` is the filter where neither an option nor RUST_LOG names one.
    ///
    /// # Errors
    ///
    /// [`BadFilter`] if RUST_LOG is not a filter.
    pub fn start(&self, default: &str) -> Result<(), BadFilter> {
        let variable = std::env::var("RUST_LOG").unwrap_or_default();
        let filter = match &self.log {
            Some(given) => filter("--log (ROOKERY_LOG)", given),
            None if variable.is_empty() => filter("the default", default),
            None => filter("RUST_LOG", &variable),
        };
        start(filter?, self.log_format);
        Ok(())
    }
}

/// A filter that names no levels.
#[derive(Debug, thiserror::Error)]
#[error(
    "{origin}: {text:?} cannot be used: {why}; it must be error, warn, info, debug or trace, or levels by \
     module such as \"info,shard=debug\""
)]
pub struct BadFilter {
    origin: &'static str,
    text: String,
    why: ParseError,
}

fn filter(origin: &'static str, text: &str) -> Result<EnvFilter, BadFilter> {
    EnvFilter::try_new(text).map_err(|why| BadFilter {
        origin,
        text: text.to_owned(),
        why,
    })
}

fn filter_text(text: &str) -> Result<String, BadFilter> {
    filter("this filter", text).map(|_| text.to_owned())
}

fn start(filter: EnvFilter, format: LogFormat) {
    let lines = stderr();
    lines.set_format(format);
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(|| lines.line())
        .with_ansi(may_color())
        // It would say so on stderr by a macro that panics.
        .log_internal_errors(false);
    // The only error is that there is one already.
    let _ = match format {
        LogFormat::Text => tracing::subscriber::set_global_default(subscriber.finish()),
        LogFormat::Json => tracing::subscriber::set_global_default(subscriber.json().finish()),
    };
    std::panic::set_hook(Box::new(log_panic));
}

/// Lines that were dropped since the start, because they could not be written.
#[must_use]
pub fn lines_dropped() -> u64 {
    stderr().dropped()
}

/// Waits until what was logged is written, for [`FLUSH_WITHIN`] at most.
pub fn flush() {
    if let Some(lines) = STDERR.get() {
        lines.flush(FLUSH_WITHIN);
    }
}

/// Calls [`flush`] when it is dropped: the last thing that `main` does.
#[derive(Debug)]
pub struct Flush;

impl Drop for Flush {
    fn drop(&mut self) {
        flush();
    }
}

static STDERR: OnceLock<Lines> = OnceLock::new();

/// The one way to this process's stderr.
pub(crate) fn stderr() -> &'static Lines {
    STDERR.get_or_init(|| Lines::to(std::io::stderr()))
}

/// Whether stderr is a terminal and its user allows colours (<https://no-color.org>).
fn may_color() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    std::io::stderr().is_terminal() && !set("NO_COLOR") && !is_dumb
}

/// Whether a panic of the present thread is caught and becomes an error, as said by what catches it.
static IS_CONTAINED: OnceLock<fn() -> bool> = OnceLock::new();

/// Panics for which `is_contained` holds are logged at the level `debug` alone: whoever catches them says
/// what they mean. The first call counts.
pub fn contain_panics(is_contained: fn() -> bool) {
    // A second call would be of the same program.
    let _ = IS_CONTAINED.set(is_contained);
}

/// Replaces the hook of the standard library, which waits for stderr.
fn log_panic(panic: &PanicHookInfo<'_>) {
    if IS_CONTAINED
        .get()
        .is_some_and(|is_contained| is_contained())
    {
        tracing::debug!(target: "panic", "contained: {panic}");
        return;
    }
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("<unnamed>");
    let backtrace = Backtrace::capture();
    let backtrace = match backtrace.status() {
        BacktraceStatus::Captured => format!("\n{backtrace}"),
        _ => String::new(),
    };
    if tracing::enabled!(target: "panic", tracing::Level::ERROR) {
        tracing::error!(target: "panic", "thread '{thread}' {panic}{backtrace}");
    } else {
        let line = format!("thread '{thread}' {panic}{backtrace}\n");
        stderr().push(line.into_bytes());
    }
}
