//! Reads the logs. Asserts that at rest every stream is known to all of its ancestors: each exists,
//! and lists the next step of the way down (spec §1.7; X-6). Asserts that an ancestor lists no child
//! that does not exist, and that no stream has the name of one that does not know its own yet
//! (B-07). Does not assert the order of a list.

use super::{Evidence, Oracle, Violation};
use crate::world::StreamLog;
use runtime::{
    event::{StreamName, StreamPath},
    stream::CoreState,
};
use std::collections::BTreeMap;

pub struct Announcements;

impl Oracle for Announcements {
    fn name(&self) -> &'static str {
        "announcement"
    }

    fn asserts(&self) -> &'static str {
        "every stream is listed by all of its ancestors, and nobody lists one that does not exist"
    }

    fn judge(&self, evidence: &Evidence) -> Result<u64, Violation> {
        let exists = |log: &&StreamLog| !log.events.is_empty();
        let streams: BTreeMap<&StreamName, CoreState> = (evidence.logs.values())
            .filter(exists)
            .map(|log| (&log.name, folded(log)))
            .collect();
        let mut right = 0;
        for (name, state) in &streams {
            check_named(name)?;
            for child in state.child_paths.iter() {
                check_exists(&streams, name, child)?;
                right += 1;
            }
        }
        for name in streams.keys() {
            right += check_announced(&streams, name)?;
        }
        Ok(right)
    }
}

/// A log that does not reduce is another oracle's matter; this one reads it as far as it does.
fn folded(log: &StreamLog) -> CoreState {
    let mut state = CoreState::default();
    for event in &log.events {
        if state.reduce(event).is_err() {
            break;
        }
    }
    state
}

fn check_named(name: &StreamName) -> Result<(), Violation> {
    match name.namespace == CoreState::default().namespace {
        true => Err(Violation::safety(
            "uninitialized",
            format!("somebody called a stream {name}"),
        )),
        false => Ok(()),
    }
}

fn check_exists(
    streams: &BTreeMap<&StreamName, CoreState>,
    parent: &StreamName,
    child: &str,
) -> Result<(), Violation> {
    let path = StreamPath::parse(child).expect("a listed path is one");
    let named = StreamName::new(&parent.namespace, path);
    match streams.contains_key(&named) {
        true => Ok(()),
        false => Err(Violation::safety(
            "unborn",
            format!("{parent} lists {child}, and there is no such stream"),
        )),
    }
}

/// How many ancestors list the way down to it.
fn check_announced(
    streams: &BTreeMap<&StreamName, CoreState>,
    name: &StreamName,
) -> Result<u64, Violation> {
    let mut ancestor = StreamPath::root();
    let mut ancestors = 0;
    for segment in name.path.segments() {
        let next = ancestor.resolve(segment).expect("a segment leads down");
        let above = StreamName::new(&name.namespace, ancestor);
        let lists =
            |state: &CoreState| state.child_paths.iter().any(|path| *path == *next.as_str());
        if !streams.get(&above).is_some_and(lists) {
            return Err(Violation::liveness(
                "missing",
                format!("{name} exists, and {above} does not list {next}"),
            ));
        }
        ancestor = next;
        ancestors += 1;
    }
    Ok(ancestors)
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, History};
    use super::*;
    use crate::world::FailureKind;
    use runtime::stream::contract::{ChildStreamCreated, Created, CHILD_STREAM_CREATED, CREATED};

    /// A stream's log with the children that were announced to it.
    fn with(history: History, path: &str, announced: &[&str]) -> History {
        let created = Created {
            namespace: "p1".to_owned(),
            path: path.to_owned(),
        };
        let announced = announced.iter().map(|child| {
            let child_path = (*child).to_owned();
            Entry::new(CHILD_STREAM_CREATED, ChildStreamCreated { child_path })
        });
        let entries = [Entry::new(CREATED, created)].into_iter().chain(announced);
        history.log(&format!("p1:{path}"), entries)
    }

    fn tree(streams: &[(&str, &[&str])]) -> Option<(&'static str, FailureKind)> {
        let history = streams
            .iter()
            .fold(History::new(&[]), |history, (path, announced)| {
                with(history, path, announced)
            });
        history.verdict(&Announcements)
    }

    #[test]
    fn a_tree_in_which_everybody_is_listed_is_right() {
        assert_eq!(tree(&[]), None);
        assert_eq!(tree(&[("/", &[])]), None);
        let deep: &[(&str, &[&str])] = &[
            ("/", &["/a/b", "/a"]),
            ("/a", &["/a/b", "/a/c/d", "/a/c"]),
            ("/a/b", &[]),
            ("/a/c", &["/a/c/d"]),
            ("/a/c/d", &[]),
        ];
        assert_eq!(tree(&[deep[0], deep[1], deep[2], deep[3], deep[4]]), None);
    }

    #[test]
    fn a_stream_that_an_ancestor_does_not_list_is_wrong() {
        let missing = Some(("missing", FailureKind::Liveness));
        assert_eq!(tree(&[("/a", &[])]), missing, "no root");
        assert_eq!(tree(&[("/", &[]), ("/a", &[])]), missing);
        let parent: &[(&str, &[&str])] = &[("/", &["/a"]), ("/a", &[]), ("/a/b", &[])];
        assert_eq!(tree(parent), missing);
    }

    #[test]
    fn a_listed_child_that_does_not_exist_is_wrong() {
        let unborn = Some(("unborn", FailureKind::Safety));
        assert_eq!(tree(&[("/", &["/a"])]), unborn);
        let empty = with(History::new(&[]), "/", &["/a"]).log("p1:/a", []);
        assert_eq!(
            empty.verdict(&Announcements),
            unborn,
            "its creation was lost"
        );
    }

    #[test]
    fn a_stream_of_the_placeholders_name_is_wrong() {
        let created = Created {
            namespace: "uninitialized".to_owned(),
            path: "/".to_owned(),
        };
        let history = History::new(&[]).log("uninitialized:/", [Entry::new(CREATED, created)]);
        let found = history.verdict(&Announcements);
        assert_eq!(found, Some(("uninitialized", FailureKind::Safety)));
    }
}
