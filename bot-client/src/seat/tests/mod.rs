mod promises;
mod reach;
mod recovery;
pub(crate) mod script;
pub(crate) mod seated;
mod session;
