//! `bot-client sign-up` and `bot-client log-in`: the token of a named player.

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use clap::Args;
use lab::command::{Failure, ServerArgs, note, say};
use protocol::http::{LogIn, NewAccount, PlayerReply};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;

/// Upper bound on a password's file: that of passwords, in bytes of UTF-8, with room for the end of the line.
const PASSWORD_LEN_MAX: u64 = 1_024;

/// How the next commands act as this player.
const USE: &str = "ROOKERY_PLAYER_TOKEN";

/// Makes an account, and prints its player token.
///
/// Where the server takes invitations, it needs one. The token is what `play` and `bot` act with:
/// export ROOKERY_PLAYER_TOKEN=$(bot-client sign-up ada)
#[derive(Debug, Clone, Args)]
pub struct SignUpArgs {
    /// The player's name: 1 to 32 characters, which nobody else's name looks like.
    #[arg(value_name = "NAME")]
    name: String,
    /// The code of an invitation.
    #[arg(long, value_name = "CODE")]
    invitation: Option<String>,
    /// A program plays; opponents are told.
    #[arg(long)]
    bot: bool,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Logs in, and prints a player token.
///
/// The token is what `play` and `bot` act with: export ROOKERY_PLAYER_TOKEN=$(bot-client log-in ada)
#[derive(Debug, Clone, Args)]
pub struct LogInArgs {
    /// The player's name.
    #[arg(value_name = "NAME", required_unless_present = "code")]
    name: Option<String>,
    /// A login code from the operator, instead of name and password; it is used up.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["name", "password_file"])]
    code: Option<String>,
    #[command(flatten)]
    password: PasswordArgs,
}

/// Where the password is from; by default it is typed.
#[derive(Debug, Clone, Args)]
struct PasswordArgs {
    /// The file with the password, without the end of its line; `-` is stdin. By default it is typed, or
    /// read from stdin where that is no terminal.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Makes the account.
///
/// # Errors
///
/// [`Failure::Setup`].
pub(super) async fn sign_up(args: &SignUpArgs, server: &ServerArgs) -> Result<(), Failure> {
    let account = NewAccount {
        name: args.name.clone(),
        password: args.password.read()?,
        bot: args.bot,
        invitation: args.invitation.clone(),
    };
    let player = server.client()?.sign_up(&account).await?;
    print("The account is made", &player);
    Ok(())
}

/// Logs in.
///
/// # Errors
///
/// [`Failure::Setup`].
pub(super) async fn log_in(args: &LogInArgs, server: &ServerArgs) -> Result<(), Failure> {
    let log_in = match &args.code {
        Some(code) => LogIn {
            code: Some(code.clone()),
            ..LogIn::default()
        },
        None => LogIn {
            name: args.name.clone(),
            password: Some(args.password.read()?),
            code: None,
        },
    };
    let player = server.client()?.log_in(&log_in).await?;
    print("Logged in", &player);
    Ok(())
}

/// The token alone on stdout, for a shell to take.
fn print(what: &str, player: &PlayerReply) {
    let PlayerReply {
        name,
        player,
        token,
        ..
    } = player;
    note(&format!(
        "{what}: {name}, player {player}. This is the token for {USE}:"
    ));
    say(token);
}

impl PasswordArgs {
    fn read(&self) -> Result<String, Failure> {
        let (from, read) = match &self.password_file {
            Some(file) if file.as_os_str() != "-" => (
                file.display().to_string(),
                std::fs::File::open(file).and_then(read_line),
            ),
            None if io::stdin().is_terminal() => ("the password".to_owned(), typed()),
            _ => ("stdin".to_owned(), read_line(io::stdin().lock())),
        };
        read.map_err(|error| Failure::setup(format!("{from}: {error}")))
    }
}

/// All of a short text, without the end of its line.
fn read_line(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(PASSWORD_LEN_MAX).read_to_string(&mut text)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// What is typed until Enter, which the terminal does not show.
fn typed() -> io::Result<String> {
    eprint!("Password: ");
    terminal::enable_raw_mode()?;
    let typed = read_keys();
    terminal::disable_raw_mode()?;
    eprintln!();
    typed
}

fn read_keys() -> io::Result<String> {
    let mut typed = String::new();
    loop {
        let Event::Key(KeyEvent {
            code,
            modifiers,
            kind,
            ..
        }) = event::read()?
        else {
            continue;
        };
        if kind == KeyEventKind::Release {
            continue;
        }
        match code {
            KeyCode::Enter => return Ok(typed),
            KeyCode::Backspace => drop(typed.pop()),
            KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => {
                return Err(io::ErrorKind::Interrupted.into());
            }
            KeyCode::Char(char) => typed.push(char),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_file_ends_with_its_line() {
        for (file, password) in [
            ("pass word\n", "pass word"),
            ("a b \r\n", "a b "),
            ("x", "x"),
        ] {
            assert_eq!(read_line(file.as_bytes()).unwrap(), password);
        }
        assert!(read_line(&[0xff, 0xfe][..]).is_err());
    }
}
