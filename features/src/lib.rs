//! Nothing: depending on this crate asks for the features that its manifest lists.
//!
//! Cargo builds a dependency with the features that what is being built asks for, so that building one program
//! after the other would build some dependencies, and all that is above them, once for each.
