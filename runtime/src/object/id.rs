//! The id of a durable object: its other address, for whoever must not know the name.
//!
//! An id is lower-case hexadecimal: a check of 8 bytes over the binding and the name, and then the
//! name itself. So an id is valid in its own namespace only, no directory of ids is needed, and the
//! name and the id reach the same object.

use crate::call::ObjectName;
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

const CHECK_BYTES: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{id:?} is no id of an object of {binding}")]
pub struct InvalidObjectId {
    pub binding: String,
    pub id: String,
}

impl ObjectName {
    pub fn id(&self) -> String {
        let check = check(&self.binding, &self.name);
        hex::encode([&check[..], self.name.as_bytes()].concat())
    }

    /// # Errors
    /// It is no id, or one of another namespace.
    pub fn of_id(
        binding: impl Into<Cow<'static, str>>,
        id: &str,
    ) -> Result<ObjectName, InvalidObjectId> {
        let binding = binding.into();
        let named = |bytes: Vec<u8>| {
            let (check_given, name) = bytes.split_at_checked(CHECK_BYTES)?;
            let name = std::str::from_utf8(name).ok()?;
            let is_its_own = check_given == check(&binding, name) && !name.is_empty();
            is_its_own.then(|| ObjectName::new(binding.clone(), name))
        };
        let bytes = hex::decode(id).ok();
        // Decoding takes capitals too; an id has one form.
        let name = bytes.and_then(named).filter(|name| name.id() == id);
        name.ok_or_else(|| InvalidObjectId {
            binding: binding.to_string(),
            id: id.to_owned(),
        })
    }
}

fn check(binding: &str, name: &str) -> [u8; CHECK_BYTES] {
    xxh3_64(format!("{binding}\0{name}").as_bytes()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_the_same_object() {
        let name = ObjectName::new("AGENT", "p1:/agents/ä");
        assert_eq!(ObjectName::of_id("AGENT", &name.id()), Ok(name));
    }

    #[test]
    fn what_is_no_id_of_the_namespace_is_refused() {
        let id = ObjectName::new("AGENT", "p1:/a").id();
        let changed = format!("{}0{}", &id[..1], &id[2..]);
        let capital = id.to_uppercase();
        for id in ["", "7", "zz", &id[..16], &id[2..], &changed, &capital] {
            assert!(ObjectName::of_id("AGENT", id).is_err(), "{id:?}");
        }
        let error = ObjectName::of_id("REPO", &id).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{id:?} is no id of an object of REPO")
        );
    }
}
