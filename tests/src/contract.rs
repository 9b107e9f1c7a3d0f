//! A server compared with its own OpenAPI description, by Schemathesis.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

/// The answers must be among those that are described, and of the described form.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,ignored_auth";

/// A server, and how it is asked.
pub struct Contract<'a> {
    /// Where it is.
    pub url: &'a str,
    /// The token that requests carry, if any.
    pub token: Option<&'a str>,
    /// A pattern of paths that are left out, such as streams of events, which have no end.
    pub without: &'a str,
    /// Examples that are made up for each operation.
    pub examples: u32,
}

/// Gives each parameter of a described path that is named here this example; returns how many there are.
pub fn name_examples(described: &mut Value, examples: &HashMap<&str, Value>) -> usize {
    let paths = described["paths"].as_object_mut();
    let operations = paths.into_iter().flat_map(Map::values_mut);
    let operations = operations.filter_map(Value::as_object_mut);
    let mut named = 0;
    for operation in operations.flat_map(Map::values_mut) {
        let parameters = operation.get_mut("parameters");
        let parameters = parameters.and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap_or_default();
            if let Some(example) = examples.get(name) {
                parameter["example"] = json!(example);
                named += 1;
            }
        }
    }
    named
}

impl Contract<'_> {
    /// Lets Schemathesis ask everything that is described in this file.
    ///
    /// # Panics
    ///
    /// If an answer is not as it is described.
    pub fn check(&self, description: &Path) {
        let mut command = Command::new(crate::python());
        command
            .args(["-m", "schemathesis.cli", "run"])
            .arg(description);
        command.args(["--url", self.url, "--checks", CHECKS]);
        command.args(["--phases", "examples,coverage,fuzzing"]);
        command.args(["--max-examples", &self.examples.to_string()]);
        command.args(["--seed", "20251121", "--exclude-path-regex", self.without]);
        command.args(["--continue-on-failure", "--warnings", "off"]);
        command.args(["--suppress-health-check", "all"]);
        if let Some(token) = self.token {
            command.args(["--header", &format!("Authorization: Bearer {token}")]);
        }
        // It writes what it found before into the directory that it runs in.
        let directory = description.parent().expect("a file in a directory");
        let output = command.current_dir(directory).output();
        let output = output.expect("Schemathesis runs");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert!(said.contains("No issues found"), "{said}");
    }
}
