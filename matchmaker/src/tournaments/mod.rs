//! Tournaments: matches that belong together, their results, and the table.
//!
//! A tournament is one document in the store ([`document`]). An organiser's request changes it by compare-and-set
//! ([`making`]); a new round stands in it with the ids of all its matches, so that it is made whole or not at all.
//! Whatever process finds such a round creates its matches ([`creating`]), and creating one twice changes nothing. How a
//! match has ended is kept beside the document by the worker that also archives it (`finisher`), so that no result
//! depends on how long matches are kept. Table and files follow from both ([`standings`], [`trf`]), and are never stored.

mod creating;
mod document;
mod making;
mod public;
mod reply;
mod schedule;
mod standings;
mod trf;

pub(crate) use self::creating::create_rounds;
pub(crate) use self::document::result_of;
pub(crate) use self::making::Organiser;
pub(crate) use self::public::*;
