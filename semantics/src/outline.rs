//! JSON as lines that a person reads, and that a diff shows one change a line of.
//!
//! What is short stands on one line as JSON. Objects and lists that are not have a line for each of
//! their items, and text of several lines stands there line by line.

use serde_json::Value;
use std::fmt::Write as _;

/// An object or a list stands on one line up to so many characters.
const LINE_MAX: usize = 96;

/// The page that is written: lines with an indentation.
#[derive(Default)]
pub struct Page {
    text: String,
}

impl Page {
    pub fn line(&mut self, indent: usize, line: impl std::fmt::Display) {
        let before = self.text.len();
        writeln!(self.text, "{:indent$}{line}", "").expect("a string takes everything");
        // A line of a text may be empty, or end in blanks.
        let end = self.text[before..].trim_end().len();
        self.text.truncate(before + end);
        self.text.push('\n');
    }

    /// `name: value`.
    pub fn named(&mut self, indent: usize, name: &str, value: &Value) {
        match value {
            Value::String(text) if is_block(text) => {
                self.line(indent, format_args!("{name}: |"));
                self.block(indent + 2, text);
            }
            value if fits(value) => self.line(indent, format_args!("{name}: {value}")),
            value => {
                self.line(indent, format_args!("{name}:"));
                self.items(indent + 2, value);
            }
        }
    }

    /// The items of an object or a list; anything else by itself.
    pub fn items(&mut self, indent: usize, value: &Value) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    self.named(indent, name, value);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, value) in items.iter().enumerate() {
                    self.named(indent, &format!("[{index}]"), value);
                }
            }
            Value::String(text) if is_block(text) => self.block(indent, text),
            value => self.line(indent, value),
        }
    }

    pub fn block(&mut self, indent: usize, text: &str) {
        for line in text.split('\n') {
            self.line(indent, line);
        }
    }

    pub fn into_text(self) -> String {
        self.text
    }
}

/// Text of several lines.
fn is_block(text: &str) -> bool {
    text.trim_end().contains('\n')
}

/// Stands on one line: a number or a text of one line however long it is.
pub fn fits(value: &Value) -> bool {
    match value {
        Value::String(text) => !is_block(text),
        Value::Array(items) => items.iter().all(fits) && is_short(value),
        Value::Object(fields) => fields.values().all(fits) && is_short(value),
        _ => true,
    }
}

fn is_short(value: &Value) -> bool {
    value.to_string().chars().count() <= LINE_MAX
}

/// A value on one line, with its end left out if it is long.
pub fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(2 * LINE_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn outline(value: Value) -> String {
        let mut page = Page::default();
        page.items(0, &value);
        page.into_text()
    }

    #[test]
    fn what_is_short_stands_on_one_line() {
        let value = json!({ "a": 1, "b": { "c": [true, null] }, "d": "x" });
        assert_eq!(outline(value), "a: 1\nb: {\"c\":[true,null]}\nd: \"x\"\n");
        assert_eq!(outline(json!(null)), "null\n");
        assert_eq!(outline(json!({})), "{}\n");
    }

    #[test]
    fn what_is_long_has_a_line_for_each_item() {
        let long = "x".repeat(LINE_MAX);
        let value = json!({ "list": [{ "text": long }, 7] });
        assert_eq!(
            outline(value),
            format!("list:\n  [0]:\n    text: \"{long}\"\n  [1]: 7\n")
        );
    }

    #[test]
    fn text_of_several_lines_stands_there_line_by_line() {
        let value = json!({ "text": "one\n\n  two\n" });
        assert_eq!(outline(value), "text: |\n  one\n\n    two\n\n");
    }

    #[test]
    fn brief_leaves_the_end_out() {
        let long = json!("x".repeat(1_000));
        assert_eq!(brief(&long).chars().count(), 2 * LINE_MAX + 1);
        assert_eq!(brief(&json!([1])), "[1]");
    }
}
