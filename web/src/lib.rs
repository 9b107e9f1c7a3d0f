//! What every HTTP server of the workspace shares: problems (RFC 9457), extractors, limits on requests, security headers,
//! and the connections themselves.
//!
//! A server defines its own kinds of problem with [`problems!`](crate::problems) and implements [`Api`] for its
//! state; the extractors and [`limit`] then refuse requests in that server's own words and codes. [`serve`] runs
//! its router on a listener, within the [`ConnectionLimits`] that the server's [`Admission`] sets for each connection.
//! Nothing here knows what is served.

mod address;
mod api;
mod extract;
mod guard;
mod limit;
mod problem;
mod rates;
mod serve;

pub use address::{client_address, is_in};
pub use api::{Api, Bounds};
pub use extract::{Body, PathId, QueryOf, bearer, sentence};
pub use guard::{PERMISSIONS, guard, guard_page};
pub use limit::{limit, no_route, wrong_method};
pub use problem::{FromFault, ProblemCode, ProblemRow, RequestFault, response};
pub use rates::Rates;
pub use serve::{Admission, ConnectionLimits, HttpServer, PeerCertificate, serve};

// For the code that `problems!` expands to.
#[doc(hidden)]
pub use axum;
#[doc(hidden)]
pub use protocol;
