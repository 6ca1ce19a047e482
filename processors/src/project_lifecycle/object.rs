//! The Project object: hosts the project lifecycle on the root stream of a project, `<projectId>:/`.
//!
//! `create` takes `{slug, hosts: [str], defaultHost}`; the project's id is its namespace.

use super::{
    contract::{Project, State, CREATED, SLUG},
    processor::ProjectLifecycle,
};
use crate::{
    creation::{self, Creation},
    hosting,
};
use runtime::{
    call::{Arguments, CallError},
    event::{EventInput, EventType, StreamName, StreamPath},
    object::Class,
    schema::from_json,
};
use serde_json::json;

pub const BINDING: &str = "PROJECT";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct: |context| creation::construct(context, |_| ProjectLifecycle),
};

impl Creation for ProjectLifecycle {
    type Made = Project;

    const CREATED: EventType = CREATED;

    fn made(state: &State) -> Option<&Project> {
        state.project.as_ref()
    }

    fn asked(stream: &StreamName, arguments: &Arguments) -> Result<Project, CallError> {
        if stream.path != StreamPath::root() {
            let misplaced = format!("a project is on its root stream, and not on {stream}");
            return Err(CallError::invalid(misplaced));
        }
        let field = |name| arguments.parse::<serde_json::Value>(name);
        let project = json!({
            "defaultHost": field("defaultHost")?,
            "hosts": field("hosts")?,
            "projectId": stream.namespace,
            "slug": field("slug")?,
        });
        from_json(&project).map_err(|error| CallError::invalid(error.to_string()))
    }

    fn creation_key(stream: &StreamName) -> String {
        format!("project-created:{}", stream.namespace)
    }

    fn subscription(stream: &StreamName) -> EventInput {
        let project = &stream.namespace;
        hosting::subscription(
            BINDING,
            stream,
            SLUG,
            format!("project-lifecycle:{project}"),
            format!("project-lifecycle-subscription:{project}:workers-rpc:callable"),
        )
    }
}
