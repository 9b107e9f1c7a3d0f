//! The limit of open files and sockets.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files as far as the system allows: the usual soft limit suits other kinds of program,
/// and a server that reaches it accepts nobody. Returns the limit in effect; a system that refuses leaves the old
/// one.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        let _ = setrlimit(Resource::Nofile, raised);
    }
    open_files()
}

/// The limit of open files and sockets of this process.
#[must_use]
pub fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let hard = getrlimit(Resource::Nofile).maximum;
        let lower = Rlimit {
            current: Some(200),
            maximum: hard,
        };
        setrlimit(Resource::Nofile, lower).unwrap();
        assert_eq!(open_files(), 200);
        assert_eq!(raise_open_files(), hard.unwrap_or(u64::MAX));
        assert_eq!(open_files(), hard.unwrap_or(u64::MAX));
    }
}
