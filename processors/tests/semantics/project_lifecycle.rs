//! The project lifecycle (spec §5.6).

use crate::review::Named;
use processors::project_lifecycle::{contract::*, ProjectLifecycle};
use runtime::event::{EventInput, EventType};
use semantics::Story;
use serde_json::json;

pub fn stories() -> Vec<Named> {
    vec![("life", life().tell())]
}

fn created(kind: EventType, slug: &str) -> EventInput {
    EventInput::new(
        kind,
        json!({
            "defaultHost": "acme.example", "hosts": ["acme.example"], "projectId": "p1", "slug": slug,
        }),
    )
}

fn life() -> Story<ProjectLifecycle> {
    let built = json!({
        "commitOid": "c0ffee", "mainModule": "worker.js", "projectId": "p1", "repoSlug": "config",
    });
    let record = json!({
        "base": "acme.example", "cloudflareRecord": {}, "name": "www", "projectId": "p1",
        "projectSlug": "acme", "target": "t.example", "zoneId": "z1", "zoneName": "acme.example",
    });
    let failed = json!({ "message": "no zone", "projectId": "p1", "projectSlug": "acme" });
    Story::new("what tells of a project", "p1:/", |_| ProjectLifecycle)
        .event(created(LEGACY_CREATED, "acme"))
        .event(created(CREATED, "acme"))
        .event(EventInput::new(CONFIG_WORKER_BUILT, built))
        .event(EventInput::new(CNAME_RECORD_CREATED, record))
        .event(EventInput::new(CNAME_RECORD_CREATION_FAILED, failed))
}
