//! Two JSON values compared, for messages: where they differ, a line a field. Whole states are long,
//! and what matters in them is short.

use serde_json::Value;

/// More differences than this are only counted.
const DIFFERENCES_MAX: usize = 4;

/// Longer values are cut.
const VALUE_CHARS_MAX: usize = 80;

/// Where a checkpointed state and the fold of its log differ.
pub fn differences(checkpointed: &Value, folded: &Value) -> String {
    let mut found = Vec::new();
    collect_differences("", Some(checkpointed), Some(folded), &mut found);
    let more = found.len().saturating_sub(DIFFERENCES_MAX);
    found.truncate(DIFFERENCES_MAX);
    let mut text = found.join("\n");
    if more > 0 {
        text += &format!("\nand {more} more");
    }
    text
}

fn collect_differences(
    place: &str,
    checkpointed: Option<&Value>,
    folded: Option<&Value>,
    found: &mut Vec<String>,
) {
    match (checkpointed, folded) {
        (one, other) if one == other => {}
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let only_other = other.keys().filter(|key| !one.contains_key(*key));
            for key in one.keys().chain(only_other) {
                let place = format!("{place}/{key}");
                collect_differences(&place, one.get(key), other.get(key), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for index in 0..one.len().max(other.len()) {
                let place = format!("{place}/{index}");
                collect_differences(&place, one.get(index), other.get(index), found);
            }
        }
        (one, other) => found.push(format!(
            "{place} is {} in the checkpoint and {} in the fold",
            in_brief(one),
            in_brief(other)
        )),
    }
}

fn in_brief(value: Option<&Value>) -> String {
    let text = value.map_or_else(|| "absent".to_owned(), Value::to_string);
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn states_that_differ_are_told_apart_field_by_field() {
        let checkpointed = json!({ "same": 1, "list": [{ "a": 1 }, 2], "gone": null });
        let folded = json!({ "same": 1, "list": [{ "a": 3 }], "new": "é".repeat(100) });
        let expected = format!(
            "/list/0/a is 1 in the checkpoint and 3 in the fold\n\
             /list/1 is 2 in the checkpoint and absent in the fold\n\
             /gone is null in the checkpoint and absent in the fold\n\
             /new is absent in the checkpoint and \"{}… in the fold",
            "é".repeat(VALUE_CHARS_MAX - 1)
        );
        assert_eq!(differences(&checkpointed, &folded), expected);
        let many = differences(&json!([1, 2, 3, 4, 5, 6]), &json!([]));
        assert!(many.ends_with("\nand 2 more"), "{many}");
    }
}
