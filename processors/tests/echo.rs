//! The echo processor (spec §1.14).

mod support;

use processors::echo::{contract::*, EchoProcessor};
use runtime::event::{EventInput, EventType, Offset};
use serde_json::json;
use support::{key, payload, run, stream::Fault, Bench, Setting};

fn bench(anchor: u64) -> Bench<EchoProcessor> {
    let setting = Setting {
        anchor,
        ..Setting::default()
    };
    Bench::with(|given| EchoProcessor::new(given.stream), setting)
}

fn example(message: &str) -> EventInput {
    EventInput::new(EXAMPLE, json!({ "message": message }))
}

#[test]
fn an_example_is_echoed_and_counted() {
    run(|| async {
        let echo = bench(0);
        echo.stream
            .push(EventInput::new(EventType::of("test/other"), 7));
        echo.say(example("one")).await;
        let echoes = echo.appended(&ECHOED);
        assert_eq!(echoes.len(), 1);
        assert_eq!(key(&echoes[0]), "echo/echoed@2");
        assert_eq!(payload(&echoes[0]), json!({ "of": 2, "message": "one" }));
        let state = serde_json::to_value(&*echo.state()).unwrap();
        assert_eq!(state, json!({ "heard": 1, "lastMessage": "one" }));
    });
}

#[test]
fn an_example_below_the_anchor_is_counted_and_not_echoed() {
    run(|| async {
        let echo = bench(2);
        for message in ["old", "old too", "new"] {
            echo.stream.push(example(message));
        }
        echo.deliver().await;
        assert_eq!(echo.state().heard, 3);
        let echoes = echo.appended(&ECHOED);
        assert_eq!(echoes.len(), 1);
        assert_eq!(payload(&echoes[0])["of"], 3);
    });
}

#[test]
fn the_checkpoint_waits_for_the_echo() {
    for fault in [Fault::LostCall, Fault::LostReply] {
        run(|| async move {
            let echo = bench(0);
            echo.stream.fail_next(ECHOED, fault);
            echo.stream.push(example("one"));
            echo.try_deliver().await.unwrap_err();
            assert_eq!(echo.checkpoint(), Offset::ZERO);
            echo.deliver().await;
            assert_eq!(echo.checkpoint(), Offset(1));
            assert_eq!(echo.count(&ECHOED), 1);
        });
    }
}

#[test]
fn an_example_of_another_shape_fails_its_batch() {
    run(|| async {
        let echo = bench(0);
        echo.stream.push(example("one"));
        echo.stream
            .push(EventInput::new(EXAMPLE, json!({ "message": 7 })));
        echo.try_deliver().await.unwrap_err();
        assert_eq!(echo.checkpoint(), Offset::ZERO);
        assert_eq!(echo.count(&ECHOED), 0);
    });
}
