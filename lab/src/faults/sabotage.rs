//! Safeguards taken out, so that the checker is seen to notice. Only a build with the feature
//! `sabotage` takes any out.

use std::str::FromStr;

use super::kind::FaultKind;

/// A safeguard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The output gate: shards answer without waiting for the store.
    Gate,
    /// The position check: Redis adds a record wherever its log ends.
    Position,
    /// The flush before the answer: Redis flushes once a second, and a flush is slow.
    RelaxedStore,
}

impl Sabotage {
    /// The faults that such a safeguard is there for.
    #[must_use]
    pub fn kinds(self) -> Vec<FaultKind> {
        match self {
            Self::Gate => vec![FaultKind::KillInOutage, FaultKind::ShardStop],
            Self::Position => vec![FaultKind::TcpLoseReplies, FaultKind::TcpHalfOpen],
            Self::RelaxedStore => vec![FaultKind::Blackout],
        }
    }
}

impl FromStr for Sabotage {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "gate" => Ok(Self::Gate),
            "position" => Ok(Self::Position),
            "relaxed-store" => Ok(Self::RelaxedStore),
            _ => Err("there are: gate, position, relaxed-store"),
        }
    }
}

#[cfg(feature = "sabotage")]
pub use taken_out::{rewrite_position_check, slow_flush};

#[cfg(feature = "sabotage")]
mod taken_out {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::Arc;
    use std::{fs, io};

    use crate::tcp_proxy::Rewrite;

    /// The fenced write, as the store loads it into Redis.
    const APPEND: &str = include_str!("../../../store/src/redis/lua/append.lua");
    /// Its condition on the position, and what it becomes, byte for byte as long.
    const CONDITION: (&str, &str) = ("if len == after and", "if true         and");

    /// Takes the position check out of the fenced write on its way to Redis: the script as it is
    /// loaded, and the digest by which it is called.
    ///
    /// A pattern that two reads of the proxy tear apart is missed; the shard then finds no such
    /// script, and loads it again.
    #[must_use]
    pub fn rewrite_position_check() -> Rewrite {
        let (check, none) = CONDITION;
        assert!(
            APPEND.contains(check),
            "the store's script has another check now"
        );
        let broken = APPEND.replace(check, none);
        let patterns = [
            (digest(APPEND), digest(&broken)),
            (check.to_owned(), none.to_owned()),
        ];
        Arc::new(move |bytes| {
            for (from, to) in &patterns {
                replace(bytes, from.as_bytes(), to.as_bytes());
            }
        })
    }

    /// What Redis calls a script.
    fn digest(script: &str) -> String {
        let digest =
            ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, script.as_bytes());
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
        assert_eq!(from.len(), to.len(), "lengths are part of the protocol");
        let mut at = 0;
        while let Some(window) = bytes.get_mut(at..at + from.len()) {
            if window == from {
                window.copy_from_slice(to);
                at += from.len();
            } else {
                at += 1;
            }
        }
    }

    /// Builds a library that makes every flush of a process take three seconds, for `LD_PRELOAD`.
    ///
    /// # Errors
    ///
    /// When there is no C compiler.
    pub fn slow_flush(directory: &Path) -> io::Result<PathBuf> {
        let (source, library) = (directory.join("slow.c"), directory.join("slow.so"));
        let text = "#include <unistd.h>\nint fdatasync(int fd) { (void)fd; sleep(3); return 0; }\n\
                    int fsync(int fd) { (void)fd; sleep(3); return 0; }\n";
        fs::write(&source, text)?;
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .status()?;
        if status.success() {
            Ok(library)
        } else {
            Err(io::Error::other("cc does not build a library"))
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_rewritten_script_is_called_by_its_own_digest_and_as_long() {
            let rewrite = rewrite_position_check();
            let mut script = APPEND.as_bytes().to_vec();
            rewrite(&mut script);
            assert_eq!(script.len(), APPEND.len());
            let text = String::from_utf8(script).unwrap();
            assert!(!text.contains(CONDITION.0));
            let mut call = digest(APPEND).into_bytes();
            rewrite(&mut call);
            assert_eq!(String::from_utf8(call).unwrap(), digest(&text));
        }
    }
}
