mod elsewhere;
mod news;
mod promises;
mod reach;
mod recovery;
mod session;
