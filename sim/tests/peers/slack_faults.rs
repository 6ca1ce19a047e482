//! Each fault of Slack, shown to happen.

use crate::{
    slack_app::{call, called, App},
    world::{run, Setup, World},
};
use serde_json::json;
use sim::{
    peers::slack::{
        faults::{DUPLICATE, LATE, RATE_LIMIT, REDELIVER, REORDER, REPLY_LOST, REQUEST_LOST, SLOW},
        SlackFact,
    },
    time,
};

#[test]
fn an_event_is_delivered_twice() {
    run(
        Setup::with_faults(&[(&DUPLICATE, 1)]),
        |world: World| async move {
            let app = App::start(&[]).await;
            world.slack.post("C123", "U123", "question", None);
            world.settle().await;
            let [first, second] = &app.deliveries()[..] else {
                panic!("two deliveries");
            };
            assert_eq!(first.event_id(), second.event_id());
            assert!(second.at_ms - first.at_ms < 100);
            assert_eq!(second.request.header("x-slack-retry-num"), None);
        },
    );
}

#[test]
fn an_event_is_late_or_overtaken() {
    for (site, delay_ms) in [(&LATE, 20_000), (&REORDER, 1_000)] {
        run(
            Setup::with_faults(&[(site, delay_ms)]),
            move |world: World| async move {
                let app = App::start(&[]).await;
                world.slack.post("C123", "U123", "first", None);
                world.slack.post("C123", "U123", "second", None);
                world.settle().await;
                let deliveries = app.deliveries();
                let texts: Vec<_> = deliveries.iter().map(|delivery| delivery.text()).collect();
                assert_eq!(texts, ["second", "first"]);
                assert!(deliveries[1].at_ms - deliveries[0].at_ms >= delay_ms - 10);
            },
        );
    }
}

#[test]
fn a_lost_acknowledgement_brings_the_event_again() {
    run(
        Setup::with_faults(&[(&REDELIVER, 1)]),
        |world: World| async move {
            let app = App::start(&[]).await;
            world.slack.post("C123", "U123", "question", None);
            world.settle().await;
            let [first, second] = &app.deliveries()[..] else {
                panic!("two deliveries");
            };
            assert_eq!(first.event_id(), second.event_id());
            assert_eq!(second.request.header("x-slack-retry-num"), Some("1"));
            let reason = second.request.header("x-slack-retry-reason");
            assert_eq!(reason, Some("http_timeout"));
            let waited_ms = second.at_ms - first.at_ms;
            assert!((2_990..3_200).contains(&waited_ms), "{waited_ms}");
        },
    );
}

#[test]
fn a_lost_reply_and_a_lost_request_look_alike_and_are_not() {
    for (site, messages) in [(&REPLY_LOST, 1), (&REQUEST_LOST, 0)] {
        run(
            Setup::with_faults(&[(site, 1)]),
            move |world: World| async move {
                let _app = App::start(&[]).await;
                let post = json!({"channel": "C123", "text": "hello"});
                assert!(call("chat.postMessage", post.clone()).await.is_none());
                assert_eq!(world.slack.messages().len(), messages);
                let ledger = world.slack.ledger();
                let applied = ledger
                    .iter()
                    .filter(|entry| matches!(entry.what, SlackFact::Applied { .. }));
                assert_eq!(applied.count(), messages);
                assert!(!ledger
                    .iter()
                    .any(|entry| matches!(entry.what, SlackFact::Answered { .. })));
                assert_eq!(called("chat.postMessage", post).await["ok"], true);
                assert_eq!(world.slack.messages().len(), messages + 1);
            },
        );
    }
}

#[test]
fn a_reply_comes_late_after_its_effect() {
    run(
        Setup::with_faults(&[(&SLOW, 5_000)]),
        |world: World| async move {
            let _app = App::start(&[]).await;
            let started_ms = time::since_start_ms();
            called("chat.postMessage", json!({"channel": "C123", "text": "x"})).await;
            assert!(time::since_start_ms() - started_ms >= 5_000);
            let at_ms = |wanted: fn(&SlackFact) -> bool| {
                let ledger = world.slack.ledger();
                ledger
                    .iter()
                    .find(|entry| wanted(&entry.what))
                    .unwrap()
                    .at_ms
            };
            let applied_ms = at_ms(|what| matches!(what, SlackFact::Applied { .. }));
            let answered_ms = at_ms(|what| matches!(what, SlackFact::Answered { .. }));
            assert!(answered_ms - applied_ms >= 5_000);
        },
    );
}

#[test]
fn a_call_over_the_limit_is_turned_away_without_effect() {
    run(
        Setup::with_faults(&[(&RATE_LIMIT, 3)]),
        |world: World| async move {
            let post = json!({"channel": "C123", "text": "x"});
            let reply = call("chat.postMessage", post).await.unwrap();
            assert_eq!(reply.status(), 429);
            assert_eq!(reply.header("retry-after"), Some("30"));
            assert_eq!(reply.json(), json!({"ok": false, "error": "ratelimited"}));
            assert!(world.slack.messages().is_empty());
        },
    );
}
