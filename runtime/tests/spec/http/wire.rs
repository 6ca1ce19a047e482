//! Messages in calls: as JSON and back.

use super::url;
use crate::support::run;
use http::{header, HeaderValue, Method, StatusCode};
use runtime::{
    call::{Argument, Arguments, Wire},
    http::{Body, Request, Response, WireError, WireRequest, WireResponse},
};
use serde_json::json;
use std::sync::Arc;

#[test]
fn a_request_round_trips_through_json() {
    run(|_| async {
        let mut request = Request::new(Method::PUT, url("https://a.test/b?c"))
            .header(header::ACCEPT, HeaderValue::from_bytes(b"\xe9").unwrap())
            .body("hé");
        request
            .headers
            .append(header::COOKIE, HeaderValue::from_static("a"));
        request
            .headers
            .append(header::COOKIE, HeaderValue::from_static("b"));
        let request = WireRequest::read(request).await.unwrap();
        let json = request.to_json();
        assert_eq!(
            json,
            json!({
                "method": "PUT",
                "url": "https://a.test/b?c",
                "headers": [["accept", "é"], ["cookie", "a"], ["cookie", "b"]],
                "body": { "text": "hé" },
                "redirect": "follow",
            })
        );
        assert_eq!(
            serde_json::from_value::<WireRequest>(json).unwrap(),
            request
        );
    });
}

#[test]
fn bytes_that_are_no_text_travel_as_base64() {
    run(|_| async {
        let response = Response::new(StatusCode::OK).body(vec![0xff, 0x00]);
        let response = WireResponse::read(response).await.unwrap();
        let json = response.to_json();
        let expected = json!({"status": 200, "headers": [], "body": {"base64": "/wA="}});
        assert_eq!(json, expected);
        assert_eq!(
            serde_json::from_value::<WireResponse>(json).unwrap(),
            response
        );
    });
}

#[test]
fn a_message_is_an_argument_of_a_call_shared_or_written() {
    run(|_| async {
        let response = Response::new(StatusCode::NO_CONTENT);
        let response = Arc::new(WireResponse::read(response).await.unwrap());
        let written = Argument::Json(response.to_json());
        for argument in [Argument::shared(response.clone()), written] {
            let arguments = Arguments::new().with("response", argument);
            let read = arguments.shared_optional::<WireResponse>("response");
            assert_eq!(read.unwrap().unwrap(), response);
        }
    });
}

#[test]
fn an_upgraded_connection_does_not_travel() {
    run(|_| async {
        let (socket, _there) = tokio::io::duplex(1);
        let error = WireResponse::read(Response::switching(Box::new(socket))).await;
        assert_eq!(error.unwrap_err(), WireError::Socket);
        let mut body = Body::from("x");
        body.take().unwrap();
        let error = WireResponse::read(Response::new(StatusCode::OK).body(body)).await;
        assert!(matches!(error, Err(WireError::Body(_))));
    });
}
