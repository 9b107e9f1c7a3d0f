//! A file that was damaged outside the database: flipped bits, a missing end.
//!
//! redb has checksums of its pages, and verifies them on request. It asserts its assumptions about a file
//! that passed, so any operation may panic after a disk has changed the file. Such a panic is caught here, at
//! the boundary of the store, and becomes an error like any other; the database is closed after it, and
//! checked before it is used again.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::{Database, DatabaseError, StorageError};

thread_local! {
    /// A panic of this thread would be caught here.
    static CONTAINS: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread, now, would come from a damaged file and be returned as an error: no fault of
/// the program, for hooks that report those.
#[must_use]
pub fn contains_panics() -> bool {
    CONTAINS.get()
}

/// Runs an operation on the file; a panic in it counts as damage.
pub(super) fn contained<T>(operation: impl FnOnce() -> T) -> Result<T, String> {
    let outer = CONTAINS.replace(true);
    // No half-done state is used after a panic: the database is closed.
    let outcome = catch_unwind(AssertUnwindSafe(operation));
    CONTAINS.set(outer);
    outcome.map_err(|panic| message(&*panic))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "the database failed".to_owned())
}

/// Opens a database and verifies the checksum of every page, which reads the whole file.
pub(super) fn open_checked(
    open: &dyn Fn() -> Result<Database, DatabaseError>,
    place: &str,
) -> Result<Database, DatabaseError> {
    let opened = contained(|| {
        let mut database = open()?;
        let is_whole = database.check_integrity()?;
        Ok((database, is_whole))
    });
    let (database, is_whole) = opened.unwrap_or_else(|text| {
        let damaged = StorageError::Corrupted(format!("its file is damaged: {text}"));
        Err(DatabaseError::Storage(damaged))
    })?;
    if !is_whole {
        tracing::error!(
            place,
            "the store's file was damaged, and was repaired: it is read up to the damage, and the newest \
             events may be missing"
        );
    }
    Ok(database)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_known_as_contained_for_as_long_as_it_would_be_caught() {
        assert!(!contains_panics());
        assert_eq!(
            contained(|| (contains_panics(), contained(contains_panics))),
            Ok((true, Ok(true)))
        );
        let failed = contained(|| -> bool { panic!("page {} is torn", 7) });
        assert_eq!(failed, Err("page 7 is torn".to_owned()));
        assert!(!contains_panics(), "what comes after is the program's own");
    }
}
