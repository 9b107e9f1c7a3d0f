//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files as far as the system lets the process: its soft limit is made for
/// programs of another kind, and a server that reaches it answers nobody. Returns the limit that then
/// holds; a system that refuses leaves the old one.
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

/// How many files and sockets the process may have open now.
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
