//! Requests as official clients sent them, byte for byte, whole and in pieces of one byte.

use crate::{
    openai_client::{said, types},
    raw_http::{exchange, read_message},
    world::{openai_address, run, slack_address, Setup, World},
};
use serde_json::{json, Value};
use sim::{
    network::TcpStream,
    peers::slack::{HistoryMessage, SlackConfig},
};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::{tungstenite::protocol::Role, WebSocketStream};

fn recorded(name: &str) -> Vec<u8> {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/client-requests"
    );
    std::fs::read(format!("{folder}/{name}")).unwrap()
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
fn openai_clients_are_answered() {
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
