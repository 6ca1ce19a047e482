//! The provider `fetch`: one HTTP request to the outside. Its arguments are those of the global
//! function, `[url, {method?, headers?, body?, redirect?}?]`, its result the wire form of a response.
//!
//! A script's global `fetch` calls whatever is registered at that path. Another provider may answer with
//! any JSON: that is then the body.

use super::CALL_FUNCTION;
use http::StatusCode;
use runtime::{
    call::{Argument, Arguments, CallError, Wire},
    callable::Service,
    http::{client, Request, Response, WireError, WireRequest, WireResponse},
    object::{unknown_method, Context, Reply},
};
use serde_json::{json, Map, Value};
use std::rc::Rc;

pub const PATH: &str = "fetch";

pub const EXPORT: &str = "CodemodeFetch";

pub const INSTRUCTIONS: &str = "HTTP to the outside: call the global function fetch(url, init).";

pub struct FetchProvider {
    context: Context,
}

impl FetchProvider {
    pub fn new(context: &Context) -> Self {
        FetchProvider {
            context: context.clone(),
        }
    }
}

impl Service for FetchProvider {
    fn has_method(&self, method: &str) -> bool {
        method == CALL_FUNCTION
    }

    fn call(self: Rc<Self>, method: String, arguments: Vec<Argument>) -> Reply {
        Box::pin(async move {
            if method != CALL_FUNCTION {
                return Err(unknown_method(EXPORT, &method));
            }
            let args: Vec<Value> = Arguments::positional(arguments).parse("args")?;
            let response = client::fetch(&self.context, request(args)?).await;
            let response =
                response.map_err(|error| CallError::remote("fetch", error.to_string()))?;
            let response = WireResponse::read(response).await;
            let response =
                response.map_err(|error| CallError::remote("fetch", error.to_string()))?;
            Ok(Argument::Json(response.to_json()))
        })
    }
}

/// The request that a call of `fetch` stands for.
fn request(args: Vec<Value>) -> Result<Request, CallError> {
    let mut args = args.into_iter();
    let url = args.next().unwrap_or_default();
    let mut form = match args.next() {
        Some(Value::Object(init)) => init,
        _ => Map::new(),
    };
    form.insert("url".to_owned(), url);
    form.entry("method").or_insert(json!("GET"));
    form.entry("redirect").or_insert(json!("follow"));
    let headers = match form.remove("headers") {
        Some(Value::Object(headers)) => headers.into_iter().map(|pair| json!(pair)).collect(),
        Some(pairs) => pairs,
        None => json!([]),
    };
    form.insert("headers".to_owned(), headers);
    if let Some(Value::String(text)) = form.get("body") {
        let text = json!({ "text": text });
        form.insert("body".to_owned(), text);
    }
    let request: Result<WireRequest, _> = serde_json::from_value(Value::Object(form));
    let request = request.map_err(|error| CallError::invalid(format!("fetch: {error}")))?;
    Ok(request.into())
}

/// The arguments of `fetch` that stand for a request.
///
/// # Errors
/// Its body cannot be read.
pub async fn arguments(request: Request) -> Result<Vec<Argument>, WireError> {
    let mut form = WireRequest::read(request).await?.to_json();
    let init = form.as_object_mut().expect("a request is an object");
    let url = init.shift_remove("url").unwrap_or_default();
    Ok(vec![Argument::Json(url), Argument::Json(form)])
}

/// The response that the answer of a provider stands for.
pub fn response(answer: &Argument) -> Response {
    if let Ok(response) = answer.parse::<WireResponse>() {
        return response.into();
    }
    match answer.to_json().unwrap_or_default() {
        Value::String(text) => Response::new(StatusCode::OK).body(text),
        value => Response::new(StatusCode::OK).json(&value),
    }
}
