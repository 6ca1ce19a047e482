//! Reads the logs and the anchors. Asserts that at rest every stream below one with an agent-host has an
//! agent of its own (B-41), if it was created after that agent-host came; and that infrastructure never has
//! one (B-37). An agent is known by the subscription that brings its object to life. Does not assert that
//! it answers: see the obligations.

use processors::{agent, agent_host};
use runtime::{
    event::{Event, Offset, StreamName, StreamPath},
    stream::contract::{
        ChildStreamCreated, SubscriptionConfigured, CHILD_STREAM_CREATED, SUBSCRIPTION_CONFIGURED,
    },
};
use sim::{
    oracles::{Evidence, Oracle, Violation},
    world::StreamLog,
};
use std::sync::Arc;

pub struct Children;

const INFRASTRUCTURE: &str = "itx";

impl Oracle for Children {
    fn name(&self) -> &'static str {
        "child"
    }

    fn asserts(&self) -> &'static str {
        "every stream below an agent's becomes an agent, unless it is infrastructure"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let mut logs = evidence.logs.values();
        let wrong = logs.find(|log| is_infrastructure(&log.name.path) && has_agent(log));
        if let Some(log) = wrong {
            return Err(Violation::safety(
                "infrastructure",
                format!("stream {} is infrastructure, and has an agent", log.name),
            ));
        }
        let anchors = evidence.anchors.iter().filter(|anchor| {
            anchor.processor == agent_host::contract::SLUG
                && anchor.object.binding == agent::object::BINDING
        });
        anchors
            .map(|anchor| booted(evidence, &anchor.object.name, anchor.offset))
            .sum()
    }
}

/// How many streams below this one became agents.
fn booted(evidence: &Evidence, parent: &str, anchor: Offset) -> Result<u64, Violation> {
    let parent = StreamName::parse(parent).expect("a host is named after its stream");
    let log = evidence.log(&parent).iter();
    let children = log
        .filter(|event| event.offset > anchor)
        .filter_map(|event| child(event, &parent))
        .filter(|child| !is_infrastructure(&child.path));
    let mut right = 0;
    for child in children {
        if !evidence.logs.get(&child).is_some_and(has_agent) {
            return Err(Violation::liveness(
                "not-booted",
                format!("stream {child} was created below {parent}, and has no agent"),
            ));
        }
        right += 1;
    }
    Ok(right)
}

fn child(event: &Arc<Event>, parent: &StreamName) -> Option<StreamName> {
    let created: ChildStreamCreated = (event.kind == CHILD_STREAM_CREATED)
        .then(|| event.payload().ok())
        .flatten()?;
    let path = StreamPath::parse(&created.child_path).ok()?;
    Some(StreamName::new(&parent.namespace, path))
}

fn is_infrastructure(path: &StreamPath) -> bool {
    path.segments().any(|segment| segment == INFRASTRUCTURE)
}

fn has_agent(log: &StreamLog) -> bool {
    let key = format!("agent:{}:{}", log.name, agent_host::contract::SLUG);
    log.events.iter().any(|event| {
        event.kind == SUBSCRIPTION_CONFIGURED
            && event
                .payload::<SubscriptionConfigured>()
                .is_ok_and(|configured| configured.subscription_key == key)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{LIVENESS, SAFETY};
    use super::*;
    use serde_json::json;
    use sim::oracles::{Entry, History};

    const PARENT: &str = "p1:/agents/a";
    const CHILD: &str = "p1:/agents/a/b";

    fn created(path: &str) -> Entry {
        Entry::new(CHILD_STREAM_CREATED, json!({ "childPath": path }))
    }

    fn agent_of(stream: &str) -> Entry {
        let stream = StreamName::parse(stream).unwrap();
        let subscription = agent::object::subscription(&stream, agent_host::contract::SLUG);
        Entry::new(SUBSCRIPTION_CONFIGURED, subscription.payload)
    }

    fn parent(entries: impl IntoIterator<Item = Entry>) -> History {
        History::new(&[])
            .log(PARENT, entries)
            .anchor("AGENT", PARENT, "agent-host", 1)
    }

    #[test]
    fn a_child_with_an_agent_is_right() {
        let booted = parent([agent_of(PARENT), created("/agents/a/b")]);
        let booted = booted.log(CHILD, [agent_of(CHILD)]);
        assert_eq!(booted.exercised(&Children), 1);
    }

    #[test]
    fn a_child_without_one_is_not_booted() {
        let log = || [agent_of(PARENT), created("/agents/a/b")];
        let not_booted = Some(("not-booted", LIVENESS));
        assert_eq!(parent(log()).verdict(&Children), not_booted);
        let of_another = parent(log()).log(CHILD, [agent_of(PARENT)]);
        assert_eq!(of_another.verdict(&Children), not_booted);
    }

    #[test]
    fn a_child_from_before_the_agent_host_is_not_judged() {
        let old = parent([created("/agents/a/b"), agent_of(PARENT)]);
        assert_eq!(old.exercised(&Children), 0);
    }

    #[test]
    fn infrastructure_has_no_agent() {
        let path = "/agents/a/itx/run-1";
        let stream = "p1:/agents/a/itx/run-1";
        let log = || [agent_of(PARENT), created(path)];
        assert_eq!(parent(log()).exercised(&Children), 0);
        let wrong = parent(log()).log(stream, [agent_of(stream)]);
        assert_eq!(wrong.verdict(&Children), Some(("infrastructure", SAFETY)));
    }
}
