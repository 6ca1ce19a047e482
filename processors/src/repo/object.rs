//! The Repo object: hosts the repo processor on a repo's stream, `<projectId>:/repos/<slug>`.
//!
//! `create` takes `{defaultBranch, remote, tokenExpiresAt?}`; the slug is that of the stream.

use super::{
    contract::{Repo, State, CREATED, SLUG},
    processor::RepoProcessor,
};
use crate::{
    creation::{self, Creation},
    hosting,
};
use runtime::{
    call::{Arguments, CallError},
    event::{EventInput, EventType, StreamName},
    object::Class,
    schema::from_json,
};
use serde_json::{json, Value};

pub const BINDING: &str = "REPO";

/// Where a project's repos have their streams.
const REPOS_PATH: &str = "/repos/";

pub const CLASS: Class = Class {
    binding: BINDING,
    construct: |context| creation::construct(context, |_| RepoProcessor),
};

/// The slug of the repo on that stream; the whole path, where no repo can be.
fn slug(stream: &StreamName) -> &str {
    let path = stream.path.as_str();
    path.strip_prefix(REPOS_PATH).unwrap_or(path)
}

impl Creation for RepoProcessor {
    type Made = Repo;

    const CREATED: EventType = CREATED;

    fn made(state: &State) -> Option<&Repo> {
        state.repo.as_ref()
    }

    fn asked(stream: &StreamName, arguments: &Arguments) -> Result<Repo, CallError> {
        if !stream.path.as_str().starts_with(REPOS_PATH) {
            let misplaced = format!("a repo is below {REPOS_PATH}, and not on {stream}");
            return Err(CallError::invalid(misplaced));
        }
        let repo = json!({
            "defaultBranch": arguments.parse::<Value>("defaultBranch")?,
            "remote": arguments.parse::<Value>("remote")?,
            "slug": slug(stream),
            "tokenExpiresAt": arguments.parse_optional::<Value>("tokenExpiresAt")?,
        });
        from_json(&repo).map_err(|error| CallError::invalid(error.to_string()))
    }

    fn creation_key(stream: &StreamName) -> String {
        format!("repo-created:{}:{}", stream.namespace, slug(stream))
    }

    fn subscription(stream: &StreamName) -> EventInput {
        let (project, slug) = (&stream.namespace, slug(stream));
        hosting::subscription(
            BINDING,
            stream,
            SLUG,
            format!("repo:{project}:{slug}"),
            format!("repo-subscription:{project}:{slug}:workers-rpc:callable"),
        )
    }
}
