//! Seats that were taken, so that a player can come back to a match from a new process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use game_core::{MatchId, Seat};
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
    /// Which seat it is, once that is known.
    #[serde(default)]
    pub(super) seat: Option<Seat>,
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

/// Why no seat can be taken again.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSeat {
    /// The folder or a file in it cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Nothing is kept for the match and seat.
    #[error("none is kept")]
    None,
    /// Two players of this computer play each other.
    #[error("two are kept: add --as white or --as black")]
    Both,
}

impl SavedSeat {
    /// Keeps the seat, readable by this user alone, as the token is as good as a password. Each player
    /// of a match has a file of their own, as both may share an account of the computer.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        program::create_private_dir(folder)?;
        let path = self
            .path(folder)?
            .unwrap_or_else(|| folder.join(format!("{}.{:016x}.json", self.match_id, random())));
        let new = path.with_extension("new");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(new, path)
    }

    /// The seat kept for a match: that of `seat`, or the only one.
    pub(super) fn load(
        folder: &Path,
        match_id: MatchId,
        seat: Option<Seat>,
    ) -> Result<Self, NoSeat> {
        let mut kept = kept(folder, match_id)?;
        if let Some(seat) = seat {
            // A seat that was never sat in may be either.
            kept.retain(|(_, saved)| saved.seat.is_none_or(|saved| saved == seat));
            kept.sort_by_key(|(_, saved)| saved.seat.is_none());
            kept.truncate(1);
        }
        match kept.pop() {
            None => Err(NoSeat::None),
            Some(_) if !kept.is_empty() => Err(NoSeat::Both),
            Some((_, saved)) => Ok(saved),
        }
    }

    /// Forgets the seat when its match is over.
    pub(super) fn forget(&self, folder: &Path) {
        // One that cannot be forgotten is of no use to anyone.
        if let Ok(Some(path)) = self.path(folder) {
            let _ = fs::remove_file(path);
        }
    }

    /// Where this player's seat is kept.
    fn path(&self, folder: &Path) -> io::Result<Option<PathBuf>> {
        let kept = kept(folder, self.match_id)?.into_iter();
        let mut own = kept.filter(|(_, saved)| saved.token == self.token);
        Ok(own.next().map(|(path, _)| path))
    }
}

/// All seats kept for a match. A file that holds none is passed over.
fn kept(folder: &Path, match_id: MatchId) -> io::Result<Vec<(PathBuf, SavedSeat)>> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_seat = name.starts_with(&format!("{match_id}.")) && name.ends_with(".json");
        if is_seat
            && let Ok(bytes) = fs::read(&path)
            && let Ok(saved) = serde_json::from_slice::<SavedSeat>(&bytes)
        {
            kept.push((path, saved));
        }
    }
    Ok(kept)
}

fn random() -> u64 {
    rand::random()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn saved(token: &str, seat: Option<Seat>) -> SavedSeat {
        SavedSeat {
            matchmaker: "http://127.0.0.1:7000".into(),
            match_id: "0123456789Ab".parse().unwrap(),
            token: token.into(),
            seat,
            bot: None,
        }
    }

    #[test]
    fn a_seat_is_kept_for_its_player_alone_and_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("rookery/seats");
        let seat = saved("secret", None);
        seat.save(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&seat.path(&folder).unwrap().unwrap()), 0o600);
        assert_eq!(mode(&folder), 0o700);
        let load = || SavedSeat::load(&folder, seat.match_id, None);
        assert_eq!(load().unwrap(), seat);
        seat.forget(&folder);
        assert!(matches!(load(), Err(NoSeat::None)));
    }

    #[test]
    fn two_players_of_one_account_each_keep_their_own_seat() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let white = saved("of white", Some(Seat::White));
        let black = saved("of black", Some(Seat::Black));
        // Each keeps its token before it knows its seat.
        for seat in [&white, &black] {
            let early = SavedSeat {
                seat: None,
                ..seat.clone()
            };
            early.save(folder).unwrap();
        }
        for seat in [&black, &white] {
            seat.save(folder).unwrap();
        }
        assert_eq!(fs::read_dir(folder).unwrap().count(), 2);
        let load = |seat| SavedSeat::load(folder, white.match_id, seat);
        assert_eq!(load(Some(Seat::White)).unwrap(), white);
        assert_eq!(load(Some(Seat::Black)).unwrap(), black);
        assert!(matches!(load(None), Err(NoSeat::Both)));
        white.forget(folder);
        assert_eq!(load(None).unwrap(), black);
        assert!(matches!(load(Some(Seat::White)), Err(NoSeat::None)));
    }
}
