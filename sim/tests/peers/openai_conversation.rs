//! One connection to the Responses API: order of events, continuation, queueing, errors, age.

use crate::{
    openai_client::{response_id, said, types, End},
    reference::Shape,
    world::{pass_ms, run, Setup, World},
};
use futures_util::{SinkExt, StreamExt};
use serde_json::{json, Value};
use sim::{
    activity::PendingKind,
    peers::openai::{OpenAiConfig, OpenAiFact, Script},
};
use std::sync::Arc;
use tokio_tungstenite::tungstenite::Message;

const ANSWER: [&str; 11] = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
];

fn error_code(event: &Value) -> Option<&str> {
    assert_eq!(event["type"], "error");
    event["error"]["code"].as_str()
}

#[test]
fn an_answer_comes_as_the_documented_sequence() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session
            .ask(
                "Hello",
                json!({"stream": true, "instructions": "Be brief."}),
            )
            .await;
        let events = session.response().await;
        assert_eq!(types(&events), ANSWER);
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
        }
        assert_eq!(said(&events), "You said: Hello");
        assert_eq!(events[7]["text"], "You said: Hello");
        let response = &events[10]["response"];
        assert_eq!(response["status"], "completed");
        assert_eq!(response["instructions"], "Be brief.");
        assert_eq!(response["output"][0], events[9]["item"]);
        assert_eq!(response["output"][0]["id"], events[4]["item_id"]);
        assert_eq!(response["id"], events[0]["response"]["id"]);
        assert!(response["usage"]["output_tokens"].as_u64().unwrap() > 0);
    });
}

#[test]
fn the_ledger_tells_applied_from_answered() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("Hello", json!({})).await;
        let id: Arc<str> = response_id(&session.response().await).into();
        let facts: Vec<_> = world
            .openai
            .ledger()
            .into_iter()
            .map(|entry| (entry.connection, entry.what))
            .collect();
        assert_eq!(
            facts,
            [
                OpenAiFact::Connected,
                OpenAiFact::RequestReceived {
                    response_id: id.clone(),
                    input_text: "Hello".to_owned(),
                    previous_response_id: None,
                },
                OpenAiFact::Applied {
                    response_id: id.clone()
                },
                OpenAiFact::Answered {
                    response_id: id,
                    status: "completed",
                    text: "You said: Hello".into(),
                },
            ]
            .map(|what| (1, what))
        );
    });
}

#[test]
fn only_the_latest_response_can_be_continued() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("one", json!({})).await;
        let first = response_id(&session.response().await);
        session
            .ask("two", json!({"previous_response_id": first}))
            .await;
        let second = session.response().await;
        assert_eq!(second[0]["response"]["previous_response_id"], first);

        session
            .ask("three", json!({"previous_response_id": first}))
            .await;
        let error = session.response().await.remove(0);
        assert_eq!(error_code(&error), Some("previous_response_not_found"));
        assert_eq!(error["status"], 400);
        assert_eq!(error["error"]["param"], "previous_response_id");

        let mut other = world.open().await.unwrap();
        let second = json!({"previous_response_id": response_id(&second)});
        other.ask("elsewhere", second).await;
        let error = other.response().await.remove(0);
        assert_eq!(error_code(&error), Some("previous_response_not_found"));
    });
}

#[test]
fn a_stored_response_can_be_continued_on_another_connection() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("one", json!({"store": true})).await;
        let first = response_id(&session.response().await);
        let mut other = world.open().await.unwrap();
        other
            .ask("two", json!({"previous_response_id": first}))
            .await;
        assert_eq!(types(&other.response().await), ANSWER);
    });
}

#[test]
fn a_failed_continuation_evicts_what_it_would_have_continued() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("one", json!({})).await;
        let first = response_id(&session.response().await);
        let broken = json!({"previous_response_id": first, "input": 5});
        session.ask("two", broken).await;
        let error = session.response().await.remove(0);
        assert_eq!(error["error"]["param"], "input");
        session
            .ask("three", json!({"previous_response_id": first}))
            .await;
        let error = session.response().await.remove(0);
        assert_eq!(error_code(&error), Some("previous_response_not_found"));
    });
}

#[test]
fn a_warm_up_produces_no_output_and_can_be_continued() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("context", json!({"generate": false})).await;
        let events = session.response().await;
        assert_eq!(types(&events), ["response.created", "response.completed"]);
        let response = &events[1]["response"];
        assert_eq!(response["output"], json!([]));
        assert_eq!(response["usage"]["output_tokens"], 0);
        let warm = json!({"previous_response_id": response["id"]});
        session.ask("go", warm).await;
        assert_eq!(said(&session.response().await), "You said: go");
    });
}

#[test]
fn requests_wait_in_line_and_pings_are_answered_meanwhile() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("one", json!({})).await;
        session.ask("two", json!({})).await;
        session.ask("three", json!({})).await;
        let ping = Message::Ping("still there?".into());
        session.socket.send(ping).await.unwrap();
        let mut pong_before_answer = false;
        let mut texts = Vec::new();
        while texts.len() < 3 {
            match session.socket.next().await.unwrap().unwrap() {
                Message::Pong(payload) => {
                    assert_eq!(&payload[..], b"still there?");
                    pong_before_answer = texts.is_empty();
                }
                Message::Text(text) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    if event["type"] == "response.output_text.done" {
                        texts.push(event["text"].as_str().unwrap().to_owned());
                    }
                    world.sent.push(Shape::ServerEvent, event);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(texts, ["You said: one", "You said: two", "You said: three"]);
        assert!(pong_before_answer);
    });
}

#[test]
fn a_malformed_message_is_an_error_and_the_connection_goes_on() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        for message in [
            json!(["no object"]),
            json!({"type": "response.steer"}),
            json!({"model": "gpt-5.5"}),
            json!({"type": "response.create", "stream_id": "lane"}),
            json!({"type": "response.create", "previous_response_id": 7}),
        ] {
            session.send(message).await;
            let error = session.next().await.unwrap();
            assert_eq!(error["error"]["type"], "invalid_request_error");
        }
        session.ask("still here", json!({})).await;
        assert_eq!(said(&session.response().await), "You said: still here");
    });
}

#[test]
fn a_connection_of_an_hour_takes_no_further_request() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("early", json!({})).await;
        session.response().await;
        pass_ms(60 * 60 * 1000).await;
        session.ask("late", json!({})).await;
        let error = session.next().await.unwrap();
        assert_eq!(
            error_code(&error),
            Some("websocket_connection_limit_reached")
        );
        assert_eq!(session.next().await, Err(End::Closed(1000)));
        let applied = world.openai.ledger();
        let applied = applied
            .iter()
            .filter(|entry| matches!(entry.what, OpenAiFact::Applied { .. }));
        assert_eq!(applied.count(), 1);
    });
}

#[test]
fn answers_follow_the_script() {
    let in_order = Script::InOrder(vec!["first".to_owned(), "second".to_owned()]);
    let by_input = Script::ByInput(Arc::new(|text| {
        text.strip_prefix("say ").map(str::to_owned)
    }));
    for (script, asked, expected) in [
        (
            in_order,
            ["a", "b", "c"],
            ["first", "second", "You said: c"],
        ),
        (by_input, ["say x", "y", "say z"], ["x", "You said: y", "z"]),
    ] {
        let setup = Setup {
            openai: OpenAiConfig {
                script,
                ..OpenAiConfig::default()
            },
            ..Setup::default()
        };
        run(setup, move |world: World| async move {
            for (text, expected) in asked.iter().zip(expected) {
                let mut session = world.open().await.unwrap();
                session.ask(text, json!({})).await;
                assert_eq!(said(&session.response().await), expected);
            }
        });
    }
}

#[test]
fn a_response_is_pending_work_and_an_idle_connection_is_not() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        pass_ms(10).await;
        assert!(world.ports.activity.is_quiet());
        session.ask("Hello", json!({})).await;
        session.next().await.unwrap();
        assert_eq!(world.ports.activity.pending(PendingKind::Message), 1);
        session.response().await;
        pass_ms(10).await;
        assert!(world.ports.activity.is_quiet());
    });
}

/// The ledger holds what it had been told by then.
#[test]
fn a_client_that_leaves_ends_its_response() {
    run(Setup::default(), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("Hello", json!({})).await;
        session.next().await.unwrap();
        drop(session);
        world.settle().await;
        let facts = world.openai.ledger();
        let last = facts.iter().rev().take(2).map(|entry| &entry.what);
        let last: Vec<_> = last.collect();
        assert_eq!(last[0], &OpenAiFact::Disconnected);
        let OpenAiFact::Abandoned {
            said,
            first_said_ms,
            ..
        } = last[1]
        else {
            panic!("{:?}", last[1]);
        };
        assert_eq!((&**said, *first_said_ms), ("", None));
    });
}

#[test]
fn a_client_that_leaves_in_the_midst_of_a_text_has_been_told_a_part_of_it() {
    let openai = OpenAiConfig {
        token_ms: |_| 100,
        ..OpenAiConfig::default()
    };
    let setup = Setup {
        openai,
        ..Setup::default()
    };
    run(setup, |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("Hello", json!({})).await;
        while session.next().await.unwrap()["type"] != "response.output_text.delta" {}
        drop(session);
        world.settle().await;
        let facts = world.openai.ledger();
        let told = facts.iter().find_map(|entry| match &entry.what {
            OpenAiFact::Abandoned {
                said,
                first_said_ms,
                ..
            } => Some((said.clone(), first_said_ms.unwrap() <= entry.at_ms)),
            _ => None,
        });
        let (said, is_told_before) = told.unwrap();
        assert!(is_told_before && !said.is_empty());
        assert!("You said: Hello".starts_with(&*said) && *said != *"You said: Hello");
    });
}
