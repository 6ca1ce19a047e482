//! `transformInput`: what becomes of the payload before the call.

use super::fields::{Field, Invalid, Written};
use serde_json::{Map, Value};

/// At least one of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct TransformInput {
    /// The payload is laid over this base; the payload wins.
    pub shallow_merge: Option<Map<String, Value>>,
    /// Evaluated on the merged payload. Not empty.
    pub jsonata: Option<String>,
}

impl TransformInput {
    pub(super) fn parse(field: Field<'_>) -> Result<Self, Invalid> {
        let mut object = field.object()?;
        let shallow_merge = object.optional("shallowMerge");
        let jsonata = object.optional("jsonata");
        let transform = TransformInput {
            shallow_merge: shallow_merge.map(|base| base.map().cloned()).transpose()?,
            jsonata: jsonata.map(|expression| expression.name()).transpose()?,
        };
        if transform.shallow_merge.is_none() && transform.jsonata.is_none() {
            return Err(object.refuse("must have \"shallowMerge\" or \"jsonata\""));
        }
        object.end()?;
        Ok(transform)
    }

    pub(super) fn to_json(&self) -> Value {
        Written::default()
            .with_some("shallowMerge", self.shallow_merge.clone())
            .with_some("jsonata", self.jsonata.clone())
            .into()
    }
}
