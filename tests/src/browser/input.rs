//! What a hand does at a page: mouse, finger and keyboard. All of it comes from outside the page, as the browser gets it
//! from its system.

use serde_json::{Value, json};

use super::page::Page;

/// A key of the keyboard that writes no letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The key that submits.
    Enter,
    /// To the next element.
    Tab,
    /// To the previous element.
    BackTab,
    /// The key that cancels.
    Escape,
    /// The key that presses buttons.
    Space,
    /// Arrow to the left.
    Left,
    /// Arrow to the right.
    Right,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
}

impl Key {
    /// What the browser calls it, its code there, and what it writes.
    const fn parts(self) -> (&'static str, u32, &'static str) {
        match self {
            Self::Enter => ("Enter", 13, "\r"),
            Self::Tab | Self::BackTab => ("Tab", 9, ""),
            Self::Escape => ("Escape", 27, ""),
            Self::Space => (" ", 32, " "),
            Self::Left => ("ArrowLeft", 37, ""),
            Self::Right => ("ArrowRight", 39, ""),
            Self::Up => ("ArrowUp", 38, ""),
            Self::Down => ("ArrowDown", 40, ""),
        }
    }
}

impl Page {
    /// Presses a key where the focus is.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn press(&self, key: Key) {
        let (name, code, text) = key.parts();
        let named = if key == Key::Space { "Space" } else { name };
        let modifiers = if key == Key::BackTab { 8 } else { 0 };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind, "key": name, "code": named, "modifiers": modifiers,
                "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code,
            });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = text.into();
            }
            self.ask("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Writes letter by letter where the focus is.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn write(&self, text: &str) {
        for letter in text.chars() {
            if letter == '\n' {
                self.press(Key::Enter).await;
                continue;
            }
            let letter = letter.to_string();
            let down = json!({ "type": "keyDown", "key": letter, "text": letter });
            self.ask("Input.dispatchKeyEvent", down).await;
            let up = json!({ "type": "keyUp", "key": letter });
            self.ask("Input.dispatchKeyEvent", up).await;
        }
    }

    /// Waits until an element can be clicked on: it is there, enabled, and nothing else covers its middle. Then clicks, and
    /// once more if the element was moved in between: a hand sees that.
    ///
    /// # Panics
    ///
    /// If that takes too long.
    pub async fn click(&self, selector: &str) {
        let element = Value::from(selector);
        let aim = format!(
            "window.aim?.abort(); \
             const aim = window.aim = Object.assign(new AbortController(), {{ missed: false }}); \
             const element = document.querySelector({element}); \
             const judge = (event) => {{ \
                 const target = event.target; \
                 if (element?.contains(target) || target.closest?.('label')?.control === element) return aim.abort(); \
                 aim.missed = true; \
                 event.preventDefault(); \
                 event.stopImmediatePropagation(); \
             }}; \
             for (const kind of ['pointerdown', 'mousedown', 'click']) \
                 window.addEventListener(kind, judge, {{ capture: true, signal: aim.signal }});"
        );
        loop {
            let at = self.middle(selector).await;
            // The document may be replaced at any moment: in the new one nobody has aimed, and after a press it is the answer.
            let _ = self.try_evaluate(&aim).await;
            self.mouse("mouseMoved", at, 0).await;
            self.mouse("mousePressed", at, 1).await;
            let missed = self.try_evaluate("return window.aim.missed").await;
            self.mouse("mouseReleased", at, 1).await;
            if missed != Ok(true.into()) {
                return;
            }
        }
    }

    /// Replaces what is written in a field.
    ///
    /// # Panics
    ///
    /// If there is none, or it cannot be clicked on.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.evaluate("document.activeElement.select()").await;
        self.write(text).await;
    }

    /// The middle of an element that nothing covers, once there is one.
    async fn middle(&self, selector: &str) -> (f64, f64) {
        let body = format!(
            "const element = document.querySelector({selector}); \
             if (!element || element.disabled || element.getAttribute('aria-disabled') === 'true') return null; \
             let box = element.getBoundingClientRect(); \
             if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) {{ \
                 element.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
                 box = element.getBoundingClientRect(); \
             }} \
             const [x, y] = [box.left + box.width / 2, box.top + box.height / 2]; \
             const top = document.elementFromPoint(x, y); \
             return top && (element.contains(top) || top.closest('label')?.control === element) ? [x, y] : null;",
            selector = Value::from(selector)
        );
        let what = format!("{selector} can be clicked on");
        point(&self.wait(&what, &body).await)
    }

    /// Drags with the mouse from one point of the window to another.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn drag(&self, from: (f64, f64), to: (f64, f64)) {
        let half = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
        self.mouse("mouseMoved", from, 0).await;
        self.mouse("mousePressed", from, 1).await;
        self.mouse("mouseMoved", half, 1).await;
        self.mouse("mouseMoved", to, 1).await;
        self.mouse("mouseReleased", to, 1).await;
    }

    /// Clicks on a point of the window.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn click_at(&self, at: (f64, f64)) {
        self.mouse("mouseMoved", at, 0).await;
        self.mouse("mousePressed", at, 1).await;
        self.mouse("mouseReleased", at, 1).await;
    }

    /// Taps on a point of the window with a finger.
    ///
    /// # Panics
    ///
    /// If the page is gone.
    pub async fn tap_at(&self, at: (f64, f64)) {
        let touch = json!({ "type": "touchStart", "touchPoints": [{ "x": at.0, "y": at.1 }] });
        self.ask("Input.dispatchTouchEvent", touch).await;
        let lift = json!({ "type": "touchEnd", "touchPoints": [] });
        self.ask("Input.dispatchTouchEvent", lift).await;
    }

    async fn mouse(&self, kind: &str, (x, y): (f64, f64), buttons: u8) {
        let button = if kind == "mouseMoved" && buttons == 0 {
            "none"
        } else {
            "left"
        };
        let clicks = u8::from(kind != "mouseMoved");
        let held = if kind == "mouseReleased" { 0 } else { buttons };
        let event = json!({
            "type": kind, "x": x, "y": y, "button": button, "buttons": held, "clickCount": clicks,
        });
        self.ask("Input.dispatchMouseEvent", event).await;
    }
}

/// A point that a script has returned.
pub(super) fn point(value: &Value) -> (f64, f64) {
    let of = |index: usize| value[index].as_f64().expect("a coordinate");
    (of(0), of(1))
}
