//! Certificates, and the QUIC endpoint that speaks with them.

mod endpoint;
mod identity;
mod keeping;

pub use endpoint::{ResetSecret, transport};
pub use identity::{CertificatePins, CertificateSource, Identity, ShownIdentity, TlsError};
pub use keeping::{keep, keep_https};
