//! Parsers of fields that several wire formats share (spec §0.1).

use serde::{
    de::{
        value::{MapDeserializer, SeqDeserializer},
        Error, IntoDeserializer, Unexpected, Visitor,
    },
    forward_to_deserialize_any, Deserialize, Deserializer,
};
use serde_json::{Map, Value};

/// An optional field: absent is `None` (with `#[serde(default)]`), and `null` is a value like any
/// other, which most types refuse.
///
/// # Errors
/// The value is not of that type.
pub fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// `str+`: trimmed, and never blank.
///
/// # Errors
/// It is blank, or no text.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.trim() {
        "" => Err(Error::custom("must not be blank")),
        trimmed if trimmed.len() == text.len() => Ok(text),
        trimmed => Ok(trimmed.to_owned()),
    }
}

/// `str+?`: absent, or as [`text`].
///
/// # Errors
/// As there.
pub fn optional_text<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    text(deserializer).map(Some)
}

/// An object, where a type of several shapes would also take a list.
///
/// # Errors
/// It is no object, or not of that type.
pub fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: for<'value> Deserialize<'value>,
{
    let fields = Map::<String, Value>::deserialize(deserializer)?;
    from_json(&Value::Object(fields)).map_err(Error::custom)
}

/// Parses JSON. A struct is an object, where serde alone would also take a list of its fields' values
/// in their order.
///
/// # Errors
/// The value is not of that type.
pub fn from_json<'de, T: Deserialize<'de>>(value: &'de Value) -> serde_json::Result<T> {
    T::deserialize(Json(value))
}

#[derive(Clone, Copy)]
struct Json<'de>(&'de Value);

impl<'de> IntoDeserializer<'de, serde_json::Error> for Json<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Json<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        match self.0 {
            Value::Array(items) => {
                let mut items = SeqDeserializer::new(items.iter().map(Json));
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            Value::Object(fields) => {
                let fields = fields.iter();
                let mut fields =
                    MapDeserializer::new(fields.map(|(name, value)| (name.as_str(), Json(value))));
                let value = visitor.visit_map(&mut fields)?;
                fields.end()?;
                Ok(value)
            }
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        match self.0 {
            Value::Array(_) => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        match self.0 {
            Value::Null => Err(Error::invalid_type(Unexpected::Unit, &visitor)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> serde_json::Result<V::Value> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> serde_json::Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct identifier
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Outer {
        inner: Vec<Inner>,
        #[serde(default, deserialize_with = "present")]
        maybe: Option<u8>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Inner(BTreeMap<String, Leaf>);

    #[derive(Debug, PartialEq, Deserialize)]
    struct Maps {
        map: Map<String, Value>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Leaf {
        kind: Kind,
        any: Value,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        OfOne,
    }

    #[test]
    fn a_struct_is_an_object_at_every_depth() {
        let leaf = json!({ "kind": "of-one", "any": [1.5, { "a": null }], "more": [1] });
        let outer = |leaf: Value| json!({ "inner": [{ "a": leaf }] });
        let parsed: Outer = from_json(&outer(leaf.clone())).unwrap();
        assert_eq!(parsed.inner[0].0["a"].any, leaf["any"]);
        assert_eq!(parsed.maybe, None);
        for list in [json!([[]]), outer(json!(["of-one", 1]))] {
            let refused = from_json::<Outer>(&list).unwrap_err().to_string();
            assert!(refused.contains("sequence"), "{refused}");
        }
    }

    #[test]
    fn a_map_is_an_object() {
        let parsed: Maps = from_json(&json!({ "map": { "a": null } })).unwrap();
        assert_eq!(parsed.map["a"], Value::Null);
        for misfit in [json!({ "map": null }), json!({ "map": [] }), json!({})] {
            assert!(from_json::<Maps>(&misfit).is_err(), "{misfit}");
        }
    }

    #[test]
    fn whatever_else_does_not_fit_is_refused_as_ever() {
        for misfit in [
            json!({ "inner": [], "maybe": null }),
            json!({ "inner": [], "maybe": 256 }),
            json!({ "inner": {} }),
            json!({ "inner": [{ "a": { "kind": "of-two", "any": 1 } }] }),
            json!({ "inner": [], "extra": 1 }),
            json!(7),
        ] {
            assert!(from_json::<Outer>(&misfit).is_err(), "{misfit}");
        }
    }
}
