//! The edge worker: who gets in, and what an answer promises.

mod slack_world;

use processors::edge::{self, settings::SIGNING_SECRET, signature::sign};
use runtime::call::{Argument, CallError};
use serde_json::{json, Value};
use slack_world::{context, platform::FakePlatform, World};
use std::{cell::RefCell, rc::Rc};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How the integration answers.
#[derive(Clone, Copy)]
enum Integration {
    Keeps,
    Fails,
    IsSilent,
}

struct Edge {
    platform: Rc<FakePlatform>,
    /// What the integration was asked to keep.
    received: Rc<RefCell<Vec<Value>>>,
}

impl Edge {
    fn new(integration: Integration) -> Self {
        let platform = FakePlatform::new(&World::new(), None);
        let received: Rc<RefCell<Vec<Value>>> = Rc::default();
        let calls = received.clone();
        *platform.callee.borrow_mut() = Some(Box::new(move |object, method, arguments| {
            assert_eq!(object, "slack_integration p1:/integrations/slack");
            assert_eq!(method, "receiveWebhook");
            calls
                .borrow_mut()
                .push(Argument::Record(arguments).to_json().unwrap());
            match integration {
                Integration::Keeps => Box::pin(async { Ok(Argument::NULL) }),
                Integration::Fails => {
                    Box::pin(async { Err(CallError::Disconnected("lost".into())) })
                }
                Integration::IsSilent => Box::pin(std::future::pending()),
            }
        }));
        Edge { platform, received }
    }

    /// Sends bytes on a connection of their own; the answer's status and body.
    fn send(&self, request: Vec<u8>) -> (u16, String) {
        let (mut ours, theirs) = tokio::io::duplex(4 << 20);
        let world = &self.platform.world;
        let serving = edge::serve_connection(context(&self.platform), Box::new(theirs));
        world.spawn(Box::pin(serving));
        let answer = world.run(async move {
            ours.write_all(&request).await.unwrap();
            let mut answer = Vec::new();
            let mut chunk = [0; 4096];
            while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
                let read = ours.read(&mut chunk).await.unwrap();
                assert_ne!(read, 0, "the worker hung up");
                answer.extend_from_slice(&chunk[..read]);
            }
            String::from_utf8(answer).unwrap()
        });
        assert!(!answer.contains("\r\ndate:"), "no clock but the platform's");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    /// Delivers a body as Slack does.
    fn deliver(&self, body: &str) -> (u16, String) {
        self.send(signed(self, body, 0))
    }
}

fn request(start: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "{start} HTTP/1.1\r\nhost: edge\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += "\r\n";
    [request.as_bytes(), body].concat()
}

fn signed(edge: &Edge, body: &str, age_s: i64) -> Vec<u8> {
    signed_as(edge, body, age_s, "application/json")
}

fn signed_as(edge: &Edge, body: &str, age_s: i64, content_type: &str) -> Vec<u8> {
    let timestamp = (edge.platform.world.now().unix_ms / 1_000 - age_s).to_string();
    let signature = sign(SIGNING_SECRET, &timestamp, body.as_bytes());
    let headers = [
        ("content-type", content_type),
        ("x-slack-request-timestamp", &timestamp),
        ("x-slack-signature", &signature),
    ];
    request("POST /slack/events", &headers, body.as_bytes())
}

const WEBHOOK: &str =
    r#"{"type": "event_callback", "event_id": "Ev1", "event": {"type":"message"}}"#;

#[test]
fn a_webhook_is_acknowledged_when_it_is_kept() {
    let edge = Edge::new(Integration::Keeps);
    assert_eq!(edge.deliver(WEBHOOK), (200, String::new()));
    let body: Value = serde_json::from_str(WEBHOOK).unwrap();
    assert_eq!(
        *edge.received.borrow(),
        [json!({"body": body, "eventId": "Ev1"})]
    );
}

#[test]
fn a_webhook_that_may_not_be_kept_is_to_be_delivered_again() {
    let edge = Edge::new(Integration::Fails);
    assert_eq!(edge.deliver(WEBHOOK).0, 503);
}

#[test]
fn the_answer_comes_before_slack_gives_up() {
    let edge = Edge::new(Integration::IsSilent);
    assert_eq!(edge.deliver(WEBHOOK).0, 503);
    assert_eq!(edge.platform.world.elapsed_ms(), 2_500);
    let edge = Edge::new(Integration::Keeps);
    let mut stalled = signed(&edge, WEBHOOK, 0);
    stalled.truncate(stalled.len() - 1);
    assert_eq!(edge.send(stalled).0, 503);
    assert!(edge.received.borrow().is_empty());
}

#[test]
fn only_what_slack_signed_lately_gets_in() {
    let edge = Edge::new(Integration::Keeps);
    for (age_s, status) in [(301, 401), (299, 200), (-299, 200), (-301, 401)] {
        assert_eq!(
            edge.send(signed(&edge, WEBHOOK, age_s)).0,
            status,
            "{age_s} s old"
        );
    }
    edge.received.take();
    let mut altered = signed(&edge, WEBHOOK, 0);
    *altered.last_mut().unwrap() = b' ';
    assert_eq!(edge.send(altered).0, 401, "one byte is another");
    let unsigned = request("POST /slack/events", &[], WEBHOOK.as_bytes());
    assert_eq!(edge.send(unsigned).0, 401);
    assert!(edge.received.borrow().is_empty());
}

#[test]
fn the_raw_bytes_are_signed_not_their_meaning() {
    let edge = Edge::new(Integration::Keeps);
    let compact = serde_json::from_str::<Value>(WEBHOOK).unwrap().to_string();
    let timestamp = (edge.platform.world.now().unix_ms / 1_000).to_string();
    let signature = sign(SIGNING_SECRET, &timestamp, compact.as_bytes());
    let headers = [
        ("x-slack-request-timestamp", &*timestamp),
        ("x-slack-signature", &*signature),
    ];
    let send = |body: &str| {
        edge.send(request("POST /slack/events", &headers, body.as_bytes()))
            .0
    };
    assert_eq!(send(WEBHOOK), 401);
    assert_eq!(send(&compact), 200);
}

#[test]
fn the_challenge_is_answered_after_a_good_signature_only() {
    let edge = Edge::new(Integration::Fails);
    let body = r#"{"token":"t","challenge":"3eZbrw","type":"url_verification"}"#;
    assert_eq!(
        edge.deliver(body),
        (200, r#"{"challenge":"3eZbrw"}"#.to_owned())
    );
    assert_eq!(edge.send(signed(&edge, body, 400)).0, 401);
    assert!(edge.received.borrow().is_empty());
}

#[test]
fn a_rate_limit_notice_is_acknowledged_and_not_kept() {
    let edge = Edge::new(Integration::Fails);
    assert_eq!(
        edge.deliver(r#"{"type":"app_rate_limited","team_id":"T1"}"#)
            .0,
        200
    );
    assert!(edge.received.borrow().is_empty());
}

#[test]
fn what_is_no_json_object_is_refused() {
    let edge = Edge::new(Integration::Keeps);
    for body in ["", "{", "[]", "\"event_callback\""] {
        assert_eq!(edge.deliver(body).0, 400, "{body:?}");
    }
}

#[test]
fn an_interaction_is_kept_once_by_what_it_says() {
    let edge = Edge::new(Integration::Keeps);
    let form = "payload=%7B%22type%22%3A%22block_actions%22%2C%22text%22%3A%22a+b%22%7D";
    let form_type = "application/x-www-form-urlencoded";
    for _ in 0..2 {
        assert_eq!(edge.send(signed_as(&edge, form, 0, form_type)).0, 200);
    }
    assert_eq!(edge.deliver(r#"{"type":"block_actions"}"#).0, 200);
    let received = edge.received.borrow();
    assert_eq!(
        received[0]["body"],
        json!({"type": "block_actions", "text": "a b"})
    );
    assert_eq!(received[0], received[1]);
    assert_ne!(received[0]["eventId"], received[2]["eventId"]);
    assert!(received[0]["eventId"]
        .as_str()
        .unwrap()
        .starts_with("sha256-"));
}

#[test]
fn other_addresses_and_methods_are_refused() {
    let edge = Edge::new(Integration::Keeps);
    assert_eq!(edge.send(request("POST /", &[], b"")).0, 404);
    assert_eq!(edge.send(request("GET /slack/events", &[], b"")).0, 405);
}

#[test]
fn a_body_beyond_the_limit_is_refused() {
    let edge = Edge::new(Integration::Keeps);
    let body = "x".repeat((1 << 20) + 1);
    assert_eq!(edge.deliver(&body).0, 413);
    let largest = format!(
        "{{\"type\":\"event_callback\",\"text\":\"{}\"}}",
        "x".repeat((1 << 20) - 35)
    );
    assert_eq!(largest.len(), 1 << 20);
    assert_eq!(edge.deliver(&largest).0, 200);
}

#[test]
fn a_connection_serves_several_webhooks() {
    let edge = Edge::new(Integration::Keeps);
    let both = [signed(&edge, WEBHOOK, 0), signed(&edge, WEBHOOK, 0)].concat();
    assert_eq!(edge.send(both).0, 200);
    let world = edge.platform.world.clone();
    world.run(world.sleep(1));
    assert_eq!(edge.received.borrow().len(), 2);
}
