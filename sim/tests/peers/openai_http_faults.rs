//! Each fault of OpenAI over HTTP, shown to happen, and what the ledger then says of the points applied
//! and answered: the rows of spec/peers.md §5.1.

use crate::{
    event_stream::{EventStream, SentEvent},
    http_client::question,
    openai_client::{said, types},
    raw_http::{BodyEnd, Parsed},
    world::{pass_ms, run, Setup, World},
};
use serde_json::{json, Value};
use sim::{
    choice::Site,
    peers::openai::faults::{
        BODY_CUT, CHUNKS, CUT_AFTER, DROP_AFTER, FAILED, INCOMPLETE, MISBEHAVE, ODD_EVENT, OUTAGE,
        QUOTA, RATE_LIMIT, REPLY_LOST, SERVER_ERROR, SILENT, SLOW, SLOW_HEADER, STALL, STREAM_DROP,
        STREAM_END, STREAM_ERROR, TOKEN_SLOW, TURNED_DOWN,
    },
    time,
};

const DONE: [&str; 3] = ["received", "applied", "answered completed"];

fn whole() -> Value {
    question("Hello", json!({}))
}

fn streamed() -> Value {
    question("Hello", json!({"stream": true}))
}

async fn asked(world: &World, body: Value) -> Parsed {
    world.openai_http("POST", "", Some(body)).await
}

/// The events that came, and how the stream ended.
async fn stream(world: &World) -> (Vec<SentEvent>, BodyEnd) {
    world.stream(streamed()).await.rest().await
}

fn deltas(events: &[SentEvent]) -> usize {
    let is_delta = |event: &&SentEvent| event.json()["type"] == "response.output_text.delta";
    events.iter().filter(is_delta).count()
}

#[test]
fn o1_the_head_of_a_reply_comes_late() {
    for body in [whole(), streamed()] {
        run(
            Setup::with_faults(&[(&SLOW_HEADER, 3_000)]),
            |world: World| async move {
                let began_ms = time::since_start_ms();
                let mut wire = world.openai_sent("POST", "", Some(body)).await;
                wire.head().await.unwrap();
                let waited_ms = time::since_start_ms() - began_ms;
                assert!((3_000..3_100).contains(&waited_ms), "{waited_ms}");
                while wire.piece().await.is_ok() {}
                assert_eq!(world.openai_story(), DONE);
            },
        );
    }
}

#[test]
fn o1_a_client_that_does_not_wait_for_a_late_head_leaves_work_that_is_done_or_not_begun() {
    for (body, story) in [
        (whole(), &["received", "applied", "abandoned"][..]),
        (streamed(), &["received", "abandoned"]),
    ] {
        run(
            Setup::with_faults(&[(&SLOW_HEADER, 3_000)]),
            move |world: World| async move {
                let wire = world.openai_sent("POST", "", Some(body)).await;
                pass_ms(1_000).await;
                drop(wire);
                world.settle().await;
                assert_eq!(world.openai_story(), story);
            },
        );
    }
}

#[test]
fn o1_a_silent_service_never_sends_a_head() {
    for body in [whole(), streamed()] {
        run(
            Setup::with_faults(&[(&SILENT, 1)]),
            |world: World| async move {
                let mut wire = world.openai_sent("POST", "", Some(body)).await;
                let limit = std::time::Duration::from_secs(600);
                assert!(madsim::time::timeout(limit, wire.head()).await.is_err());
                assert!(world.ports.activity.is_quiet());
                assert_eq!(world.openai_story(), ["received", "silenced"]);
                assert_eq!(asked(&world, whole()).await.status(), 200);
            },
        );
    }
}

#[test]
fn o2_and_o4_the_first_token_or_a_later_one_comes_late() {
    for (site, late_type) in [
        (&SLOW, "response.output_item.added"),
        (&TOKEN_SLOW, "response.output_text.delta"),
    ] {
        run(
            Setup::with_faults(&[(site, 3_000)]),
            move |world: World| async move {
                let mut stream = world.stream(streamed()).await;
                let began_ms = time::since_start_ms();
                loop {
                    let event = stream.next().await.unwrap().json();
                    let waited_ms = time::since_start_ms() - began_ms;
                    if event["type"] == late_type {
                        assert!((3_000..3_200).contains(&waited_ms), "{waited_ms}");
                        break;
                    }
                    assert!(waited_ms < 100, "{} came at {waited_ms}", event["type"]);
                }
                stream.rest().await;
                assert_eq!(world.openai_story(), DONE);
            },
        );
    }
}

#[test]
fn o3_a_stream_stalls_and_its_connection_stays_open() {
    let faults = [(&STALL, 1), (&CUT_AFTER, 2)];
    run(Setup::with_faults(&faults), |world: World| async move {
        let mut stream = world.stream(streamed()).await;
        let mut events = Vec::new();
        while let Some(event) = stream.next_within(120_000).await {
            events.push(event.unwrap());
        }
        assert_eq!(deltas(&events), 2);
        assert!(world.ports.activity.is_quiet());
        assert_eq!(world.openai_story(), ["received", "stalled"]);
    });
}

#[test]
fn o5_a_stream_is_dropped_before_or_after_it_was_billed() {
    for (after, expected, story) in [
        (2, 2, &["received", "dropped reset"][..]),
        (4, 3, &["received", "applied", "dropped reset"]),
    ] {
        let faults = [(&STREAM_DROP, 1), (&DROP_AFTER, after)];
        run(
            Setup::with_faults(&faults),
            move |world: World| async move {
                let (events, end) = stream(&world).await;
                assert_eq!((deltas(&events), end), (expected, BodyEnd::Cut));
                world.checked(&events);
                assert_eq!(world.openai_story(), story);
            },
        );
    }
}

#[test]
fn o6_a_stream_ends_as_if_all_were_well() {
    for (variant, after, last, story) in [
        (
            1,
            1,
            "response.output_text.delta",
            &["received", "dropped early-end"][..],
        ),
        (
            2,
            0,
            "response.output_item.done",
            &["received", "applied", "dropped no-blank-line"],
        ),
    ] {
        let faults = [(&STREAM_END, variant), (&CUT_AFTER, after)];
        run(
            Setup::with_faults(&faults),
            move |world: World| async move {
                let (events, end) = stream(&world).await;
                assert_eq!(end, BodyEnd::Whole);
                let events = world.checked(&events);
                assert_eq!(types(&events).last(), Some(&last));
                assert_eq!(world.openai_story(), story);
            },
        );
    }
}

#[test]
fn o7_an_error_event_comes_in_each_of_its_shapes() {
    for (variant, name, shape) in [
        (1, Some("error"), "flat"),
        (2, None, "flat-unnamed"),
        (3, None, "bare"),
    ] {
        let faults = [(&STREAM_ERROR, variant), (&CUT_AFTER, 1)];
        run(
            Setup::with_faults(&faults),
            move |world: World| async move {
                let (mut events, end) = stream(&world).await;
                assert_eq!((deltas(&events), end), (1, BodyEnd::Whole));
                let error = events.pop().unwrap();
                assert_eq!(error.name.as_deref(), name);
                let error = error.json();
                let body = if shape == "bare" {
                    &error["error"]
                } else {
                    &error
                };
                assert_eq!(body["code"], "server_error");
                assert!(body["message"].is_string() && body["param"].is_null());
                let is_flat = error["type"] == "error" && error["sequence_number"] == 5;
                assert_eq!(is_flat, shape != "bare", "{error}");
                world.checked(&events);
                assert_eq!(
                    world.openai_story(),
                    ["received".to_owned(), format!("errored {shape}")]
                );
            },
        );
    }
}

#[test]
fn o8_and_o9_a_response_fails_or_stays_incomplete() {
    let cases: [(&'static Site, u64, &str); 5] = [
        (&FAILED, 1, "server_error"),
        (&FAILED, 2, "rate_limit_exceeded"),
        (&FAILED, 3, "invalid_prompt"),
        (&INCOMPLETE, 1, "max_output_tokens"),
        (&INCOMPLETE, 2, "content_filter"),
    ];
    for (site, variant, why) in cases {
        let (status, story): (_, &[&str]) = match site == &FAILED {
            true => ("failed", &["received", "answered failed"]),
            false => (
                "incomplete",
                &["received", "applied", "answered incomplete"],
            ),
        };
        for is_stream in [false, true] {
            let faults = [(site, variant), (&CUT_AFTER, 1)];
            run(
                Setup::with_faults(&faults),
                move |world: World| async move {
                    let response = match is_stream {
                        false => world.response(whole()).await,
                        true => {
                            let events = world.streamed(streamed()).await;
                            let last = events.last().unwrap();
                            assert_eq!(last["type"], format!("response.{status}"));
                            last["response"].clone()
                        }
                    };
                    assert_eq!(response["status"], status);
                    match status {
                        "failed" => assert_eq!(response["error"]["code"], why),
                        _ => {
                            let details = &response["incomplete_details"];
                            assert_eq!(details["reason"], why);
                            assert_eq!(response["output"][0]["status"], "incomplete");
                        }
                    }
                    assert_eq!(world.openai_story(), story);
                },
            );
        }
    }
}

#[test]
fn o10_a_request_is_turned_away_and_told_how_long_to_wait() {
    for (variant, after, after_ms) in [
        (1, Some("1"), None),
        (2, Some("30"), None),
        (3, Some("61"), None),
        (4, Some("121"), None),
        (5, None, Some("300")),
        (6, Some("Thu, 26 Feb 2026 20:00:02 GMT"), None),
        (7, Some("0"), None),
        (8, None, None),
    ] {
        run(
            Setup::with_faults(&[(&RATE_LIMIT, variant)]),
            move |world: World| async move {
                let reply = asked(&world, whole()).await;
                assert_eq!(reply.status(), 429);
                assert_eq!(reply.json()["error"]["code"], "rate_limit_exceeded");
                assert_eq!(reply.header("retry-after"), after);
                assert_eq!(reply.header("retry-after-ms"), after_ms);
                assert_eq!(world.openai_story(), ["replied 429"]);
                assert_eq!(asked(&world, whole()).await.status(), 200);
            },
        );
    }
}

#[test]
fn o11_there_is_no_money_left_and_no_word_of_waiting() {
    for (variant, code) in [
        (1, "insufficient_quota"),
        (2, "credit_balance_exhausted"),
        (3, "project_spend_limit_exceeded"),
    ] {
        run(
            Setup::with_faults(&[(&QUOTA, variant)]),
            move |world: World| async move {
                let reply = asked(&world, whole()).await;
                assert_eq!(reply.status(), 429);
                assert_eq!(reply.json()["error"]["code"], code);
                assert_eq!(reply.header("retry-after"), None);
                assert_eq!(world.openai_story(), ["replied 429"]);
            },
        );
    }
}

#[test]
fn o12_the_server_fails_once() {
    for (variant, status) in [(1, 500), (2, 502), (3, 503)] {
        run(
            Setup::with_faults(&[(&SERVER_ERROR, variant)]),
            move |world: World| async move {
                let reply = asked(&world, streamed()).await;
                assert_eq!(reply.status(), status);
                let is_html = reply.header("content-type") == Some("text/html");
                assert_eq!(is_html, status == 502);
                assert_eq!(world.openai_story(), [format!("replied {status}")]);
                assert_eq!(asked(&world, whole()).await.status(), 200);
            },
        );
    }
}

#[test]
fn o12_the_server_is_out_for_a_while() {
    run(
        Setup::with_faults(&[(&OUTAGE, 10_000)]),
        |world: World| async move {
            for _ in 0..3 {
                let reply = asked(&world, whole()).await;
                assert_eq!(reply.status(), 503);
                assert_eq!(reply.json()["error"]["code"], "server_is_overloaded");
                pass_ms(3_000).await;
            }
            pass_ms(2_000).await;
            assert_eq!(asked(&world, whole()).await.status(), 200);
            let story = world.openai_story();
            assert_eq!(story, [&["replied 503"; 3][..], &DONE].concat());
        },
    );
}

#[test]
fn an_outage_ends_when_the_faults_do() {
    run(
        Setup::with_faults(&[(&OUTAGE, 30_000)]),
        |world: World| async move {
            assert_eq!(asked(&world, whole()).await.status(), 503);
            world.ports.choices.set_faults(false);
            assert_eq!(asked(&world, whole()).await.status(), 200);
        },
    );
}

#[test]
fn an_outage_of_the_workload_fails_so_many_requests() {
    run(Setup::default(), |world: World| async move {
        world.openai.fail_next(2);
        for status in [503, 503, 200] {
            assert_eq!(asked(&world, whole()).await.status(), status);
        }
    });
}

#[test]
fn o13_a_request_is_turned_down_for_good() {
    for (variant, status, code, param) in [
        (1, 400, Some("context_length_exceeded"), Some("input")),
        (2, 400, None, Some("input")),
        (
            3,
            400,
            Some("previous_response_not_found"),
            Some("previous_response_id"),
        ),
        (4, 401, Some("invalid_api_key"), None),
        (5, 404, Some("model_not_found"), None),
    ] {
        run(
            Setup::with_faults(&[(&TURNED_DOWN, variant)]),
            move |world: World| async move {
                let reply = asked(&world, whole()).await;
                assert_eq!(reply.status(), status);
                let error = &reply.json()["error"];
                assert_eq!(
                    (error["code"].as_str(), error["param"].as_str()),
                    (code, param)
                );
                assert_eq!(world.openai_story(), [format!("replied {status}")]);
            },
        );
    }
}

#[test]
fn o14_a_reply_is_lost_when_the_work_is_done_or_not_begun() {
    for (variant, story) in [
        (1, &["received", "applied", "dropped reply-lost"][..]),
        (2, &["lost"]),
    ] {
        for body in [whole(), streamed()] {
            run(
                Setup::with_faults(&[(&REPLY_LOST, variant)]),
                move |world: World| async move {
                    let mut wire = world.openai_sent("POST", "", Some(body)).await;
                    assert!(wire.head().await.is_none());
                    assert_eq!(world.openai_story(), story);
                },
            );
        }
    }
}

#[test]
fn o15_the_body_is_cut_or_stalls() {
    for (variant, last) in [(1, "dropped body-cut"), (2, "stalled")] {
        run(
            Setup::with_faults(&[(&BODY_CUT, variant)]),
            move |world: World| async move {
                let mut wire = world.openai_sent("POST", "", Some(whole())).await;
                let head = wire.head().await.unwrap();
                let length: usize = head.header("content-length").unwrap().parse().unwrap();
                let mut body = Vec::new();
                let minute = std::time::Duration::from_secs(60);
                let end = loop {
                    match madsim::time::timeout(minute, wire.piece()).await {
                        Ok(Ok(piece)) => body.extend(piece),
                        Ok(Err(end)) => break Some(end),
                        Err(_) => break None,
                    }
                };
                assert_eq!(body.len(), length / 2);
                assert!(serde_json::from_slice::<Value>(&body).is_err());
                assert_eq!(end, (variant == 1).then_some(BodyEnd::Cut));
                assert!(world.ports.activity.is_quiet());
                assert_eq!(world.openai_story(), ["received", "applied", last]);
            },
        );
    }
}

#[test]
fn o16_a_stream_has_something_in_it_that_no_description_knows() {
    for variant in 1..=5 {
        run(
            Setup::with_faults(&[(&ODD_EVENT, variant)]),
            move |world: World| async move {
                let (events, end) = stream(&world).await;
                assert_eq!(end, BodyEnd::Whole);
                let is_odd = |event: &Value| match variant {
                    1 => event["type"] == "response.mood.changed",
                    2 => event["item"]["type"] == "oddity",
                    3 => event["mood"] == "curious" && event["response"]["mood"].is_object(),
                    4 => event["item_id"] == "msg_stray",
                    _ => event["type"] == "keepalive",
                };
                let mut events: Vec<Value> = events.iter().map(SentEvent::json).collect();
                let before = events.len();
                events.retain(|event| !is_odd(event));
                assert_eq!(before - events.len(), 1, "{variant}");
                assert_eq!(said(&events), "You said: Hello");
                assert_eq!(types(&events).last(), Some(&"response.completed"));
                assert_eq!(world.openai_story(), DONE);
            },
        );
    }
}

#[test]
fn o17_a_stream_in_odd_chunks_says_the_same() {
    const TEXT: &str = "h\u{e9}llo \u{2603}";
    let ask = |world: World| async move {
        let mut stream: EventStream = world.stream(question(TEXT, json!({"stream": true}))).await;
        let (events, end) = stream.rest().await;
        assert_eq!(end, BodyEnd::Whole);
        (events, stream.pieces)
    };
    let (plain, _) = run(Setup::default(), ask);
    for variant in 1..=6 {
        let expected = plain.clone();
        run(
            Setup::with_faults(&[(&CHUNKS, variant)]),
            move |world: World| async move {
                let (events, pieces) = ask(world.clone()).await;
                let data = |events: &[SentEvent]| -> Vec<String> {
                    events.iter().map(|event| event.data.clone()).collect()
                };
                assert_eq!(data(&events), data(&expected));
                let is_named = events.iter().all(|event| event.name.is_some());
                assert_eq!(is_named, variant != 6);
                let bytes: usize = events.iter().map(|event| event.data.len()).sum();
                match variant {
                    1 => assert!(pieces > bytes, "{pieces} chunks for {bytes} bytes"),
                    2 => assert!(pieces >= 2 * events.len(), "{pieces}"),
                    3 => assert!(pieces < events.len(), "{pieces}"),
                    _ => assert_eq!(pieces, events.len()),
                }
                assert_eq!(world.openai_story(), DONE);
            },
        );
    }
}

#[test]
fn o18_and_o19_the_model_says_what_nobody_expects() {
    for (variant, what) in [
        (1, "empty"),
        (2, "refusal"),
        (3, "function-call"),
        (4, "wrong-deltas"),
        (5, "long"),
    ] {
        run(
            Setup::with_faults(&[(&MISBEHAVE, variant)]),
            move |world: World| async move {
                let events = world.streamed(streamed()).await;
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
                assert_eq!(world.openai_story(), DONE);
            },
        );
    }
}
