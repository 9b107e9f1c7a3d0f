//! Pages in a real Chromium, driven over the Chrome DevTools Protocol.
//!
//! One [`Browser`] shows many [`Page`]s at the same time, each with a storage of its own if the test wants that, and each at
//! the end of a [`Network`] of its own, which the test can cut. A test waits inside the page for what it expects, so that
//! it goes on at once, and a wait says what it waits for.

mod board;
mod chromium;
mod connection;
mod input;
mod network;
mod page;

pub use self::board::{Hand, named};
pub use self::chromium::Browser;
pub use self::input::Key;
pub use self::network::{Doors, Network};
pub use self::page::Page;
