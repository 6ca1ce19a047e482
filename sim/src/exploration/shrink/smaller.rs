//! Smaller numbers, values and operations: what a decision or a step may be reduced to.

use crate::choice::Shape;
use serde_json::{Number, Value};

/// Smaller numbers, the smallest first.
pub(super) fn below(number: u64) -> impl Iterator<Item = u64> {
    let mut numbers = vec![0, number / 4, number / 2, number - number / 4];
    if number <= 4 {
        numbers = (0..number).collect();
    }
    numbers.dedup();
    numbers.retain(|smaller| *smaller < number);
    numbers.into_iter()
}

/// Smaller values than one of a shape, but none that is the default.
pub(super) fn smaller_values(shape: Shape, value: u64) -> impl Iterator<Item = u64> {
    let least = match shape {
        Shape::YesNo { .. } | Shape::OneOf { .. } => value,
        Shape::Delay { min_ms, .. } => min_ms,
        Shape::Bytes { min_bytes, .. } => min_bytes,
        Shape::Below { .. } => 1,
    };
    below(value.saturating_sub(least)).map(move |above| least + above)
}

/// Fields of operations that may become smaller: times, and counts.
fn may_shrink(name: &str) -> bool {
    name.ends_with("_ms") || name == "count"
}

/// The same operation with one thing in it smaller: a time, a count, a list of several.
pub(super) fn smaller_operations(does: &Value) -> impl Iterator<Item = Value> {
    let mut smaller = Vec::new();
    match does {
        Value::Object(fields) => {
            for (name, value) in fields {
                let with = |value: Value| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), value);
                    Value::Object(fields)
                };
                match value {
                    Value::Number(number) if may_shrink(name) => {
                        let number = number.as_u64().unwrap_or(0);
                        smaller.extend(below(number).map(Number::from).map(Value::from).map(with));
                    }
                    inner => smaller.extend(smaller_operations_of(inner).into_iter().map(with)),
                }
            }
        }
        Value::Array(entries) => {
            if entries.len() > 1 {
                smaller.extend((0..entries.len()).map(|left_out| {
                    let mut entries = entries.clone();
                    entries.remove(left_out);
                    Value::Array(entries)
                }));
            }
            for (place, entry) in entries.iter().enumerate() {
                smaller.extend(smaller_operations_of(entry).into_iter().map(|entry| {
                    let mut entries = entries.clone();
                    entries[place] = entry;
                    Value::Array(entries)
                }));
            }
        }
        _ => {}
    }
    smaller.into_iter()
}

/// Breaks the type's recursion.
fn smaller_operations_of(does: &Value) -> Vec<Value> {
    smaller_operations(does).collect()
}
