mod promises;
mod recovery;
mod script;
mod seated;
mod session;
