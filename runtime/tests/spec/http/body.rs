//! Bodies: read once, passed on unread, never longer than asked.

use crate::support::run;
use bytes::Bytes;
use futures_util::stream;
use runtime::http::{Body, BodyError};
use serde_json::{json, Value};

fn stream_of(pieces: &'static [&'static str]) -> Body {
    let pieces = pieces.iter().map(|piece| Ok(Bytes::from(*piece)));
    Body::stream(stream::iter(pieces))
}

#[test]
fn a_body_is_read_once_whether_bytes_or_stream() {
    run(|_| async {
        for mut body in [Body::from("ab"), stream_of(&["a", "b"])] {
            assert!(!body.is_used());
            assert_eq!(body.text().await.unwrap(), "ab");
            assert!(body.is_used());
            assert_eq!(body.bytes().await, Err(BodyError::Used));
            assert_eq!(body.take().unwrap_err(), BodyError::Used);
        }
    });
}

#[test]
fn no_body_is_never_used_up() {
    run(|_| async {
        let mut body = Body::EMPTY;
        assert_eq!(body.text().await.unwrap(), "");
        assert_eq!(body.text().await.unwrap(), "");
    });
}

#[test]
fn a_stream_is_passed_on_unread_and_only_once() {
    run(|_| async {
        let mut body = stream_of(&["a", "b"]);
        assert!(body.try_clone().is_none());
        let mut passed_on = body.take().unwrap();
        assert!(body.is_used() && passed_on.is_stream());
        assert_eq!(passed_on.text().await.unwrap(), "ab");
    });
}

#[test]
fn a_body_longer_than_asked_for_is_refused() {
    run(|_| async {
        for mut body in [Body::from("abc"), stream_of(&["ab", "c"])] {
            let error = body.bytes_up_to(2).await;
            assert_eq!(error, Err(BodyError::TooLong { max_bytes: 2 }));
        }
        assert_eq!(stream_of(&["ab", "c"]).bytes_up_to(3).await.unwrap(), "abc");
    });
}

#[test]
fn what_is_not_json_is_said_to_be_none() {
    run(|_| async {
        let parsed: Value = Body::json(&json!([1])).parse().await.unwrap();
        assert_eq!(parsed, json!([1]));
        let error = Body::from("[1").parse::<Value>().await.unwrap_err();
        assert!(matches!(error, BodyError::NotJson(_)), "{error}");
    });
}
