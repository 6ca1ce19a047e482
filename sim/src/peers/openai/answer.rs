//! What the model says: by the script, else drawn.

use super::{
    config::Script,
    faults::{ANSWER, DELTAS, MISBEHAVE},
    OpenAi,
};

/// The drawn answers behind the default.
const TEXTS: [&str; 3] = [
    "All right.",
    "I looked into it: nothing to worry about.",
    "Let me think about that. First, the facts; then, what follows from them; last, a proposal.",
];

/// How many deltas a text comes in, by draw; the first is the default.
const DELTA_COUNTS: [usize; 4] = [3, 1, 5, 8];

const ECHO_CHARS_MAX: usize = 60;

pub(super) struct Answer {
    pub text: String,
    delta_count: usize,
    /// The `peer.openai.misbehave` fault.
    pub misbehaviour: Option<&'static str>,
}

/// More than `chat.update` takes, less than `chat.postMessage` does (spec/peers.md §4.3).
const LONG_TEXT_BYTES: usize = 6_000;

pub(super) fn answer(service: &OpenAi, input_text: &str) -> Answer {
    let number = {
        let mut generated = service.generated();
        generated.answers += 1;
        generated.answers - 1
    };
    let scripted = match &service.config.script {
        Script::Drawn => None,
        Script::InOrder(answers) => answers.get(number).cloned(),
        Script::ByInput(answer) => answer(input_text),
    };
    let choices = &service.ports.choices;
    let misbehaviour = choices.variant(&MISBEHAVE, &service.subject);
    let said = scripted.unwrap_or_else(|| {
        let draw = choices.below(&ANSWER, &service.subject, TEXTS.len() as u64 + 1);
        match draw {
            0 => echo(input_text),
            draw => TEXTS[draw as usize - 1].to_owned(),
        }
    });
    let draw = choices.below(&DELTAS, &service.subject, DELTA_COUNTS.len() as u64);
    let text = match misbehaviour {
        Some("long") => said.repeat(LONG_TEXT_BYTES.div_ceil(said.len().max(1))),
        _ => said,
    };
    Answer {
        text,
        delta_count: DELTA_COUNTS[draw as usize],
        misbehaviour,
    }
}

fn echo(input_text: &str) -> String {
    let end = input_text
        .char_indices()
        .nth(ECHO_CHARS_MAX)
        .map_or(input_text.len(), |(at, _)| at);
    format!("You said: {}", &input_text[..end])
}

impl Answer {
    /// The text in pieces of about equal length, cut between characters; none is empty.
    pub fn deltas(&self) -> Vec<&str> {
        let piece_bytes = self.text.len().div_ceil(self.delta_count).max(1);
        let mut deltas = Vec::with_capacity(self.delta_count);
        let mut rest = self.text.as_str();
        while !rest.is_empty() {
            let mut end = piece_bytes.min(rest.len());
            while !rest.is_char_boundary(end) {
                end += 1;
            }
            let (piece, after) = rest.split_at(end);
            deltas.push(piece);
            rest = after;
        }
        deltas
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_add_up_to_the_text_and_cut_no_character() {
        for text in ["", "a", "héllo wörld", "日本語のテキスト"] {
            for delta_count in DELTA_COUNTS {
                let answer = Answer {
                    text: text.to_owned(),
                    delta_count,
                    misbehaviour: None,
                };
                assert_eq!(answer.deltas().concat(), text);
                assert!(answer.deltas().len() <= delta_count);
                assert!(answer.deltas().iter().all(|delta| !delta.is_empty()));
            }
        }
    }
}
