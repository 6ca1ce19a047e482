//! Where a request of a callable goes: its path and query (spec §4.2, step 5).

use super::{BasePath, FetchRequest, PathMode};
use serde_json::Value;
use url::Url;

/// The origin of requests to what is inside, and has none.
const INTERNAL_ORIGIN: &str = "https://callable.internal/";

/// The URL of a request.
///
/// - Origin: that of `target`, the URL of the descriptor; else of `incoming`; else one of our own.
/// - Path: the base is `path.base`, else the path of `target`, else `/`. The incoming path follows
///   it, unless it is `/`, or the mode is `replace`.
/// - Query: the one of `fetchRequest`; else that of `target`; else the incoming one.
pub fn route(
    target: Option<&Url>,
    incoming: Option<&Url>,
    fetch_request: Option<&FetchRequest>,
) -> Url {
    let internal = || Url::parse(INTERNAL_ORIGIN).expect("a URL");
    let mut url = target.or(incoming).cloned().unwrap_or_else(internal);
    url.set_fragment(None);

    let rule = fetch_request.and_then(|request| request.path.as_ref());
    let base = rule.and_then(|rule| rule.base.as_ref());
    let base = base.map(BasePath::as_str);
    let base = base.or(target.map(Url::path)).unwrap_or("/");
    let mode = rule.and_then(|rule| rule.mode).unwrap_or(PathMode::Prefix);
    let path = match (mode, incoming.map_or("/", Url::path)) {
        (PathMode::Replace, _) | (PathMode::Prefix, "/") => base.to_owned(),
        (PathMode::Prefix, incoming) => format!("{}{incoming}", base.trim_end_matches('/')),
    };
    url.set_path(&path);

    match fetch_request.and_then(|request| request.query.as_ref()) {
        Some(query) => {
            url.set_query(None);
            if !query.is_empty() {
                let pairs = query.iter().map(|(name, value)| (name, query_text(value)));
                url.query_pairs_mut().extend_pairs(pairs);
            }
        }
        None => {
            let own = target.and_then(Url::query);
            let query = own.or(incoming.and_then(Url::query)).map(str::to_owned);
            url.set_query(query.as_deref());
        }
    }
    url
}

/// As JavaScript turns it into a string.
fn query_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => match number.as_f64() {
            Some(whole) if number.is_f64() && whole.fract() == 0.0 && whole.abs() < 1e21 => {
                format!("{whole:.0}")
            }
            _ => number.to_string(),
        },
        other => other.to_string(),
    }
}
