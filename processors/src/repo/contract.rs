//! The repo's event and state (spec §5.7).

use runtime::{
    event::{EventType, Timestamp},
    processor::{Catalogue, Contract, EventDefinition},
    schema::text,
};
use serde::{de::Error, Deserialize, Deserializer, Serialize};
use serde_json::Value;
use url::Url;

pub const SLUG: &str = "repo";

pub const CREATED: EventType = EventType::of("events.iterate.com/repo/created");

pub static CATALOGUE: Catalogue = Catalogue {
    owner: SLUG,
    events: &[EventDefinition::new(CREATED, "The repo was created.")],
};

pub static CONTRACT: Contract = Contract {
    slug: SLUG,
    version: "0.1.0",
    description: "What is known of a repo.",
    events: &CATALOGUE,
    dependencies: &[],
    consumes: &[CREATED],
    emits: &[],
};

/// The payload of `created`, and the state's repo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repo {
    #[serde(deserialize_with = "text")]
    pub default_branch: String,
    #[serde(deserialize_with = "url")]
    pub remote: String,
    #[serde(deserialize_with = "text")]
    pub slug: String,
    /// Until when the remote can be reached with the token at hand.
    #[serde(deserialize_with = "time_or_null")]
    pub token_expires_at: Option<String>,
}

/// An absolute URL, as it was written.
fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let url = text(deserializer)?;
    match Url::parse(&url) {
        Ok(_) => Ok(url),
        Err(error) => Err(D::Error::custom(format!("{url:?} is no URL: {error}"))),
    }
}

/// An ISO time with a zone, as it was written, or `null`; not absent.
fn time_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let time = Option::<String>::deserialize(deserializer)?;
    if let Some(time) = &time {
        Timestamp::deserialize(&Value::from(time.as_str())).map_err(D::Error::custom)?;
    }
    Ok(time)
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub repo: Option<Repo>,
}
