//! Values with live parts: capabilities that a provider gives to a script, or gets from one.
//!
//! Events hold JSON, and a script's engine passes nothing else. There a marker stands in the place of
//! each live part; beside the value, a list says which part stands where.

use runtime::call::{Argument, Arguments, Capability};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What stands in the place of a capability.
pub const MARKER: &str = "[live capability]";

/// Where in a value something stands: names of fields and positions in lists.
pub type Place = Vec<Step>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Step {
    Position(usize),
    Field(String),
}

/// The value as JSON, and the live parts that it had.
pub fn split(value: &Argument) -> (Value, Vec<(Place, Capability)>) {
    let mut live = Vec::new();
    let json = split_at(value, &mut Vec::new(), &mut live);
    (json, live)
}

/// The value as JSON, with a marker for each live part.
pub fn marked(value: &Argument) -> Value {
    split(value).0
}

fn split_at(value: &Argument, at: &mut Place, live: &mut Vec<(Place, Capability)>) -> Value {
    match value {
        Argument::Json(json) => json.clone(),
        Argument::Shared(shared) => shared.to_json(),
        Argument::Capability(capability) => {
            live.push((at.clone(), capability.clone()));
            MARKER.into()
        }
        Argument::List(items) => {
            let mut list = Vec::new();
            for (position, item) in items.iter().enumerate() {
                at.push(Step::Position(position));
                list.push(split_at(item, at, live));
                at.pop();
            }
            Value::Array(list)
        }
        Argument::Record(fields) => {
            let mut object = Map::new();
            for (name, field) in fields.iter() {
                at.push(Step::Field(name.to_owned()));
                object.insert(name.to_owned(), split_at(field, at, live));
                at.pop();
            }
            Value::Object(object)
        }
    }
}

/// The value with its live parts back in their places. A place that is not there is left out.
pub fn join(value: Value, live: Vec<(Place, Capability)>) -> Argument {
    let live: Vec<(&[Step], &Capability)> = live.iter().map(|(at, it)| (&**at, it)).collect();
    join_at(value, &live)
}

fn join_at(value: Value, live: &[(&[Step], &Capability)]) -> Argument {
    if let Some((_, capability)) = live.iter().find(|(at, _)| at.is_empty()) {
        return Argument::Capability((*capability).clone());
    }
    if live.is_empty() {
        return Argument::Json(value);
    }
    let below = |step: &Step| -> Vec<(&[Step], &Capability)> {
        let inside = live.iter().filter(|(at, _)| at.first() == Some(step));
        inside.map(|(at, it)| (&at[1..], *it)).collect()
    };
    match value {
        Value::Array(items) => {
            let items = items.into_iter().enumerate();
            let joined = items.map(|(at, item)| join_at(item, &below(&Step::Position(at))));
            Argument::List(joined.collect())
        }
        Value::Object(fields) => {
            let mut record = Arguments::new();
            for (name, field) in fields {
                let inside = below(&Step::Field(name.clone()));
                record.set(name, join_at(field, &inside));
            }
            Argument::Record(record)
        }
        scalar => Argument::Json(scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::call::ObjectName;
    use serde_json::json;

    fn capability(export: u64) -> Capability {
        Capability {
            object: ObjectName::new("A", "p1:/a"),
            incarnation: 1,
            export,
        }
    }

    #[test]
    fn live_parts_come_out_of_a_value_and_back() {
        let inner = Arguments::new()
            .with("onDone", Argument::Capability(capability(2)))
            .json("name", "n");
        let value = Argument::List(vec![
            Argument::Json(json!({ "a": 1 })),
            Argument::Capability(capability(1)),
            Argument::Record(inner),
        ]);
        let (json, live) = split(&value);
        assert_eq!(
            json,
            json!([{ "a": 1 }, MARKER, { "onDone": MARKER, "name": "n" }])
        );
        assert_eq!(live.len(), 2);
        let again = join(json, live);
        assert_eq!(format!("{again:?}"), format!("{value:?}"));
    }

    #[test]
    fn a_text_like_the_marker_is_no_live_part() {
        let value = Argument::Json(json!([MARKER]));
        assert_eq!(split(&value), (json!([MARKER]), vec![]));
    }

    #[test]
    fn a_place_that_is_not_there_is_left_out() {
        let nowhere = vec![(vec![Step::Field("b".to_owned())], capability(1))];
        let joined = join(json!({ "a": 1 }), nowhere);
        assert_eq!(joined.to_json(), Some(json!({ "a": 1 })));
    }
}
