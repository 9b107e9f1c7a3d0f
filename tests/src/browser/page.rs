//! A page.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::connection::Connection;

/// Whatever is waited for must come within this, on a busy machine too.
const PATIENCE: Duration = Duration::from_secs(45);
/// How often a page looks whether it is as expected, in milliseconds.
const LOOK_EVERY_MS: u32 = 15;

/// A page with a storage of its own, which is closed when this is dropped.
pub struct Page {
    connection: Arc<Connection>,
    /// Its storage: cookies, local storage, caches.
    context: String,
    session: String,
    /// It goes with the page that has opened the storage.
    owns_context: bool,
}

impl Drop for Page {
    fn drop(&mut self) {
        if self.owns_context {
            let context = json!({ "browserContextId": self.context });
            self.connection
                .tell("Target.disposeBrowserContext", context);
        }
    }
}

impl Page {
    pub(super) async fn open(connection: &Arc<Connection>) -> Self {
        let made = connection.ask(None, "Target.createBrowserContext", json!({}));
        let made = made
            .await
            .expect("a browser: run tests/run, which installs it");
        let context = text(&made["browserContextId"]);
        Self::attach(connection, context, true).await
    }

    /// Opens another page on the same storage, as a second tab of the same player.
    ///
    /// # Panics
    ///
    /// If the browser has ended.
    pub async fn beside(&self) -> Self {
        Self::attach(&self.connection, self.context.clone(), false).await
    }

    async fn attach(connection: &Arc<Connection>, context: String, owns_context: bool) -> Self {
        let target =
            json!({ "url": "about:blank", "browserContextId": context, "newWindow": true });
        let target = connection.ask(None, "Target.createTarget", target).await;
        let target = text(&target.expect("a page")["targetId"]);
        let attach = json!({ "targetId": target, "flatten": true });
        let attached = connection.ask(None, "Target.attachToTarget", attach).await;
        let session = text(&attached.expect("a session")["sessionId"]);
        let page = Self {
            connection: Arc::clone(connection),
            context,
            session,
            owns_context,
        };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.ask(domain, json!({})).await;
        }
        let focus = json!({ "enabled": true });
        page.ask("Emulation.setFocusEmulationEnabled", focus).await;
        page
    }

    /// What the browser answers about this page.
    ///
    /// # Panics
    ///
    /// If it refuses.
    pub async fn ask(&self, method: &str, params: Value) -> Value {
        let answer = self.try_ask(method, params).await;
        answer.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn try_ask(&self, method: &str, params: Value) -> Result<Value, String> {
        let session = Some(self.session.as_str());
        self.connection.ask(session, method, params).await
    }

    /// Goes to an address. The page may still be loading then.
    ///
    /// # Panics
    ///
    /// If nothing answers there.
    pub async fn goto(&self, url: &str) {
        let answer = self.ask("Page.navigate", json!({ "url": url })).await;
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
    }

    /// Loads the page anew.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn reload(&self) {
        self.ask("Page.reload", json!({})).await;
    }

    /// Has a script run in each document before its own scripts.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn at_start(&self, script: &str) {
        let script = json!({ "source": script });
        self.ask("Page.addScriptToEvaluateOnNewDocument", script)
            .await;
    }

    /// What the body of a function returns in the page, or what its promise becomes.
    ///
    /// # Panics
    ///
    /// If it throws.
    pub async fn evaluate(&self, body: &str) -> Value {
        let value = self.try_evaluate(body).await;
        value.unwrap_or_else(|error| panic!("{body}\n{error}"))
    }

    pub(super) async fn try_evaluate(&self, body: &str) -> Result<Value, String> {
        let evaluate = json!({
            "expression": format!("(() => {{ {body} }})()"),
            "awaitPromise": true, "returnByValue": true, "userGesture": true,
        });
        let mut answer = self.try_ask("Runtime.evaluate", evaluate).await?;
        match &answer["exceptionDetails"] {
            Value::Null => Ok(answer["result"]["value"].take()),
            thrown => Err(thrown.to_string()),
        }
    }

    /// Waits until the body of a function returns neither null nor false, and returns that. What is thrown counts as null:
    /// the page may not have come so far.
    ///
    /// # Panics
    ///
    /// If that takes too long: with `what`, and what the page shows.
    pub async fn wait(&self, what: &str, body: &str) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now()).as_millis();
            // It looks by itself, and comes back before the browser would be given up.
            let looking = format!(
                "const end = performance.now() + {left}; \
                 const look = () => {{ try {{ return (() => {{ {body} }})() ?? null; }} catch {{ return null; }} }}; \
                 return new Promise((found) => {{ \
                     const again = () => {{ \
                         const value = look(); \
                         if (value !== null && value !== false) found([value]); \
                         else if (performance.now() > end) found([]); \
                         else setTimeout(again, {LOOK_EVERY_MS}); \
                     }}; \
                     again(); \
                 }});"
            );
            match self.try_evaluate(&looking).await {
                Ok(mut found) if found[0] != Value::Null => return found[0].take(),
                // The document was replaced while it waited.
                Err(_) if Instant::now() < end => sleep(Duration::from_millis(20)).await,
                _ => break,
            }
        }
        let shown = self.shown().await;
        panic!("it never came to this: {what}\n{body}\n{shown}");
    }

    /// Waits until the body of a function returns true.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn until(&self, body: &str) {
        self.wait(body, body).await;
    }

    /// Waits until a CSS selector finds something.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn find(&self, selector: &str) {
        let body = format!(
            "return document.querySelector({}) !== null",
            Value::from(selector)
        );
        self.wait(&format!("{selector} is there"), &body).await;
    }

    /// Waits until a CSS selector finds nothing.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn misses(&self, selector: &str) {
        let body = format!(
            "return document.querySelector({}) === null",
            Value::from(selector)
        );
        self.wait(&format!("{selector} is gone"), &body).await;
    }

    /// Waits until the text of what a selector finds is as wanted.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn reads(&self, selector: &str, wanted: impl Fn(&str) -> bool) {
        let body = format!(
            "return document.querySelector({})?.textContent ?? ''",
            Value::from(selector)
        );
        let end = Instant::now() + PATIENCE;
        let mut last = Value::Null;
        while Instant::now() < end {
            if let Ok(text) = self.try_evaluate(&body).await {
                if text.as_str().is_some_and(&wanted) {
                    return;
                }
                last = text;
            }
            sleep(Duration::from_millis(u64::from(LOOK_EVERY_MS))).await;
        }
        let shown = self.shown().await;
        panic!("{selector} never read as wanted; it reads {last}\n{shown}");
    }

    /// The page on a screen of so many CSS pixels, with a finger instead of a mouse.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn on_phone(&self, width: u32, height: u32, scale: u32) {
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": true });
        self.ask("Emulation.setDeviceMetricsOverride", screen).await;
        let touch = json!({ "enabled": true, "maxTouchPoints": 1 });
        self.ask("Emulation.setTouchEmulationEnabled", touch).await;
    }

    /// The page in a window of so many CSS pixels.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn resize(&self, width: u32, height: u32, scale: u32) {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false });
        self.ask("Emulation.setDeviceMetricsOverride", screen).await;
    }

    /// What the system prefers: `prefers-color-scheme` and the like, by name and value.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn prefer(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> = features
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        self.ask(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    /// What is seen of the page, as WebP.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn picture(&self, quality: u8) -> Vec<u8> {
        let format = json!({ "format": "webp", "quality": quality });
        let picture = self.ask("Page.captureScreenshot", format).await;
        let picture = STANDARD.decode(text(&picture["data"]));
        picture.expect("a picture in Base64")
    }

    /// Whatever the browser complained of since it was asked last: a script that fails, or what the page's policy forbids.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        self.connection.take_complaints(&self.session)
    }

    /// What a failed test shows of the page. The picture stays where the test was built.
    async fn shown(&self) -> String {
        let body = "return location.href + '\\n' + document.documentElement.outerHTML.length + ' letters of HTML; shown:\\n' \
                    + document.body.innerText.slice(0, 4000)";
        let text = self.try_evaluate(body).await;
        let text = text.map_or_else(|error| error, |text| text.as_str().unwrap_or("").to_owned());
        let format = json!({ "format": "png" });
        let picture = self.try_ask("Page.captureScreenshot", format).await;
        let picture = picture.ok().and_then(|picture| {
            let bytes = STANDARD.decode(picture["data"].as_str()?).ok()?;
            let path = failures().join(format!("{}.png", self.session));
            std::fs::create_dir_all(failures()).ok()?;
            std::fs::write(&path, bytes).ok()?;
            Some(path.display().to_string())
        });
        let complaints = self.complaints();
        format!("complaints: {complaints:?}\npicture: {picture:?}\n{text}")
    }
}

/// Where pictures of failed tests are.
fn failures() -> PathBuf {
    let mut directory = std::env::current_exe().unwrap_or_default();
    directory.pop();
    directory.join("failed-pages")
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
