//! A request that is sent on as it is (spec §4.2, `dispatchCallableFetch`).

use super::{code, fetch, object, on_stage, rpc, service, url, with, Stage};
use crate::support::outside::{ok, Outside};
use futures_util::stream;
use http::{HeaderValue, Method, StatusCode};
use runtime::{
    callable::{dispatch_fetch, Callable, CallableError, ErrorCode},
    http::{Body, Redirect, Request, Response},
};
use serde_json::{json, Value};
use std::{cell::Cell, rc::Rc};

async fn proxied(
    stage: &Stage,
    descriptor: Value,
    request: Request,
) -> Result<Response, CallableError> {
    let callable = Callable::parse(&descriptor).expect("a descriptor");
    dispatch_fetch(&stage.dispatch, &callable, request).await
}

fn post(body: impl Into<Body>) -> Request {
    let url = "https://x.test/in?q=1".parse().expect("a URL");
    Request::new(Method::POST, url).body(body)
}

#[test]
fn the_body_is_never_read_on_its_way() {
    on_stage(|stage| async move {
        let reads = Rc::new(Cell::new(0));
        let counting = reads.clone();
        let body = Body::stream(stream::poll_fn(move |_| {
            counting.set(counting.get() + 1);
            let piece = (counting.get() <= 2).then(|| Ok("piece ".into()));
            std::task::Poll::Ready(piece)
        }));
        proxied(&stage, fetch(service()), post(body)).await.unwrap();
        let mut request = stage.record.request();
        assert_eq!(reads.get(), 0);
        assert!(request.body.is_stream());
        assert_eq!(request.body.text().await.unwrap(), "piece piece ");
    });
}

#[test]
fn a_consumed_body_is_refused() {
    on_stage(|stage| async move {
        let mut request = post("words");
        request.body.text().await.unwrap();
        let outcome = proxied(&stage, fetch(service()), request).await;
        assert_eq!(code(outcome), ErrorCode::PayloadValidationFailed);
    });
}

#[test]
fn method_headers_and_body_are_those_of_the_request() {
    on_stage(|stage| async move {
        let request = post("words")
            .header(http::header::ACCEPT, HeaderValue::from_static("a/b"))
            .header(http::header::COOKIE, HeaderValue::from_static("c=d"));
        let template = json!({ "headers": { "cookie": "e=f", "x-more": "g" } });
        let descriptor = with(fetch(service()), "fetchRequest", template);
        proxied(&stage, descriptor, request).await.unwrap();
        let mut request = stage.record.request();
        assert_eq!(request.method, Method::POST);
        assert_eq!(request.url.as_str(), "https://x.test/in?q=1");
        assert_eq!(request.redirect, Redirect::Manual);
        assert_eq!(request.headers["accept"], "a/b");
        assert_eq!(request.headers["cookie"], "e=f");
        assert_eq!(request.headers["x-more"], "g");
        assert!(!request.headers.contains_key("content-type"));
        assert_eq!(request.body.text().await.unwrap(), "words");
    });
}

#[test]
fn the_template_may_say_the_method() {
    on_stage(|stage| async move {
        let method = |method: &str| {
            let template = json!({ "method": method });
            with(fetch(service()), "fetchRequest", template)
        };
        proxied(&stage, method("PUT"), post("words")).await.unwrap();
        assert_eq!(stage.record.request().method, Method::PUT);
        proxied(&stage, method("HEAD"), post(Body::EMPTY))
            .await
            .unwrap();
        assert_eq!(stage.record.request().method, Method::HEAD);
        let outcome = proxied(&stage, method("GET"), post("words")).await;
        assert_eq!(code(outcome), ErrorCode::PayloadValidationFailed);
    });
}

#[test]
fn what_makes_a_value_into_a_request_is_not_allowed() {
    on_stage(|stage| async move {
        let body = json!({ "body": { "jsonata": "$" } });
        for descriptor in [
            rpc(service()),
            with(fetch(service()), "fetchRequest", body),
            with(
                fetch(service()),
                "transformInput",
                json!({ "jsonata": "$" }),
            ),
        ] {
            let outcome = proxied(&stage, descriptor, post("words")).await;
            assert_eq!(code(outcome), ErrorCode::DescriptorValidationFailed);
        }
        assert!(stage.record.requests.borrow().is_empty());
    });
}

#[test]
fn the_response_comes_back_as_it_is() {
    on_stage(|stage| async move {
        for status in [200, 302, 404, 503] {
            let status = StatusCode::from_u16(status).unwrap();
            stage.record.answers(Response::new(status).body("words"));
            let mut response = proxied(&stage, fetch(service()), post("")).await.unwrap();
            assert_eq!(response.status, status);
            assert_eq!(response.body.text().await.unwrap(), "words");
        }
    });
}

#[test]
fn a_request_travels_to_an_object_and_back() {
    on_stage(|stage| async move {
        let header = HeaderValue::from_static("value");
        let response = Response::new(StatusCode::IM_A_TEAPOT)
            .header(http::header::ETAG, header)
            .body(vec![0, 255]);
        stage.record.answers(response);
        let body = stream::iter([Ok("a".into()), Ok("b".into())]);
        let via = fetch(object(json!({ "name": "t" })));
        let response = proxied(&stage, via, post(Body::stream(body))).await;
        let mut response = response.unwrap();
        assert_eq!(response.status, StatusCode::IM_A_TEAPOT);
        assert_eq!(response.headers["etag"], "value");
        assert_eq!(&response.body.bytes().await.unwrap()[..], [0, 255]);
        let mut request = stage.record.request();
        assert_eq!(request.url.as_str(), "https://x.test/in?q=1");
        assert_eq!(request.body.text().await.unwrap(), "ab");
    });
}

#[test]
fn a_request_goes_to_an_outside_host() {
    on_stage(|stage| async move {
        let outside = Outside::new(&stage.world, "a.test:80", [ok("text/plain", "hi").as_str()]);
        let response = proxied(&stage, fetch(url("http://a.test/base")), post("words")).await;
        assert_eq!(response.unwrap().body.text().await.unwrap(), "hi");
        let request = outside.requests().remove(0);
        assert!(request.starts_with("POST /base/in?q=1 HTTP/1.1\r\nhost: a.test\r\n"));
        assert!(request.ends_with("\r\n\r\nwords"));
    });
}

#[test]
fn what_is_not_there_is_not_reached() {
    on_stage(|stage| async move {
        let nowhere = with(service(), "bindingName", json!("NOWHERE"));
        let outcome = proxied(&stage, fetch(nowhere), post("words")).await;
        assert_eq!(code(outcome), ErrorCode::ResolutionFailed);
        let outcome = proxied(&stage, fetch(url("http://nowhere.test")), post("words")).await;
        assert_eq!(code(outcome), ErrorCode::TransportFailed);
    });
}
