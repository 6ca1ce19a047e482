//! Parsers of fields that several wire formats share (spec §0.1).

use serde::{de::Error, Deserialize, Deserializer};

/// An optional field: absent is `None` (with `#[serde(default)]`), and `null` is a value like any
/// other, which most types refuse.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// `str+`: trimmed, and never blank.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.trim() {
        "" => Err(Error::custom("must not be blank")),
        trimmed if trimmed.len() == text.len() => Ok(text),
        trimmed => Ok(trimmed.to_owned()),
    }
}

/// `str+?`: absent, or as [`text`].
pub(crate) fn optional_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    text(deserializer).map(Some)
}
