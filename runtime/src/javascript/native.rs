//! The functions that the built-in modules are given: strings, numbers and bytes in and out.

use super::{
    calls::Calls,
    chance::Chance,
    modules,
    operations::{Ending, Operations},
    Exception, Host, LogLevel, WorkerError,
};
use crate::{
    call::Wire,
    http::{WireRequest, WireResponse},
};
use data_encoding::BASE64;
use futures_util::future::LocalBoxFuture;
use rquickjs::{Ctx, Error, Exception as Thrown, Function, Module, Object, TypedArray};
use serde::de::DeserializeOwned;
use serde_json::{json, Value};
use std::rc::Rc;
use url::{form_urlencoded, quirks, Url};

/// Longer lines of the console are cut.
const LOG_CHARACTERS_MAX: usize = 4096;

/// What the functions reach. The engine holds them, so they hold nothing of the engine.
pub(super) struct Reach {
    pub(super) host: Rc<dyn Host>,
    pub(super) operations: Operations,
    pub(super) calls: Calls,
    pub(super) chance: Chance,
}

impl Reach {
    pub(super) fn new(host: Rc<dyn Host>) -> Self {
        Reach {
            host,
            operations: Operations::default(),
            calls: Calls::default(),
            chance: Chance::default(),
        }
    }

    fn log(&self, level: &str, message: &str) {
        let level = match level {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            _ => LogLevel::Log,
        };
        let end = message.char_indices().nth(LOG_CHARACTERS_MAX);
        let end = end.map_or(message.len(), |(end, _)| end);
        self.host.log(level, &message[..end]);
    }

    /// # Errors
    /// There is no such operation, or no call to which it belongs.
    fn start(&self, kind: &str, argument: &str) -> Result<u64, String> {
        if self.calls.count() == 0 {
            return Err("nothing can be started outside of a call".to_owned());
        }
        let work = match kind {
            "sleep" => self.sleep(read(argument)?),
            "fetch" => self.fetch(read(argument)?),
            "call" => self.call(read(argument)?),
            kind => return Err(format!("no operation {kind:?}")),
        };
        Ok(self.operations.start(work))
    }

    fn sleep(&self, duration_ms: u64) -> LocalBoxFuture<'static, Ending> {
        let sleep = self.host.sleep(duration_ms);
        Box::pin(async move {
            sleep.await;
            Ok(Value::Null.to_string())
        })
    }

    fn fetch(&self, request: WireRequest) -> LocalBoxFuture<'static, Ending> {
        let answer = self.host.fetch(request.into());
        Box::pin(async move {
            let failed = |error: String| Value::from(error).to_string();
            let response = answer.await.map_err(|error| failed(error.to_string()))?;
            let response = WireResponse::read(response).await;
            let response = response.map_err(|error| failed(error.to_string()))?;
            Ok(response.to_json_text())
        })
    }

    fn call(&self, request: Value) -> LocalBoxFuture<'static, Ending> {
        let answer = self.host.call(request);
        Box::pin(async move {
            match answer.await {
                Ok(value) => Ok(value.to_string()),
                Err(Exception { name, message, .. }) => {
                    Err(json!({ "name": name, "message": message }).to_string())
                }
            }
        })
    }

    fn finish(&self, call: u64, how: &str, json: String) {
        // A script that replaces what errors are made of gets what it asked for.
        let exception =
            |json: &str| -> Exception { serde_json::from_str(json).unwrap_or_default() };
        let answer = match how {
            "returned" => Ok(json),
            "unresolved" => Err(WorkerError::Unresolved(exception(&json).message)),
            _ => Err(WorkerError::Threw(exception(&json))),
        };
        self.calls.answer(call, answer);
    }
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|error| error.to_string())
}

/// The object with all of them.
pub(super) fn functions<'js>(ctx: &Ctx<'js>, reach: &Rc<Reach>) -> rquickjs::Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    macro_rules! give {
        ($name:literal, $function:expr) => {
            native.set($name, Function::new(ctx.clone(), $function)?)?
        };
    }
    // What the world has.
    let r = reach.clone();
    give!("now", move || r.host.now_ms() as f64);
    let r = reach.clone();
    give!("random", move || r.chance.fraction(&*r.host));
    let r = reach.clone();
    give!("randomBytes", move |length: usize| r
        .chance
        .bytes(&*r.host, length));
    let r = reach.clone();
    give!("uuid", move || uuid(&r));
    let r = reach.clone();
    give!("log", move |level: String, message: String| r
        .log(&level, &message));
    // What takes time.
    let r = reach.clone();
    give!("start", move |ctx: Ctx<'_>,
                         kind: String,
                         argument: String| {
        let started = r.start(&kind, &argument);
        started
            .map(|id| id as f64)
            .map_err(|error| Thrown::throw_message(&ctx, &error))
    });
    let r = reach.clone();
    give!("cancel", move |id: f64| r.operations.cancel(id as u64));
    let r = reach.clone();
    give!("finish", move |call: f64, how: String, json: String| {
        r.finish(call as u64, &how, json);
    });
    // What the engine has not.
    give!("encode", encode);
    give!("decode", decode);
    give!("toBase64", to_base64);
    give!("fromBase64", from_base64);
    give!("parseForm", parse_form);
    give!("writeForm", write_form);
    give!("parseUrl", parse_url);
    give!("changeUrl", change_url);
    // What is not there yet.
    give!("load", load);
    Ok(native)
}

/// Runs a built-in module at once, whoever asks. What it exports shows later, to whoever waits: it gives
/// what it has while it runs.
fn load(ctx: Ctx<'_>, module: String) -> rquickjs::Result<()> {
    let source = modules::builtin(&module).ok_or_else(|| Error::new_loading(&module))?;
    let (_, _later) = Module::declare(ctx, module, source)?.eval()?;
    Ok(())
}

fn uuid(reach: &Reach) -> String {
    let bytes = reach.chance.bytes(&*reach.host, 16);
    let bytes = bytes.try_into().expect("as many as asked for");
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

fn encode(ctx: Ctx<'_>, text: String) -> rquickjs::Result<TypedArray<'_, u8>> {
    TypedArray::new(ctx, text)
}

fn decode(binary: String) -> String {
    String::from_utf8_lossy(&bytes(&binary)).into_owned()
}

fn to_base64(binary: String) -> String {
    BASE64.encode(&bytes(&binary))
}

/// The bytes of a text with a character for each, which is how bytes leave the engine.
fn bytes(binary: &str) -> Vec<u8> {
    // The built-in modules write no others.
    binary.chars().map(|c| c as u8).collect()
}

fn from_base64(ctx: Ctx<'_>, text: String) -> rquickjs::Result<TypedArray<'_, u8>> {
    match BASE64.decode(text.as_bytes()) {
        Ok(bytes) => TypedArray::new(ctx, bytes),
        Err(error) => Err(Thrown::throw_type(&ctx, &format!("not base64: {error}"))),
    }
}

fn parse_form(text: String) -> String {
    let pairs = form_urlencoded::parse(text.as_bytes());
    json!(pairs.collect::<Vec<_>>()).to_string()
}

fn write_form(pairs: String) -> String {
    let pairs: Vec<(String, String)> = serde_json::from_str(&pairs).unwrap_or_default();
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// The parts of a URL, as JSON.
fn parse_url(text: String, base: Option<String>) -> Option<String> {
    let base = match base {
        Some(base) => Some(Url::parse(&base).ok()?),
        None => None,
    };
    let url = Url::options().base_url(base.as_ref()).parse(&text).ok()?;
    Some(parts(&url))
}

/// The parts of a URL of which one was changed; none if it does not change so.
fn change_url(href: String, part: String, value: String) -> Option<String> {
    let mut url = Url::parse(&href).ok()?;
    match part.as_str() {
        "href" => quirks::set_href(&mut url, &value).ok()?,
        "protocol" => quirks::set_protocol(&mut url, &value).ok()?,
        "username" => quirks::set_username(&mut url, &value).ok()?,
        "password" => quirks::set_password(&mut url, &value).ok()?,
        "host" => quirks::set_host(&mut url, &value).ok()?,
        "hostname" => quirks::set_hostname(&mut url, &value).ok()?,
        "port" => quirks::set_port(&mut url, &value).ok()?,
        "pathname" => quirks::set_pathname(&mut url, &value),
        "search" => quirks::set_search(&mut url, &value),
        "hash" => quirks::set_hash(&mut url, &value),
        _ => return None,
    }
    Some(parts(&url))
}

fn parts(url: &Url) -> String {
    let parts = json!({
        "href": quirks::href(url),
        "origin": quirks::origin(url),
        "protocol": quirks::protocol(url),
        "username": quirks::username(url),
        "password": quirks::password(url),
        "host": quirks::host(url),
        "hostname": quirks::hostname(url),
        "port": quirks::port(url),
        "pathname": quirks::pathname(url),
        "search": quirks::search(url),
        "hash": quirks::hash(url),
    });
    parts.to_string()
}
