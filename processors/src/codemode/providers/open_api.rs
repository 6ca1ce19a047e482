//! The operations of a server that describes itself in an OpenAPI document (version 3, JSON). A function
//! is an operation, by its `operationId`; it takes one object: parameters by their names, and `body`.

use super::{
    connection::Offered,
    server::{accepting, failed, Server},
};
use http::{HeaderName, HeaderValue, Method};
use runtime::{call::CallError, http::Request, object::Context};
use serde_json::{json, Map, Value};
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use url::Url;

pub const EXPORT: &str = "CodemodeOpenApiServer";

const METHODS: [Method; 7] = [
    Method::GET,
    Method::PUT,
    Method::POST,
    Method::DELETE,
    Method::OPTIONS,
    Method::HEAD,
    Method::PATCH,
];

/// Documents that were read, by their URL: they stay the same while the session lives.
#[derive(Clone, Default)]
pub struct Documents(Rc<RefCell<BTreeMap<Url, Rc<Value>>>>);

/// An operation of a document.
struct Operation<'a> {
    method: Method,
    template: &'a str,
    described: &'a Value,
    parameters: Vec<&'a Value>,
}

impl Documents {
    async fn read(&self, context: &Context, server: &Server) -> Result<Rc<Value>, CallError> {
        let kept = self.0.borrow().get(&server.url).cloned();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let request = accepting(Request::get(server.url.clone()), "application/json");
        let answer = server.send(context, request).await?;
        let document = Rc::new(answer.successful("the OpenAPI document")?.json()?);
        let mut documents = self.0.borrow_mut();
        documents.insert(server.url.clone(), document.clone());
        Ok(document)
    }

    /// What the server offers.
    ///
    /// # Errors
    /// Its document cannot be read.
    pub async fn list(
        &self,
        context: &Context,
        server: &Server,
    ) -> Result<Vec<Offered>, CallError> {
        let document = self.read(context, server).await?;
        let offered = operations(&document).filter_map(|operation| {
            let described = operation.described;
            let text = |field: &str| described[field].as_str();
            Some(Offered {
                name: text("operationId")?.to_owned(),
                description: text("summary")
                    .or(text("description"))
                    .unwrap_or_default()
                    .to_owned(),
                arguments: operation.arguments(),
            })
        });
        Ok(offered.collect())
    }

    /// Calls an operation; gives the JSON or the text of what it answers.
    ///
    /// # Errors
    /// There is no such operation, an argument is missing, or the server says no.
    pub async fn call(
        &self,
        context: &Context,
        server: &Server,
        operation_id: &str,
        arguments: Value,
    ) -> Result<Value, CallError> {
        let document = self.read(context, server).await?;
        let mut operations = operations(&document);
        let wanted =
            operations.find(|operation| operation.described["operationId"] == operation_id);
        let operation =
            wanted.ok_or_else(|| failed(format!("there is no operation {operation_id:?}")))?;
        let base = server.base_of(&document)?;
        let request = operation.request(&base, &arguments)?;
        let what = format!("{} {}", request.method, request.url);
        let answer = server.send(context, request).await?.successful(&what)?;
        match answer.is_of("application/json") && !answer.text.is_empty() {
            true => answer.json(),
            false if answer.text.is_empty() => Ok(Value::Null),
            false => Ok(answer.text.into()),
        }
    }
}

impl Server {
    /// Where the operations of a document are.
    fn base_of(&self, document: &Value) -> Result<Url, CallError> {
        if let Some(base_url) = &self.base_url {
            return Ok(base_url.clone());
        }
        let said = document["servers"][0]["url"].as_str().unwrap_or("/");
        let base = self.url.join(said);
        base.map_err(|error| failed(format!("the server {said:?} of the document: {error}")))
    }
}

fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(move |(template, path)| {
        METHODS.iter().filter_map(move |method| {
            let described = path.get(method.as_str().to_ascii_lowercase())?;
            let shared = path["parameters"].as_array().into_iter().flatten();
            let own = described["parameters"].as_array().into_iter().flatten();
            Some(Operation {
                method: method.clone(),
                template,
                described,
                parameters: shared.chain(own).map(|it| resolved(document, it)).collect(),
            })
        })
    })
}

/// What a reference into the same document stands for.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value["$ref"].as_str();
    let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
    let target = pointer.and_then(|pointer| document.pointer(pointer));
    target.unwrap_or(value)
}

impl Operation<'_> {
    fn request(&self, base: &Url, arguments: &Value) -> Result<Request, CallError> {
        let mut url = base.clone();
        let mut path = self.template.to_owned();
        let (mut query, mut headers) = (Vec::new(), Vec::new());
        for parameter in &self.parameters {
            let name = parameter["name"].as_str().unwrap_or_default();
            let Some(value) = arguments.get(name).filter(|value| !value.is_null()) else {
                if parameter["required"] == true {
                    return Err(failed(format!("the argument {name:?} is missing")));
                }
                continue;
            };
            match parameter["in"].as_str() {
                Some("path") => path = path.replace(&format!("{{{name}}}"), &segment(value)),
                Some("query") => match value {
                    Value::Array(items) => {
                        query.extend(items.iter().map(|item| (name, text(item))));
                    }
                    value => query.push((name, text(value))),
                },
                Some("header") => headers.push((name, text(value))),
                _ => {}
            }
        }
        let root = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{root}{path}"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = accepting(Request::new(self.method.clone(), url), "application/json");
        for (name, value) in headers {
            let parsed = HeaderName::from_bytes(name.as_bytes()).ok();
            let parsed = parsed.zip(HeaderValue::from_str(&value).ok());
            let (name, value) = parsed.ok_or_else(|| failed(format!("{name:?} is no header")))?;
            request = request.header(name, value);
        }
        Ok(match arguments.get("body") {
            Some(body) => request.json(body),
            None => request,
        })
    }

    /// The arguments that it takes, by name.
    fn arguments(&self) -> Value {
        let named = self.parameters.iter().filter_map(|parameter| {
            let name = parameter["name"].as_str()?;
            Some((name.to_owned(), parameter["schema"].clone()))
        });
        let mut arguments: Map<String, Value> = named.collect();
        let body = &self.described["requestBody"]["content"]["application/json"]["schema"];
        if !body.is_null() {
            arguments.insert("body".to_owned(), body.clone());
        }
        json!(arguments)
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// A value as one segment of a path.
fn segment(value: &Value) -> String {
    let mut url = Url::parse("http://segment/").expect("a URL");
    let mut segments = url.path_segments_mut().expect("it has a path");
    segments.clear().push(&text(value));
    drop(segments);
    url.path().trim_start_matches('/').to_owned()
}
