//! Files and directories that their owner alone may read.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The owner reads and writes a file, and nobody else.
const FILE_MODE: u32 = 0o600;
/// The owner uses a directory, and nobody else.
const DIRECTORY_MODE: u32 = 0o700;
/// The bits of a mode that concern everyone but the owner.
const OTHERS: u32 = 0o077;

/// Creates a directory and its parents for their owner alone. An existing directory is left as it is, as others
/// may use it too (`/tmp`, a home); returns whether others may read it.
///
/// # Errors
///
/// The system's error.
pub fn create_private_dir(path: &Path) -> io::Result<bool> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(DIRECTORY_MODE).create(path)?;
    Ok(fs::metadata(path)?.permissions().mode() & OTHERS != 0)
}

/// Writes a file that its owner alone may read, atomically: a reader may be polling for it.
///
/// # Errors
///
/// The system's error; an existing file is then unchanged.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    // A draft that an interrupted write left behind has a mode of its own.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let options = options.write(true).create_new(true).mode(FILE_MODE);
    let mut file = options.open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Restricts an existing file to its owner; returns whether others could read it before.
///
/// # Errors
///
/// The system's error.
pub fn make_private(path: &Path) -> io::Result<bool> {
    let is_open = fs::metadata(path)?.permissions().mode() & OTHERS != 0;
    if is_open {
        fs::set_permissions(path, Permissions::from_mode(FILE_MODE))?;
    }
    Ok(is_open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_its_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("a/b");
        assert!(!create_private_dir(&inner).unwrap());
        assert_eq!(mode(&inner), 0o700);
        assert_eq!(mode(inner.parent().unwrap()), 0o700);
        let file = inner.join("secret");
        // What an earlier, interrupted write has left.
        fs::write(inner.join("secret.new"), "old").unwrap();
        write_private(&file, b"new").unwrap();
        assert_eq!(
            (fs::read(&file).unwrap(), mode(&file)),
            (b"new".into(), 0o600)
        );
        assert!(!inner.join("secret.new").exists());
    }

    #[test]
    fn what_others_may_read_is_found_out() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("open");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(&inner, Permissions::from_mode(0o755)).unwrap();
        assert!(create_private_dir(&inner).unwrap());
        assert_eq!(mode(&inner), 0o755);
        let file = inner.join("file");
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert!(make_private(&file).unwrap());
        assert_eq!(mode(&file), 0o600);
        assert!(!make_private(&file).unwrap());
    }
}
