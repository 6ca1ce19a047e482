//! Wall-clock times: milliseconds since the Unix epoch inside, ISO 8601 in UTC on the wire.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    pub unix_ms: i64,
}

impl Timestamp {
    pub const fn from_unix_ms(unix_ms: i64) -> Self {
        Timestamp { unix_ms }
    }

    pub const fn plus_ms(self, ms: u64) -> Self {
        Timestamp {
            unix_ms: self.unix_ms + ms as i64,
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.unix_ms) {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{} ms", self.unix_ms),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let timestamp: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Timestamp::from_unix_ms(timestamp.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_in_utc_milliseconds() {
        let json = "\"2026-02-26T20:17:38.963Z\"";
        let timestamp: Timestamp = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&timestamp).unwrap(), json);
        let offset: Timestamp = serde_json::from_str("\"2026-02-26T21:17:38.963+01:00\"").unwrap();
        assert_eq!(offset, timestamp);
    }
}
