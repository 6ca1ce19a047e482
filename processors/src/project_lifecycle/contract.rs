//! The events of a project's root stream, and the state that is folded from them (spec §5.6).

use runtime::{
    event::EventType,
    processor::{Catalogue, Contract, EventDefinition},
    schema::{present, text},
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

pub const SLUG: &str = "project-lifecycle";

pub const CREATED: EventType = EventType::of("events.iterate.com/project/created");
/// What `created` was called before.
pub const LEGACY_CREATED: EventType = EventType::of("events.iterate.com/os/project-created");
pub const CONFIG_WORKER_BUILT: EventType =
    EventType::of("events.iterate.com/project/config-worker-built");
pub const CNAME_RECORD_CREATED: EventType =
    EventType::of("events.iterate.com/project/cname-record-created");
pub const CNAME_RECORD_CREATION_FAILED: EventType =
    EventType::of("events.iterate.com/project/cname-record-creation-failed");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[
        EventDefinition::new(CREATED, "The project was created."),
        EventDefinition::new(LEGACY_CREATED, "The project was created (old name)."),
        EventDefinition::new(
            CONFIG_WORKER_BUILT,
            "The worker of the project's configuration was built.",
        ),
        EventDefinition::new(CNAME_RECORD_CREATED, "A host name leads to the project."),
        EventDefinition::new(
            CNAME_RECORD_CREATION_FAILED,
            "A host name could not be made to lead to the project.",
        ),
    ],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "What a project is, as its root stream tells.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[
        CREATED,
        LEGACY_CREATED,
        CONFIG_WORKER_BUILT,
        CNAME_RECORD_CREATED,
        CNAME_RECORD_CREATION_FAILED,
    ],
    emits: &[],
};

/// The payload of `created`, and the state's project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    #[serde(deserialize_with = "text")]
    pub default_host: String,
    #[serde(deserialize_with = "texts")]
    pub hosts: Vec<String>,
    #[serde(deserialize_with = "text")]
    pub project_id: String,
    #[serde(deserialize_with = "text")]
    pub slug: String,
}

/// A list of `str+`.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Text(#[serde(deserialize_with = "text")] String);
    let texts = Vec::<Text>::deserialize(deserializer)?;
    Ok(texts.into_iter().map(|Text(text)| text).collect())
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigWorkerBuilt {
    pub commit_oid: String,
    pub main_module: String,
    pub project_id: String,
    pub repo_slug: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CnameRecordCreated {
    pub base: String,
    pub cloudflare_record: Map<String, Value>,
    pub name: String,
    pub project_id: String,
    pub project_slug: String,
    pub target: String,
    pub zone_id: String,
    pub zone_name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CnameRecordCreationFailed {
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub base: Option<String>,
    pub message: String,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub name: Option<String>,
    pub project_id: String,
    pub project_slug: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub project: Option<Project>,
}
