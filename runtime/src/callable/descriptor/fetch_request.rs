//! `fetchRequest`: the request that a fetch makes, where it differs from the default one.

use super::fields::{Field, Invalid, Written};
use http::Method;
use serde_json::{Map, Value};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchRequest {
    pub method: Option<Method>,
    /// Not checked to be headers: a request that cannot carry them is refused when it is made.
    pub headers: Option<Vec<(String, String)>>,
    /// Replaces every other query. Strings, numbers and booleans.
    pub query: Option<Vec<(String, Value)>>,
    /// JSONata, evaluated on the transformed payload. Not empty; never with `GET` or `HEAD`.
    pub body: Option<String>,
    pub path: Option<PathRule>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathRule {
    pub base: Option<BasePath>,
    /// The prefix mode, if it is absent.
    pub mode: Option<PathMode>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathMode {
    /// The incoming path follows the base.
    Prefix,
    /// The base is the whole path.
    Replace,
}

const METHODS: [(&str, &Method); 7] = [
    ("GET", &Method::GET),
    ("POST", &Method::POST),
    ("PUT", &Method::PUT),
    ("PATCH", &Method::PATCH),
    ("DELETE", &Method::DELETE),
    ("HEAD", &Method::HEAD),
    ("OPTIONS", &Method::OPTIONS),
];

const PREFIX: &str = "prefix";
const REPLACE: &str = "replace";

impl FetchRequest {
    pub(super) fn parse(field: Field<'_>) -> Result<Self, Invalid> {
        let mut object = field.object()?;
        let method = object.optional("method");
        let headers = object.optional("headers");
        let query = object.optional("query");
        let body = object.optional("body");
        let path = object.optional("path");
        object.end()?;
        let request = FetchRequest {
            method: method
                .map(|method| method.one_of(&METHODS))
                .transpose()?
                .cloned(),
            headers: headers
                .map(|headers| headers.entries(|value| value.text().map(str::to_owned)))
                .transpose()?,
            query: query.map(|query| query.entries(query_value)).transpose()?,
            body: body.clone().map(jsonata).transpose()?,
            path: path.map(PathRule::parse).transpose()?,
        };
        match (body, &request.method) {
            (Some(body), Some(method @ (Method::GET | Method::HEAD))) => {
                Err(body.refuse(format!("must be absent, as {method} has no body")))
            }
            _ => Ok(request),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let headers = self.headers.as_ref().map(|headers| {
            let headers = headers.iter();
            let header = |(name, value): &(String, String)| (name.clone(), value.as_str().into());
            headers.map(header).collect::<Map<String, Value>>()
        });
        let query = self.query.clone();
        let query = query.map(|query| query.into_iter().collect::<Map<String, Value>>());
        let body = |jsonata: &str| Written::default().with("jsonata", jsonata);
        Written::default()
            .with_some("method", self.method.as_ref().map(Method::as_str))
            .with_some("headers", headers)
            .with_some("query", query)
            .with_some("body", self.body.as_deref().map(body))
            .with_some("path", self.path.as_ref().map(PathRule::to_json))
            .into()
    }
}

fn query_value(field: Field<'_>) -> Result<Value, Invalid> {
    match field.json() {
        value @ (Value::String(_) | Value::Number(_) | Value::Bool(_)) => Ok(value.clone()),
        _ => Err(field.refuse("must be a string, a number or a boolean")),
    }
}

fn jsonata(field: Field<'_>) -> Result<String, Invalid> {
    let mut object = field.object()?;
    let jsonata = object.required("jsonata")?.name()?;
    object.end()?;
    Ok(jsonata)
}

impl PathRule {
    fn parse(field: Field<'_>) -> Result<Self, Invalid> {
        let mut object = field.object()?;
        let base = object.optional("base");
        let mode = object.optional("mode");
        object.end()?;
        let modes = [(PREFIX, PathMode::Prefix), (REPLACE, PathMode::Replace)];
        Ok(PathRule {
            base: base.map(|base| base.parse(BasePath::parse)).transpose()?,
            mode: mode.map(|mode| mode.one_of(&modes)).transpose()?,
        })
    }

    fn to_json(&self) -> Value {
        let mode = self.mode.map(|mode| match mode {
            PathMode::Prefix => PREFIX,
            PathMode::Replace => REPLACE,
        });
        Written::default()
            .with_some("base", self.base.as_ref().map(BasePath::as_str))
            .with_some("mode", mode)
            .into()
    }
}

/// A path that cannot leave itself: it starts with exactly one `/`, and has no query, hash,
/// backslash nor dot segment, not even percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// # Errors
    /// It is none; the message says why.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') || text.starts_with("//") {
            return Err("must start with exactly one \"/\"".to_owned());
        }
        if text.contains(['?', '#']) {
            return Err("must not have a query or hash".to_owned());
        }
        let decoded = percent_decoded(text);
        for path in [text.as_bytes(), &decoded] {
            if path.contains(&b'\\') {
                return Err("must not have a backslash".to_owned());
            }
            let is_dots = |segment: &[u8]| matches!(segment, b"." | b"..");
            if path.split(|byte| *byte == b'/').any(is_dots) {
                return Err("must not have dot segments".to_owned());
            }
        }
        Ok(BasePath(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A `%` that is not followed by two hexadecimal digits stays as it is.
fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let is_hex = |digits: &&str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match digits.filter(is_hex) {
            Some(digits) => {
                decoded.push(u8::from_str_radix(digits, 16).expect("two hexadecimal digits"));
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}
