//! Each fault of Workers AI, shown to happen, and what the ledger then says of applied and answered.

use crate::{
    event_stream::{EventStream, SentEvent},
    raw_http::{BodyEnd, Parsed, Wire},
    world::{pass_ms, run, Setup, World},
};
use serde_json::{json, Value};
use sim::{
    peers::workers_ai::{
        faults::{
            ALLOCATION, BODY_CUT, CAPACITY, CHUNKS, CUT_AFTER, GATEWAY_RETRY, MISBEHAVE,
            ODD_RESULT, REPLY_LOST, SERVER_ERROR, SILENT, SLOW, STALL, STREAM_DROP, STREAM_END,
            TIMED_OUT, TOKEN_SLOW, TURNED_DOWN,
        },
        WorkersAiFact,
    },
    time,
};
use std::time::Duration;

const PATH: &str = "run/@cf/meta/llama-3.1-8b-instruct";
const CHOICES_PATH: &str = "run/@cf/moonshotai/kimi-k2.5";
const DONE: [&str; 3] = ["received", "applied", "answered"];

fn body(is_stream: bool) -> Value {
    json!({"prompt": "Hello", "stream": is_stream})
}

async fn asked(world: &World) -> Parsed {
    world.workers_ai(PATH, &body(false)).await
}

async fn sent(world: &World, is_stream: bool) -> Wire {
    world.workers_ai_sent(PATH, "", &body(is_stream)).await
}

async fn stream(world: &World) -> EventStream {
    let mut wire = sent(world, true).await;
    wire.head().await.unwrap();
    EventStream::new(wire)
}

fn story(world: &World) -> Vec<String> {
    let words = |what| match what {
        WorkersAiFact::Refused { status, .. } => format!("refused {status}"),
        WorkersAiFact::RequestLost => "lost".to_owned(),
        WorkersAiFact::Received { .. } => "received".to_owned(),
        WorkersAiFact::Silenced { .. } => "silenced".to_owned(),
        WorkersAiFact::Applied { .. } => "applied".to_owned(),
        WorkersAiFact::Answered { .. } => "answered".to_owned(),
        WorkersAiFact::Stalled { .. } => "stalled".to_owned(),
        WorkersAiFact::Dropped { how, .. } => format!("dropped {how}"),
        WorkersAiFact::Abandoned { .. } => "abandoned".to_owned(),
    };
    let ledger = world.workers_ai.ledger().into_iter();
    ledger.map(|entry| words(entry.what)).collect()
}

fn text(events: &[SentEvent]) -> String {
    let pieces = events.iter().filter(|event| event.data != "[DONE]");
    pieces
        .map(|event| event.json()["response"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_reply_or_a_first_token_comes_late() {
    for is_stream in [false, true] {
        run(
            Setup::with_faults(&[(&SLOW, 3_000)]),
            move |world: World| async move {
                let began_ms = time::since_start_ms();
                let mut wire = sent(&world, is_stream).await;
                let head = wire.head().await.unwrap();
                let head_ms = time::since_start_ms() - began_ms;
                assert_eq!(head_ms >= 3_000, !is_stream, "{head_ms}");
                assert_eq!(head.status(), 200);
                wire.piece().await.unwrap();
                assert!(time::since_start_ms() - began_ms >= 3_000);
                while wire.piece().await.is_ok() {}
                assert_eq!(story(&world), DONE);
            },
        );
    }
}

#[test]
fn a_piece_comes_late() {
    run(
        Setup::with_faults(&[(&TOKEN_SLOW, 3_000)]),
        |world: World| async move {
            let mut stream = stream(&world).await;
            assert_eq!(stream.next_within(2_900).await, None);
            let (events, _) = stream.rest().await;
            assert_eq!(text(&events), "You said: Hello");
            assert_eq!(story(&world), DONE);
        },
    );
}

#[test]
fn a_silent_service_never_sends_a_head() {
    for is_stream in [false, true] {
        run(
            Setup::with_faults(&[(&SILENT, 1)]),
            move |world: World| async move {
                let mut wire = sent(&world, is_stream).await;
                let waited = madsim::time::timeout(Duration::from_secs(600), wire.head()).await;
                assert!(waited.is_err() && world.ports.activity.is_quiet());
                assert_eq!(story(&world), ["received", "silenced"]);
            },
        );
    }
}

#[test]
fn a_stream_stalls_drops_or_ends_too_soon() {
    for (site, variant, after, pieces, end, expected) in [
        (&STALL, 1, 1, 1, None, &["received", "stalled"][..]),
        (&STALL, 1, 3, 3, None, &["received", "applied", "stalled"]),
        (
            &STREAM_DROP,
            1,
            2,
            2,
            Some(BodyEnd::Cut),
            &["received", "dropped reset"],
        ),
        (
            &STREAM_DROP,
            1,
            3,
            3,
            Some(BodyEnd::Cut),
            &["received", "applied", "dropped reset"],
        ),
        (
            &STREAM_END,
            1,
            0,
            0,
            Some(BodyEnd::Whole),
            &["received", "dropped early"],
        ),
        (
            &STREAM_END,
            2,
            0,
            3,
            Some(BodyEnd::Whole),
            &["received", "applied", "dropped no-done"],
        ),
    ] {
        let faults = [(site, variant), (&CUT_AFTER, after)];
        run(
            Setup::with_faults(&faults),
            move |world: World| async move {
                let mut stream = stream(&world).await;
                let mut events = Vec::new();
                let ended = loop {
                    match stream.next_within(120_000).await {
                        Some(Ok(event)) => events.push(event),
                        Some(Err(end)) => break Some(end),
                        None => break None,
                    }
                };
                assert_eq!((events.len(), ended), (pieces, end));
                assert!("You said: Hello".starts_with(&text(&events)));
                assert!(world.ports.activity.is_quiet());
                assert_eq!(story(&world), expected);
            },
        );
    }
}

#[test]
fn a_request_is_turned_away_or_down_with_its_code() {
    for (site, variant, status, code) in [
        (&CAPACITY, 1, 429, 3040),
        (&ALLOCATION, 1, 429, 3036),
        (&ALLOCATION, 2, 429, 4006),
        (&TIMED_OUT, 1, 408, 3007),
        (&TIMED_OUT, 2, 408, 3008),
        (&TIMED_OUT, 3, 408, 3046),
        (&SERVER_ERROR, 1, 500, 1000),
        (&SERVER_ERROR, 3, 503, 1000),
        (&TURNED_DOWN, 1, 400, 5007),
        (&TURNED_DOWN, 2, 400, 5004),
        (&TURNED_DOWN, 3, 400, 3003),
        (&TURNED_DOWN, 4, 403, 5018),
        (&TURNED_DOWN, 5, 403, 3041),
        (&TURNED_DOWN, 6, 403, 3023),
        (&TURNED_DOWN, 7, 403, 5016),
        (&TURNED_DOWN, 8, 404, 3042),
        (&TURNED_DOWN, 9, 413, 3006),
        (&TURNED_DOWN, 10, 413, 5021),
        (&TURNED_DOWN, 11, 401, 10000),
    ] {
        run(
            Setup::with_faults(&[(site, variant)]),
            move |world: World| async move {
                let began_ms = time::since_start_ms();
                let reply = asked(&world).await;
                let waited_ms = time::since_start_ms() - began_ms;
                assert_eq!(waited_ms >= 10_000, status == 408);
                assert_eq!(reply.status(), status);
                assert_eq!(reply.json()["errors"][0]["code"], code);
                assert_eq!(story(&world), [format!("refused {status}")]);
                assert_eq!(asked(&world).await.status(), 200);
            },
        );
    }
}

#[test]
fn an_error_page_comes_from_somebody_in_between() {
    run(
        Setup::with_faults(&[(&SERVER_ERROR, 2)]),
        |world: World| async move {
            let reply = asked(&world).await;
            assert_eq!(
                (reply.status(), reply.header("content-type")),
                (502, Some("text/html"))
            );
            assert_eq!(story(&world), ["refused 502"]);
        },
    );
}

#[test]
fn an_outage_of_the_workload_fails_so_many_requests() {
    run(Setup::default(), |world: World| async move {
        world.workers_ai.fail_next(2);
        for status in [503, 503, 200] {
            assert_eq!(asked(&world).await.status(), status);
        }
    });
}

#[test]
fn a_reply_is_lost_when_the_work_is_done_or_not_begun() {
    for (variant, expected) in [
        (1, &["received", "applied", "dropped reply-lost"][..]),
        (2, &["lost"]),
    ] {
        for is_stream in [false, true] {
            run(
                Setup::with_faults(&[(&REPLY_LOST, variant)]),
                move |world: World| async move {
                    assert!(sent(&world, is_stream).await.head().await.is_none());
                    assert_eq!(story(&world), expected);
                },
            );
        }
    }
}

#[test]
fn a_gateway_runs_the_model_twice_for_one_reply() {
    for (gateway, expected) in [
        (
            "cf-aig-gateway-id: main\r\n",
            &["received", "applied", "applied", "answered"][..],
        ),
        ("", &DONE),
    ] {
        run(
            Setup::with_faults(&[(&GATEWAY_RETRY, 1)]),
            move |world: World| async move {
                let mut wire = world.workers_ai_sent(PATH, gateway, &body(false)).await;
                assert_eq!(wire.reply().await.unwrap().0.status(), 200);
                assert_eq!(story(&world), expected);
            },
        );
    }
}

#[test]
fn the_body_is_cut_or_stalls() {
    for (variant, last) in [(1, "dropped body-cut"), (2, "stalled")] {
        run(
            Setup::with_faults(&[(&BODY_CUT, variant)]),
            move |world: World| async move {
                let mut wire = sent(&world, false).await;
                let minute = Duration::from_secs(60);
                match madsim::time::timeout(minute, wire.reply()).await {
                    Ok(reply) => assert_eq!((reply.unwrap().1, variant), (BodyEnd::Cut, 1)),
                    Err(_) => assert_eq!(variant, 2),
                }
                assert_eq!(story(&world), ["received", "applied", last]);
            },
        );
    }
}

#[test]
fn a_result_has_another_form_or_is_not_there() {
    for path in [PATH, CHOICES_PATH] {
        for variant in 1..=5 {
            run(
                Setup::with_faults(&[(&ODD_RESULT, variant)]),
                move |world: World| async move {
                    let reply = world.workers_ai(path, &body(false)).await.json();
                    assert_eq!(reply["success"], true);
                    let result = reply.get("result");
                    match variant {
                        1 => assert_eq!(result, Some(&json!({ "response": null }))),
                        2 => assert!(result.unwrap()["response"].is_object()),
                        3 => assert_eq!(result, None),
                        4 => assert_eq!(result.unwrap()["content"][0]["type"], "text"),
                        _ => assert_eq!(result.unwrap()["mood"], "curious"),
                    }
                    assert_eq!(story(&world), DONE);
                },
            );
        }
    }
}

#[test]
fn a_stream_in_odd_chunks_says_the_same() {
    for variant in 1..=5 {
        run(
            Setup::with_faults(&[(&CHUNKS, variant)]),
            move |world: World| async move {
                let mut stream = stream(&world).await;
                let (events, end) = stream.rest().await;
                assert_eq!(
                    (text(&events).as_str(), end),
                    ("You said: Hello", BodyEnd::Whole)
                );
                assert_eq!(events.len(), 5);
                match variant {
                    1 => assert!(stream.pieces > 100),
                    2 => assert!(stream.pieces > events.len()),
                    3 => assert!(stream.pieces < events.len()),
                    _ => assert_eq!(stream.pieces, events.len()),
                }
                assert_eq!(story(&world), DONE);
            },
        );
    }
}

#[test]
fn the_model_says_what_nobody_expects() {
    for variant in 1..=3 {
        run(
            Setup::with_faults(&[(&MISBEHAVE, variant)]),
            move |world: World| async move {
                let result = asked(&world).await.json()["result"].clone();
                let text = result["response"].as_str().unwrap();
                match variant {
                    1 => assert_eq!(text, ""),
                    2 => assert!(result["tool_calls"][0]["arguments"].is_object()),
                    _ => assert!(text.len() >= 6_000),
                }
            },
        );
    }
}

#[test]
fn a_client_that_leaves_a_stream_ends_its_run_and_a_whole_one_is_finished() {
    for (is_stream, expected) in [
        (true, &["received", "abandoned"][..]),
        (false, &["received", "applied", "abandoned"]),
    ] {
        run(Setup::default(), move |world: World| async move {
            let wire = sent(&world, is_stream).await;
            pass_ms(5).await;
            drop(wire);
            world.settle().await;
            assert_eq!(story(&world), expected);
        });
    }
}
