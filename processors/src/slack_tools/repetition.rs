//! What a call's method allows when its outcome is unknown. Most methods do not say, and those are
//! not repeated at all.

/// How a method may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repetition {
    /// Only after a look whether the first one stands.
    Post,
    /// Freely, but one at a time for each message.
    Update,
    /// Freely. A repetition that meets its own first effect is refused, with this.
    Free { met: Option<&'static str> },
    /// Never.
    Never,
}

/// Methods that only read, or that say how things are to be and not what is to be added.
const FREE: [(&str, Option<&str>); 16] = [
    ("assistant.threads.setStatus", None),
    ("assistant.threads.setTitle", None),
    ("auth.test", None),
    ("bots.info", None),
    ("chat.delete", Some("message_not_found")),
    ("chat.getPermalink", None),
    ("conversations.history", None),
    ("conversations.info", None),
    ("conversations.list", None),
    ("conversations.members", None),
    ("conversations.replies", None),
    ("reactions.add", Some("already_reacted")),
    ("reactions.get", None),
    ("reactions.remove", Some("no_reaction")),
    ("users.info", None),
    ("users.list", None),
];

impl Repetition {
    pub fn of(method: &str) -> Self {
        match method {
            "chat.postMessage" => Repetition::Post,
            "chat.update" => Repetition::Update,
            _ => FREE
                .iter()
                .find(|(free, _)| *free == method)
                .map_or(Repetition::Never, |(_, met)| Repetition::Free { met: *met }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_is_not_repeated() {
        assert_eq!(Repetition::of("files.upload"), Repetition::Never);
        assert_eq!(Repetition::of("chat.postEphemeral"), Repetition::Never);
        assert_eq!(Repetition::of("chat.postMessage"), Repetition::Post);
        let met = Some("already_reacted");
        assert_eq!(Repetition::of("reactions.add"), Repetition::Free { met });
    }
}
