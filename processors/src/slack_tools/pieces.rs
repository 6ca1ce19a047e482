//! Long texts in pieces (peers §4.3, P8): Slack cuts a post after 40,000 characters, without a word,
//! and refuses an update already after 4,000. Nothing of what a script says is lost: the pieces are
//! posted one after the other. Whatever is no text goes with the first.

use serde_json::{Map, Value};

pub const POST_CHARS_MAX: usize = 40_000;
pub const UPDATE_CHARS_MAX: usize = 4_000;

/// What only the first piece carries.
const OF_THE_FIRST: [&str; 3] = ["attachments", "blocks", "files"];

/// The messages that are to be posted, each with the arguments of the call.
pub fn pieces(arguments: &Map<String, Value>, chars_max: usize) -> Vec<Map<String, Value>> {
    let Some(text) = arguments.get("text").and_then(Value::as_str) else {
        return vec![arguments.clone()];
    };
    let texts = split(text, chars_max).into_iter().enumerate();
    texts
        .map(|(number, text)| {
            let mut message = arguments.clone();
            if number > 0 {
                message.retain(|name, _| !OF_THE_FIRST.contains(&name.as_str()));
            }
            message.insert("text".to_owned(), text.into());
            message
        })
        .collect()
}

/// Cuts after the last line that fits, else wherever it must. An empty text is one piece.
fn split(text: &str, chars_max: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((limit, _)) = rest.char_indices().nth(chars_max) {
        let line_end = rest[..limit].rfind('\n').map(|at| at + 1);
        let (piece, after) = rest.split_at(line_end.unwrap_or(limit));
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(rest);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pieces_are_cut_after_lines_and_never_in_a_character() {
        assert_eq!(split("", 3), [""]);
        assert_eq!(split("abc", 3), ["abc"]);
        assert_eq!(split("a\nbcd", 3), ["a\n", "bcd"]);
        assert_eq!(split("äöüäö", 2), ["äö", "üä", "ö"]);
        assert_eq!(split("ab\n", 3), ["ab\n"]);
    }

    #[test]
    fn blocks_go_with_the_first_piece() {
        let message = json!({ "channel": "C1", "text": "abcd", "blocks": [1] });
        let pieces = pieces(message.as_object().unwrap(), 3);
        let rest = json!({ "channel": "C1", "text": "d" });
        assert_eq!(
            pieces.into_iter().map(Value::from).collect::<Vec<_>>(),
            [
                json!({ "channel": "C1", "text": "abc", "blocks": [1] }),
                rest
            ]
        );
    }
}
