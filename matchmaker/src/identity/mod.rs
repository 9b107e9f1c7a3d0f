//! Who players are: accounts and what gives access to them, API tokens, and an issuer of the operator's own.

mod args;
mod issuer;
mod name_key;
mod passwords;
mod secrets;

pub use self::args::{Guests, IdentityArgs, InvalidIdentity, IssuerConfig, SignUp};
pub(crate) use self::issuer::Issuer;
pub(crate) use self::name_key::{keys_of_look_alikes, name_key};
pub(crate) use self::passwords::Passwords;
pub(crate) use self::secrets::{
    API_TOKEN_PREFIX, Secret, TRANSFER_CODE_LEN, digest_of, normal_code,
};
