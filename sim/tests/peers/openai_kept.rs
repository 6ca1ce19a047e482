//! Stored responses: fetched, continued, resumed, cancelled, deleted; and what needs no model.

use crate::{
    http_client::question,
    openai_client::{response_id, said, types},
    raw_http::BodyEnd,
    reference::Shape,
    world::{pass_ms, run, Setup, World},
};
use serde_json::{json, Value};
use sim::peers::openai::{
    faults::{DROP_AFTER, FORGET, STREAM_DROP},
    OpenAiConfig, OpenAiFact, PastResponse,
};

fn background(more: Value) -> Value {
    let mut body = question("Hello", json!({"background": true}));
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

async fn retrieved(world: &World, id: &str) -> Value {
    let reply = world.openai_http("GET", &format!("/{id}"), None).await;
    assert_eq!(reply.status(), 200);
    world.sent.push(Shape::Response, reply.json());
    reply.json()
}

async fn status_of(world: &World, method: &str, path: &str) -> u16 {
    world.openai_http(method, path, None).await.status()
}

#[test]
fn a_stored_response_is_fetched_as_it_was_sent() {
    run(Setup::default(), |world: World| async move {
        let whole = world.response(question("Hello", json!({}))).await;
        assert_eq!(
            retrieved(&world, whole["id"].as_str().unwrap()).await,
            whole
        );
        let streamed = world
            .streamed(question("Hello", json!({"stream": true})))
            .await;
        let sent = &streamed.last().unwrap()["response"];
        assert_eq!(retrieved(&world, &response_id(&streamed)).await, *sent);
        let mut session = world.open().await.unwrap();
        session.ask("Hello", json!({"store": true})).await;
        let events = session.response().await;
        let sent = &events.last().unwrap()["response"];
        assert_eq!(retrieved(&world, &response_id(&events)).await, *sent);
    });
}

#[test]
fn what_was_not_stored_or_was_deleted_is_not_found() {
    run(Setup::default(), |world: World| async move {
        let unstored = world
            .response(question("Hello", json!({"store": false})))
            .await;
        let path = format!("/{}", unstored["id"].as_str().unwrap());
        let reply = world.openai_http("GET", &path, None).await;
        assert_eq!(reply.status(), 404);
        let id = unstored["id"].as_str().unwrap();
        let error = &reply.json()["error"];
        assert_eq!(
            error["message"],
            format!("Response with id '{id}' not found.")
        );
        assert_eq!(error["code"], Value::Null);

        let stored = world.response(question("Hello", json!({}))).await;
        let id = stored["id"].as_str().unwrap();
        let path = format!("/{id}");
        let deleted = world.openai_http("DELETE", &path, None).await;
        assert_eq!(
            deleted.json(),
            json!({"id": id, "object": "response", "deleted": true})
        );
        for (method, path) in [
            ("GET", path.clone()),
            ("DELETE", path),
            ("POST", format!("/{id}/cancel")),
        ] {
            assert_eq!(status_of(&world, method, &path).await, 404);
        }
        let more = json!({"previous_response_id": id});
        let reply = world
            .openai_http("POST", "", Some(question("Go on", more)))
            .await;
        assert_eq!(reply.json()["error"]["code"], "previous_response_not_found");
    });
}

#[test]
fn a_response_of_the_past_can_be_fetched_and_continued() {
    let setup = Setup {
        openai: OpenAiConfig {
            history: vec![PastResponse {
                id: "resp_past".to_owned(),
                input_text: "Who are you?".to_owned(),
                text: "A model.".to_owned(),
            }],
            ..OpenAiConfig::default()
        },
        ..Setup::default()
    };
    run(setup, |world: World| async move {
        let past = retrieved(&world, "resp_past").await;
        assert_eq!(past["output"][0]["content"][0]["text"], "A model.");
        let more = json!({"previous_response_id": "resp_past"});
        world.response(question("Since when?", more)).await;
    });
}

#[test]
fn a_continuation_over_http_is_forgotten() {
    run(
        Setup::with_faults(&[(&FORGET, 1)]),
        |world: World| async move {
            let first = world.response(question("Hello", json!({}))).await;
            let continued = question("Go on", json!({"previous_response_id": first["id"]}));
            let reply = world.openai_http("POST", "", Some(continued.clone())).await;
            assert_eq!(reply.json()["error"]["code"], "previous_response_not_found");
            // It was stored all the same.
            world.response(continued).await;
        },
    );
}

#[test]
fn the_input_is_listed_page_by_page() {
    run(Setup::default(), |world: World| async move {
        let message = |text: &str| json!({"role": "user", "content": text});
        let input: Vec<Value> = ["one", "two", "three"].map(message).to_vec();
        let response = world
            .response(question("", json!({ "input": input })))
            .await;
        let path = format!("/{}/input_items", response["id"].as_str().unwrap());
        let list = |query: String| {
            let (world, path) = (world.clone(), path.clone());
            async move {
                world
                    .openai_http("GET", &format!("{path}{query}"), None)
                    .await
                    .json()
            }
        };
        let newest = list(String::new()).await;
        assert_eq!(
            (&newest["object"], &newest["has_more"]),
            (&json!("list"), &json!(false))
        );
        assert_eq!(newest["data"][0]["content"], "three");
        let first = list("?limit=2&order=asc".to_owned()).await;
        assert_eq!(first["has_more"], true);
        assert_eq!(first["data"][1]["content"], "two");
        let last_id = first["last_id"].as_str().unwrap();
        let second = list(format!("?limit=2&order=asc&after={last_id}")).await;
        assert_eq!(second["has_more"], false);
        assert_eq!(second["data"][0]["content"], "three");
        assert_eq!(second["first_id"], second["last_id"]);
    });
}

#[test]
fn a_background_response_goes_on_by_itself() {
    run(Setup::default(), |world: World| async move {
        let queued = world.response(background(json!({}))).await;
        assert_eq!(
            (&queued["status"], &queued["background"]),
            (&json!("queued"), &json!(true))
        );
        let id = queued["id"].as_str().unwrap();
        assert_eq!(retrieved(&world, id).await["status"], "in_progress");
        world.settle().await;
        assert_eq!(
            world.openai_story(),
            ["received", "applied"],
            "nobody has it yet"
        );
        let done = retrieved(&world, id).await;
        assert_eq!(done["status"], "completed");
        assert_eq!(done["output"][0]["content"][0]["text"], "You said: Hello");
        assert_eq!(
            world.openai_story(),
            ["received", "applied", "answered completed"]
        );
    });
}

#[test]
fn a_background_stream_is_resumed_behind_any_event() {
    run(Setup::default(), |world: World| async move {
        let body = background(json!({"stream": true}));
        let mut stream = world.stream(body).await;
        let first = stream.next().await.unwrap().json();
        assert_eq!(first["response"]["status"], "queued");
        // The client leaves; the response does not notice.
        drop(stream);
        let id = first["response"]["id"].as_str().unwrap();
        let resume = |query: &'static str| {
            let (world, path) = (world.clone(), format!("/{id}?stream=true{query}"));
            async move {
                let wire = world.openai_sent("GET", &path, None).await;
                let (events, end) = world.stream_of(wire).await.rest().await;
                assert_eq!(end, BodyEnd::Whole);
                world.checked(&events)
            }
        };
        let all = resume("").await;
        assert_eq!(
            types(&all)[..3],
            [
                "response.created",
                "response.queued",
                "response.in_progress"
            ]
        );
        assert_eq!(said(&all), "You said: Hello");
        let rest = resume("&starting_after=3").await;
        assert_eq!(rest, all[4..]);
        assert_eq!(resume("&starting_after=99").await, [] as [Value; 0]);
    });
}

#[test]
fn a_background_stream_that_is_dropped_goes_on() {
    let faults = [(&STREAM_DROP, 1), (&DROP_AFTER, 3)];
    run(Setup::with_faults(&faults), |world: World| async move {
        let body = background(json!({"stream": true}));
        let (events, end) = world.stream(body).await.rest().await;
        assert_eq!((events.len(), end), (3, BodyEnd::Cut));
        world.settle().await;
        assert_eq!(
            world.openai_story(),
            ["received", "dropped reset", "applied"]
        );
        let id = events[0].json()["response"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(retrieved(&world, &id).await["status"], "completed");
    });
}

/// What breaks behind the terminal event keeps nothing from the client: that was answered, once more.
/// Only a stream that was resumed can break so late.
#[test]
fn a_background_stream_that_is_dropped_behind_its_end_was_answered() {
    let read = |world: World| async move {
        let whole = world.streamed(background(json!({"stream": true}))).await;
        assert_eq!(whole.len(), 12);
        let id = whole[0]["response"]["id"].as_str().unwrap();
        let path = format!("/{id}?stream=true&starting_after=3");
        let wire = world.openai_sent("GET", &path, None).await;
        let (rest, end) = world.stream_of(wire).await.rest().await;
        assert_eq!(end, BodyEnd::Cut);
        (rest.len(), world.openai_story())
    };
    let dropped_after = |events| {
        let faults = [(&STREAM_DROP, 1, 1), (&DROP_AFTER, 0, events)];
        run(Setup::with_occurrences(&faults), read)
    };
    for (events, again) in [(7, &[][..]), (8, &["answered completed"])] {
        let (rest, story) = dropped_after(events);
        let told = [
            &["received", "applied", "answered completed"],
            again,
            &["dropped reset"],
        ];
        assert_eq!(rest as u64, events);
        assert_eq!(story, told.concat());
    }
}

#[test]
fn only_a_background_stream_can_be_resumed() {
    run(Setup::default(), |world: World| async move {
        let whole = world.response(question("Hello", json!({}))).await;
        let unstreamed = world.response(background(json!({}))).await;
        for response in [whole, unstreamed] {
            let path = format!("/{}?stream=true", response["id"].as_str().unwrap());
            assert_eq!(status_of(&world, "GET", &path).await, 400);
        }
    });
}

#[test]
fn a_background_response_is_cancelled_while_it_is_under_way() {
    run(Setup::default(), |world: World| async move {
        let queued = world.response(background(json!({}))).await;
        let path = format!("/{}/cancel", queued["id"].as_str().unwrap());
        let cancelled = world.openai_http("POST", &path, None).await;
        world.sent.push(Shape::Response, cancelled.json());
        assert_eq!(cancelled.json()["status"], "cancelled");
        world.settle().await;
        let id = queued["id"].as_str().unwrap();
        assert_eq!(retrieved(&world, id).await["status"], "cancelled");
        assert_eq!(world.openai_story(), ["received", "cancelled"]);

        let done = world.response(background(json!({}))).await;
        world.settle().await;
        let path = format!("/{}/cancel", done["id"].as_str().unwrap());
        assert_eq!(
            world.openai_http("POST", &path, None).await.json()["status"],
            "completed"
        );
        let whole = world.response(question("Hello", json!({}))).await;
        let path = format!("/{}/cancel", whole["id"].as_str().unwrap());
        assert_eq!(status_of(&world, "POST", &path).await, 400);
    });
}

#[test]
fn a_deleted_background_response_ends() {
    run(Setup::default(), |world: World| async move {
        let queued = world.response(background(json!({}))).await;
        let path = format!("/{}", queued["id"].as_str().unwrap());
        assert_eq!(status_of(&world, "DELETE", &path).await, 200);
        world.settle().await;
        assert_eq!(status_of(&world, "GET", &path).await, 404);
        assert_eq!(
            world.openai_story(),
            ["received", "cancelled", "replied 404"]
        );
    });
}

#[test]
fn tokens_are_counted_and_a_context_is_compacted() {
    run(Setup::default(), |world: World| async move {
        let body = question("Hello", json!({}));
        let length = body.to_string().len() as u64;
        let counted = world
            .openai_http("POST", "/input_tokens", Some(body))
            .await
            .json();
        let expected =
            json!({"object": "response.input_tokens", "input_tokens": length.div_ceil(4)});
        assert_eq!(counted, expected);

        let input = json!([
            {"type": "message", "role": "user", "content": "one"},
            {"type": "message", "role": "assistant", "content": "two"},
        ]);
        let body = question("", json!({ "input": input }));
        let compacted = world
            .openai_http("POST", "/compact", Some(body))
            .await
            .json();
        assert_eq!(compacted["object"], "response.compaction");
        let kinds: Vec<_> = compacted["output"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["type"])
            .collect();
        assert_eq!(kinds, ["message", "compaction"]);
        let asked = world.openai.ledger().into_iter();
        let received =
            asked.filter(|entry| matches!(entry.what, OpenAiFact::RequestReceived { .. }));
        assert_eq!(received.count(), 0, "no model was asked");
        pass_ms(1).await;
    });
}
