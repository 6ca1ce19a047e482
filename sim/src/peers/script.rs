//! What a model says: by the script of the scenario, else drawn; and in how many pieces.

use crate::choice::{Choices, Site, Subject};
use std::{fmt, sync::Arc};

/// What the model says.
#[derive(Clone)]
pub enum Script {
    /// The user's words back, or one of a few short texts, by a labelled choice.
    Drawn,
    /// These answers one after the other, whichever connection asks; then as drawn.
    InOrder(Vec<String>),
    /// A function of the user's last text; drawn where it is `None`.
    ByInput(Arc<AnswerTo>),
}

/// The answer to the user's last text, if the script has one.
pub type AnswerTo = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The drawn answers behind the default.
const TEXTS: [&str; 3] = [
    "All right.",
    "I looked into it: nothing to worry about.",
    "Let me think about that. First, the facts; then, what follows from them; last, a proposal.",
];

/// How many answers may be drawn: the user's words back, and the texts.
pub const ANSWERS: u64 = TEXTS.len() as u64 + 1;

/// How many pieces a text comes in, by draw; the first is the default.
pub const PIECES: [usize; 4] = [3, 1, 5, 8];

const ECHO_CHARS_MAX: usize = 60;

impl Script {
    /// The answer of that number, from 0, to this input; `drawn` is the site that answers where the
    /// script does not.
    pub(super) fn answer(
        &self,
        number: usize,
        input_text: &str,
        choices: &Choices,
        drawn: &'static Site,
        subject: &Subject,
    ) -> String {
        let scripted = match self {
            Script::Drawn => None,
            Script::InOrder(answers) => answers.get(number).cloned(),
            Script::ByInput(answer) => answer(input_text),
        };
        scripted.unwrap_or_else(|| match choices.below(drawn, subject, ANSWERS) {
            0 => echo(input_text),
            draw => TEXTS[draw as usize - 1].to_owned(),
        })
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Script::Drawn => f.write_str("Drawn"),
            Script::InOrder(answers) => f.debug_tuple("InOrder").field(answers).finish(),
            Script::ByInput(_) => f.write_str("ByInput(..)"),
        }
    }
}

fn echo(input_text: &str) -> String {
    format!("You said: {}", first_chars(input_text, ECHO_CHARS_MAX))
}

/// The first so many characters, or all.
pub(super) fn first_chars(text: &str, count: usize) -> &str {
    let end = text.char_indices().nth(count);
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// The text in so many pieces at most, of about equal length, cut between characters; none is empty.
pub(super) fn pieces(text: &str, count: usize) -> Vec<&str> {
    let piece_bytes = text.len().div_ceil(count).max(1);
    let mut pieces = Vec::with_capacity(count);
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = piece_bytes.min(rest.len());
        while !rest.is_char_boundary(end) {
            end += 1;
        }
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_to_the_text_and_cut_no_character() {
        for text in ["", "a", "héllo wörld", "日本語のテキスト"] {
            for count in PIECES {
                let pieces = pieces(text, count);
                assert_eq!(pieces.concat(), text);
                assert!(pieces.len() <= count);
                assert!(pieces.iter().all(|piece| !piece.is_empty()));
            }
        }
    }
}
