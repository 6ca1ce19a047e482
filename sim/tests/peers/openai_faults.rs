//! Each fault of OpenAI, shown to happen.

use crate::{
    openai_client::{response_id, said, types, End},
    world::{pass_ms, run, Setup, World},
};
use futures_util::{FutureExt, SinkExt, StreamExt};
use serde_json::{json, Value};
use sim::{
    choice::Recorded,
    peers::openai::{
        faults::{
            CUT_AFTER, DROP, DROP_AFTER, FAILED, FORGET, HALF_OPEN, INCOMPLETE, LANE_ERROR, LIMIT,
            LIMIT_DURING, MISBEHAVE, ODD_FRAME, REFUSE, SILENT, SLOW, STALL, TOKEN_SLOW,
        },
        OpenAiConfig, OpenAiFact,
    },
    time,
};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

fn count(world: &World, what: impl Fn(&OpenAiFact) -> bool) -> usize {
    let entries = world.openai.ledger();
    entries.iter().filter(|entry| what(&entry.what)).count()
}

#[test]
fn the_first_token_or_a_later_one_comes_late() {
    for (site, late_type) in [
        (&SLOW, "response.output_item.added"),
        (&TOKEN_SLOW, "response.output_text.delta"),
    ] {
        run(
            Setup::with_faults(&[(site, 3_000)]),
            move |world: World| async move {
                let mut session = world.open().await.unwrap();
                session.ask("Hello", json!({})).await;
                let started_ms = time::since_start_ms();
                loop {
                    let event = session.next().await.unwrap();
                    let waited_ms = time::since_start_ms() - started_ms;
                    if event["type"] == late_type {
                        assert!((3_000..3_200).contains(&waited_ms), "{waited_ms}");
                        break;
                    }
                    assert!(waited_ms < 100, "{} came at {waited_ms}", event["type"]);
                }
                session.response().await;
            },
        );
    }
}

#[test]
fn a_silent_service_leaves_the_connection_open_and_stuck() {
    run(
        Setup::with_faults(&[(&SILENT, 1)]),
        |world: World| async move {
            let mut session = world.open().await.unwrap();
            session.ask("Hello", json!({})).await;
            session.ask("Anybody?", json!({})).await;
            pass_ms(600_000).await;
            assert_eq!(session.next().now_or_never(), None);
            assert!(world.ports.activity.is_quiet());
            assert_eq!(
                count(&world, |what| matches!(what, OpenAiFact::Applied { .. })),
                0
            );
            assert_eq!(
                count(&world, |what| matches!(what, OpenAiFact::Disconnected)),
                0
            );
            let mut other = world.open().await.unwrap();
            other.ask("Hello", json!({})).await;
            assert_eq!(said(&other.response().await), "You said: Hello");
        },
    );
}

#[test]
fn a_response_is_dropped_in_the_middle() {
    for (value, end) in [
        (1, End::Reset),
        (2, End::Closed(1011)),
        (3, End::Closed(1000)),
        (4, End::Closed(1001)),
        (5, End::Closed(1012)),
        (6, End::Closed(1013)),
    ] {
        let faults = [(&DROP, value), (&DROP_AFTER, 2)];
        run(Setup::with_faults(&faults), |world: World| async move {
            let mut session = world.open().await.unwrap();
            session.ask("Hello", json!({})).await;
            let (events, ended) = session.rest().await;
            assert_eq!(ended, Some(end));
            let deltas = types(&events)
                .iter()
                .filter(|kind| kind.ends_with("delta"))
                .count();
            assert_eq!(deltas, 2);
            assert_eq!(
                count(&world, |what| matches!(what, OpenAiFact::Dropped { .. })),
                1
            );
            assert_eq!(
                count(&world, |what| matches!(what, OpenAiFact::Applied { .. })),
                0
            );
        });
    }
}

/// Its own text is empty; the deltas stay said.
#[test]
fn what_a_failed_response_had_said_is_kept() {
    let faults = [(&FAILED, 1), (&CUT_AFTER, 2)];
    run(Setup::with_faults(&faults), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("Hello", json!({})).await;
        let events = session.response().await;
        let deltas = events.iter().filter_map(|event| event["delta"].as_str());
        let deltas: String = deltas.collect();
        assert!(!deltas.is_empty());
        let is_empty = |what: &OpenAiFact| matches!(what, OpenAiFact::Answered { text, .. } if text.is_empty());
        assert_eq!(count(&world, is_empty), 1);
        let said = world.openai.said();
        assert_eq!(
            said.values().map(|said| &**said).collect::<Vec<_>>(),
            [&deltas]
        );
    });
}

#[test]
fn a_response_is_dropped_after_it_was_billed() {
    let faults = [(&DROP, 1), (&DROP_AFTER, 4)];
    run(Setup::with_faults(&faults), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("Hello", json!({})).await;
        let (events, ended) = session.rest().await;
        assert_eq!(ended, Some(End::Reset));
        assert_eq!(types(&events).last(), Some(&"response.output_item.done"));
        assert_eq!(
            count(&world, |what| matches!(what, OpenAiFact::Applied { .. })),
            1
        );
        assert_eq!(
            count(&world, |what| matches!(what, OpenAiFact::Answered { .. })),
            0
        );
    });
}

#[test]
fn an_upgrade_is_refused_and_the_next_is_not() {
    for (value, status) in [(1, 429), (2, 500), (3, 503), (4, 401), (5, 403), (6, 426)] {
        run(
            Setup::with_faults(&[(&REFUSE, value)]),
            move |world: World| async move {
                assert_eq!(world.open().await.err(), Some(status));
                assert!(world.open().await.is_ok());
            },
        );
    }
}

#[test]
fn a_response_stalls_and_its_connection_stays_open() {
    let faults = [(&STALL, 1), (&CUT_AFTER, 1)];
    run(Setup::with_faults(&faults), |world: World| async move {
        let mut session = world.open().await.unwrap();
        session.ask("Hello", json!({})).await;
        let mut deltas = 0;
        while let Some(event) = session.next_within(120_000).await {
            deltas += usize::from(event.unwrap()["type"] == "response.output_text.delta");
        }
        assert_eq!(deltas, 1);
        assert_eq!(count(&world, is_stalled), 1);
        assert_eq!(count(&world, is_applied), 0);
        world.settle().await;
    });
}

fn is_stalled(what: &OpenAiFact) -> bool {
    matches!(what, OpenAiFact::Stalled { .. })
}

fn is_applied(what: &OpenAiFact) -> bool {
    matches!(what, OpenAiFact::Applied { .. })
}

fn is_answered(what: &OpenAiFact) -> bool {
    matches!(what, OpenAiFact::Answered { .. })
}

#[test]
fn a_half_open_connection_hears_nothing_and_answers_no_ping() {
    run(
        Setup::with_faults(&[(&HALF_OPEN, 1)]),
        |world: World| async move {
            let mut session = world.open().await.unwrap();
            session.ask("Hello", json!({})).await;
            let ping = Message::Ping(b"?".to_vec().into());
            session.socket.send(ping).await.unwrap();
            let waiting = madsim::time::sleep(Duration::from_secs(120));
            let heard = futures_util::future::select(session.socket.next(), Box::pin(waiting));
            assert!(matches!(
                heard.await,
                futures_util::future::Either::Right(_)
            ));
            let received = |what: &OpenAiFact| matches!(what, OpenAiFact::RequestReceived { .. });
            assert_eq!(count(&world, received), 0);
            assert_eq!(
                count(&world, |what| matches!(what, OpenAiFact::HalfOpen)),
                1
            );
            world.settle().await;
        },
    );
}

#[test]
fn a_request_meets_the_limit_before_or_during_its_response() {
    for (site, value, end) in [
        (&LIMIT, 1, Some(End::Closed(1000))),
        (&LIMIT, 2, Some(End::Closed(1001))),
        (&LIMIT, 3, Some(End::Closed(1008))),
        (&LIMIT, 4, None),
        (&LIMIT_DURING, 1, Some(End::Closed(1000))),
        (&LIMIT_DURING, 2, Some(End::Closed(1001))),
        (&LIMIT_DURING, 3, Some(End::Closed(1008))),
    ] {
        let faults = [(site, value), (&CUT_AFTER, 2)];
        run(
            Setup::with_faults(&faults),
            move |world: World| async move {
                let mut session = world.open().await.unwrap();
                session.ask("Hello", json!({})).await;
                let (events, _) = session.rest().await;
                let error = &events.last().unwrap()["error"];
                assert_eq!(error["code"], "websocket_connection_limit_reached");
                let began = types(&events).contains(&"response.created");
                assert_eq!(began, site == &LIMIT_DURING);
                match end {
                    Some(ref end) => assert_eq!(session.next().await.unwrap_err(), *end),
                    None => {
                        session.ask("Again", json!({})).await;
                        assert_eq!(said(&session.response().await), "You said: Again");
                    }
                }
                assert_eq!(count(&world, is_applied), usize::from(end.is_none()));
            },
        );
    }
}

#[test]
fn a_continuation_is_forgotten() {
    run(
        Setup::with_faults(&[(&FORGET, 1)]),
        |world: World| async move {
            let mut session = world.open().await.unwrap();
            session.ask("Hello", json!({})).await;
            let id = response_id(&session.response().await);
            for _ in 0..2 {
                session
                    .ask("Go on", json!({"previous_response_id": id}))
                    .await;
                let events = session.response().await;
                assert_eq!(events[0]["error"]["code"], "previous_response_not_found");
            }
        },
    );
}

#[test]
fn an_error_event_comes_in_each_of_its_shapes_and_evicts_what_was_continued() {
    for (value, shape) in [
        (1, "nested"),
        (2, "rate-limit"),
        (3, "no-code"),
        (4, "flat"),
        (5, "bare"),
    ] {
        // The first response is complete, the second fails after a delta.
        let second = [("peer.openai.error", value), ("peer.openai.cut-after", 1)];
        let chooser = Recorded::new(second.into_iter().map(|(site, value)| {
            let n = u32::from(site == "peer.openai.error");
            (site.to_owned(), "openai".into(), n, value)
        }));
        let setup = Setup {
            chooser: Box::new(chooser),
            ..Setup::default()
        };
        run(setup, move |world: World| async move {
            let mut session = world.open().await.unwrap();
            session.ask("Hello", json!({})).await;
            let id = response_id(&session.response().await);
            let continued = json!({"previous_response_id": id});
            session.ask("Go on", continued.clone()).await;
            let error = loop {
                let event = session.next_unchecked().await;
                if event.get("error").is_some() || event["type"] == "error" {
                    break event;
                }
            };
            let error_type = error["type"].as_str();
            assert_eq!(error_type, (shape != "bare").then_some("error"), "{error}");
            let code = error.pointer("/error/code").or(error.get("code")).unwrap();
            assert_eq!(code.is_null(), shape == "no-code", "{error}");
            assert_eq!(
                count(
                    &world,
                    |what| matches!(what, OpenAiFact::Errored { shape: known, .. } if *known == shape)
                ),
                1
            );
            session.ask("Go on", continued).await;
            let events = session.response().await;
            assert_eq!(events[0]["error"]["code"], "previous_response_not_found");
        });
    }
}

/// W8, whatever it is that fails the continuation, and however often it is asked for again.
#[test]
fn a_failed_continuation_is_not_found_any_more() {
    for (site, lane) in [(&FAILED, Value::Null), (&LANE_ERROR, json!("a"))] {
        // The first response is complete, the second is not. Only named lanes draw what befalls them.
        let setup = Setup::with_occurrences(&[(site, 1, 1), (&CUT_AFTER, 0, 1)]);
        let setup = Setup {
            openai: OpenAiConfig {
                lanes_max: 2,
                ..OpenAiConfig::default()
            },
            ..setup
        };
        run(setup, move |world: World| async move {
            let on_lane = |more: Value| {
                let mut fields = more;
                if !lane.is_null() {
                    fields["stream_id"] = lane.clone();
                }
                fields
            };
            let mut session = world.open().await.unwrap();
            session.ask("Hello", on_lane(json!({}))).await;
            let id = response_id(&session.response().await);
            let continued = on_lane(json!({"previous_response_id": id}));
            session.ask("Go on", continued.clone()).await;
            let last = session.response().await.pop().unwrap();
            assert!(last["type"] != "response.completed", "{last}");
            for _ in 0..2 {
                session.ask("Go on", continued.clone()).await;
                let events = session.response().await;
                assert_eq!(events[0]["error"]["code"], "previous_response_not_found");
            }
        });
    }
}

#[test]
fn a_response_fails_or_stays_incomplete() {
    for (site, kind, applied, text) in [
        (&FAILED, "response.failed", 0, ""),
        (&INCOMPLETE, "response.incomplete", 1, "You sai"),
    ] {
        let faults = [(site, 1), (&CUT_AFTER, 1)];
        run(
            Setup::with_faults(&faults),
            move |world: World| async move {
                let mut session = world.open().await.unwrap();
                session.ask("Hello, World", json!({})).await;
                let mut events = Vec::new();
                while events
                    .last()
                    .is_none_or(|last: &Value| last["type"] != kind)
                {
                    events.push(session.next().await.unwrap());
                }
                assert_eq!(count(&world, is_applied), applied);
                assert_eq!(count(&world, is_answered), 1);
                let terminal = world.openai.ledger().into_iter().find_map(|entry| {
                    let OpenAiFact::Answered { text, .. } = entry.what else {
                        return None;
                    };
                    Some(text.to_string())
                });
                assert!(terminal.unwrap().starts_with(text));
                // The connection lives.
                session.ask("Again", json!({})).await;
                assert_eq!(said(&session.response().await), "You said: Again");
            },
        );
    }
}

#[test]
fn odd_frames_come_in_the_middle_of_a_response_that_is_complete() {
    for value in 1..=7 {
        run(
            Setup::with_faults(&[(&ODD_FRAME, value)]),
            move |world: World| async move {
                let mut session = world.open().await.unwrap();
                session.ask("Hello", json!({})).await;
                let (mut odd, mut text) = (0, String::new());
                loop {
                    let frame = session.socket.next().await.unwrap().unwrap();
                    let event: Option<Value> = match &frame {
                        Message::Text(text) => serde_json::from_str(text).ok(),
                        _ => None,
                    };
                    let kind = event.as_ref().and_then(|event| event["type"].as_str());
                    match kind {
                        Some("response.completed") => break,
                        Some("response.output_text.done") => {
                            text = event.unwrap()["text"].as_str().unwrap().to_owned();
                        }
                        None | Some("response.mood.changed") => odd += 1,
                        _ => {
                            let event = event.unwrap();
                            let is_odd = event["item_id"] == "msg_stray"
                                || event["item"]["type"] == "oddity";
                            odd += usize::from(is_odd);
                        }
                    }
                }
                assert_eq!((odd, text.as_str()), (1, "You said: Hello"), "{value}");
                assert_eq!(count(&world, is_answered), 1);
            },
        );
    }
}

#[test]
fn the_model_says_what_nobody_expects() {
    for (value, what) in [
        (1, "empty"),
        (2, "refusal"),
        (3, "function-call"),
        (4, "wrong-deltas"),
        (5, "long"),
    ] {
        run(
            Setup::with_faults(&[(&MISBEHAVE, value)]),
            move |world: World| async move {
                let mut session = world.open().await.unwrap();
                session.ask("Hello", json!({})).await;
                let events = session.response().await;
                let output = &events.last().unwrap()["response"]["output"];
                match what {
                    "empty" => assert_eq!(*output, json!([])),
                    "refusal" => assert_eq!(output[0]["content"][0]["type"], "refusal"),
                    "function-call" => {
                        let arguments = output[0]["arguments"].as_str().unwrap();
                        assert!(serde_json::from_str::<Value>(arguments).is_err());
                    }
                    "wrong-deltas" => {
                        assert_eq!(said(&events), "YOU SAID: HELLO");
                        assert_eq!(output[0]["content"][0]["text"], "You said: Hello");
                    }
                    _ => {
                        let text = output[0]["content"][0]["text"].as_str().unwrap();
                        assert!(text.len() >= 6_000 && said(&events) == text);
                    }
                }
                assert_eq!(count(&world, is_applied), 1);
            },
        );
    }
}
