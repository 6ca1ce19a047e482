//! What the model reads of an event that is no message: a fenced YAML block, and once per stream and
//! event type a line that explains it (spec §5.1, "rendering"). Agent, agent-chat and agent-host write
//! the same form.

use super::contract::{Behaviour, InputAdded, INPUT_ADDED};
use runtime::{
    event::{EventInput, EventType, Offset},
    processor::Contract,
};
use std::fmt::Write as _;

/// A block under construction: fields, and at its end a body, if it has one.
pub struct Block {
    text: String,
}

impl Block {
    pub fn of(offset: Offset, kind: &EventType) -> Self {
        let text = "```yaml\nevent:\n".to_owned();
        let block = Block { text };
        let offset = offset.to_string();
        block.field("offset", &offset).field("type", kind.as_str())
    }

    pub fn field(mut self, name: &str, value: &str) -> Self {
        writeln!(self.text, "  {name}: {}", scalar(value)).expect("a string takes everything");
        self
    }

    /// Text of any length, as it is. It is indented so far that no fence inside it ends the block.
    pub fn body(mut self, name: &str, text: &str) -> Self {
        writeln!(self.text, "  {name}: |-").expect("a string takes everything");
        for line in text.split('\n') {
            match line {
                "" => self.text.push('\n'),
                line => writeln!(self.text, "    {line}").expect("a string takes everything"),
            }
        }
        self
    }

    pub fn end(mut self) -> String {
        self.text.push_str("```");
        self.text
    }
}

/// Bare if that is safe, else quoted as JSON.
fn scalar(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/@:-".contains(c);
    match !value.is_empty() && value.chars().all(is_plain) {
        true => value.to_owned(),
        false => serde_json::Value::from(value).to_string(),
    }
}

/// Says what events of a type mean; for each processor that explains it, once per stream.
pub fn explainer(contract: &Contract, kind: &EventType, meaning: &str) -> EventInput {
    let content = format!("Events of type `{kind}`: {meaning}");
    note(content).keyed(contract.key(&format!("event-type-explainer/{kind}")))
}

/// An input that asks for nothing.
pub fn note(content: String) -> EventInput {
    EventInput::new(
        INPUT_ADDED,
        InputAdded::new(content, Behaviour::DontTriggerRequest),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};

    const KIND: EventType = EventType::of("events.iterate.com/a/b-c");

    fn read(block: Block) -> Value {
        let text = block.end();
        let yaml = text.strip_prefix("```yaml\n").unwrap();
        let yaml = yaml.strip_suffix("```").unwrap();
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn a_block_has_fields_and_a_literal_body() {
        let block = Block::of(Offset(7), &KIND)
            .field("channel", "web")
            .field("reason", "it's late")
            .body("content", "one\n\n  two ```\n");
        let lines = [
            "```yaml",
            "event:",
            "  offset: 7",
            "  type: events.iterate.com/a/b-c",
            "  channel: web",
            "  reason: \"it's late\"",
            "  content: |-",
            "    one",
            "",
            "      two ```",
            "",
            "```",
        ];
        assert_eq!(block.end(), lines.join("\n"));
    }

    #[test]
    fn a_block_reads_back_as_yaml() {
        let texts = [
            "",
            "plain",
            "key: value\n- item",
            "{\"a\": [1]}",
            "# no comment",
        ];
        for text in texts {
            let block = Block::of(Offset(3), &KIND).field("says", text);
            let event = json!({ "offset": 3, "type": KIND, "says": text, "body": text });
            assert_eq!(read(block.body("body", text)), json!({ "event": event }));
        }
    }
}
