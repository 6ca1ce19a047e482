//! Event types: full strings on the wire, without a namespacing mechanism (spec §0.1).

use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

/// The type of an event, such as `events.iterate.com/stream/created`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventType(Cow<'static, str>);

impl EventType {
    pub const fn of(kind: &'static str) -> Self {
        EventType(Cow::Borrowed(kind))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for EventType {
    fn from(kind: &str) -> Self {
        EventType(Cow::Owned(kind.to_owned()))
    }
}

impl PartialEq<&str> for EventType {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
