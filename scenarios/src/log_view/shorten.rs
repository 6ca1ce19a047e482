//! Shorter forms of what stands in events: types without their common prefix, a stream's own name,
//! uuids, and texts that are too long for a line.

use runtime::event::StreamName;

const PREFIX: &str = "events.iterate.com/";

const UUID_CHARS: usize = 36;

/// The digits up to the first hyphen.
const UUID_CHARS_SHOWN: usize = 8;

/// A type without its common prefix.
pub fn kind(kind: &str) -> &str {
    kind.strip_prefix(PREFIX).unwrap_or(kind)
}

/// Shortens texts of one stream's log.
pub struct Shortener {
    stream: String,
}

impl Shortener {
    pub fn of(stream: &StreamName) -> Self {
        Shortener {
            stream: stream.to_string(),
        }
    }

    /// Writes `<stream>` for the stream's own name, types without their prefix, and uuids short.
    pub fn shorten(&self, text: &str) -> String {
        let text = text.replace(PREFIX, "");
        shorten_uuids(&self.replace_own_name(&text))
    }

    /// A name that only begins like this stream's is another stream's.
    fn replace_own_name(&self, text: &str) -> String {
        let mut shortened = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(&self.stream) {
            let (before, from) = rest.split_at(at);
            let after = &from[self.stream.len()..];
            let ends = !after.starts_with(|next: char| {
                next.is_ascii_alphanumeric() || matches!(next, '/' | '-' | '_' | '.')
            });
            shortened += before;
            shortened += if ends { "<stream>" } else { &self.stream };
            rest = after;
        }
        shortened + rest
    }
}

fn shorten_uuids(text: &str) -> String {
    let mut shortened = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (shown, taken) = match rest.get(..UUID_CHARS).is_some_and(is_uuid) {
            true => (UUID_CHARS_SHOWN, UUID_CHARS),
            false => (first.len_utf8(), first.len_utf8()),
        };
        shortened += &rest[..shown];
        rest = &rest[taken..];
    }
    shortened
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(place, byte)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// At most `chars_max` characters; where the end is missing, the last of them is `…`.
pub fn end(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(chars_max - 1).chain(['…']).collect(),
    }
}

/// At most `chars_max` characters; `…` stands for what is missing in the middle.
pub fn middle(text: &str, chars_max: usize) -> String {
    let count = text.chars().count();
    if count <= chars_max {
        return text.to_owned();
    }
    let tail = (chars_max - 1) / 2;
    let head = chars_max - 1 - tail;
    let (first, last) = (text.chars().take(head), text.chars().skip(count - tail));
    first.chain(['…']).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shorten(text: &str) -> String {
        Shortener::of(&StreamName::parse("p1:/a").unwrap()).shorten(text)
    }

    #[test]
    fn only_the_whole_name_is_the_stream_itself() {
        assert_eq!(shorten("x:p1:/a:y p1:/a"), "x:<stream>:y <stream>");
        assert_eq!(shorten("p1:/a/b p1:/ab p1:/a-1"), "p1:/a/b p1:/ab p1:/a-1");
    }

    #[test]
    fn uuids_keep_eight_digits() {
        let uuid = "d3d54ad7-17bb-4e44-8065-704ed90468c4";
        assert_eq!(shorten(uuid), "d3d54ad7");
        assert_eq!(shorten(&format!("é{uuid}/{uuid}é")), "éd3d54ad7/d3d54ad7é");
        assert_eq!(shorten("d3d54ad7-17bb-4e44"), "d3d54ad7-17bb-4e44");
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(end("éééé", 4), "éééé");
        assert_eq!(end("ééééé", 4), "ééé…");
        assert_eq!(middle("éééé", 4), "éééé");
        assert_eq!(middle("abcdefgh", 5), "ab…gh");
        assert_eq!(middle("abcdefgh", 6), "abc…gh");
    }
}
