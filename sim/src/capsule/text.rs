//! How a capsule is laid out: a field a line, and what stands in a list a line each, however much
//! there is in it. So a difference between two capsules is a difference between lines.

use super::Capsule;
use serde::Serialize;
use serde_json::{
    ser::{Formatter, Serializer},
    Value,
};
use std::io::{self, Write};

impl Capsule {
    /// The file's text, which ends with a line feed.
    pub fn to_text(&self) -> String {
        let value = serde_json::to_value(self).expect("a capsule is JSON");
        let Value::Object(fields) = value else {
            unreachable!("a capsule has fields");
        };
        let lines: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("  \"{name}\": {}", field(name, value)))
            .collect();
        format!("{{\n{}\n}}\n", lines.join(",\n"))
    }
}

/// Lists of which every entry has a line of its own.
const LISTS: [&str; 2] = ["operations", "decisions"];

fn field(name: &str, value: &Value) -> String {
    let entries = match value {
        Value::Array(entries) if LISTS.contains(&name) && !entries.is_empty() => entries,
        value => return spaced(value),
    };
    let lines: Vec<String> = entries
        .iter()
        .map(|entry| format!("    {}", spaced(entry)))
        .collect();
    format!("[\n{}\n  ]", lines.join(",\n"))
}

/// JSON on one line, with blanks where a person would put them.
fn spaced(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Spaced);
    value.serialize(&mut serializer).expect("a value is JSON");
    String::from_utf8(bytes).expect("JSON is text")
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        to.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, to: &mut W, first: bool) -> io::Result<()> {
        to.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, to: &mut W) -> io::Result<()> {
        to.write_all(b": ")
    }
}
