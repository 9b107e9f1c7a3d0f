//! How long stored bytes may be, and why some are refused.

/// Longest stored record, bytes. A move takes 25 to 42, by the size of its command id and of the times.
pub const RECORD_LEN_MAX: usize = 128;
/// Longest stored snapshot, bytes. That of a match of 600 moves a side, with as many other events as there may
/// be, takes about three quarters of it.
pub const SNAPSHOT_LEN_MAX: usize = 64 * 1024;
/// Longest stored line of a chat, bytes.
pub const CHAT_LINE_LEN_MAX: usize = 1024;
/// Longest stored value of the other formats, bytes.
pub const OTHER_LEN_MAX: usize = 4 * 1024;

/// The crc32 at the end.
pub(super) const CHECKSUM_LEN: usize = 4;

/// Why stored bytes are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are more bytes than this format ever has, or too few for any.
    #[error("{len} bytes, where there can be {min} to {max}", min = CHECKSUM_LEN + 1)]
    Length {
        /// How many there are.
        len: usize,
        /// The most there can be.
        max: usize,
    },
    /// The bytes are of another format.
    #[error("a {found}, where a {expected} belongs")]
    Format {
        /// The format that was found.
        found: &'static str,
        /// The format that was asked for.
        expected: &'static str,
    },
    /// The bytes are of a version of the format that this program does not read.
    #[error(
        "a {format} of version {found}, and this program reads version {newest}{}",
        if found > newest { ": it was stored by a newer program" } else { "" }
    )]
    Version {
        /// The format.
        format: &'static str,
        /// The version that was found.
        found: u8,
        /// The newest version that this program reads, and the one that it writes.
        newest: u8,
    },
    /// The bytes were changed after they were written.
    #[error("the checksum does not match")]
    Checksum,
    /// The checksum matches, but the body makes no sense.
    #[error("malformed: {0}")]
    Malformed(String),
}
