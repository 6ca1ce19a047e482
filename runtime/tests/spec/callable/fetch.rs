//! A fetch callable with a payload (spec §4.2, step 5): the request that it makes, and what it makes
//! of the response.

use super::{fetch, loopback, loopback_object, object, on_stage, service, url, with, Stage};
use crate::support::outside::{ok, Outside};
use http::{
    header::{CONTENT_TYPE, LOCATION},
    HeaderMap, HeaderValue, Method, StatusCode,
};
use runtime::{
    call::{Argument, Arguments, ObjectName},
    callable::{ErrorCode, Payload},
    http::{Body, BodyError, Redirect, Request, Response},
};
use serde_json::{json, Value};
use std::rc::Rc;

fn templated(template: Value) -> Value {
    with(fetch(service()), "fetchRequest", template)
}

/// The request that reaches the target, and its body.
async fn sent(stage: &Stage, descriptor: Value, payload: impl Into<Payload>) -> (Request, String) {
    stage
        .dispatch(descriptor, payload)
        .await
        .expect("an answer");
    let mut request = stage.record.request();
    let body = request.body.text().await.expect("a body");
    (request, body)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers[name].to_str().expect("ASCII")
}

async fn answer(stage: &Stage, response: Response) -> Value {
    stage.record.answers(response);
    let answer = stage.dispatch(fetch(service()), json!({})).await;
    answer.expect("an answer")
}

fn typed(content_type: &'static str, body: &'static str) -> Response {
    let value = HeaderValue::from_static(content_type);
    Response::new(StatusCode::OK)
        .header(CONTENT_TYPE, value)
        .body(body)
}

#[test]
fn the_default_request_posts_the_payload_as_json() {
    on_stage(|stage| async move {
        let (request, body) = sent(&stage, fetch(service()), json!({ "a": [1, null] })).await;
        assert_eq!(request.method, Method::POST);
        assert_eq!(request.url.path(), "/");
        assert_eq!(header(&request.headers, "content-type"), "application/json");
        assert_eq!(body, "{\"a\":[1,null]}");
    });
}

#[test]
fn an_undefined_payload_is_posted_as_null() {
    on_stage(|stage| async move {
        let (_, body) = sent(&stage, fetch(service()), Payload::Undefined).await;
        assert_eq!(body, "null");
        let nothing = templated(json!({ "body": { "jsonata": "absent" } }));
        let (_, body) = sent(&stage, nothing, json!({})).await;
        assert_eq!(body, "null");
    });
}

#[test]
fn the_template_says_method_headers_and_body() {
    on_stage(|stage| async move {
        let template = json!({
            "method": "PATCH",
            "headers": { "X-A": "b", "content-type": "application/x-own" },
            "body": { "jsonata": "{ 'sum': $sum(parts) }" },
        });
        let (request, body) = sent(&stage, templated(template), json!({ "parts": [1, 2] })).await;
        assert_eq!(request.method, Method::PATCH);
        assert_eq!(header(&request.headers, "x-a"), "b");
        assert_eq!(
            header(&request.headers, "content-type"),
            "application/x-own"
        );
        assert_eq!(body, "{\"sum\":3}");
    });
}

#[test]
fn the_body_is_made_of_the_transformed_payload_and_sees_the_ambient_values() {
    on_stage(|mut stage| async move {
        stage.dispatch.ambient.insert("who".to_owned(), json!("me"));
        let descriptor = with(
            templated(json!({ "body": { "jsonata": "[a, b, $ambient.who]" } })),
            "transformInput",
            json!({ "shallowMerge": { "a": 1 } }),
        );
        let (_, body) = sent(&stage, descriptor, json!({ "b": 2 })).await;
        assert_eq!(body, "[1,2,\"me\"]");
    });
}

#[test]
fn get_and_head_have_no_body() {
    on_stage(|stage| async move {
        for method in ["GET", "HEAD"] {
            let template = templated(json!({ "method": method }));
            stage.dispatch(template, json!({ "a": 1 })).await.unwrap();
            let request = stage.record.request();
            assert!(request.body.is_empty());
            assert!(!request.headers.contains_key(CONTENT_TYPE));
        }
    });
}

#[test]
fn headers_that_no_request_can_carry_are_the_descriptors_fault() {
    on_stage(|stage| async move {
        for (name, value) in [("a b", "c"), ("", "c"), ("x-a", "b\nc"), ("x-a", "\u{100}")] {
            let template = templated(json!({ "headers": { name: value } }));
            let failure = stage.failure(template, json!({})).await;
            assert_eq!(failure.code, ErrorCode::DescriptorValidationFailed);
        }
        let latin = templated(json!({ "headers": { "x-a": "\u{e4}" } }));
        let (request, _) = sent(&stage, latin, json!({})).await;
        assert_eq!(request.headers["x-a"].as_bytes(), [0xe4]);
    });
}

#[test]
fn a_payload_that_is_a_request_is_refused() {
    on_stage(|stage| async move {
        let request = || {
            let url = "https://a.test".parse().expect("a URL");
            Payload::Request(Box::new(Request::get(url)))
        };
        for descriptor in [fetch(service()), super::rpc(service())] {
            let failure = stage.failure(descriptor, request()).await;
            assert_eq!(failure.code, ErrorCode::PayloadValidationFailed);
        }
        assert!(stage.record.requests.borrow().is_empty());
    });
}

#[test]
fn a_live_capability_fits_into_no_request() {
    on_stage(|stage| async move {
        let capability = stage
            .client
            .export(Rc::new(|_, _| unreachable!("not called")));
        let payload = || Arguments::new().with("stream", Argument::Capability(capability.clone()));
        let failure = stage.failure(fetch(service()), payload()).await;
        assert_eq!(failure.code, ErrorCode::PayloadValidationFailed);
        // An expression can leave it out.
        let chosen = with(
            fetch(service()),
            "transformInput",
            json!({ "jsonata": "{ 'has': $exists(stream) }" }),
        );
        let (_, body) = sent(&stage, chosen, payload()).await;
        assert_eq!(body, "{\"has\":true}");
    });
}

#[test]
fn services_objects_and_exports_answer_fetch() {
    on_stage(|stage| async move {
        let id = ObjectName::new("TARGET", "i").id();
        for via in [
            service(),
            loopback("Plain"),
            with(loopback("Parameterizable"), "props", json!({})),
            object(json!({ "name": "n" })),
            object(json!({ "id": id })),
            loopback_object(json!({ "name": "m" })),
            loopback_object(json!({ "id": id })),
        ] {
            stage
                .record
                .answers(Response::new(StatusCode::OK).json(&json!({ "b": 2 })));
            let answer = stage.dispatch(fetch(via.clone()), json!({ "a": 1 })).await;
            assert_eq!(answer.unwrap(), json!({ "b": 2 }), "{via}");
            let mut request = stage.record.request();
            assert_eq!(request.body.text().await.unwrap(), "{\"a\":1}", "{via}");
        }
        assert_eq!(*stage.record.names.borrow(), ["n", "i", "m"]);
    });
}

#[test]
fn a_url_is_fetched_from_outside() {
    on_stage(|stage| async move {
        let outside = Outside::new(
            &stage.world,
            "a.test:80",
            [ok("application/json; charset=utf-8", "{\"b\":2}").as_str()],
        );
        let via = fetch(url("http://a.test/b?c=d"));
        let answer = stage.dispatch(via, json!({ "a": 1 })).await.unwrap();
        assert_eq!(answer, json!({ "b": 2 }));
        let request = outside.requests().remove(0);
        assert!(
            request.starts_with("POST /b?c=d HTTP/1.1\r\nhost: a.test\r\n"),
            "{request}"
        );
        assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
    });
}

#[test]
fn an_unreachable_host_is_a_failure_of_the_transport() {
    on_stage(|stage| async move {
        let failure = stage
            .failure(fetch(url("http://nowhere.test")), json!({}))
            .await;
        assert_eq!(failure.code, ErrorCode::TransportFailed);
        assert!(failure.retryable);
        assert!(failure.cause.expect("a cause").contains("nowhere.test:80"));
    });
}

#[test]
fn a_lost_object_is_a_failure_of_the_transport() {
    on_stage(|stage| async move {
        stage.world.on_call(|_| crate::support::Fate::ReplyLost);
        let failure = stage
            .failure(fetch(object(json!({ "name": "t" }))), json!({}))
            .await;
        assert_eq!(failure.code, ErrorCode::TransportFailed);
        assert!(failure.retryable);
    });
}

#[test]
fn redirects_of_what_is_inside_are_not_followed() {
    on_stage(|stage| async move {
        for via in [service(), object(json!({ "name": "t" })), loopback("Plain")] {
            let elsewhere = HeaderValue::from_static("https://elsewhere.test/");
            let response = Response::new(StatusCode::FOUND).header(LOCATION, elsewhere);
            stage.record.answers(response);
            let failure = stage.failure(fetch(via), json!({})).await;
            assert_eq!(failure.code, ErrorCode::RemoteError);
            assert_eq!(failure.details.expect("details")["status"], json!(302));
            assert_eq!(stage.record.request().redirect, Redirect::Manual);
        }
    });
}

#[test]
fn redirects_of_outside_hosts_are_followed() {
    on_stage(|stage| async move {
        let moved = "HTTP/1.1 302 Found\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n";
        let there = ok("text/plain", "here I am");
        let outside = Outside::new(&stage.world, "a.test:80", [moved, there.as_str()]);
        let answer = stage
            .dispatch(fetch(url("http://a.test/here")), json!({}))
            .await;
        assert_eq!(answer.unwrap(), json!("here I am"));
        assert!(outside.requests()[1].starts_with("GET /there HTTP/1.1\r\n"));
    });
}

#[test]
fn a_response_other_than_2xx_is_a_remote_error_with_its_details() {
    on_stage(|stage| async move {
        for (status, text, retryable) in [
            (404, "Not Found", false),
            (304, "Not Modified", false),
            (429, "Too Many Requests", false),
            (500, "Internal Server Error", true),
            (503, "Service Unavailable", true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            stage
                .record
                .answers(Response::new(status).body("{\"why\":1}"));
            let failure = stage.failure(fetch(service()), json!({})).await;
            assert_eq!(failure.code, ErrorCode::RemoteError);
            assert_eq!(failure.retryable, retryable, "{status}");
            let details = json!({
                "status": status.as_u16(),
                "statusText": text,
                "body": "{\"why\":1}",
            });
            assert_eq!(failure.details, Some(details));
        }
    });
}

#[test]
fn no_content_is_null() {
    on_stage(|stage| async move {
        for status in [204, 205] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(answer(&stage, Response::new(status)).await, Value::Null);
        }
    });
}

#[test]
fn json_is_parsed_and_empty_json_is_null() {
    on_stage(|stage| async move {
        for content_type in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "a/b+json",
        ] {
            let json = answer(&stage, typed(content_type, " [1, {\"a\": null}] ")).await;
            assert_eq!(json, json!([1, { "a": null }]));
            assert_eq!(answer(&stage, typed(content_type, "")).await, Value::Null);
        }
    });
}

#[test]
fn json_that_is_none_is_a_remote_error() {
    on_stage(|stage| async move {
        stage.record.answers(typed("application/json", "{\"a\":"));
        let failure = stage.failure(fetch(service()), json!({})).await;
        assert_eq!(failure.code, ErrorCode::RemoteError);
        assert!(!failure.retryable);
        assert!(failure.cause.is_some());
        assert_eq!(failure.details.expect("details")["body"], json!("{\"a\":"));
    });
}

#[test]
fn any_other_response_is_text() {
    on_stage(|stage| async move {
        assert_eq!(answer(&stage, typed("text/plain", "{}")).await, json!("{}"));
        assert_eq!(
            answer(&stage, typed("application/jsonl", "1")).await,
            json!("1")
        );
        let untyped = Response::new(StatusCode::OK).body("words");
        assert_eq!(answer(&stage, untyped).await, json!("words"));
        assert_eq!(
            answer(&stage, Response::new(StatusCode::CREATED)).await,
            json!("")
        );
    });
}

#[test]
fn a_response_that_is_cut_short_is_a_failure_of_the_transport() {
    on_stage(|stage| async move {
        let pieces = futures_util::stream::iter([
            Ok("begun".into()),
            Err(BodyError::CutShort("the host died".to_owned())),
        ]);
        stage
            .record
            .answers(Response::new(StatusCode::OK).body(Body::stream(pieces)));
        let failure = stage.failure(fetch(service()), json!({})).await;
        assert_eq!(failure.code, ErrorCode::TransportFailed);
        assert!(failure.retryable);
    });
}
