//! `rookery backup` and `rookery restore`: the data of a club in one file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
use game_core::UnixMillis;
use program::calendar::{rfc3339, unix_ms};
use program::say;
use store::{Backup, EmbeddedStore, check_unused};

use super::Failure;
use super::control::{ControlAnswer, ControlRequest, connect, read_answer, send};
use super::data_dir::{enclosed, make_data_dir, restore_enclosed};

/// A restored club must serve again within this.
const SERVES_WITHIN: Duration = Duration::from_secs(60);
/// Interval between two checks whether it does.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Write everything that a club keeps into one file, as of one moment: matches, players, ratings, archive and keys.
/// `rookery serve` may run meanwhile, and play goes on. The file is complete and checked when it gets its name; an older
/// one of that name is replaced then. Whoever can read it can sign tokens: only its owner may.
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to write.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The club's data directory.
    #[arg(
        long,
        env = "ROOKERY_DATA_DIR",
        value_name = "DIR",
        default_value = "rookery-data"
    )]
    data_dir: PathBuf,
}

/// Make a backup the data of a club. If `rookery serve` runs, it stops play, and begins anew with the restored data
/// under the same process id; players come back by themselves. What was there is kept beside it under names that end in
/// `.replaced`.
#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The club's data directory; made if it is missing.
    #[arg(
        long,
        env = "ROOKERY_DATA_DIR",
        value_name = "DIR",
        default_value = "rookery-data"
    )]
    data_dir: PathBuf,
    /// Replace the data that is there.
    #[arg(long)]
    replace: bool,
}

pub(super) fn back_up(args: &BackupArgs) -> Result<(), Failure> {
    let mut draft = args.file.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    let made = write_backup(args, &draft).and_then(|()| {
        let backup = Backup::open(&draft)?;
        fs::rename(&draft, &args.file)?;
        match args.file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all()?,
            _ => {}
        }
        Ok(backup)
    });
    if made.is_err() {
        let _ = fs::remove_file(&draft);
    }
    let backup = made.map_err(|failure| format!("no backup was made: {failure}"))?;
    say!("{}: {}", args.file.display(), described(&backup));
    Ok(())
}

fn described(backup: &Backup) -> String {
    let made_at_s = i64::try_from(backup.made_at().0 / 1_000).unwrap_or(i64::MAX);
    format!(
        "a backup of {}, with {} matches beside the archive",
        rfc3339(made_at_s),
        backup.matches()
    )
}

fn write_backup(args: &BackupArgs, draft: &Path) -> Result<(), Failure> {
    let Some(stream) = connect(&args.data_dir)? else {
        let files = enclosed(&args.data_dir)?;
        let now = UnixMillis(unix_ms());
        EmbeddedStore::back_up_closed(&args.data_dir, draft, &files, now)?;
        return Ok(());
    };
    receive(stream, draft)
}

/// Has the process that serves make the backup.
fn receive(mut stream: UnixStream, draft: &Path) -> Result<(), Failure> {
    send(&mut stream, &ControlRequest::Backup)?;
    let mut reader = BufReader::new(stream);
    let bytes = match read_answer(&mut reader)? {
        ControlAnswer::Backup { bytes } => bytes,
        ControlAnswer::Refused { why } => return Err(why.into()),
        other @ ControlAnswer::Restored => return Err(unexpected(&other)),
    };
    match fs::remove_file(draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    let received = io::copy(&mut reader.take(bytes), &mut file)?;
    file.sync_all()?;
    if received < bytes {
        return Err(format!("the server has sent {received} of {bytes} bytes").into());
    }
    Ok(())
}

pub(super) fn restore(args: &RestoreArgs) -> Result<(), Failure> {
    let backup = Backup::open(&args.file)?;
    let serving = connect(&args.data_dir)?;
    if !args.replace && (serving.is_some() || EmbeddedStore::is_in(&args.data_dir)) {
        let text = format!(
            "{} has data already: --replace keeps it under other names, and restores the backup",
            args.data_dir.display()
        );
        return Err(text.into());
    }
    let is_serving = serving.is_some();
    match serving {
        Some(stream) => hand_over(stream, args)?,
        None => {
            check_unused(&args.data_dir)?;
            make_data_dir(&args.data_dir)?;
            restore_enclosed(&args.data_dir, &backup)?;
            backup.restore(&args.data_dir)?;
        }
    }
    say!(
        "{}: restored from {}",
        args.data_dir.display(),
        described(&backup)
    );
    if is_serving {
        say!("It serves again.");
    }
    Ok(())
}

/// Has the process that serves restore the backup, and waits until it serves again.
fn hand_over(mut stream: UnixStream, args: &RestoreArgs) -> Result<(), Failure> {
    let mut file = File::open(&args.file)?;
    let bytes = file.metadata()?.len();
    send(&mut stream, &ControlRequest::Restore { bytes })?;
    // It may refuse before it has read everything.
    let sent = io::copy(&mut file, &mut stream).and_then(|_| stream.flush());
    match read_answer(&mut BufReader::new(stream)) {
        Ok(ControlAnswer::Restored) => {}
        Ok(ControlAnswer::Refused { why }) => return Err(why.into()),
        Ok(other @ ControlAnswer::Backup { .. }) => return Err(unexpected(&other)),
        Err(failure) => {
            sent.map_err(|error| format!("the backup could not be sent: {error}"))?;
            return Err(failure);
        }
    }
    let end = Instant::now() + SERVES_WITHIN;
    while connect(&args.data_dir)?.is_none() {
        if Instant::now() > end {
            let text = format!(
                "the backup is restored, but nothing serves after {} s; the log says why",
                SERVES_WITHIN.as_secs()
            );
            return Err(text.into());
        }
        sleep(LOOK_EVERY);
    }
    Ok(())
}

fn unexpected(answer: &ControlAnswer) -> Failure {
    format!("the server answers {answer:?}, which was not asked for").into()
}
