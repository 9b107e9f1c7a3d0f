//! What every program needs of its process: a log and an output that cannot harm it.
//!
//! Whoever reads a program's output may go away, stop reading, or be a disk that is full. None of this
//! ends the program or keeps it waiting: what cannot be written to stderr is dropped and counted.

mod log;
mod output;
mod private;

pub use log::{
    BadFilter, FLUSH_WITHIN, Flush, LogFilter, LogFormat, flush, lines_dropped, log_filter,
    start_log,
};
pub use output::{complain_line, print, say_line};
pub use private::{create_private_dir, make_private, write_private};
