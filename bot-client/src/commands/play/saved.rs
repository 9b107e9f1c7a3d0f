//! Seats that were taken, so that a player can come back to a match from a new process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use game_core::MatchId;
use serde::{Deserialize, Serialize};

/// What it takes to sit down again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedSeat {
    /// Address of the matchmaker.
    pub(super) matchmaker: String,
    /// Which match.
    pub(super) match_id: MatchId,
    /// The player token.
    pub(super) token: String,
    /// The opponent, if it is a bot of this program.
    pub(super) bot: Option<SavedBot>,
}

/// The seat of a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedBot {
    /// Its player token.
    pub(super) token: String,
    /// Its engine, as on the command line.
    pub(super) engine: String,
}

/// The folder of saved seats: `rookery/seats` in the user's folder for state (XDG Base Directory).
pub(super) fn folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    variable("XDG_STATE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| variable("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("rookery/seats"))
}

impl SavedSeat {
    /// Keeps the seat, readable by this user alone, as the token is as good as a password.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        program::create_private_dir(folder)?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(path(folder, self.match_id))?;
        file.write_all(&serde_json::to_vec(self)?)
    }

    /// The seat kept for a match.
    pub(super) fn load(folder: &Path, match_id: MatchId) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path(folder, match_id))?)?)
    }

    /// Forgets the seat of a match that is over.
    pub(super) fn forget(folder: &Path, match_id: MatchId) {
        // One that cannot be forgotten is of no use to anyone.
        let _ = fs::remove_file(path(folder, match_id));
    }
}

fn path(folder: &Path, match_id: MatchId) -> PathBuf {
    folder.join(format!("{match_id}.json"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_seat_is_kept_for_its_player_alone_and_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("rookery/seats");
        let match_id = "0123456789Ab".parse().unwrap();
        let seat = SavedSeat {
            matchmaker: "http://127.0.0.1:7000".into(),
            match_id,
            token: "secret".into(),
            bot: None,
        };
        seat.save(&folder).unwrap();
        let mode = fs::metadata(path(&folder, match_id))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(SavedSeat::load(&folder, match_id).unwrap(), seat);
        SavedSeat::forget(&folder, match_id);
        assert!(SavedSeat::load(&folder, match_id).is_err());
    }
}
