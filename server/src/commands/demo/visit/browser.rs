//! Opening the page in the browser of whoever runs the demo.

use std::process::{Command, Stdio};

/// Opens a URL where there is a display; what goes wrong is no matter, as the URL is printed too.
pub(super) fn open(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if ["DISPLAY", "WAYLAND_DISPLAY"]
        .into_iter()
        .any(|name| std::env::var_os(name).is_some_and(|display| !display.is_empty()))
    {
        "xdg-open"
    } else {
        return;
    };
    let mut command = Command::new(program);
    let silent = command
        .arg(format!("{url}/"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    match silent.spawn() {
        // It is waited for, so that it does not stay behind as a zombie.
        Ok(mut child) => drop(std::thread::spawn(move || child.wait())),
        Err(error) => tracing::debug!(%error, program, "no browser is opened"),
    }
}
