//! What every program needs of its process: a log and an output that cannot harm it, files that are its
//! owner's alone, and the signals that it obeys.
//!
//! Whoever reads a program's output may go away, stop reading, or be a disk that is full. None of this
//! ends the program or keeps it waiting: what cannot be written to stderr is dropped and counted.

mod log;
mod output;
mod private;
mod renewal;
mod signals;
mod validity;

pub use log::{
    BadFilter, FLUSH_WITHIN, Flush, LogFilter, LogFormat, flush, lines_dropped, log_filter,
    start_log,
};
pub use output::{complain_line, print, say_line};
pub use private::{create_private_dir, make_private, write_private};
pub use renewal::{CertificateMetrics, Kept, keep};
pub use signals::{Hangup, Reload, watch_signals};
pub use validity::{OutOfDate, Validity};
