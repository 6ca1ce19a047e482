//! `application/x-www-form-urlencoded`, as Slack reads and writes it: UTF-8, `+` for a space.

use std::fmt::Write;

/// Encodes fields, in order.
pub fn encode(fields: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            form.push('&');
        }
        encode_text(&mut form, name);
        form.push('=');
        encode_text(&mut form, value);
    }
    form
}

fn encode_text(form: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => {
                form.push(char::from(byte));
            }
            b' ' => form.push('+'),
            byte => write!(form, "%{byte:02X}").expect("a string takes what is written"),
        }
    }
}

/// The first field of that name, decoded; none if it is missing or not UTF-8.
pub fn field(form: &[u8], name: &str) -> Option<String> {
    form.split(|byte| *byte == b'&').find_map(|pair| {
        let (found, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&pair[..equals], &pair[equals + 1..]),
            None => (pair, &[][..]),
        };
        (decode(found)? == name).then(|| decode(value))?
    })
}

fn decode(text: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let escaped = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|digits| {
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte).ok()?;
                Some(byte[0])
            });
        rest = if escaped.is_some() {
            &after[2..]
        } else {
            after
        };
        decoded.push(match (escaped, first) {
            (Some(byte), _) => byte,
            (None, b'+') => b' ',
            (None, byte) => *byte,
        });
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read_back() {
        let text = "é & = + % 1772136258.963519";
        let form = encode(&[("a b", text), ("c", "")]);
        assert_eq!(form, "a+b=%C3%A9+%26+%3D+%2B+%25+1772136258.963519&c=");
        assert_eq!(field(form.as_bytes(), "a b").as_deref(), Some(text));
        assert_eq!(field(form.as_bytes(), "c").as_deref(), Some(""));
        assert_eq!(field(form.as_bytes(), "d"), None);
    }

    #[test]
    fn a_lone_percent_sign_stands_for_itself() {
        assert_eq!(field(b"a=100%&b=%4", "a").as_deref(), Some("100%"));
        assert_eq!(field(b"a=100%&b=%4", "b").as_deref(), Some("%4"));
        assert_eq!(field(b"a=%ff", "a"), None);
    }
}
