//! Paths and queries (spec §4.2, step 5), as the target sees them.

use super::{fetch, on_stage, service, url, with};
use crate::support::outside::Outside;
use runtime::{
    callable::{dispatch_fetch, Callable},
    http::Request,
};
use serde_json::{json, Value};

/// Path and query that an inside target is asked for.
async fn inside(stage: &super::Stage, template: Value, incoming: Option<&str>) -> String {
    let callable = with(fetch(service()), "fetchRequest", template);
    let callable = Callable::parse(&callable).expect("a descriptor");
    match incoming {
        Some(incoming) => {
            let request = Request::get(incoming.parse().expect("a URL"));
            let answer = dispatch_fetch(&stage.dispatch, &callable, request).await;
            answer.expect("an answer");
        }
        None => {
            let answer = stage.dispatch(callable.to_json(), json!({})).await;
            answer.expect("an answer");
        }
    }
    let url = stage.record.request().url;
    url[url::Position::BeforePath..].to_owned()
}

/// Path and query that an outside host is asked for.
async fn outside(
    stage: &super::Stage,
    target: &str,
    template: Option<Value>,
    incoming: &str,
) -> String {
    let mut callable = fetch(url(target));
    if let Some(template) = template {
        callable = with(callable, "fetchRequest", template);
    }
    let callable = Callable::parse(&callable).expect("a descriptor");
    let answer = "HTTP/1.1 204 No Content\r\n\r\n";
    let host = Outside::new(&stage.world, "a.test:80", [answer]);
    let request = Request::get(incoming.parse().expect("a URL"));
    let answer = dispatch_fetch(&stage.dispatch, &callable, request).await;
    answer.expect("an answer");
    let request = host.requests().remove(0);
    let line = request.split(' ').nth(1).expect("a request line");
    line.to_owned()
}

#[test]
fn the_path_of_a_payload_is_the_base() {
    on_stage(|stage| async move {
        for (template, path) in [
            (json!({}), "/"),
            (json!({ "path": { "base": "/" } }), "/"),
            (json!({ "path": { "base": "/a/b" } }), "/a/b"),
            (json!({ "path": { "base": "/a/" } }), "/a/"),
            (
                json!({ "path": { "base": "/a b", "mode": "replace" } }),
                "/a%20b",
            ),
            (json!({ "path": { "mode": "replace" } }), "/"),
        ] {
            assert_eq!(
                inside(&stage, template.clone(), None).await,
                path,
                "{template}"
            );
        }
    });
}

#[test]
fn the_incoming_path_follows_the_base() {
    on_stage(|stage| async move {
        for (base, incoming, path) in [
            ("/", "https://x.test/in", "/in"),
            ("/a", "https://x.test/in/", "/a/in/"),
            ("/a/", "https://x.test/in", "/a/in"),
            ("/a", "https://x.test/../../in", "/a/in"),
            ("/a", "https://x.test/%2e%2e/in", "/a/in"),
        ] {
            for template in [
                json!({ "path": { "base": base } }),
                json!({ "path": { "base": base, "mode": "prefix" } }),
            ] {
                assert_eq!(inside(&stage, template, Some(incoming)).await, path);
            }
        }
    });
}

#[test]
fn an_incoming_root_keeps_the_base_exactly() {
    on_stage(|stage| async move {
        for base in ["/a", "/a/", "/"] {
            let template = json!({ "path": { "base": base } });
            assert_eq!(inside(&stage, template, Some("https://x.test")).await, base);
        }
    });
}

#[test]
fn in_replace_mode_the_base_is_the_path() {
    on_stage(|stage| async move {
        let template = json!({ "path": { "base": "/a", "mode": "replace" } });
        assert_eq!(
            inside(&stage, template, Some("https://x.test/in")).await,
            "/a"
        );
        let template = json!({ "path": { "mode": "replace" } });
        assert_eq!(
            inside(&stage, template, Some("https://x.test/in")).await,
            "/"
        );
    });
}

#[test]
fn the_path_of_a_url_is_a_base_unless_the_template_has_one() {
    on_stage(|stage| async move {
        let to = "http://a.test/a";
        assert_eq!(
            outside(&stage, to, None, "https://x.test/in").await,
            "/a/in"
        );
        assert_eq!(outside(&stage, to, None, "https://x.test").await, "/a");
        let base = json!({ "path": { "base": "/b" } });
        assert_eq!(
            outside(&stage, to, Some(base), "https://x.test/in").await,
            "/b/in"
        );
        let replace = json!({ "path": { "mode": "replace" } });
        assert_eq!(
            outside(&stage, to, Some(replace), "https://x.test/in").await,
            "/a"
        );
    });
}

#[test]
fn a_configured_query_replaces_everything() {
    on_stage(|stage| async move {
        let query = json!({ "query": { "a b": "c&d", "n": 1.5, "w": 2.0, "i": -3, "t": true } });
        let expected = "/?a+b=c%26d&n=1.5&w=2&i=-3&t=true";
        assert_eq!(inside(&stage, query.clone(), None).await, expected);
        assert_eq!(
            inside(&stage, query.clone(), Some("https://x.test?q=1")).await,
            expected
        );
        let to = "http://a.test/?own=1";
        assert_eq!(
            outside(&stage, to, Some(query), "https://x.test?q=1").await,
            expected
        );
        let none = json!({ "query": {} });
        assert_eq!(
            outside(&stage, to, Some(none), "https://x.test?q=1").await,
            "/"
        );
    });
}

#[test]
fn without_one_a_url_keeps_its_own_query_and_else_the_incoming_stays() {
    on_stage(|stage| async move {
        let incoming = "https://x.test/in?q=1";
        assert_eq!(
            outside(&stage, "http://a.test/?own=1", None, incoming).await,
            "/in?own=1"
        );
        assert_eq!(
            outside(&stage, "http://a.test/", None, incoming).await,
            "/in?q=1"
        );
        assert_eq!(inside(&stage, json!({}), Some(incoming)).await, "/in?q=1");
    });
}
