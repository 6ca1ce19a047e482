//! The mark of a post: which call it comes from, in the message's metadata, which people do not see
//! (peers P1). A script may say something there itself; the mark stands beside that.

use serde_json::{json, Map, Value};
use std::fmt;

/// The `event_type` of posts whose script gives none.
pub const EVENT_TYPE: &str = "codemode_function_call";

/// The field of the `event_payload` that holds the mark.
pub const FIELD: &str = "codemode_function_call";

/// A piece of what a call posts: a long text is posted in several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker<'a> {
    pub function_call_id: &'a str,
    pub piece: usize,
}

impl fmt::Display for Marker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.function_call_id, self.piece)
    }
}

impl Marker<'_> {
    /// Puts the mark on a message that is to be posted.
    pub fn put_on(self, message: &mut Map<String, Value>) {
        let metadata = message.entry("metadata").or_insert(Value::Null);
        if !metadata.is_object() {
            *metadata = json!({ "event_type": EVENT_TYPE });
        }
        let payload = &mut metadata["event_payload"];
        if !payload.is_object() {
            *payload = json!({});
        }
        payload[FIELD] = self.to_string().into();
    }

    /// Whether a message of Slack's carries it.
    pub fn is_on(self, message: &Value) -> bool {
        marked(&message["metadata"]) == Some(&self.to_string())
    }
}

/// The mark that metadata holds, if any.
pub fn marked(metadata: &Value) -> Option<&str> {
    metadata.get("event_payload")?.get(FIELD)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: Marker<'_> = Marker {
        function_call_id: "f1",
        piece: 0,
    };

    fn marked_message(message: Value) -> Value {
        let Value::Object(mut message) = message else {
            panic!("a message is an object");
        };
        MARKER.put_on(&mut message);
        message.into()
    }

    #[test]
    fn a_mark_is_found_again() {
        let message = marked_message(json!({ "text": "Tea." }));
        let payload = json!({ "codemode_function_call": "f1/0" });
        let metadata = json!({ "event_type": "codemode_function_call", "event_payload": payload });
        assert_eq!(message, json!({ "text": "Tea.", "metadata": metadata }));
        assert!(MARKER.is_on(&message));
        assert!(!Marker { piece: 1, ..MARKER }.is_on(&message));
        assert!(!MARKER.is_on(&json!({ "text": "Tea." })));
    }

    #[test]
    fn it_stands_beside_what_a_script_says() {
        let own = json!({ "event_type": "own", "event_payload": { "a": 1 } });
        let message = marked_message(json!({ "metadata": own }));
        assert!(MARKER.is_on(&message));
        assert_eq!(message["metadata"]["event_type"], "own");
        assert_eq!(message["metadata"]["event_payload"]["a"], 1);
    }
}
