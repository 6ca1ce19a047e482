//! What the model answers: a text by the script, unless it misbehaves, or calls tools.

use super::{
    faults::{ANSWER, DELTAS, MISBEHAVE, MISCALL, SUMMARY},
    request::Create,
    OpenAi,
};
use crate::peers::script::{pieces, PIECES};

pub(super) struct Answer {
    /// What the model tells of its reasoning, part by part.
    pub summary: Vec<&'static str>,
    pub content: Content,
}

pub(super) enum Content {
    Nothing,
    Refusal(&'static str),
    Calls(Vec<Call>),
    Text(Text),
}

pub(super) struct Text {
    pub text: String,
    delta_count: usize,
    /// The deltas say something else than the text.
    pub is_shouted: bool,
    /// The text ends where the request allows no more tokens.
    pub is_cut: bool,
}

/// A call of a function.
pub(super) struct Call {
    pub name: String,
    pub arguments: &'static str,
}

const SUMMARY_PARTS: [&str; 2] = ["Reading what was asked.", "Weighing what to say."];

const REFUSAL: &str = "I can not help with that.";

/// A tool that nobody offers, and arguments that are no JSON.
const UNKNOWN_TOOL: &str = "launch_rocket";
const BROKEN_ARGUMENTS: &str = "{\"when\": now";

/// More than `chat.update` takes, less than `chat.postMessage` does (spec/peers.md §4.3).
const LONG_TEXT_BYTES: usize = 6_000;

/// How often a model that is caught in a loop goes on calling.
const LOOP_TURNS: u32 = 3;

/// A stand-in for a tokenizer, as for inputs.
const TOKEN_BYTES: u64 = 4;

pub(super) fn answer(service: &OpenAi, create: &Create) -> Answer {
    let number = {
        let mut generated = service.generated();
        generated.answers += 1;
        generated.answers - 1
    };
    let (choices, subject) = (&service.ports.choices, &service.subject);
    let misbehaviour = choices.variant(&MISBEHAVE, subject);
    let script = &service.config.script;
    let said = script.answer(number, &create.input_text, choices, &ANSWER, subject);
    let draw = choices.below(&DELTAS, subject, PIECES.len() as u64);
    let calls = calls(service, create);
    let content = match misbehaviour {
        Some("empty") => Content::Nothing,
        Some("refusal") => Content::Refusal(REFUSAL),
        Some("function-call") => Content::Calls(vec![Call {
            name: UNKNOWN_TOOL.to_owned(),
            arguments: BROKEN_ARGUMENTS,
        }]),
        None if !calls.is_empty() => Content::Calls(calls),
        _ => {
            let text = match misbehaviour {
                Some("long") => said.repeat(LONG_TEXT_BYTES.div_ceil(said.len().max(1))),
                _ => said,
            };
            let mut text = Text {
                text,
                delta_count: PIECES[draw as usize],
                is_shouted: misbehaviour == Some("wrong-deltas"),
                is_cut: false,
            };
            if let Some(tokens) = create.output_tokens_max {
                text.cut_to(tokens);
            }
            Content::Text(text)
        }
    };
    let parts = create
        .summary
        .then(|| choices.variant(&SUMMARY, subject))
        .flatten();
    let parts = parts.map_or(0, |count| count.parse().expect("the variants are counts"));
    Answer {
        summary: SUMMARY_PARTS[..parts].to_vec(),
        content,
    }
}

/// The model calls tools where it has to, and where `peer.openai.miscall` makes it.
fn calls(service: &OpenAi, create: &Create) -> Vec<Call> {
    let call = |name: &str, arguments| Call {
        name: name.to_owned(),
        arguments,
    };
    if let (Some(first), Some(last)) = (create.tools.first(), create.tools.last()) {
        let miscall = service.ports.choices.variant(&MISCALL, &service.subject);
        let mut generated = service.generated();
        match miscall {
            None if create.ends_in_output() && generated.loop_turns > 0 => {
                generated.loop_turns -= 1;
                return vec![call(first, "{}")];
            }
            None => {}
            Some("bad-arguments") => return vec![call(first, BROKEN_ARGUMENTS)],
            Some("unknown-tool") => return vec![call(UNKNOWN_TOOL, "{}")],
            Some("two-calls") => return vec![call(first, "{}"), call(last, "{}")],
            Some("loop") => {
                generated.loop_turns = LOOP_TURNS;
                return vec![call(first, "{}")];
            }
            Some(other) => panic!("peer.openai.miscall has no variant {other}"),
        }
    }
    let demanded = create.demanded.iter();
    demanded.map(|name| call(name, "{}")).collect()
}

impl Text {
    pub fn deltas(&self) -> Vec<&str> {
        pieces(&self.text, self.delta_count)
    }

    fn cut_to(&mut self, tokens: u64) {
        let mut end = tokens.saturating_mul(TOKEN_BYTES) as usize;
        if end >= self.text.len() {
            return;
        }
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.truncate(end);
        self.is_cut = true;
    }
}
