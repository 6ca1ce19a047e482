//! Reads strict JSON objects, and says where a value is at fault: every refusal names the field
//! and the value (spec §0.1, §4.1).
//!
//! A field that may be absent is still never `null`, unless it is any JSON at all: `null` is a
//! value, and the field's own reader refuses it.

use serde_json::{Map, Value};
use std::fmt;

/// How much of a refused value is shown, in characters.
const SHOWN_CHARACTERS_MAX: usize = 120;

/// What is wrong with a descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// From the root, such as `via.durableObject.name`; empty for the descriptor itself.
    pub field: String,
    pub reason: String,
    /// As JSON, cut short; none if the field is missing.
    pub value: Option<String>,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field.as_str() {
            "" => write!(f, "the descriptor {}", self.reason)?,
            field => write!(f, "{field} {}", self.reason)?,
        }
        match &self.value {
            Some(value) => write!(f, ", but is {value}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Invalid {}

/// A value, and where it stands.
#[derive(Clone)]
pub struct Field<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    pub fn root(value: &'a Value) -> Self {
        Field {
            path: String::new(),
            value,
        }
    }

    pub fn json(&self) -> &'a Value {
        self.value
    }

    /// This value is at fault; the reason reads on from the field's name, as "must be a string".
    pub fn refuse(&self, reason: impl Into<String>) -> Invalid {
        let shown = self.value.to_string();
        let cut = shown.char_indices().nth(SHOWN_CHARACTERS_MAX);
        Invalid {
            field: self.path.clone(),
            reason: reason.into(),
            value: Some(match cut {
                Some((end, _)) => format!("{}…", &shown[..end]),
                None => shown,
            }),
        }
    }

    /// # Errors
    /// It is no string.
    pub fn text(&self) -> Result<&'a str, Invalid> {
        let text = self.value.as_str();
        text.ok_or_else(|| self.refuse("must be a string"))
    }

    /// # Errors
    /// It is no string, or an empty one.
    pub fn name(&self) -> Result<String, Invalid> {
        match self.text()? {
            "" => Err(self.refuse("must not be empty")),
            name => Ok(name.to_owned()),
        }
    }

    /// A string that `parse` takes; what it says of another reads as a reason does.
    ///
    /// # Errors
    /// It is no string, or `parse` refuses it.
    pub fn parse<T>(&self, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, Invalid> {
        parse(self.text()?).map_err(|reason| self.refuse(reason))
    }

    /// One of these words.
    ///
    /// # Errors
    /// It is another, or no string.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Invalid> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.refuse(format!("must be {}", words.join(" or ")))
        })
    }

    /// # Errors
    /// It is no object.
    pub fn map(&self) -> Result<&'a Map<String, Value>, Invalid> {
        let map = self.value.as_object();
        map.ok_or_else(|| self.refuse("must be an object"))
    }

    /// The fields of an object with keys of its own choice, in their order.
    ///
    /// # Errors
    /// It is no object, or `read` refuses a value.
    pub fn entries<T>(
        &self,
        read: impl Fn(Field<'a>) -> Result<T, Invalid>,
    ) -> Result<Vec<(String, T)>, Invalid> {
        let entry = |(key, value)| Ok((String::clone(key), read(self.below(key, value))?));
        self.map()?.iter().map(entry).collect()
    }

    /// # Errors
    /// It is no object.
    pub fn object(self) -> Result<Object<'a>, Invalid> {
        Ok(Object {
            map: self.map()?,
            field: self,
            known: Vec::new(),
        })
    }

    fn below(&self, name: &str, value: &'a Value) -> Field<'a> {
        let path = match self.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        Field { path, value }
    }
}

/// A strict object: what nobody asked for by the [end](Object::end) is refused.
pub struct Object<'a> {
    field: Field<'a>,
    map: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Object<'a> {
    pub fn optional(&mut self, name: &'static str) -> Option<Field<'a>> {
        self.known.push(name);
        let value = self.map.get(name)?;
        Some(self.field.below(name, value))
    }

    /// # Errors
    /// It is missing.
    pub fn required(&mut self, name: &'static str) -> Result<Field<'a>, Invalid> {
        self.optional(name)
            .ok_or_else(|| self.refuse(format!("must have {name:?}")))
    }

    /// The object as a whole is at fault.
    pub fn refuse(&self, reason: impl Into<String>) -> Invalid {
        self.field.refuse(reason)
    }

    /// # Errors
    /// There is a field that nobody asked for.
    pub fn end(self) -> Result<(), Invalid> {
        let known = |key: &str| self.known.contains(&key);
        match self.map.iter().find(|(key, _)| !known(key)) {
            Some((key, value)) => Err(self.field.below(key, value).refuse("is not known here")),
            None => Ok(()),
        }
    }
}

/// Builds an object field by field.
#[derive(Default)]
pub struct Written(Map<String, Value>);

impl Written {
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    pub fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl From<Written> for Value {
    fn from(written: Written) -> Value {
        Value::Object(written.0)
    }
}
