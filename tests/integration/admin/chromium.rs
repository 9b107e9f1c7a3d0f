//! Chromium, driven by its chromedriver over the WebDriver protocol (W3C).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tests::installation::eventually;
use tests::process::{Server, free_tcp_port};

/// A browser with one page, closed when dropped.
pub(super) struct Browser {
    driver: Child,
    client: Client,
    /// URL of the session.
    session: String,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver closes its browser when it is asked to, and not when it is killed.
        let _ = self.close();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Browser {
    pub(super) async fn open() -> Self {
        let port = free_tcp_port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is missing: run tests/run, which installs it");
        let mut browser = Self {
            driver,
            client: Client::new(),
            session: format!("http://127.0.0.1:{port}"),
        };
        eventually("the driver is ready", || async {
            let status = browser.client.get(format!("{}/status", browser.session));
            let status: Value = status.send().await.ok()?.json().await.ok()?;
            (status["value"]["ready"] == true).then_some(())
        })
        .await;
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let session = browser.ask(Method::POST, "/session", Some(wanted)).await;
        let id = session["sessionId"].as_str().expect("a session");
        browser.session = format!("{}/session/{id}", browser.session);
        browser
    }

    /// Ends the session, and the browser with it. No runtime is at hand where this is called.
    fn close(&self) -> std::io::Result<()> {
        let url = self.session.trim_start_matches("http://");
        let (host, path) = url.split_once('/').unwrap_or((url, ""));
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let request =
            format!("DELETE /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        stream.read_to_end(&mut Vec::new()).map(|_| ())
    }

    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let answer = self.try_ask(method, path, body).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What the driver answers, or its error.
    async fn try_ask(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Value> {
        let request = self
            .client
            .request(method, format!("{}{path}", self.session));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let response = request
            .timeout(Duration::from_secs(60))
            .send()
            .await
            .unwrap();
        let answer: Value = response.json().await.unwrap();
        if answer["value"]["error"].is_null() {
            Ok(answer["value"].clone())
        } else {
            Err(answer)
        }
    }

    pub(super) async fn goto(&self, url: &str) {
        self.ask(Method::POST, "/url", Some(json!({ "url": url })))
            .await;
    }

    /// Waits until a CSS selector finds something; returns its WebDriver name.
    pub(super) async fn find(&self, selector: &str) -> String {
        let body = json!({ "using": "css selector", "value": selector });
        eventually(selector, || async {
            let found = self
                .ask(Method::POST, "/elements", Some(body.clone()))
                .await;
            let element = found.as_array()?.first()?.as_object()?.values().next()?;
            Some(element.as_str()?.to_owned())
        })
        .await
    }

    /// Clicks on what a selector finds; again if the page had just replaced that.
    pub(super) async fn click(&self, selector: &str) {
        eventually(selector, || async {
            let element = self.find(selector).await;
            let path = format!("/element/{element}/click");
            match self.try_ask(Method::POST, &path, Some(json!({}))).await {
                Ok(_) => Some(()),
                Err(error) => {
                    let kind = &error["value"]["error"];
                    let replaced = ["stale element reference", "element not interactable"];
                    assert!(
                        replaced.iter().any(|known| kind == known),
                        "{path}: {error}"
                    );
                    None
                }
            }
        })
        .await;
    }

    pub(super) async fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        let body = json!({ "text": text });
        self.ask(
            Method::POST,
            &format!("/element/{element}/value"),
            Some(body),
        )
        .await;
    }

    /// Waits until the text of what a selector finds is as wanted.
    pub(super) async fn reads(&self, selector: &str, wanted: impl Fn(&str) -> bool) {
        let script = "return document.querySelector(arguments[0])?.textContent ?? ''";
        let body = json!({ "script": script, "args": [selector] });
        eventually(selector, || async {
            let text = self
                .ask(Method::POST, "/execute/sync", Some(body.clone()))
                .await;
            text.as_str().filter(|text| wanted(text)).map(|_| ())
        })
        .await;
    }

    pub(super) async fn evaluate(&self, script: &str) -> Value {
        let body = json!({ "script": script, "args": [] });
        self.ask(Method::POST, "/execute/sync", Some(body)).await
    }

    /// Waits until the page is as a script expects it.
    pub(super) async fn until(&self, script: &str) {
        eventually(script, || async {
            (self.evaluate(script).await == true).then_some(())
        })
        .await;
    }

    /// Opens the page of a server and signs in.
    pub(super) async fn sign_in(&self, server: &Server) {
        self.goto(&server.ready.admin).await;
        self.write("#token", &server.ready.admin_token).await;
        self.click(".login button").await;
    }

    /// The page on a screen of so many CSS pixels.
    pub(super) async fn resize(&self, width: u32, height: u32) {
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        let emulate = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": screen });
        self.ask(Method::POST, "/goog/cdp/execute", Some(emulate))
            .await;
    }

    /// Whatever the browser complained of: a script that fails, or what its policy forbids.
    pub(super) async fn complaints(&self) -> Vec<Value> {
        let log = self
            .ask(Method::POST, "/se/log", Some(json!({ "type": "browser" })))
            .await;
        log.as_array().unwrap().clone()
    }
}
