//! The Web API client: the bytes it sends, and every way a reply can fail to come.

mod slack_world;

use processors::slack_api::{
    method::{Method, Reaction},
    SlackApiError, WebClient,
};
use serde_json::{json, Map, Value};
use slack_world::{context, platform::FakePlatform, slack_service::Answer, World};
use std::rc::Rc;

const STATUS: Method = Method::SetThreadStatus {
    channel: String::new(),
    thread_ts: String::new(),
    status: "is thinking...",
    loading_messages: &["Thinking..."],
};

fn call(platform: &Rc<FakePlatform>, method: &Method) -> Result<Map<String, Value>, SlackApiError> {
    let client = WebClient::new(context(platform));
    platform.world.run(client.call(method))
}

fn answered(answer: Answer) -> Result<Map<String, Value>, SlackApiError> {
    let platform = FakePlatform::new(&World::new(), None);
    platform.slack.answers.borrow_mut().push_back(answer);
    let outcome = call(&platform, &STATUS);
    assert_eq!(
        platform.slack.requests.borrow().len(),
        1,
        "no call is repeated"
    );
    outcome
}

/// Head lines that matter, and the body.
fn request(method: Method) -> (String, String) {
    let platform = FakePlatform::new(&World::new(), None);
    call(&platform, &method).unwrap();
    let request = platform.slack.requests.take().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[test]
fn a_status_is_sent_as_slack_sdk_sends_it() {
    let (head, body) = request(Method::SetThreadStatus {
        channel: "C123".to_owned(),
        thread_ts: "1772136258.963519".to_owned(),
        status: "is thinking...",
        loading_messages: &["Thinking..."],
    });
    assert_eq!(
        head.lines().collect::<Vec<_>>(),
        [
            "POST /api/assistant.threads.setStatus HTTP/1.1",
            "host: slack.com",
            "content-type: application/json;charset=utf-8",
            "authorization: Bearer xoxb-test-000",
            "connection: close",
            "content-length: 114",
        ]
    );
    let body: Value = serde_json::from_str(&body).unwrap();
    let expected = json!({"channel_id": "C123", "thread_ts": "1772136258.963519",
        "status": "is thinking...", "loading_messages": ["Thinking..."]});
    assert_eq!(body, expected);
}

#[test]
fn a_reaction_is_sent_as_a_form() {
    let (head, body) = request(Method::AddReaction(Reaction {
        channel: "C123".to_owned(),
        name: "eyes",
        timestamp: "1772136258.963519".to_owned(),
    }));
    assert!(head.starts_with("POST /api/reactions.add HTTP/1.1"));
    assert!(head.contains("content-type: application/x-www-form-urlencoded"));
    assert_eq!(body, "channel=C123&name=eyes&timestamp=1772136258.963519");
}

fn named(name: &str, arguments: Value) -> (String, String) {
    let Value::Object(arguments) = arguments else {
        panic!("arguments have names");
    };
    let name = name.to_owned();
    request(Method::Named { name, arguments })
}

#[test]
fn posts_and_updates_of_scripts_are_sent_as_json() {
    let metadata = json!({"event_type": "mark", "event_payload": {"subject": "answer@3"}});
    let message = json!({"channel": "C123", "text": "Tea.", "metadata": metadata});
    for name in ["chat.postMessage", "chat.update"] {
        let (head, body) = named(name, message.clone());
        assert!(head.starts_with(&format!("POST /api/{name} HTTP/1.1")));
        assert!(head.contains("content-type: application/json;charset=utf-8"));
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), message);
    }
}

#[test]
fn other_calls_of_scripts_are_sent_as_forms() {
    let arguments = json!({
        "channel": "C123", "limit": 200, "include_all_metadata": true, "cursor": "c=",
        "latest": null, "types": ["a"],
    });
    let (head, body) = named("conversations.replies", arguments);
    assert!(head.starts_with("POST /api/conversations.replies HTTP/1.1"));
    assert!(head.contains("content-type: application/x-www-form-urlencoded"));
    let expected =
        "channel=C123&limit=200&include_all_metadata=true&cursor=c%3D&types=%5B%22a%22%5D";
    assert_eq!(body, expected);
}

#[test]
fn a_refusal_names_its_error() {
    let refused = answered(Answer::json(r#"{"ok":false,"error":"no_reaction"}"#));
    let error = "no_reaction".to_owned();
    assert_eq!(refused, Err(SlackApiError::Refused { error }));
}

#[test]
fn a_status_other_than_200_is_what_counts_not_its_body() {
    let limited = Answer::status("429 Too Many Requests", "retry-after: 30\r\n", "");
    assert_eq!(
        answered(limited),
        Err(SlackApiError::Http {
            status: 429,
            retry_after_s: Some(30)
        })
    );
    let down = Answer::status("503 Service Unavailable", "", "<html>");
    assert_eq!(
        answered(down),
        Err(SlackApiError::Http {
            status: 503,
            retry_after_s: None
        })
    );
}

#[test]
fn a_reply_that_is_cut_short_or_unreadable_leaves_the_outcome_unknown() {
    let cut_in_body = Answer::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"ok\"".into());
    for answer in [Answer::Cut, cut_in_body] {
        let outcome = answered(answer);
        assert!(
            matches!(outcome, Err(SlackApiError::Connection(_))),
            "{outcome:?}"
        );
    }
    for body in ["<html>", "{}", "[]", "{\"ok\":1}"] {
        let outcome = answered(Answer::json(body));
        assert!(
            matches!(outcome, Err(SlackApiError::Unreadable(_))),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_reply_without_a_length_ends_with_its_connection() {
    let reply = Answer::Bytes("HTTP/1.1 200 OK\r\n\r\n{\"ok\":true}".into());
    assert!(answered(reply).is_ok());
}

#[test]
fn silence_ends_at_the_deadline() {
    let platform = FakePlatform::new(&World::new(), None);
    platform
        .slack
        .answers
        .borrow_mut()
        .push_back(Answer::Silence);
    assert_eq!(
        call(&platform, &STATUS),
        Err(SlackApiError::Deadline(10_000))
    );
    assert_eq!(platform.world.elapsed_ms(), 10_000);
}

#[test]
fn a_refused_connection_is_an_error_at_once() {
    let platform = FakePlatform::new(&World::new(), None);
    platform.refuses_connections.set(true);
    let outcome = call(&platform, &STATUS);
    assert!(
        matches!(outcome, Err(SlackApiError::Connection(_))),
        "{outcome:?}"
    );
    assert_eq!(platform.world.elapsed_ms(), 0);
}
