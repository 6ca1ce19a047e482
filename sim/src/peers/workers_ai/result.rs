//! What a model's answer looks like (spec/peers.md §3.1, §3.3): whole in either form, in pieces, and in
//! the odd forms that exist somewhere.

use super::{
    config::ResultForm,
    request::{tokens, Ask, Interface},
};
use crate::time;
use serde_json::{json, Value};

/// What the model says to a request.
pub(super) struct Answer {
    pub run: u64,
    pub model: String,
    pub form: ResultForm,
    pub text: String,
    /// A call of this tool, which nobody offered, comes with the text.
    pub tool: Option<&'static str>,
    pub input_tokens: u64,
}

/// Filler that hides how long a piece is: with it, all are a multiple of that many bytes.
const FILLER: &str = "abdeghkmnpqrtuwx";

/// The last line of a stream.
pub(super) const DONE: &str = "[DONE]";

impl Answer {
    /// How the answer looks where it was asked for.
    pub fn form(ask: &Ask, model: ResultForm) -> ResultForm {
        match ask.interface {
            Interface::Run => model,
            Interface::ChatCompletions => ResultForm::Choices,
        }
    }

    pub fn result(&self) -> Value {
        match self.form {
            ResultForm::Response => {
                let mut result = json!({ "response": self.text, "usage": self.usage() });
                if let Some(name) = self.tool {
                    result["tool_calls"] = json!([{ "name": name, "arguments": {} }]);
                }
                result
            }
            ResultForm::Choices => {
                let mut message = json!({ "role": "assistant", "content": self.text });
                if let Some(name) = self.tool {
                    message["tool_calls"] = json!([{
                        "id": format!("call_{:08}", self.run),
                        "type": "function",
                        "function": { "name": name, "arguments": "{}" },
                    }]);
                }
                let choice = json!({
                    "index": 0,
                    "message": message,
                    "logprobs": null,
                    "finish_reason": self.finish_reason(),
                });
                self.completion("chat.completion", json!([choice]), Some(self.usage()))
            }
        }
    }

    /// The data of a piece of a stream.
    pub fn piece(&self, text: &str) -> String {
        match self.form {
            ResultForm::Response => {
                let missing = FILLER.len() - text.len() % FILLER.len();
                json!({ "response": text, "p": &FILLER[..missing] }).to_string()
            }
            ResultForm::Choices => {
                let delta = json!({ "role": "assistant", "content": text });
                self.chunk(
                    json!([{ "index": 0, "delta": delta, "finish_reason": null }]),
                    None,
                )
            }
        }
    }

    /// What stands between the last piece and [`DONE`].
    pub fn last_pieces(&self) -> Vec<String> {
        match self.form {
            ResultForm::Response => {
                vec![json!({ "response": "", "usage": self.usage() }).to_string()]
            }
            ResultForm::Choices => {
                let reason = self.finish_reason();
                let end = json!([{ "index": 0, "delta": {}, "finish_reason": reason }]);
                vec![
                    self.chunk(end, None),
                    self.chunk(json!([]), Some(self.usage())),
                ]
            }
        }
    }

    fn finish_reason(&self) -> &'static str {
        match self.tool {
            Some(_) => "tool_calls",
            None => "stop",
        }
    }

    fn chunk(&self, choices: Value, usage: Option<Value>) -> String {
        let chunk = self.completion("chat.completion.chunk", choices, usage);
        chunk.to_string()
    }

    fn completion(&self, object: &str, choices: Value, usage: Option<Value>) -> Value {
        let mut completion = json!({
            "id": format!("chatcmpl-{:08}", self.run),
            "object": object,
            "created": time::now().unix_ms / 1000,
            "model": self.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            completion["usage"] = usage;
        }
        completion
    }

    fn usage(&self) -> Value {
        let output_tokens = tokens(self.text.len());
        json!({
            "prompt_tokens": self.input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": self.input_tokens + output_tokens,
        })
    }
}

/// The body of a reply to a request of this kind.
pub(super) fn body(interface: Interface, result: Value) -> Value {
    match interface {
        Interface::ChatCompletions => result,
        Interface::Run => json!({
            "result": result,
            "success": true,
            "errors": [],
            "messages": [],
        }),
    }
}

/// The `peer.workers-ai.odd-result` fault, on the body of a reply.
pub(super) fn make_odd(body: &mut Value, kind: &'static str, text: &str) {
    let is_enveloped = body.get("result").is_some();
    let result = match is_enveloped {
        true => &mut body["result"],
        false => &mut *body,
    };
    match kind {
        "null-response" => *result = json!({ "response": null }),
        "object-response" => *result = json!({ "response": { "answer": "yes" } }),
        "content-list" => {
            *result = json!({
                "type": "message",
                "role": "assistant",
                "content": [{ "type": "text", "text": text }],
            });
        }
        "extra-fields" => result["mood"] = "curious".into(),
        "no-result" => {
            if let Some(fields) = body.as_object_mut() {
                fields.shift_remove(if is_enveloped { "result" } else { "choices" });
            }
        }
        other => panic!("peer.workers-ai.odd-result has no variant {other}"),
    }
}
