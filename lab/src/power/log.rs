//! The log that the preloaded library writes.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

pub(super) const WRITE: u32 = 1;
pub(super) const TRUNCATE: u32 = 2;
pub(super) const FLUSH: u32 = 3;
pub(super) const CREATE: u32 = 4;
pub(super) const RENAME: u32 = 5;
pub(super) const UNLINK: u32 = 6;
pub(super) const FLUSH_DIRECTORY: u32 = 7;

/// The length of a record's head, in bytes.
const HEAD: usize = 48;

/// A change, or a flush that was done; see `shim.c`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) kind: u32,
    pub(super) inode: u64,
    /// Where a write begins, the length that a truncation leaves, or the number of the name under which a file is kept.
    pub(super) at: u64,
    /// The length of the file before, in bytes.
    pub(super) size: u64,
    path: &'a [u8],
    pub(super) before: &'a [u8],
    pub(super) after: &'a [u8],
}

impl Record<'_> {
    pub(super) fn path(&self) -> PathBuf {
        OsStr::from_bytes(self.path).into()
    }

    /// The new name of a file.
    pub(super) fn target(&self) -> PathBuf {
        OsStr::from_bytes(self.after).into()
    }
}

/// The records of a log, up to one that its program had not written whole when it was killed: what that was to tell of had
/// not begun.
pub(super) fn records(mut log: &[u8]) -> impl Iterator<Item = Record<'_>> {
    std::iter::from_fn(move || {
        let (head, rest) = log.split_at_checked(HEAD)?;
        let four = |at: usize| head[at..at + 4].try_into().map(u32::from_ne_bytes);
        let eight = |at: usize| head[at..at + 8].try_into().map(u64::from_ne_bytes);
        let (path, rest) = rest.split_at_checked(four(32).ok()? as usize)?;
        let (before, rest) = rest.split_at_checked(four(36).ok()? as usize)?;
        let (after, rest) = rest.split_at_checked(four(40).ok()? as usize)?;
        log = rest;
        Some(Record {
            kind: four(0).ok()?,
            inode: eight(8).ok()?,
            at: eight(16).ok()?,
            size: eight(24).ok()?,
            path,
            before,
            after,
        })
    })
}
