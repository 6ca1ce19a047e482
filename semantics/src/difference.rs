//! What changed between two states, and nothing else of them.

use serde_json::{Map, Value};

/// A place at which two values differ; absent is `None`.
#[derive(Debug, PartialEq)]
pub struct Change<'a> {
    /// Such as `llmConfig.model` or `history[2]`.
    pub path: String,
    pub before: Option<&'a Value>,
    pub after: Option<&'a Value>,
}

/// The changes from one value to the other, in the order of what is there afterwards.
pub fn changes<'a>(before: &'a Value, after: &'a Value) -> Vec<Change<'a>> {
    let mut changes = Vec::new();
    compare(String::new(), before, after, &mut changes);
    changes
}

fn compare<'a>(path: String, before: &'a Value, after: &'a Value, changes: &mut Vec<Change<'a>>) {
    match (before, after) {
        (before, after) if before == after => {}
        // Objects of other fields, with nothing in common, are other objects.
        (Value::Object(old), Value::Object(new)) if is_same_object(&path, old, new) => {
            for (name, value) in new {
                let path = field(&path, name);
                match old.get(name) {
                    Some(before) => compare(path, before, value, changes),
                    None => changes.push(change(path, None, Some(value))),
                }
            }
            let gone = old.iter().filter(|(name, _)| !new.contains_key(*name));
            changes.extend(gone.map(|(name, value)| change(field(&path, name), Some(value), None)));
        }
        // A list that was added to, or of which the last items were taken; any other has changed as
        // a whole, unless only items have.
        (Value::Array(old), Value::Array(new)) if is_comparable(old, new) => {
            for index in 0..old.len().max(new.len()) {
                let path = format!("{path}[{index}]");
                match (old.get(index), new.get(index)) {
                    (Some(before), Some(after)) => compare(path, before, after, changes),
                    (before, after) => changes.push(change(path, before, after)),
                }
            }
        }
        (before, after) => changes.push(change(path, Some(before), Some(after))),
    }
}

fn is_same_object(path: &str, old: &Map<String, Value>, new: &Map<String, Value>) -> bool {
    let is_kept = |(name, value): (&String, &Value)| new.get(name) == Some(value);
    let has_same_fields = old.len() == new.len() && old.keys().all(|name| new.contains_key(name));
    path.is_empty() || has_same_fields || old.iter().any(is_kept)
}

fn is_comparable(old: &[Value], new: &[Value]) -> bool {
    let shared = old.len().min(new.len());
    old.len() == new.len() || (shared > 0 || old.is_empty()) && old[..shared] == new[..shared]
}

fn field(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

fn change<'a>(path: String, before: Option<&'a Value>, after: Option<&'a Value>) -> Change<'a> {
    Change {
        path,
        before,
        after,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(before: Value, after: Value) -> Vec<String> {
        let show = |value: Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
        let changes = changes(&before, &after);
        let lines = changes.iter().map(|change| {
            let (before, after) = (show(change.before), show(change.after));
            format!("{} {before} {after}", change.path)
        });
        lines.collect()
    }

    #[test]
    fn only_what_changed_is_told() {
        let before = json!({ "same": [1], "deep": { "kept": 0, "a": 1, "gone": 2 }, "kind": null });
        let after = json!({ "same": [1], "deep": { "kept": 0, "a": 3, "new": 4 }, "kind": {} });
        assert_eq!(
            told(before, after),
            [
                "deep.a 1 3",
                "deep.new none 4",
                "deep.gone 2 none",
                "kind null {}"
            ]
        );
    }

    #[test]
    fn an_object_of_another_kind_is_told_whole() {
        let one = json!({ "is": { "phase": "one", "id": 1 } });
        let two = json!({ "is": { "phase": "two", "offset": 2 } });
        assert_eq!(
            told(one.clone(), two),
            [r#"is {"phase":"one","id":1} {"phase":"two","offset":2}"#]
        );
        let other = json!({ "is": { "phase": "two", "id": 2 } });
        assert_eq!(told(one, other), [r#"is.phase "one" "two""#, "is.id 1 2"]);
    }

    #[test]
    fn a_list_that_grew_is_told_by_what_it_grew_by() {
        assert_eq!(told(json!([1]), json!([1, 2])), ["[1] none 2"]);
        assert_eq!(told(json!([]), json!([1])), ["[0] none 1"]);
        assert_eq!(told(json!([1, 2]), json!([1])), ["[1] 2 none"]);
        assert_eq!(
            told(json!([{ "a": 1 }]), json!([{ "a": 2 }])),
            ["[0].a 1 2"]
        );
        assert_eq!(told(json!([1, 2]), json!([])), [" [1,2] []"]);
        assert_eq!(told(json!([1, 2]), json!([2])), [" [1,2] [2]"]);
    }
}
