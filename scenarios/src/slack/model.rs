//! What the model says where answers are posted: scripts that answer in the thread that they belong to,
//! at once, or step by step in a message that they edit. Of a script's end it only takes note, or one
//! would follow the other without end.

use processors::codemode::contract::SCRIPT_EXECUTION_COMPLETED;
use sim::peers::openai::Script;
use std::sync::Arc;

/// Whoever says this is answered in steps.
pub const STEP_BY_STEP: &str = "step by step";

const HEARD_CHARS_MAX: usize = 60;

pub fn script() -> Script {
    Script::ByInput(Arc::new(|input| Some(answer(input))))
}

pub(crate) fn answer(input: &str) -> String {
    if input.contains(SCRIPT_EXECUTION_COMPLETED.as_str()) {
        return "Noted.".to_owned();
    }
    match heard(input) {
        Some(text) if text.contains(STEP_BY_STEP) => STEPS.to_owned(),
        Some(text) => post(&format!("You said: {text}")),
        None => post("I heard you."),
    }
}

/// The text of a webhook, as it is rendered.
fn heard(input: &str) -> Option<String> {
    let mut lines = input.lines().map(str::trim_start);
    let text = lines.find_map(|line| line.strip_prefix("text: "))?;
    let text = text.trim_matches('"');
    Some(text.chars().take(HEARD_CHARS_MAX).collect())
}

fn post(text: &str) -> String {
    let text = serde_json::Value::from(text);
    format!(
        "async (ctx) => {{
  const {{ channel, thread_ts }} = await ctx.slack.agent.threadInfo();
  const more = {{ type: \"button\", action_id: \"more\", text: {{ type: \"plain_text\", text: \"More\" }} }};
  await ctx.slack.chat.postMessage({{
    channel,
    thread_ts,
    text: {text},
    blocks: [{{ type: \"actions\", elements: [more] }}],
  }});
}}"
    )
}

const STEPS: &str = "async (ctx) => {
  const { channel, thread_ts } = await ctx.slack.agent.threadInfo();
  const { ts } = await ctx.slack.chat.postMessage({ channel, thread_ts, text: \"Step 0 of 3\" });
  for (let step = 1; step <= 3; step++) {
    try {
      await ctx.slack.chat.update({ channel, ts, text: `Step ${step} of 3` });
    } catch (error) {
      console.warn(String(error));
    }
  }
}";

#[cfg(test)]
mod tests {
    use super::*;
    use processors::{agent_host, slack_agent::rendering::render};
    use serde_json::json;

    fn answer_to(text: &str) -> String {
        answer(&render(&json!({ "body": { "event": { "text": text } } })))
    }

    #[test]
    fn a_message_is_answered_by_a_script_that_repeats_it() {
        for text in ["And tomorrow?", "<@U0000BOT> what: is \"on\"?"] {
            let answer = answer_to(text);
            assert_eq!(agent_host::script::script(&answer), Some(answer.as_str()));
        }
        assert!(answer_to("And tomorrow?").contains("text: \"You said: And tomorrow?\""));
        assert!(answer_to("Tell me, step by step.").contains("chat.update"));
        assert!(answer("something else").contains("I heard you."));
    }

    #[test]
    fn of_a_scripts_end_it_takes_note() {
        let end = format!("event:\n  type: {SCRIPT_EXECUTION_COMPLETED}\n");
        assert_eq!(answer(&end), "Noted.");
    }
}
