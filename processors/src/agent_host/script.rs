//! Which answers of a model are scripts (spec §5.3, rule 3): one that is a function expression and
//! nothing else, and one that begins with the only fenced block that it has, if that is tagged as code.

const BEGINNINGS: [&str; 2] = ["async (ctx) => {", "async () => {"];
const FENCE: &str = "```";
const TAGS: [&str; 5] = ["js", "javascript", "codemode", "ts", "typescript"];

/// The code of an answer that is a script.
pub fn script(answer: &str) -> Option<&str> {
    let answer = answer.trim();
    let is_function = BEGINNINGS.iter().any(|it| answer.starts_with(it)) && answer.ends_with('}');
    if is_function {
        return Some(answer);
    }
    let (tag, rest) = answer.strip_prefix(FENCE)?.split_once('\n')?;
    if !TAGS.contains(&tag.trim()) {
        return None;
    }
    // The closing fence may be missing.
    let (code, after) = split_at_fence(rest).unwrap_or((rest, ""));
    let is_only_block = split_at_fence(after).is_none();
    Some(code.trim()).filter(|code| is_only_block && !code.is_empty())
}

/// What is before a line that begins with a fence, and what is after that line.
fn split_at_fence(text: &str) -> Option<(&str, &str)> {
    let mut before = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with(FENCE) {
            return Some((&text[..before], &text[before + line.len()..]));
        }
        before += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_expression_is_a_script() {
        for code in [
            "async (ctx) => {\n  return await ctx.a.b();\n}",
            "async () => { return 1; }",
        ] {
            assert_eq!(script(code), Some(code));
            assert_eq!(script(&format!("\n {code} \n")), Some(code));
        }
        for text in [
            "async (ctx) => { return 1; } is what I would run.",
            "I would run async (ctx) => { return 1; }",
            "async (context) => { return 1; }",
            "(ctx) => { return 1; }",
            "async (ctx) => 1",
        ] {
            assert_eq!(script(text), None, "{text}");
        }
    }

    #[test]
    fn a_leading_fenced_block_of_code_is_a_script() {
        let code = "async (ctx) => {\n  return 1;\n}";
        for tag in TAGS {
            assert_eq!(script(&format!("```{tag}\n{code}\n```")), Some(code));
        }
        assert_eq!(script(&format!("```js\n{code}")), Some(code), "not closed");
        let explained = format!("```ts \n{code}\n```\nThis does it.");
        assert_eq!(script(&explained), Some(code));
    }

    #[test]
    fn other_blocks_are_no_scripts() {
        for text in [
            "```\nasync () => {}\n```",
            "```python\nprint()\n```",
            "```json\n{}\n```",
            "Look:\n```js\nasync () => {}\n```",
            "```js\none()\n```\nor\n```js\ntwo()\n```",
            "```js\n\n```",
            "```js",
            "",
        ] {
            assert_eq!(script(text), None, "{text}");
        }
    }
}
