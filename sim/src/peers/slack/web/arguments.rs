//! The four encodings of a call (spec/peers.md §0.9, §4.1): JSON, form, query, and an empty body
//! under any label. Every method takes all of them, and a query adds to a body.

use super::MethodError;
use hyper::{header::CONTENT_TYPE, http::request::Parts};
use serde_json::{Map, Value};

pub(super) struct Arguments {
    named: Map<String, Value>,
    token: Option<String>,
}

pub(super) fn read(head: &Parts, body: &[u8]) -> Result<Arguments, MethodError> {
    let mut arguments = Arguments {
        named: Map::new(),
        token: None,
    };
    arguments.add_form(head.uri.query().unwrap_or_default().as_bytes());
    if body.is_empty() {
        return Ok(arguments);
    }
    let Some(label) = head.headers.get(CONTENT_TYPE) else {
        return Err("missing_post_type");
    };
    let label = label.to_str().unwrap_or_default();
    match label.split(';').next().unwrap_or_default().trim() {
        "application/json" => match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => arguments.named.extend(fields),
            Ok(_) => return Err("json_not_object"),
            Err(_) => return Err("invalid_json"),
        },
        "application/x-www-form-urlencoded" => arguments.add_form(body),
        _ => return Err("invalid_post_type"),
    }
    Ok(arguments)
}

impl Arguments {
    fn add_form(&mut self, form: &[u8]) {
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "token" => self.token = Some(value.into_owned()),
                _ => {
                    let value = Value::String(value.into_owned());
                    self.named.insert(name.into_owned(), value);
                }
            }
        }
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A text argument that is there and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.named
            .get(name)?
            .as_str()
            .filter(|text| !text.is_empty())
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        match self.named.get(name)? {
            Value::Number(number) => number.as_u64().map(|number| number as usize),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// True in JSON, `true` or `1` in forms.
    pub fn flag(&self, name: &str) -> bool {
        match self.named.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => matches!(text.as_str(), "1" | "true"),
            _ => false,
        }
    }

    /// A nested argument: as it is in JSON, as JSON text in forms.
    pub fn nested(&self, name: &str) -> Result<Option<Value>, ()> {
        match self.named.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| ()),
            Some(value) => Ok(Some(value.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn read_call(label: &str, uri: &str, body: &str) -> Result<Arguments, MethodError> {
        let mut request = Request::post(uri);
        if !label.is_empty() {
            request = request.header(CONTENT_TYPE, label);
        }
        let (head, ()) = request.body(()).expect("a valid request").into_parts();
        read(&head, body.as_bytes())
    }

    #[test]
    fn all_encodings_say_the_same() {
        let json = "application/json;charset=utf-8";
        let form = "application/x-www-form-urlencoded";
        for (label, uri, body) in [
            (
                json,
                "/api/m",
                r#"{"text":"a b","limit":2,"blocks":[1],"inclusive":true}"#,
            ),
            (
                form,
                "/api/m",
                "text=a+b&limit=2&blocks=%5B1%5D&inclusive=1",
            ),
            (
                "",
                "/api/m?text=a%20b&limit=2&blocks=[1]&inclusive=true",
                "",
            ),
            (json, "/api/m?text=a+b&limit=2&blocks=[1]&inclusive=1", ""),
        ] {
            let Ok(arguments) = read_call(label, uri, body) else {
                panic!("{uri} {body} is a call");
            };
            assert_eq!(arguments.text("text"), Some("a b"));
            assert_eq!(arguments.number("limit"), Some(2));
            assert_eq!(arguments.nested("blocks"), Ok(Some(serde_json::json!([1]))));
            assert!(arguments.flag("inclusive"));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = |label, body| read_call(label, "/api/m", body).err();
        assert_eq!(error("application/json", "{"), Some("invalid_json"));
        assert_eq!(error("application/json", "[]"), Some("json_not_object"));
        assert_eq!(error("text/plain", "x"), Some("invalid_post_type"));
        assert_eq!(error("", "x"), Some("missing_post_type"));
    }
}
