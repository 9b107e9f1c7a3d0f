//! The data directory of a process that keeps its own keys and, unless it has a Redis, its own store.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use admin::Access;
use store::{Backup, Enclosed};
use tokens::SigningKey;

use super::Failure;

/// The file that keeps the key by which tokens are signed.
pub(super) const SIGNING_KEY: &str = "signing-key.pem";
/// The file that keeps the admin endpoint's token.
pub(super) const ADMIN_TOKEN: &str = "admin-token";

/// Creates the data directory with access only for its owner; an existing one is not changed, as others may
/// use it too.
pub(super) fn make_data_dir(path: &Path) -> Result<(), Failure> {
    let is_open = program::create_private_dir(path).map_err(|error| {
        let text = format!("cannot make the data directory {}: {error}", path.display());
        Failure::from(text)
    })?;
    if is_open {
        tracing::warn!(
            "others may look into the data directory: `chmod 700 {}` makes it yours alone",
            path.display()
        );
    }
    Ok(())
}

/// The file of the admin endpoint's token, which is made with a new token if it is missing.
pub(super) fn admin_token_file(directory: &Path) -> Result<PathBuf, Failure> {
    let path = directory.join(ADMIN_TOKEN);
    if !path.exists() {
        let made = Access::generate();
        let token = made.token().unwrap_or_default();
        program::write_private(&path, format!("admin {token}\n").as_bytes())
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    Ok(path)
}

/// The key of a data directory: read, or made and kept, so that tokens outlive a restart.
pub(super) fn signing_key(directory: &Path) -> Result<SigningKey, Failure> {
    let path = directory.join(SIGNING_KEY);
    match std::fs::read_to_string(&path) {
        Ok(pem) => {
            tighten(&path);
            SigningKey::from_pem(&pem).map_err(|error| {
                let text = format!(
                    "{}: {error}; put the right file there, or remove it to have a new one made (the \
                     tokens of players are then void)",
                    path.display()
                );
                text.into()
            })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let (key, pem) = SigningKey::generate()?;
            program::write_private(&path, pem.as_bytes())
                .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            Ok(key)
        }
        Err(error) => Err(format!("cannot read {}: {error}", path.display()).into()),
    }
}

/// Removes other users' access to a secret.
fn tighten(path: &Path) {
    match program::make_private(path) {
        Ok(true) => tracing::warn!(
            "{} could be read by others until now; who has read it can sign tokens: remove it to have a \
             new one made",
            path.display()
        ),
        Ok(false) => {}
        Err(error) => tracing::warn!("{} may be read by others: {error}", path.display()),
    }
}

/// The files that belong to the data, and are part of each backup: without the key, every token of a player is void.
const ENCLOSED: [&str; 2] = [SIGNING_KEY, ADMIN_TOKEN];

/// The files that a backup of this directory encloses.
pub(super) fn enclosed(directory: &Path) -> Result<Vec<Enclosed>, Failure> {
    let mut files = Vec::new();
    for name in ENCLOSED {
        let path = directory.join(name);
        match std::fs::read(&path) {
            Ok(content) => files.push(Enclosed {
                name: name.to_owned(),
                content,
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("cannot read {}: {error}", path.display()).into()),
        }
    }
    Ok(files)
}

/// Writes the files that a backup encloses. A file of other content stays beside it, as NAME.replaced.
pub(super) fn restore_enclosed(directory: &Path, backup: &Backup) -> Result<(), Failure> {
    let known = backup
        .enclosed()
        .iter()
        .filter(|file| ENCLOSED.contains(&file.name.as_str()));
    for Enclosed { name, content } in known {
        let path = directory.join(name);
        if std::fs::read(&path).is_ok_and(|found| found == *content) {
            continue;
        }
        let failed = |error| format!("cannot write {}: {error}", path.display());
        if path.exists() {
            let replaced = directory.join(format!("{name}.replaced"));
            std::fs::rename(&path, replaced).map_err(failed)?;
        }
        program::write_private(&path, content)
            .and_then(|()| store::give_to_owner_of(directory, &path))
            .map_err(failed)?;
    }
    Ok(())
}
