//! What operators see and do: real processes on a real Redis, and a page in a real browser.

mod acting;
mod browser;
mod club;
mod club_pages;
mod contract;
mod hostile;
mod orders;
mod reading;
mod tls;
mod unattended;

use tests::browser::Page;
use tests::process::Server;

/// Opens the page of a server and signs in.
async fn sign_in(page: &Page, server: &Server) {
    page.goto(&server.ready.admin).await;
    page.fill("#token", &server.ready.admin_token).await;
    page.click(".login button").await;
}
