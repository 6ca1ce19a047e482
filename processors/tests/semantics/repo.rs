//! The repo (spec §5.7).

use crate::review::Named;
use processors::repo::{contract::*, RepoProcessor};
use runtime::event::EventInput;
use semantics::Story;
use serde_json::json;

pub fn stories() -> Vec<Named> {
    vec![("created", created().tell())]
}

fn created() -> Story<RepoProcessor> {
    let repo = |remote: &str| {
        let payload = json!({
            "defaultBranch": "main", "remote": remote, "slug": "config", "tokenExpiresAt": null,
        });
        EventInput::new(CREATED, payload)
    };
    Story::new("what tells of a repo", "p1:/repos/config", |_| {
        RepoProcessor
    })
    .event(repo("https://git.example/p1/config.git"))
    .event(repo("config.git"))
}
