//! What every program needs of its process: a log and an output that cannot harm it, files that only its owner
//! may read, the signals that it obeys, and the calendar.
//!
//! The reader of a program's output may go away, stop reading, or be a full disk. None of this ends the
//! program or makes it wait: lines that cannot be written to stderr are dropped and counted.

pub mod calendar;
mod log;
mod output;
mod private;
mod renewal;
mod signals;
mod validity;

pub use log::{
    BadFilter, FLUSH_WITHIN, Flush, LogArgs, LogFormat, contain_panics, flush, lines_dropped,
};
pub use output::{complain_line, print, say_line};
pub use private::{create_private_dir, make_private, write_private};
pub use renewal::{CertificateMetrics, Kept, keep};
pub use signals::{Hangup, Reload, watch_signals};
pub use validity::{OutOfDate, Validity};
