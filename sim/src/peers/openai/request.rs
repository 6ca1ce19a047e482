//! What a request asks for (spec/peers.md §1.1, §2.2): the same fields in the body of a POST and in a
//! message over WebSocket. Fields are checked for their kind; inputs are looked at for their last text
//! and for the pairs of calls and outputs.

use super::error::ApiError;
use serde_json::{json, Map, Value};

/// A response that is to be made.
pub(super) struct Create {
    /// The last text of the user, empty if there is none.
    pub input_text: String,
    pub previous_response_id: Option<String>,
    /// False is a warm-up: load the context, produce no output.
    pub generate: bool,
    pub store: bool,
    pub stream: bool,
    pub background: bool,
    /// Deltas come with filler that hides their length.
    pub obfuscation: bool,
    /// A summary of the model's reasoning is asked for.
    pub summary: bool,
    /// The functions that the model may call, by name.
    pub tools: Vec<String>,
    /// The function that it has to call.
    pub demanded: Option<String>,
    pub output_tokens_max: Option<u64>,
    pub input_tokens: u64,
    /// All fields, for the echoes in the Response object.
    pub fields: Map<String, Value>,
}

/// What a field has to be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Flag,
    Number,
    Object,
    List,
    TextOrList,
    TextOrObject,
}

/// Every field of the API's description; those over WebSocket stand last.
const FIELDS: &[(&str, Kind)] = &[
    ("model", Kind::Text),
    ("input", Kind::TextOrList),
    ("instructions", Kind::TextOrList),
    ("previous_response_id", Kind::Text),
    ("conversation", Kind::TextOrObject),
    ("store", Kind::Flag),
    ("stream", Kind::Flag),
    ("stream_options", Kind::Object),
    ("tools", Kind::List),
    ("tool_choice", Kind::TextOrObject),
    ("parallel_tool_calls", Kind::Flag),
    ("max_output_tokens", Kind::Number),
    ("max_tool_calls", Kind::Number),
    ("metadata", Kind::Object),
    ("reasoning", Kind::Object),
    ("text", Kind::Object),
    ("temperature", Kind::Number),
    ("top_p", Kind::Number),
    ("top_logprobs", Kind::Number),
    ("truncation", Kind::Text),
    ("include", Kind::List),
    ("background", Kind::Flag),
    ("service_tier", Kind::Text),
    ("prompt", Kind::Object),
    ("prompt_cache_key", Kind::Text),
    ("prompt_cache_retention", Kind::Text),
    ("prompt_cache_options", Kind::Object),
    ("safety_identifier", Kind::Text),
    ("user", Kind::Text),
    ("context_management", Kind::List),
    ("moderation", Kind::Object),
    ("type", Kind::Text),
    ("generate", Kind::Flag),
    ("stream_id", Kind::Text),
];

/// The fewest tokens that a request may allow.
const OUTPUT_TOKENS_MIN: u64 = 16;

/// Reads a JSON object.
pub(super) fn fields(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(ApiError::invalid(
            "We could not parse the request: it is not a JSON object.",
        )),
    }
}

/// The field, if it is there and not null.
fn said<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// The response that is to be continued, as far as that can be read: of a request, too, that is
/// turned down for something else.
pub(super) fn previous_response_id(fields: &Map<String, Value>) -> Option<&str> {
    said(fields, "previous_response_id")?.as_str()
}

/// Understands a request of so many bytes.
pub(super) fn parse(
    fields: Map<String, Value>,
    bytes: usize,
    takes_unknown_fields: bool,
) -> Result<Create, ApiError> {
    check_kinds(&fields, takes_unknown_fields)?;
    let flag = |name, otherwise| said(&fields, name).map_or(otherwise, |flag| flag == true);
    let store = flag("store", true);
    let background = flag("background", false);
    if background && !store {
        let message = "Background responses have to be stored.";
        return Err(ApiError::invalid(message).with_param("background"));
    }
    let output_tokens_max = said(&fields, "max_output_tokens").and_then(Value::as_u64);
    if output_tokens_max.is_some_and(|tokens| tokens < OUTPUT_TOKENS_MIN) {
        let message = format!("'max_output_tokens' must be at least {OUTPUT_TOKENS_MIN}.");
        let error = ApiError::invalid(message).with_param("max_output_tokens");
        return Err(error.with_code("integer_below_min_value"));
    }
    let options = said(&fields, "stream_options");
    let obfuscation = options.and_then(|options| options.get("include_obfuscation"));
    let reasoning = said(&fields, "reasoning");
    let summary = reasoning.and_then(|reasoning| reasoning.get("summary"));
    let tools = functions(&fields);
    Ok(Create {
        input_text: last_user_text(fields.get("input"))
            .unwrap_or_default()
            .to_owned(),
        previous_response_id: previous_response_id(&fields).map(str::to_owned),
        generate: flag("generate", true),
        store,
        stream: flag("stream", false),
        background,
        obfuscation: obfuscation != Some(&Value::Bool(false)),
        summary: summary.is_some_and(|summary| !summary.is_null()),
        demanded: demanded(&fields, &tools),
        tools,
        output_tokens_max,
        input_tokens: tokens(bytes),
        fields,
    })
}

/// A stand-in for a tokenizer: four bytes each.
pub(super) fn tokens(bytes: usize) -> u64 {
    bytes.div_ceil(4) as u64
}

fn check_kinds(fields: &Map<String, Value>, takes_unknown: bool) -> Result<(), ApiError> {
    for (name, value) in fields {
        let Some((known, kind)) = FIELDS.iter().find(|(known, _)| known == name) else {
            if takes_unknown {
                continue;
            }
            let error = ApiError::invalid(format!("Unknown parameter: '{name}'."));
            return Err(error
                .with_param(name.clone())
                .with_code("unknown_parameter"));
        };
        if let Some(expected) = kind.is_missed_by(value) {
            let message = format!("Invalid type for '{name}': expected {expected}.");
            let error = ApiError::invalid(message).with_param(*known);
            return Err(error.with_code("invalid_type"));
        }
    }
    Ok(())
}

impl Kind {
    /// What was expected, if it is something else. Null is as good as nothing.
    fn is_missed_by(self, value: &Value) -> Option<&'static str> {
        let (is_met, expected) = match self {
            Kind::Text => (value.is_string(), "a string"),
            Kind::Flag => (value.is_boolean(), "a boolean"),
            Kind::Number => (value.is_number(), "a number"),
            Kind::Object => (value.is_object(), "an object"),
            Kind::List => (value.is_array(), "a list"),
            Kind::TextOrList => (value.is_string() || value.is_array(), "a string or a list"),
            Kind::TextOrObject => (
                value.is_string() || value.is_object(),
                "a string or an object",
            ),
        };
        (!is_met && !value.is_null()).then_some(expected)
    }
}

fn functions(fields: &Map<String, Value>) -> Vec<String> {
    let tools = said(fields, "tools").and_then(Value::as_array);
    let tools = tools.into_iter().flatten();
    tools
        .filter(|tool| tool["type"] == "function")
        .filter_map(|tool| Some(tool["name"].as_str()?.to_owned()))
        .collect()
}

/// By the choice of a tool: a named function, or the first if any will do.
fn demanded(fields: &Map<String, Value>, tools: &[String]) -> Option<String> {
    match said(fields, "tool_choice")? {
        Value::String(choice) if choice == "required" => tools.first().cloned(),
        choice if choice["type"] == "function" => choice["name"].as_str().map(str::to_owned),
        _ => None,
    }
}

/// The input itself, or the last text part of the last user message.
fn last_user_text(input: Option<&Value>) -> Option<&str> {
    match input? {
        Value::String(text) => Some(text),
        Value::Array(items) => items
            .iter()
            .rev()
            .filter(|item| item.get("role").and_then(Value::as_str) == Some("user"))
            .find_map(|item| match item.get("content")? {
                Value::String(text) => Some(text.as_str()),
                Value::Array(parts) => parts
                    .iter()
                    .rev()
                    .filter(|part| part.get("type").and_then(Value::as_str) == Some("input_text"))
                    .find_map(|part| part.get("text")?.as_str()),
                _ => None,
            }),
        _ => None,
    }
}

impl Create {
    pub fn said(&self, name: &str) -> Option<&Value> {
        said(&self.fields, name)
    }

    /// The input as a list of items, each with an id, made of the number of its response.
    pub fn input_items(&self, response: u64) -> Vec<Value> {
        let items = match self.fields.get("input") {
            Some(Value::String(text)) => vec![json!({
                "type": "message",
                "role": "user",
                "content": [{ "type": "input_text", "text": text }],
            })],
            Some(Value::Array(items)) => items.clone(),
            _ => Vec::new(),
        };
        let numbered = items.into_iter().enumerate().map(|(number, mut item)| {
            if let Some(fields) = item.as_object_mut() {
                let id = format!("in_{response:08}_{number}");
                fields.entry("id").or_insert_with(|| id.into());
            }
            item
        });
        numbered.collect()
    }

    /// Every output of a tool answers a call, of this input or of the response that is continued, and
    /// no call is left without one (§1.1). `open` are the calls of that response.
    pub fn check_pairs(&self, open: &[String]) -> Result<(), ApiError> {
        let items = self.fields.get("input").and_then(Value::as_array);
        let items = items.map_or(&[][..], Vec::as_slice);
        let ids = |kind: &'static str| {
            let of_kind = items.iter().filter(move |item| item["type"] == kind);
            of_kind.filter_map(|item| item["call_id"].as_str())
        };
        let calls = || ids("function_call").chain(open.iter().map(String::as_str));
        let outputs = || ids("function_call_output");
        if let Some(output) = outputs().find(|output| !calls().any(|call| call == *output)) {
            return Err(ApiError::no_tool_call(output));
        }
        match calls().find(|call| !outputs().any(|output| output == *call)) {
            Some(call) => Err(ApiError::no_tool_output(call)),
            None => Ok(()),
        }
    }

    /// The last thing in the input is what a tool gave.
    pub fn ends_in_output(&self) -> bool {
        let items = self.fields.get("input").and_then(Value::as_array);
        let last = items.and_then(|items| items.last());
        last.is_some_and(|last| last["type"] == "function_call_output")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Create, ApiError> {
        parse(fields(text.as_bytes())?, text.len(), false)
    }

    fn created(text: &str) -> Create {
        parsed(text).unwrap_or_else(|error| panic!("{text} is valid, but {error:?}"))
    }

    #[test]
    fn the_last_text_of_the_user_is_found_behind_other_items() {
        let create = created(
            r#"{"type":"response.create","stream":true,"input":[
                {"role":"user","content":"first"},
                {"role":"user","content":[{"type":"input_text","text":"second"},{"type":"input_image"}]},
                {"role":"assistant","content":[{"type":"output_text","text":"no"}]},
                {"type":"function_call_output","call_id":"c","output":"no"}]}"#,
        );
        assert_eq!(create.input_text, "second");
        assert!(create.generate && create.store && create.stream && create.ends_in_output());
    }

    #[test]
    fn an_error_names_the_parameter() {
        for (text, param, code) in [
            ("[]", None, None),
            (r#"{"input":5}"#, Some("input"), Some("invalid_type")),
            (r#"{"model":5}"#, Some("model"), Some("invalid_type")),
            (r#"{"tools":{}}"#, Some("tools"), Some("invalid_type")),
            (r#"{"mood":1}"#, Some("mood"), Some("unknown_parameter")),
            (
                r#"{"max_output_tokens":3}"#,
                Some("max_output_tokens"),
                Some("integer_below_min_value"),
            ),
            (
                r#"{"background":true,"store":false}"#,
                Some("background"),
                None,
            ),
        ] {
            let Err(error) = parsed(text) else {
                panic!("{text} must be turned down");
            };
            assert_eq!(
                (error.param.as_deref(), error.code),
                (param, code),
                "{text}"
            );
        }
        let text = r#"{"mood":1,"input":null}"#;
        assert!(parse(fields(text.as_bytes()).unwrap(), 0, true).is_ok());
    }

    #[test]
    fn calls_and_outputs_come_in_pairs() {
        let call =
            |id| json!({"type": "function_call", "call_id": id, "name": "f", "arguments": ""});
        let output = |id| json!({"type": "function_call_output", "call_id": id, "output": ""});
        let check = |input: Value, open: &[&str]| {
            let open: Vec<String> = open.iter().map(|id| id.to_string()).collect();
            let create = created(&json!({ "input": input }).to_string());
            let checked = create.check_pairs(&open);
            checked.map_err(|error| error.message.into_owned())
        };
        assert_eq!(check(json!("Hello"), &[]), Ok(()));
        assert_eq!(check(json!([call("a"), output("a")]), &[]), Ok(()));
        assert_eq!(check(json!([output("a")]), &["a"]), Ok(()));
        let unanswered = |id| Err(ApiError::no_tool_output(id).message.into_owned());
        assert_eq!(check(json!([call("a")]), &[]), unanswered("a"));
        assert_eq!(check(json!("Hello"), &["a"]), unanswered("a"));
        let uncalled = Err(ApiError::no_tool_call("b").message.into_owned());
        assert_eq!(check(json!([output("b")]), &[]), uncalled);
        assert_eq!(check(json!([call("a"), output("b")]), &[]), uncalled);
    }

    #[test]
    fn a_tool_is_demanded_by_name_or_by_kind() {
        let tools = r#""tools":[{"type":"function","name":"f"},{"type":"web_search"}]"#;
        let demanded = |choice: &str| created(&format!("{{{tools}{choice}}}")).demanded;
        assert_eq!(demanded(""), None);
        assert_eq!(demanded(r#","tool_choice":"auto""#), None);
        assert_eq!(
            demanded(r#","tool_choice":"required""#).as_deref(),
            Some("f")
        );
        let named = r#","tool_choice":{"type":"function","name":"g"}"#;
        assert_eq!(demanded(named).as_deref(), Some("g"));
    }
}
