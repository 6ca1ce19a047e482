//! Requests as official clients sent them, byte for byte, whole and in pieces of one byte.

use crate::{
    event_stream::EventStream,
    openai_client::{said, types},
    raw_http::{exchange, read_message, BodyEnd, Parsed, Wire},
    reference::{self, check_slack_keys, Shape},
    world::{openai_address, run, slack_address, Setup, World},
};
use serde_json::{json, Value};
use sim::{
    network::TcpStream,
    peers::{
        openai::{OpenAiConfig, PastResponse},
        slack::{HistoryMessage, SlackConfig},
    },
};
use std::path::Path;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::{tungstenite::protocol::Role, WebSocketStream};

const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/client-requests"
);

fn recorded(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}/{name}")).unwrap()
}

/// The message that the recordings are about.
const TS: &str = "1772136258.963519";

fn with_recorded_message() -> Setup {
    let setup = Setup::default();
    Setup {
        slack: SlackConfig {
            history: vec![HistoryMessage {
                channel: "C123".to_owned(),
                ts: TS.to_owned(),
                user: "U123".to_owned(),
                text: "question".to_owned(),
            }],
            echo_own_posts: false,
            ..setup.slack.clone()
        },
        ..setup
    }
}

/// Replays in order, on a fresh world, and returns the replies' bodies.
fn replay_slack(names: &'static [&str], piece_bytes: Option<usize>) -> Vec<Value> {
    run(with_recorded_message(), move |world: World| async move {
        let mut bodies = Vec::new();
        for name in names {
            let bytes = recorded(&format!("slack_sdk.{name}.http"));
            let reply = exchange(slack_address(), &bytes, piece_bytes)
                .await
                .unwrap();
            assert_eq!(reply.status(), 200);
            assert_eq!(
                reply.header("content-type"),
                Some("application/json; charset=utf-8")
            );
            assert!(reply.header("x-slack-req-id").is_some());
            bodies.push(reply.json());
        }
        assert!(world.ports.activity.is_quiet());
        bodies
    })
}

#[test]
fn slack_sdk_is_answered() {
    for piece_bytes in [None, Some(1)] {
        let bodies = replay_slack(
            &[
                "auth.test",
                "assistant.threads.setStatus",
                "chat.postMessage",
                "conversations.replies",
                "reactions.remove",
                "reactions.add",
                "reactions.add",
                "reactions.remove",
                "chat.update",
            ],
            piece_bytes,
        );
        for (name, body) in [
            ("auth.test", &bodies[0]),
            ("assistant.threads.setStatus", &bodies[1]),
            ("chat.postMessage", &bodies[2]),
            ("conversations.replies", &bodies[3]),
            // There is no shape of its removal.
            ("reactions.add", &bodies[4]),
            ("reactions.add", &bodies[5]),
            ("chat.update", &bodies[8]),
        ] {
            check_slack_keys(name, "", body);
        }
        check_slack_keys("chat.postMessage", "/message", &bodies[2]["message"]);
        for message in bodies[3]["messages"].as_array().unwrap() {
            check_slack_keys("conversations.replies", "/messages/0", message);
        }
        assert_eq!(bodies[0]["user_id"], "U0000BOT");
        assert_eq!(bodies[0]["bot_id"], "B0000001");
        assert_eq!(bodies[1], json!({"ok": true}));
        let posted = &bodies[2]["message"];
        assert_eq!(posted["text"], "h\u{e9}llo");
        assert_eq!(posted["thread_ts"], TS);
        assert_eq!(posted["parent_user_id"], "U123");
        assert_eq!(posted["blocks"][0]["text"]["text"], "*hi*");
        let thread = bodies[3]["messages"].as_array().unwrap();
        assert_eq!(thread.len(), 2);
        // The recorded parent is from a later moment of the clock than the reply.
        let parent = thread.iter().find(|message| message["ts"] == TS).unwrap();
        assert_eq!(parent["reply_count"], 1);
        assert_eq!(parent["latest_reply"], bodies[2]["ts"]);
        assert_eq!(bodies[4]["error"], "no_reaction");
        assert_eq!(bodies[5], json!({"ok": true}));
        assert_eq!(bodies[6]["error"], "already_reacted");
        assert_eq!(bodies[7], json!({"ok": true}));
        // The recorded message is a person's.
        assert_eq!(bodies[8]["error"], "cant_update_message");
    }
}

#[test]
fn openai_websocket_clients_are_answered() {
    for client in ["openai-node6", "openai-python"] {
        for piece_bytes in [None, Some(1)] {
            run(Setup::default(), move |world: World| async move {
                let mut stream = TcpStream::connect(openai_address()).await.unwrap();
                if let Some(piece_bytes) = piece_bytes {
                    stream = stream.in_pieces(piece_bytes);
                }
                let upgrade = recorded(&format!("{client}.ws-create.upgrade.http"));
                stream.write_all(&upgrade).await.unwrap();
                stream.flush().await.unwrap();
                let reply = read_message(&mut stream).await.unwrap();
                assert_eq!(reply.status(), 101);
                assert_eq!(reply.header("sec-websocket-extensions"), None);
                assert!(reply.header("sec-websocket-accept").is_some());

                let frame = recorded(&format!("{client}.ws-create.frame.bin"));
                stream.write_all(&frame).await.unwrap();
                stream.flush().await.unwrap();
                let socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
                let events = world.session(socket).response().await;
                assert_eq!(said(&events), "You said: Hello");
                assert_eq!(types(&events).last(), Some(&"response.completed"));
                let response = &events.last().unwrap()["response"];
                assert_eq!(response["model"], "gpt-5.5");
                assert_eq!(response["store"], false);
            });
        }
    }
}

/// The two responses that the recordings speak of.
fn with_recorded_responses() -> Setup {
    let past = |id: &str| PastResponse {
        id: id.to_owned(),
        input_text: "Hello".to_owned(),
        text: "You said: Hello".to_owned(),
    };
    Setup {
        openai: OpenAiConfig {
            history: ["resp_0", "resp_1"].map(past).to_vec(),
            ..OpenAiConfig::default()
        },
        ..Setup::default()
    }
}

/// A recorded request on a connection of its own, and the head of its reply.
async fn replayed(name: &str, piece_bytes: Option<usize>) -> (Wire, Parsed) {
    let mut wire = Wire::connect(openai_address(), piece_bytes).await;
    wire.write(&recorded(&format!("{name}.http"))).await;
    let head = wire.head().await.expect("a reply");
    assert_eq!(head.status(), 200, "{name}");
    assert!(head.header("x-request-id").is_some());
    (wire, head)
}

/// The whole response that a recorded request gets.
fn replay_whole(name: &'static str, piece_bytes: Option<usize>) -> Value {
    run(with_recorded_responses(), move |world: World| async move {
        let (mut wire, mut reply) = replayed(name, piece_bytes).await;
        assert_eq!(reply.header("content-type"), Some("application/json"));
        while let Ok(piece) = wire.piece().await {
            reply.body.extend(piece);
        }
        world.sent.push(Shape::Response, reply.json());
        reply.json()
    })
}

#[test]
fn openai_clients_get_whole_responses() {
    for piece_bytes in [None, Some(1)] {
        for name in [
            "openai-node6.responses-create",
            "openai-python.responses-create",
            "openai-python.responses-retrieve",
        ] {
            let response = replay_whole(name, piece_bytes);
            assert_eq!(response["status"], "completed");
            let text = &response["output"][0]["content"][0]["text"];
            assert_eq!(text, "You said: Hello", "{name}");
        }
        let response = replay_whole("openai-python.responses-create-tools", piece_bytes);
        assert_eq!(response["previous_response_id"], "resp_0");
        assert_eq!(response["tools"][0]["name"], "get_weather");
        assert_eq!(
            response["output"][0]["content"][0]["text"],
            "You said: Weather?"
        );
    }
}

#[test]
fn openai_clients_get_streams() {
    for piece_bytes in [None, Some(1)] {
        for (name, instructions, store) in [
            ("openai-node6.responses-create-stream", Value::Null, true),
            (
                "openai-python.responses-create-stream",
                json!("Be brief."),
                false,
            ),
        ] {
            run(Setup::default(), move |world: World| async move {
                let (wire, head) = replayed(name, piece_bytes).await;
                let content_type = head.header("content-type");
                assert_eq!(content_type, Some("text/event-stream; charset=utf-8"));
                let (events, end) = EventStream::new(wire).rest().await;
                assert_eq!(end, BodyEnd::Whole);
                let events = world.checked(&events);
                assert_eq!(said(&events), "You said: Hello");
                assert_eq!(types(&events).last(), Some(&"response.completed"));
                let response = &events.last().unwrap()["response"];
                assert_eq!(response["instructions"], instructions);
                assert_eq!(response["store"], store);
            });
        }
    }
}

#[test]
fn openai_clients_are_refused_what_is_not_there() {
    for (name, status, code) in [
        ("openai-python.responses-retrieve", 404, Value::Null),
        (
            "openai-python.responses-create-tools",
            400,
            json!("previous_response_not_found"),
        ),
    ] {
        for piece_bytes in [None, Some(1)] {
            let code = code.clone();
            run(Setup::default(), move |world: World| async move {
                let bytes = recorded(&format!("{name}.http"));
                let reply = exchange(openai_address(), &bytes, piece_bytes).await;
                let reply = reply.unwrap();
                assert_eq!(reply.status(), status);
                let error = reply.json()["error"].clone();
                assert_eq!(error["code"], code);
                world.sent.push(Shape::Error, error);
            });
        }
    }
}

/// Every recording, each replayed by a test above.
const RECORDINGS: [&str; 17] = [
    "openai-node6.responses-create-stream.http",
    "openai-node6.responses-create.http",
    "openai-node6.ws-create.frame.bin",
    "openai-node6.ws-create.upgrade.http",
    "openai-python.responses-create-stream.http",
    "openai-python.responses-create-tools.http",
    "openai-python.responses-create.http",
    "openai-python.responses-retrieve.http",
    "openai-python.ws-create.frame.bin",
    "openai-python.ws-create.upgrade.http",
    "slack_sdk.assistant.threads.setStatus.http",
    "slack_sdk.auth.test.http",
    "slack_sdk.chat.postMessage.http",
    "slack_sdk.chat.update.http",
    "slack_sdk.conversations.replies.http",
    "slack_sdk.reactions.add.http",
    "slack_sdk.reactions.remove.http",
];

fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn every_recording_is_replayed_as_it_was_recorded() {
    assert_eq!(names_in(Path::new(FOLDER)), RECORDINGS);
    let Some(originals) = reference::find("client-requests") else {
        return;
    };
    assert_eq!(names_in(&originals), RECORDINGS);
    for name in RECORDINGS {
        assert!(
            std::fs::read(originals.join(name)).unwrap() == recorded(name),
            "{name}"
        );
    }
}
