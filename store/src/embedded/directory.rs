//! The directory of the store, and its file.

use std::fmt;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use redb::{Builder, Database};

use crate::error::StoreError;

/// The file within the directory that the store is given.
pub(super) const FILE_NAME: &str = "rookery.redb";
/// Memory for pages. A thousand live matches touch some thousand pages of 4 KB.
const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// How the file is opened, everywhere.
pub(super) fn builder() -> Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Creates a directory that survives a power loss together with what is put into it.
pub(super) fn create_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    // Only the owner may read players' names and tickets.
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700).create(directory)?;
    match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Creates the file of an empty store, whole or not at all, such that a power loss does not take it away again.
pub(super) fn create_file(directory: &Path, file: &Path) -> Result<(), StoreError> {
    let failed = |error: &dyn fmt::Display| {
        StoreError::Unavailable(format!("the store in {}: {error}", directory.display()))
    };
    let draft = file.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&error)),
        _ => {}
    }
    drop(builder().create(&draft).map_err(|error| failed(&error))?);
    fs::rename(&draft, file)
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(|error| failed(&error))
}

/// Removes all access to the store's file except its owner's.
pub(super) fn make_private(file: &Path) -> io::Result<()> {
    let mode = fs::metadata(file)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(file, Permissions::from_mode(0o600))
}
