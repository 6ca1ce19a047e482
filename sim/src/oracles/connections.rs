//! Reads which connections were open at the end. Asserts that in a world at rest no stream that lives
//! holds an outbound one: it keeps two objects in memory, and nothing happens on it (spec §1.12;
//! B-38). Does not assert when it was closed, nor anything of connections from outside.

use super::{Evidence, Oracle, Quiescence, Violation};

pub struct Connections;

impl Oracle for Connections {
    fn name(&self) -> &'static str {
        "connection"
    }

    fn asserts(&self) -> &'static str {
        "at rest no stream holds a connection to a subscriber that it dialed"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut connections = evidence.connections.iter();
        let open = connections.find(|connection| connection.is_outbound);
        match open {
            Some(open) if evidence.quiescence == Quiescence::Reached => Err(Violation::liveness(
                "open-at-rest",
                format!("{} is still connected to {}", open.stream, open.key),
            )),
            _ if evidence.quiescence == Quiescence::Reached => Ok(evidence.closed_connections),
            _ => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::History;
    use super::*;
    use crate::world::FailureKind;

    #[test]
    fn an_outbound_connection_at_rest_is_wrong() {
        let open = || History::new(&[]).connected("p1:/a", "echo", true);
        let found = Some(("open-at-rest", FailureKind::Liveness));
        assert_eq!(open().verdict(&Connections), found);
        let pending = "1 timer".to_owned();
        let restless = open().quiescence(Quiescence::TimedOut { pending });
        assert_eq!(
            restless.verdict(&Connections),
            None,
            "that it is not at rest is wrong"
        );
        assert_eq!(restless.exercised(&Connections), 0);
    }

    #[test]
    fn what_was_closed_until_it_rests_is_right() {
        let closed = || History::new(&[]).closed();
        assert_eq!(closed().exercised(&Connections), 1);
        let runaway = Quiescence::Runaway { trace_events: 1 };
        assert_eq!(closed().quiescence(runaway).exercised(&Connections), 0);
    }

    #[test]
    fn an_inbound_connection_is_not_the_streams_to_close() {
        let history = History::new(&[]).connected("p1:/a", "browser", false);
        assert_eq!(history.verdict(&Connections), None);
    }
}
