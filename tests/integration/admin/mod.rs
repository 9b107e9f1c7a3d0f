//! What operators see and do: real processes on a real Redis, and a page in a real browser.

mod acting;
mod browser;
mod chromium;
mod club;
mod club_pages;
mod contract;
mod hostile;
mod reading;
mod tls;
mod unattended;
