//! Manual pages and shell completions, made from a program's own options.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::{Shell, generate_to};

/// Write the manual pages and the completions for bash, zsh and fish of this program into a directory, in folders of
/// these names (man, bash, zsh, fish), under the names that the shells expect: for packages.
#[derive(Debug, Clone, Args)]
pub struct PagesArgs {
    /// The directory; made if it is missing.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl PagesArgs {
    /// Writes everything about `command`, the whole program.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn write(&self, command: Command) -> io::Result<()> {
        let name = command.get_name().to_owned();
        let folder = |name: &str| -> io::Result<PathBuf> {
            let folder = self.directory.join(name);
            fs::create_dir_all(&folder)?;
            Ok(folder)
        };
        clap_mangen::generate_to(command.clone(), folder("man")?)?;
        for (shell, kind) in [
            (Shell::Bash, "bash"),
            (Shell::Zsh, "zsh"),
            (Shell::Fish, "fish"),
        ] {
            let folder = folder(kind)?;
            let written = generate_to(shell, &mut command.clone(), &name, &folder)?;
            if shell == Shell::Bash {
                // bash-completion finds a file by the name of its program.
                fs::rename(written, folder.join(&name))?;
            }
        }
        Ok(())
    }

    /// Where they are written.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_and_every_shell_its_completions() {
        let directory = tempfile::tempdir().unwrap();
        let command = Command::new("rook")
            .about("A tower")
            .subcommand(Command::new("castle").about("With the king"))
            .subcommand(Command::new("secret").hide(true));
        let args = PagesArgs {
            directory: directory.path().join("deep/er"),
        };
        args.write(command).unwrap();
        for (file, part) in [
            ("man/rook.1", "A tower"),
            ("man/rook-castle.1", "With the king"),
            ("bash/rook", "complete "),
            ("zsh/_rook", "#compdef rook"),
            ("fish/rook.fish", "complete -c rook"),
        ] {
            let text = fs::read_to_string(args.directory().join(file)).unwrap();
            assert!(text.contains(part), "{file}: {text}");
        }
        assert!(!args.directory().join("man/rook-secret.1").exists());
    }
}
