//! The browser page: the files of its bundle, inside the program, and the routes that serve them.
//!
//! The bundle is built from the TypeScript beside this crate and committed as `page/dist`; building the program needs no
//! npm. `index.html` is answered at every path of the page, which does its own routing. What is under `/assets/` has a
//! digest of its content in its name, so browsers keep it for good; everything else is asked for again each time, by its
//! `ETag`. Text is sent compressed to those who accept it.
//!
//! Every answer has a content security policy that allows the page's own files, connections to the shards and to each
//! [`Source`] that the operator names, and nothing else.
//!
//! Nothing here knows a match, a player or the store.

mod bundle;
mod policy;
mod router;

pub use policy::{InvalidSource, Source};
pub use router::{PATHS, router};
