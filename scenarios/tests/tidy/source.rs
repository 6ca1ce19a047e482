//! A source file as a list of tokens and of paths. Comments are left out, and of a string only its
//! quotes remain, so that neither can offend a rule; the insides of strings are kept apart.

/// A word, a number, a lifetime, `::`, a single sign, or `"` for a whole string or character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// From 1.
    pub line: usize,
}

/// A path as written, or one of the paths that a `use` with braces stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodePath {
    pub segments: Vec<String>,
    pub line: usize,
    /// It is the name of a macro that is called here; the place of its `!` among the tokens.
    pub called_at: Option<usize>,
}

/// A string or a character, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    pub text: String,
    /// From 1; where it begins.
    pub line: usize,
}

pub struct Source {
    /// From the root of the repository, with `/`.
    pub path: String,
    pub text: String,
    pub tokens: Vec<Token>,
    pub paths: Vec<CodePath>,
    pub strings: Vec<Text>,
}

impl Source {
    pub fn new(path: String, text: String) -> Self {
        let (tokens, strings) = tokens(&text);
        let paths = paths(&tokens);
        Source {
            path,
            text,
            tokens,
            paths,
            strings,
        }
    }
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

fn tokens(text: &str) -> (Vec<Token>, Vec<Text>) {
    let signs: Vec<char> = text.chars().collect();
    let sign = |at: usize| signs.get(at).copied().unwrap_or('\0');
    let (mut tokens, mut strings) = (Vec::new(), Vec::new());
    let (mut at, mut line) = (0, 1);
    while at < signs.len() {
        let start = at;
        let mut kept = None;
        match sign(at) {
            '/' if sign(at + 1) == '/' => {
                while at < signs.len() && sign(at) != '\n' {
                    at += 1;
                }
            }
            '/' if sign(at + 1) == '*' => at = after_block_comment(&signs, at),
            '"' => {
                at = after_string(&signs, at);
                kept = Some("\"".to_owned());
            }
            '\'' if sign(at + 1) == '\\' || sign(at + 2) == '\'' => {
                at += if sign(at + 1) == '\\' { 3 } else { 2 };
                while at < signs.len() && sign(at) != '\'' {
                    at += 1;
                }
                at += 1;
                kept = Some("\"".to_owned());
            }
            first if is_word(first) || first == '\'' => {
                at += 1;
                while is_word(sign(at)) {
                    at += 1;
                }
                let word: String = signs[start..at].iter().collect();
                match raw_string_end(&signs, at).filter(|_| ["r", "br", "cr"].contains(&&*word)) {
                    Some(end) => {
                        at = end;
                        kept = Some("\"".to_owned());
                    }
                    None => kept = Some(word),
                }
            }
            ':' if sign(at + 1) == ':' => {
                at += 2;
                kept = Some("::".to_owned());
            }
            other => {
                at += 1;
                kept = (!other.is_whitespace()).then(|| other.to_string());
            }
        }
        at = at.min(signs.len());
        if kept.as_deref() == Some("\"") {
            let text = signs[start..at].iter().collect();
            strings.push(Text { text, line });
        }
        tokens.extend(kept.map(|text| Token { text, line }));
        line += signs[start..at]
            .iter()
            .filter(|sign| **sign == '\n')
            .count();
    }
    (tokens, strings)
}

fn after_block_comment(signs: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < signs.len() {
        match (signs[at], signs.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn after_string(signs: &[char], quote: usize) -> usize {
    let mut at = quote + 1;
    while at < signs.len() && signs[at] != '"' {
        at += if signs[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// Where a raw string ends whose hashes and opening quote stand here; `None` if none do.
fn raw_string_end(signs: &[char], at: usize) -> Option<usize> {
    let hashes = signs[at..].iter().take_while(|sign| **sign == '#').count();
    if signs.get(at + hashes) != Some(&'"') {
        return None;
    }
    let is_end = |at: usize| {
        signs[at] == '"'
            && signs[at + 1..]
                .iter()
                .take(hashes)
                .filter(|s| **s == '#')
                .count()
                == hashes
    };
    let end = (at + hashes + 1..signs.len()).find(|at| is_end(*at));
    Some(end.map_or(signs.len(), |end| end + hashes + 1))
}

fn paths(tokens: &[Token]) -> Vec<CodePath> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        at = match tokens[at].text.as_str() {
            "use" => use_tree(tokens, at + 1, &[], &mut paths),
            _ => written_path(tokens, at, &mut paths),
        };
    }
    paths
}

fn starts_word(token: &Token) -> bool {
    token.text.starts_with(is_word)
}

/// Reads one path, or skips one token.
fn written_path(tokens: &[Token], mut at: usize, paths: &mut Vec<CodePath>) -> usize {
    let line = tokens[at].line;
    let mut segments = Vec::new();
    while tokens.get(at).is_some_and(starts_word) {
        segments.push(tokens[at].text.clone());
        at += 1;
        let continues = tokens.get(at).is_some_and(|token| token.text == "::")
            && tokens.get(at + 1).is_some_and(starts_word);
        if !continues {
            break;
        }
        at += 1;
    }
    if segments.is_empty() {
        return at + 1;
    }
    let opens = |token: &Token| ["(", "[", "{"].contains(&&*token.text);
    let is_called = tokens.get(at).is_some_and(|token| token.text == "!")
        && tokens.get(at + 1).is_some_and(opens);
    paths.push(CodePath {
        segments,
        line,
        called_at: is_called.then_some(at),
    });
    at
}

/// Reads one branch of a `use` and all that hangs on it.
fn use_tree(tokens: &[Token], mut at: usize, stem: &[String], paths: &mut Vec<CodePath>) -> usize {
    let mut segments = stem.to_vec();
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = use_tree(tokens, at, &segments, paths);
                    at += usize::from(tokens.get(at).is_some_and(|token| token.text == ","));
                }
                return at + 1;
            }
            "as" => at += 2,
            "self" if !segments.is_empty() => at += 1,
            "::" => at += 1,
            word if word.starts_with(is_word) => {
                segments.push(word.to_owned());
                at += 1;
            }
            "*" => at += 1,
            _ => break,
        }
    }
    let line = tokens
        .get(at.saturating_sub(1))
        .map_or(0, |token| token.line);
    paths.push(CodePath {
        segments,
        line,
        called_at: None,
    });
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).0.into_iter().map(|token| token.text).collect()
    }

    fn written(text: &str) -> Vec<String> {
        let source = Source::new("x.rs".to_owned(), text.to_owned());
        source
            .paths
            .iter()
            .map(|path| path.segments.join("::"))
            .collect()
    }

    #[test]
    fn comments_are_left_out() {
        assert_eq!(words("a // b\nc"), ["a", "c"]);
        assert_eq!(words("a /* b /* c */ d */ e"), ["a", "e"]);
        assert_eq!(words("//! a\n/// b\nc"), ["c"]);
        assert_eq!(words("a /* open"), ["a"]);
    }

    #[test]
    fn strings_keep_their_quotes_only() {
        assert_eq!(words(r#"a("b \" c", d)"#), ["a", "(", "\"", ",", "d", ")"]);
        assert_eq!(words(r##"r#"a " b"# c"##), ["\"", "c"]);
        assert_eq!(words(r#"br"a\" c"#), ["\"", "c"]);
        assert_eq!(words(r#"b"a" c"#), ["b", "\"", "c"]);
        assert_eq!(words("\"a // b\" c"), ["\"", "c"]);
        assert_eq!(words("\"open"), ["\""]);
    }

    #[test]
    fn the_insides_of_strings_are_kept_apart() {
        let (_, strings) = tokens("a(\"b\", r#\"c \" d\"#) // \"e\"\n\"f\"");
        let found: Vec<_> = strings
            .iter()
            .map(|found| (&*found.text, found.line))
            .collect();
        assert_eq!(found, [("\"b\"", 1), ("r#\"c \" d\"#", 1), ("\"f\"", 2)]);
    }

    #[test]
    fn characters_are_not_lifetimes() {
        assert_eq!(words("'a' b"), ["\"", "b"]);
        assert_eq!(words(r"'\'' b"), ["\"", "b"]);
        assert_eq!(words(r"'\u{1F}' b"), ["\"", "b"]);
        assert_eq!(words("'\"' b"), ["\"", "b"]);
        assert_eq!(words("&'static str"), ["&", "'static", "str"]);
    }

    #[test]
    fn lines_are_counted_through_comments_and_strings() {
        let (tokens, _) = tokens("a\n/* b\n */ c \"d\ne\" f");
        let lines: Vec<usize> = tokens.iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 3, 3, 4]);
    }

    #[test]
    fn paths_are_read_whole() {
        assert_eq!(
            written("std::thread::spawn(f)"),
            ["std::thread::spawn", "f"]
        );
        assert_eq!(written("Vec::<u8>::new()"), ["Vec", "u8", "new"]);
    }

    #[test]
    fn a_use_stands_for_all_of_its_paths() {
        assert_eq!(
            written("use std::{env, io::{self, Write as _}, rc::*};"),
            ["std::env", "std::io", "std::io::Write", "std::rc"]
        );
        assert_eq!(written("pub use a::b;"), ["pub", "a::b"]);
    }

    #[test]
    fn a_called_macro_is_told_from_a_negation() {
        let called = |text: &str| {
            let source = Source::new("x.rs".to_owned(), text.to_owned());
            source
                .paths
                .iter()
                .filter(|path| path.called_at.is_some())
                .count()
        };
        assert_eq!(called("tokio::select! { a }"), 1);
        assert_eq!(called("select != a"), 0);
        assert_eq!(called("macro_rules! x { () => {} }"), 0);
    }
}
