//! Options that say who may play.

use clap::{Args, ValueEnum};
use url::Url;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SignUp {
    /// Anyone.
    Open,
    /// Nobody but operators.
    #[default]
    Closed,
    /// Whoever has an invitation from an operator.
    Invitation,
}

/// Whether one may play without an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Guests {
    /// Anyone may play as a guest.
    #[default]
    Allow,
    /// Only named players play.
    Refuse,
}

/// Who may play: guests, accounts, and players of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Args)]
#[command(next_help_heading = "Players")]
pub struct IdentityArgs {
    /// Who may make an account: anyone, operators only, or whoever has an invitation. Operators make accounts and
    /// invitations at the admin endpoint.
    #[arg(long, env = "ROOKERY_SIGN_UP", value_name = "WHO", value_enum, default_value_t = SignUp::Closed)]
    pub sign_up: SignUp,

    /// Whether one may play without an account.
    #[arg(long, env = "ROOKERY_GUESTS", value_name = "WHETHER", value_enum, default_value_t = Guests::Allow)]
    pub guests: Guests,

    /// An issuer whose tokens are accepted (OpenID Connect), by the address that its tokens name, such as
    /// `https://id.example`. Its keys are read from where its discovery document says, over https; plain http only from
    /// the loopback.
    #[arg(
        long,
        env = "ROOKERY_OIDC_ISSUER",
        value_name = "URL",
        requires = "oidc_audience"
    )]
    pub oidc_issuer: Option<String>,

    /// The audience that the issuer's tokens must name: the client id of this installation at the issuer.
    #[arg(
        long,
        env = "ROOKERY_OIDC_AUDIENCE",
        value_name = "TEXT",
        requires = "oidc_issuer"
    )]
    pub oidc_audience: Option<String>,
}

/// An issuer of the operator's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// Its address, exactly as its tokens name it.
    pub issuer: String,
    /// The audience that its tokens must name.
    pub audience: String,
}

/// An issuer that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InvalidIdentity {
    /// The address of the issuer.
    pub issuer: String,
    /// What is wrong with it, and what is allowed.
    why: &'static str,
}

impl IdentityArgs {
    /// The issuer, if one is set.
    ///
    /// # Errors
    ///
    /// [`InvalidIdentity`] if its address is not one that keys may be read from.
    pub fn issuer(&self) -> Result<Option<IssuerConfig>, InvalidIdentity> {
        let (Some(issuer), Some(audience)) = (&self.oidc_issuer, &self.oidc_audience) else {
            return Ok(None);
        };
        if !may_be_read(issuer) {
            return Err(InvalidIdentity {
                issuer: issuer.clone(),
                why: "it must be an https:// URL without query and fragment, or http:// on the loopback",
            });
        }
        Ok(Some(IssuerConfig {
            issuer: issuer.clone(),
            audience: audience.clone(),
        }))
    }
}

/// Whether keys may be read from an address: whoever can change them on their way becomes any player.
pub(super) fn may_be_read(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let is_loopback = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    is_plain && (url.scheme() == "https" || (url.scheme() == "http" && is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_over_https_or_from_the_loopback() {
        for (address, expected) in [
            ("https://id.example", true),
            ("https://id.example/realms/club", true),
            ("http://127.0.0.1:8080/realms/club", true),
            ("http://[::1]:8080", true),
            ("http://localhost", true),
            ("http://id.example", false),
            ("http://127.0.0.1.example", false),
            ("https://id.example?x=1", false),
            ("https://id.example#x", false),
            ("https://me@id.example", false),
            ("ftp://id.example", false),
            ("id.example", false),
            ("", false),
        ] {
            assert_eq!(may_be_read(address), expected, "{address}");
            let args = IdentityArgs {
                oidc_issuer: Some(address.to_owned()),
                oidc_audience: Some("club".to_owned()),
                ..IdentityArgs::default()
            };
            assert_eq!(args.issuer().is_ok(), expected, "{address}");
        }
    }
}
