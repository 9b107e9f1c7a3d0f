//! What the binary `bot-client` is made of: its command line, `play` and `bot`. The rest of its commands are the
//! library `lab`, and all of them play with the library `client`.

pub mod commands;
