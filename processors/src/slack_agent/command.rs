//! Bang-commands: `!foo.bar` in a message is a script of one call (spec §5.9).

use super::contract::State;

/// The script of a message that is a bang-command.
pub fn script(text: &str, state: &State) -> Option<String> {
    let command = without_mention(text.trim()).strip_prefix('!')?.trim();
    match (command, &state.channel, &state.thread_ts) {
        ("", ..) => None,
        ("debug", Some(channel), Some(thread_ts)) => Some(debug_script(channel, thread_ts)),
        (command, ..) => Some(format!(
            "async (ctx) => {{\n  return await {};\n}}",
            call(command)
        )),
    }
}

fn without_mention(text: &str) -> &str {
    let mention = text
        .strip_prefix("<@")
        .and_then(|rest| rest.split_once('>'));
    mention.map_or(text, |(_, after)| after.trim_start())
}

fn call(command: &str) -> String {
    let prefix = if command.starts_with("ctx.") {
        ""
    } else {
        "ctx."
    };
    let suffix = if command.contains('(') { "" } else { "()" };
    format!("{prefix}{command}{suffix}")
}

fn debug_script(channel: &str, thread_ts: &str) -> String {
    let (channel, thread_ts) = (quoted(channel), quoted(thread_ts));
    [
        "async (ctx) => {",
        "  const debugInfo = await ctx.codemode.debugInfo();",
        "  return await ctx.slack.chat.postMessage({",
        &format!("    channel: {channel},"),
        &format!("    thread_ts: {thread_ts},"),
        "    text: JSON.stringify(debugInfo, null, 2),",
        "  });",
        "}",
    ]
    .join("\n")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        script(text, &State::default())
    }

    fn awaits(expression: &str) -> Option<String> {
        Some(format!(
            "async (ctx) => {{\n  return await {expression};\n}}"
        ))
    }

    #[test]
    fn a_command_becomes_a_call() {
        let thread_info = awaits("ctx.slack.agent.threadInfo()");
        assert_eq!(of("!slack.agent.threadInfo"), thread_info);
        assert_eq!(of("<@U1> !ctx.a.b({c: 1})"), awaits("ctx.a.b({c: 1})"));
        assert_eq!(of("!debug"), awaits("ctx.debug()"), "no thread to post to");
    }

    #[test]
    fn other_text_is_no_command() {
        for text in ["hello", "", "!", "<@U1> hello !debug", "<@U1"] {
            assert_eq!(of(text), None, "{text:?}");
        }
    }

    #[test]
    fn debug_posts_to_the_thread() {
        let state = State {
            channel: Some("C1".into()),
            thread_ts: Some("1.1".into()),
            ..State::default()
        };
        let script = script("<@U1>  !debug ", &state).unwrap();
        assert!(script.contains("ctx.codemode.debugInfo()"));
        assert!(script.contains("channel: \"C1\",\n    thread_ts: \"1.1\","));
    }
}
