//! The fields of a request, from its query and its body: forms and JSON are both taken.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, Uri, header};
use serde_json::Value;

use crate::refusal::Refusal;

/// The fields of a request by their names. Those of the body win over those of the query.
#[derive(Debug, Default)]
pub(crate) struct Fields(HashMap<String, String>);

impl Fields {
    /// The fields of a request.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the body says that it is JSON and is not an object.
    pub(crate) fn of(uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<Self, Refusal> {
        let mut fields = HashMap::new();
        if let Some(query) = uri.query() {
            fields.extend(form_urlencoded::parse(query.as_bytes()).into_owned());
        }
        let kind = headers.get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.trim_start().starts_with("application/json") {
            if !body.is_empty() {
                let json = serde_json::from_slice(body);
                let Ok(Value::Object(object)) = json else {
                    return Err(Refusal::bad("The body is not a JSON object"));
                };
                add_json(&mut fields, "", object);
            }
        } else {
            fields.extend(form_urlencoded::parse(body).into_owned());
        }
        Ok(Self(fields))
    }

    /// A field that has something in it.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name).map(|text| text.trim());
        text.filter(|text| !text.is_empty())
    }

    /// A field that is a yes or a no; no if it is not there.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(is_yes)
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if the field is there and is none.
    pub(crate) fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let number = |text: &str| {
            let number = text.parse::<f64>().ok();
            let number = number.filter(|number| number.is_finite() && *number >= 0.0);
            number.ok_or_else(|| Refusal::bad(format!("{name}: {text:?} is not a number")))
        };
        self.text(name).map(number).transpose()
    }
}

/// Adds the values of an object; those of an object in it have names as in forms, `clock.limit`.
fn add_json(
    fields: &mut HashMap<String, String>,
    prefix: &str,
    object: serde_json::Map<String, Value>,
) {
    for (name, value) in object {
        let name = format!("{prefix}{name}");
        match value {
            Value::String(text) => drop(fields.insert(name, text)),
            Value::Object(object) => add_json(fields, &format!("{name}."), object),
            Value::Null => {}
            value => drop(fields.insert(name, value.to_string())),
        }
    }
}

/// Whether a word of this API means yes.
pub(crate) fn is_yes(word: &str) -> bool {
    matches!(word, "yes" | "true" | "1" | "on")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(kind: Option<&'static str>, uri: &'static str, body: &'static str) -> Fields {
        let mut headers = HeaderMap::new();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
        }
        let uri = Uri::from_static(uri);
        Fields::of(&uri, &headers, &Bytes::from_static(body.as_bytes())).unwrap()
    }

    #[test]
    fn forms_queries_and_json_are_the_same() {
        let form = Some("application/x-www-form-urlencoded");
        for fields in [
            fields(form, "/", "rated=true&clock.limit=300&text=a%20b"),
            fields(None, "/?rated=true&text=a+b", "clock.limit=300"),
            fields(
                Some("application/json"),
                "/?text=other",
                r#"{"rated": true, "clock": {"limit": 300}, "text": "a b", "fen": null}"#,
            ),
        ] {
            assert!(fields.flag("rated") && !fields.flag("fen"));
            assert_eq!(fields.number("clock.limit").unwrap(), Some(300.0));
            assert_eq!(fields.number("clock.increment").unwrap(), None);
            assert_eq!(fields.text("text"), Some("a b"));
        }
    }

    #[test]
    fn what_is_no_json_and_no_number_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        let read = |body| Fields::of(&Uri::from_static("/"), &headers, &Bytes::from_static(body));
        assert!(read(b"[1]").is_err() && read(b"{").is_err());
        for text in ["-1", "x", "inf", "NaN"] {
            let fields = Fields(HashMap::from([("n".to_owned(), text.to_owned())]));
            assert!(fields.number("n").is_err(), "{text}");
        }
    }
}
