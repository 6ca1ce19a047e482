//! Lanes of a WebSocket, for a service that has them; and the faults that need more than one request
//! under way, or a connection's end around one: W6, W9, W10 and W12.

use crate::{
    openai_client::{response_id, said, types, End, Session},
    world::{pass_ms, run, Setup, World},
};
use serde_json::{json, Value};
use sim::peers::openai::{
    faults::{
        CUT_AFTER, DROP, DROP_AFTER, DROP_EARLY, ERROR, LANE_ERROR, LIMIT_AFTER, QUEUE_SLOW, SLOW,
    },
    OpenAiConfig,
};

fn with_lanes(setup: Setup) -> Setup {
    Setup {
        openai: OpenAiConfig {
            lanes_max: 2,
            in_flight_max: 2,
            ..OpenAiConfig::default()
        },
        ..setup
    }
}

async fn ask(session: &mut Session, lane: &str, more: Value) {
    let mut fields = json!({ "stream_id": lane });
    for (name, value) in more.as_object().unwrap() {
        fields[name] = value.clone();
    }
    session.ask(lane, fields).await;
}

/// The lane of each event.
fn lanes(events: &[Value]) -> Vec<Option<&str>> {
    events
        .iter()
        .map(|event| event["stream_id"].as_str())
        .collect()
}

/// The events of one lane.
fn on(lane: Option<&str>, events: &[Value]) -> Vec<Value> {
    let of_lane = events
        .iter()
        .filter(|event| event["stream_id"].as_str() == lane);
    of_lane.cloned().collect()
}

/// All events until so many responses have ended.
async fn responses(session: &mut Session, count: usize) -> Vec<Value> {
    let mut events = Vec::new();
    for _ in 0..count {
        events.extend(session.response().await);
    }
    events
}

#[test]
fn lanes_are_answered_side_by_side() {
    run(with_lanes(Setup::default()), |world: World| async move {
        let mut session = world.open().await.unwrap();
        for lane in ["a", "b"] {
            ask(&mut session, lane, json!({})).await;
        }
        let events = responses(&mut session, 2).await;
        for lane in ["a", "b"] {
            let events = on(Some(lane), &events);
            assert_eq!(said(&events), format!("You said: {lane}"));
            for (number, event) in events.iter().enumerate() {
                assert_eq!(event["sequence_number"], number);
            }
        }
        // The second begins before the first has ended.
        let lanes = lanes(&events);
        let first_b = lanes.iter().position(|lane| *lane == Some("b")).unwrap();
        let last_a = lanes.iter().rposition(|lane| *lane == Some("a")).unwrap();
        assert!(first_b < last_a, "{lanes:?}");
    });
}

#[test]
fn a_lane_waits_for_itself_and_the_default_lane_has_no_name() {
    run(with_lanes(Setup::default()), |world: World| async move {
        let mut session = world.open().await.unwrap();
        ask(&mut session, "a", json!({})).await;
        ask(&mut session, "a", json!({})).await;
        session.ask("nobody", json!({})).await;
        let events = responses(&mut session, 3).await;
        let unnamed = on(None, &events);
        assert_eq!(said(&unnamed), "You said: nobody");
        assert!(unnamed.iter().all(|event| event.get("stream_id").is_none()));
        let named = on(Some("a"), &events);
        let (first, second) = named.split_at(named.len() / 2);
        assert_eq!(types(first), types(second), "one after the other");
    });
}

#[test]
fn a_connection_has_room_for_so_many_lanes() {
    run(with_lanes(Setup::default()), |world: World| async move {
        let mut session = world.open().await.unwrap();
        for lane in ["a", "b", "c"] {
            ask(&mut session, lane, json!({})).await;
            let events = session.response().await;
            let code = events.last().unwrap()["error"]["code"].as_str();
            let expected = (lane == "c").then_some("websocket_stream_limit_reached");
            assert_eq!((code, lanes(&events)[0]), (expected, Some(lane)));
        }
    });
}

#[test]
fn a_failed_fork_leaves_its_parent_in_place() {
    run(with_lanes(Setup::default()), |world: World| async move {
        let mut session = world.open().await.unwrap();
        ask(&mut session, "a", json!({})).await;
        let parent = response_id(&session.response().await);
        let broken = json!({"previous_response_id": parent, "input": 5});
        ask(&mut session, "b", broken).await;
        assert_eq!(session.response().await[0]["type"], "error");
        let fork = json!({ "previous_response_id": parent });
        ask(&mut session, "b", fork.clone()).await;
        assert_eq!(said(&session.response().await), "You said: b");
        ask(&mut session, "a", fork).await;
        assert_eq!(said(&session.response().await), "You said: a");
    });
}

#[test]
fn w9_what_waits_in_line_is_answered_in_order_and_begins_late() {
    run(
        Setup::with_faults(&[(&QUEUE_SLOW, 2_000)]),
        |world: World| async move {
            let mut session = world.open().await.unwrap();
            session.ask("one", json!({})).await;
            session.ask("two", json!({})).await;
            assert_eq!(said(&session.response().await), "You said: one");
            assert_eq!(session.next_within(1_900).await, None);
            assert_eq!(said(&session.response().await), "You said: two");
            let done = ["received", "applied", "answered completed"];
            assert_eq!(world.openai_story(), [done, done].concat());
        },
    );
}

#[test]
fn w10_an_error_on_one_lane_leaves_the_others_alone() {
    for (faults, story) in [
        (
            vec![(&LANE_ERROR, 0, 2)],
            [
                "rejected server_error",
                "received",
                "applied",
                "answered completed",
            ],
        ),
        (
            vec![(&ERROR, 0, 1), (&CUT_AFTER, 0, 0)],
            ["received", "received", "errored nested", "applied"],
        ),
    ] {
        run(
            with_lanes(Setup::with_occurrences(&faults)),
            move |world: World| async move {
                let mut session = world.open().await.unwrap();
                ask(&mut session, "a", json!({})).await;
                ask(&mut session, "b", json!({})).await;
                let events = responses(&mut session, 2).await;
                let error = on(Some("a"), &events).pop().unwrap();
                assert_eq!(
                    (&error["type"], &error["error"]["code"]),
                    (&json!("error"), &json!("server_error"))
                );
                assert_eq!(said(&on(Some("b"), &events)), "You said: b");
                assert_eq!(world.openai_story()[..4], story);
            },
        );
    }
}

#[test]
fn a_dropped_connection_takes_every_lane_along() {
    let setup = Setup::with_occurrences(&[(&DROP, 0, 2), (&DROP_AFTER, 0, 1), (&SLOW, 1, 5_000)]);
    run(with_lanes(setup), |world: World| async move {
        let mut session = world.open().await.unwrap();
        ask(&mut session, "a", json!({})).await;
        ask(&mut session, "b", json!({})).await;
        let (_, end) = session.rest().await;
        assert_eq!(end, Some(End::Closed(1011)));
        pass_ms(10).await;
        let story = world.openai_story();
        assert_eq!(
            story,
            [
                "received",
                "received",
                "dropped close-1011",
                "dropped connection"
            ]
        );
    });
}

#[test]
fn w12_a_connection_ends_before_anything_of_the_response_was_sent() {
    for (value, end, how) in [
        (1, End::Reset, "reset"),
        (2, End::Closed(1001), "close-1001"),
        (3, End::Closed(1011), "close-1011"),
        (4, End::Closed(1012), "close-1012"),
    ] {
        run(
            Setup::with_faults(&[(&DROP_EARLY, value)]),
            move |world: World| async move {
                let mut session = world.open().await.unwrap();
                session.ask("Hello", json!({})).await;
                assert_eq!(session.next().await, Err(end));
                assert_eq!(
                    world.openai_story(),
                    ["received".to_owned(), format!("dropped {how}")]
                );
                // On a new connection nothing comes of it, until it is asked again.
                let mut other = world.open().await.unwrap();
                assert_eq!(other.next_within(600_000).await, None);
                other.ask("Hello", json!({})).await;
                assert_eq!(said(&other.response().await), "You said: Hello");
            },
        );
    }
}

#[test]
fn w6_a_response_is_finished_and_then_the_hour_is_over() {
    for (value, code) in [(1, 1000), (2, 1001), (3, 1008)] {
        run(
            Setup::with_faults(&[(&LIMIT_AFTER, value)]),
            move |world: World| async move {
                let mut session = world.open().await.unwrap();
                session.ask("Hello", json!({})).await;
                assert_eq!(said(&session.response().await), "You said: Hello");
                let error = session.next().await.unwrap();
                assert_eq!(error["error"]["code"], "websocket_connection_limit_reached");
                assert_eq!(session.next().await, Err(End::Closed(code)));
                let rejected = "rejected websocket_connection_limit_reached";
                let story = ["received", "applied", "answered completed", rejected];
                assert_eq!(world.openai_story(), story);
            },
        );
    }
}
