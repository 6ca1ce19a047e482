//! A script's call, as codemode dispatches it to an rpc provider (spec §5.10): `{args, functionCallId,
//! functionPath, …}`. `slack.chat.postMessage({…})` has the path `["chat", "postMessage"]` and one
//! argument, an object.

use runtime::call::{Arguments, CallError};
use serde_json::{Map, Value};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The same for every repetition of the call.
    pub id: Arc<str>,
    /// A method of the Web API.
    pub method: String,
    pub arguments: Map<String, Value>,
}

impl ToolCall {
    /// # Errors
    /// Something is missing or of another shape.
    pub fn read(call: &Arguments) -> Result<Self, CallError> {
        let path: Vec<String> = call.parse("functionPath")?;
        let mut arguments: Vec<Value> = call.parse("args")?;
        let arguments = match (arguments.pop(), arguments.is_empty()) {
            (None, _) => Map::new(),
            (Some(Value::Object(arguments)), true) => arguments,
            _ => {
                return Err(CallError::invalid(format!(
                    "slack.{} takes one object of arguments",
                    path.join(".")
                )))
            }
        };
        Ok(ToolCall {
            id: call.parse::<String>("functionCallId")?.into(),
            method: path.join("."),
            arguments,
        })
    }
}

/// A text argument that is there and not empty.
pub fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let text = arguments.get(name)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(args: Value) -> Result<ToolCall, CallError> {
        let call = Arguments::new()
            .json("args", args)
            .json("functionCallId", "f1")
            .json("functionPath", ["chat", "postMessage"]);
        ToolCall::read(&call)
    }

    #[test]
    fn a_call_names_a_method_and_its_arguments() {
        let call = read(json!([{ "channel": "C1" }])).unwrap();
        assert_eq!(&*call.id, "f1");
        assert_eq!(call.method, "chat.postMessage");
        assert_eq!(Value::from(call.arguments), json!({ "channel": "C1" }));
        assert_eq!(read(json!([])).unwrap().arguments, Map::new());
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        for args in [json!(["C1", "hello"]), json!(["C1"]), json!([{}, {}])] {
            let refused = read(args).unwrap_err();
            assert!(refused.to_string().contains("slack.chat.postMessage"));
        }
    }
}
