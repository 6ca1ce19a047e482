//! Deliveries: envelope, signature, acknowledgement, retries, echoes.

use crate::{
    reference::check_slack_keys_of,
    slack_app::{called, App, Take},
    world::{run, Setup, World},
};
use serde_json::json;
use sim::peers::slack::{signature::sign, SlackConfig, SlackFact};

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

#[test]
fn a_message_arrives_signed_and_in_the_shape_of_slacks_own() {
    run(Setup::default(), |world: World| async move {
        let app = App::start(&[]).await;
        let parent = world.slack.post("C123", "U123", "question", None);
        let reply = world.slack.post("C123", "U456", "more", Some(&parent));
        world.settle().await;
        let mut deliveries = app.deliveries();
        deliveries.sort_by_key(|delivery| delivery.event_id());
        let envelopes = ["MessagePayload", "ReactionAddedPayload"];
        for delivery in &deliveries {
            let request = &delivery.request;
            assert_eq!(request.first_line, "POST /slack/events HTTP/1.1");
            assert!(request
                .header("user-agent")
                .unwrap()
                .starts_with("Slackbot 1.0"));
            assert_eq!(request.header("x-slack-retry-num"), None);
            let timestamp_s = request.header("x-slack-request-timestamp").unwrap();
            assert_eq!(timestamp_s, "1772136000");
            assert_eq!(
                request.header("x-slack-signature").unwrap(),
                sign(SECRET, 1_772_136_000, &request.body)
            );
            let body = request.json();
            assert_eq!(body["type"], "event_callback");
            assert_eq!(body["authorizations"][0]["user_id"], "U0000BOT");
            assert_eq!(body["authorizations"][0]["is_bot"], true);
            check_slack_keys_of(&envelopes, "", &body);
            check_slack_keys_of(&["MessagePayload"], "/event", &body["event"]);
            check_slack_keys_of(
                &["MessagePayload"],
                "/authorizations/0",
                &body["authorizations"][0],
            );
        }
        let [first, second] = deliveries.as_slice() else {
            panic!("two deliveries, not {}", deliveries.len());
        };
        let (first, second) = (first.request.json(), second.request.json());
        assert_ne!(first["event_id"], second["event_id"]);
        assert_eq!(first["event"]["ts"], parent);
        assert_eq!(first["event"]["channel_type"], "channel");
        assert!(first["event"]["client_msg_id"].is_string());
        assert_eq!(second["event"]["ts"], reply);
        assert_eq!(second["event"]["thread_ts"], parent);
        assert_eq!(second["event"]["parent_user_id"], "U123");
    });
}

#[test]
fn a_refused_event_is_tried_four_times_and_given_up() {
    const REFUSING: &[Take] = &[Take::Status(500); 4];
    run(Setup::default(), |world: World| async move {
        let app = App::start(REFUSING).await;
        world.slack.post("C123", "U123", "question", None);
        world.settle().await;
        let deliveries = app.deliveries();
        assert_eq!(deliveries.len(), 4);
        let started_ms = deliveries[0].at_ms;
        for (number, (delivery, after_ms)) in
            deliveries.iter().zip([0, 0, 60_000, 360_000]).enumerate()
        {
            let waited_ms = delivery.at_ms - started_ms;
            assert!(
                (after_ms..after_ms + 500).contains(&waited_ms),
                "{waited_ms}"
            );
            assert_eq!(delivery.event_id(), deliveries[0].event_id());
            assert_eq!(delivery.request.body, deliveries[0].request.body);
            let header = |name| delivery.request.header(name);
            let retry = (number > 0).then(|| number.to_string());
            assert_eq!(header("x-slack-retry-num"), retry.as_deref());
            let reason = (number > 0).then_some("http_error");
            assert_eq!(header("x-slack-retry-reason"), reason);
            let timestamp_s: i64 = header("x-slack-request-timestamp")
                .unwrap()
                .parse()
                .unwrap();
            assert_eq!(timestamp_s, 1_772_136_000 + delivery.at_ms as i64 / 1000);
            let signature = sign(SECRET, timestamp_s, &delivery.request.body);
            assert_eq!(header("x-slack-signature"), Some(signature.as_str()));
        }
        let last = world.slack.ledger().pop().unwrap().what;
        let event_id = deliveries[0].event_id();
        assert_eq!(last, SlackFact::GaveUp { event_id });
    });
}

#[test]
fn the_reason_of_a_retry_is_why_the_last_try_failed() {
    const FAILING: &[Take] = &[
        Take::After { wait_ms: 3_500 },
        Take::Close,
        Take::Status(404),
        Take::Status(200),
    ];
    run(Setup::default(), |world: World| async move {
        let app = App::start(FAILING).await;
        world.slack.post("C123", "U123", "question", None);
        world.settle().await;
        let deliveries = app.deliveries();
        let reasons: Vec<_> = deliveries
            .iter()
            .map(|delivery| delivery.request.header("x-slack-retry-reason"))
            .collect();
        let expected = ["http_timeout", "connection_failed", "http_error"].map(Some);
        assert_eq!(reasons[0], None);
        assert_eq!(reasons[1..], expected);
        let waited_ms = deliveries[1].at_ms - deliveries[0].at_ms;
        assert!((2_990..3_200).contains(&waited_ms), "{waited_ms}");
        let last = world.slack.ledger().pop().unwrap().what;
        assert!(matches!(
            last,
            SlackFact::Acknowledged {
                attempt: 3,
                status: 200,
                ..
            }
        ));
    });
}

#[test]
fn an_app_that_is_down_loses_the_event() {
    run(Setup::default(), |world: World| async move {
        world.slack.post("C123", "U123", "question", None);
        assert!(!world.ports.activity.is_quiet());
        world.settle().await;
        let facts: Vec<_> = world.slack.ledger();
        let refused = facts.iter().filter(|entry| {
            matches!(
                entry.what,
                SlackFact::Refused {
                    reason: "connection_failed",
                    ..
                }
            )
        });
        assert_eq!(refused.count(), 4);
        assert!(matches!(
            facts.last().unwrap().what,
            SlackFact::GaveUp { .. }
        ));
    });
}

#[test]
fn no_retry_is_honoured_unless_the_app_accepted() {
    run(Setup::default(), |world: World| async move {
        let app = App::start(&[Take::StatusNoRetry(500)]).await;
        world.slack.post("C123", "U123", "question", None);
        world.settle().await;
        assert_eq!(app.deliveries().len(), 1);
        let last = world.slack.ledger().pop().unwrap().what;
        assert!(matches!(last, SlackFact::GaveUp { .. }));
    });
}

#[test]
fn redirects_are_followed_twice() {
    const ONCE: &[Take] = &[Take::Redirect("/elsewhere")];
    const TWICE: &[Take] = &[
        Take::Redirect("http://10.0.0.9:8080/elsewhere"),
        Take::Redirect("/slack/events"),
    ];
    for (takes, paths) in [
        (ONCE, &["/slack/events", "/elsewhere"][..]),
        (TWICE, &["/slack/events", "/elsewhere", "/slack/events"]),
    ] {
        run(Setup::default(), move |world: World| async move {
            let app = App::start(takes).await;
            world.slack.post("C123", "U123", "question", None);
            world.settle().await;
            let deliveries = app.deliveries();
            let taken: Vec<&str> = deliveries
                .iter()
                .map(|one| one.request.first_line.split(' ').nth(1).unwrap())
                .collect();
            assert_eq!(taken, paths);
            let bodies: Vec<_> = deliveries.iter().map(|one| &one.request.body).collect();
            assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
            let last = world.slack.ledger().pop().unwrap().what;
            assert!(matches!(last, SlackFact::Acknowledged { attempt: 0, .. }));
        });
    }
}

#[test]
fn a_redirect_too_many_is_a_failure() {
    const REDIRECTING: &[Take] = &[Take::Redirect("/slack/events"); 3];
    run(Setup::default(), |world: World| async move {
        let app = App::start(REDIRECTING).await;
        world.slack.post("C123", "U123", "question", None);
        world.settle().await;
        let last = app.deliveries().pop().unwrap();
        let reason = last.request.header("x-slack-retry-reason");
        assert_eq!(reason, Some("too_many_redirects"));
    });
}

#[test]
fn a_pressed_button_arrives_once_signed_and_as_a_form() {
    const REFUSING: &[Take] = &[Take::Status(500)];
    run(Setup::default(), |world: World| async move {
        let parent = world.slack.post("C123", "U123", "question", None);
        world.settle().await;
        let app = App::start(REFUSING).await;
        let more = world.slack.post("C123", "U123", "more", Some(&parent));
        world.settle().await;
        let trigger_id = world.slack.press("C123", &more, "U456", "approve").unwrap();
        world.settle().await;
        let pressed = app.deliveries().pop().unwrap().request;
        let header = |name| pressed.header(name);
        assert_eq!(
            header("content-type"),
            Some("application/x-www-form-urlencoded")
        );
        let signature = sign(
            SECRET,
            header("x-slack-request-timestamp")
                .unwrap()
                .parse()
                .unwrap(),
            &pressed.body,
        );
        assert_eq!(header("x-slack-signature"), Some(signature.as_str()));
        let fields: Vec<_> = form_urlencoded::parse(&pressed.body).collect();
        let [(name, payload)] = &fields[..] else {
            panic!("one field");
        };
        assert_eq!(name, "payload");
        let payload: serde_json::Value = serde_json::from_str(payload).unwrap();
        assert_eq!(payload["type"], "block_actions");
        assert_eq!(payload["trigger_id"], trigger_id);
        assert_eq!(payload["channel"]["id"], "C123");
        assert_eq!(payload["container"]["thread_ts"], parent);
        assert_eq!(payload["message"]["thread_ts"], parent);
        assert_eq!(payload["actions"][0]["action_id"], "approve");
        assert_eq!(world.slack.press("C123", "1.1", "U456", "approve"), None);
    });
}

#[test]
fn a_reaction_of_a_person_arrives_once_for_each() {
    run(Setup::default(), |world: World| async move {
        let app = App::start(&[]).await;
        let ts = world.slack.post("C123", "U123", "question", None);
        for (user, ts) in [("U1", &*ts), ("U1", &ts), ("U2", &ts), ("U1", "1.1")] {
            world.slack.react("C123", ts, user, "thumbsup");
        }
        world.settle().await;
        let events = app.deliveries();
        let events = events.iter().map(|one| one.request.json()["event"].clone());
        let reactions: Vec<_> = events
            .filter(|event| event["type"] == "reaction_added")
            .collect();
        for reaction in &reactions {
            check_slack_keys_of(&["ReactionAddedPayload"], "/event", reaction);
            assert_eq!(reaction["item"]["ts"], ts);
        }
        assert_eq!(reactions.len(), 2);
        assert_eq!(world.slack.messages()[0].reactions[0].users, ["U1", "U2"]);
    });
}

#[test]
fn a_pressed_button_is_not_sent_again() {
    const REFUSING: &[Take] = &[Take::Status(200), Take::Status(500)];
    run(Setup::default(), |world: World| async move {
        let app = App::start(REFUSING).await;
        let ts = world.slack.post("C123", "U123", "question", None);
        world.settle().await;
        let trigger_id = world.slack.press("C123", &ts, "U456", "approve").unwrap();
        world.settle().await;
        assert_eq!(app.deliveries().len(), 2);
        let last = world.slack.ledger().pop().unwrap().what;
        assert_eq!(
            last,
            SlackFact::GaveUp {
                event_id: trigger_id
            }
        );
    });
}

#[test]
fn what_the_app_does_comes_back_as_events() {
    let mut setup = Setup::default();
    setup.slack.echo_reactions = true;
    run(setup, |world: World| async move {
        let app = App::start(&[]).await;
        let post = json!({"channel": "C123", "text": "hello"});
        let ts = called("chat.postMessage", post).await["ts"].clone();
        let react = json!({"channel": "C123", "timestamp": ts, "name": "eyes"});
        world.settle().await;
        called("reactions.add", react.clone()).await;
        world.settle().await;
        called("reactions.remove", react).await;
        world.settle().await;
        called(
            "chat.update",
            json!({"channel": "C123", "ts": ts, "text": "bye"}),
        )
        .await;
        world.settle().await;
        called("chat.delete", json!({"channel": "C123", "ts": ts})).await;
        world.settle().await;
        let events: Vec<_> = app
            .deliveries()
            .iter()
            .map(|delivery| delivery.request.json()["event"].clone())
            .collect();
        for (event, shape) in events.iter().zip([
            "MessagePayload",
            "ReactionAddedPayload",
            "ReactionRemovedPayload",
            "MessageChangedPayload",
            "MessageDeletedPayload",
        ]) {
            check_slack_keys_of(&[shape], "/event", event);
        }
        assert_eq!(events.len(), 5);
        assert_eq!(events[0]["bot_id"], "B0000001");
        assert_eq!(events[0]["text"], "hello");
        assert_eq!(events[1]["item"]["ts"], ts);
        assert_eq!(events[2]["type"], "reaction_removed");
        assert_eq!(events[3]["message"]["text"], "bye");
        assert_eq!(events[3]["previous_message"]["text"], "hello");
        assert_ne!(events[3]["ts"], ts);
        assert_eq!(events[4]["deleted_ts"], ts);
        assert!(world.slack.messages().is_empty());
    });
}

#[test]
fn echoes_and_mentions_are_knobs() {
    let mut setup = Setup::default();
    setup.slack = SlackConfig {
        echo_own_posts: false,
        app_mentions: true,
        ..setup.slack
    };
    run(setup, |world: World| async move {
        let app = App::start(&[]).await;
        called(
            "chat.postMessage",
            json!({"channel": "C123", "text": "hello"}),
        )
        .await;
        world.slack.post("C123", "U123", "<@U0000BOT> help", None);
        world.slack.post("D123", "U123", "<@U0000BOT> help", None);
        world.settle().await;
        let mut types: Vec<_> = app
            .deliveries()
            .iter()
            .map(|delivery| {
                let event = delivery.request.json()["event"].clone();
                check_slack_keys_of(&["MessagePayload", "AppMentionPayload"], "/event", &event);
                let part = |name: &str| event[name].as_str().unwrap().to_owned();
                (part("channel"), part("type"))
            })
            .collect();
        types.sort();
        let of = |channel: &str, kind: &str| (channel.to_owned(), kind.to_owned());
        assert_eq!(
            types,
            [
                of("C123", "app_mention"),
                of("C123", "message"),
                of("D123", "message")
            ]
        );
    });
}

#[test]
fn the_url_is_verified_by_its_challenge() {
    run(Setup::default(), |world: World| async move {
        let _app = App::start(&[Take::Challenge]).await;
        for correct in [true, false] {
            let challenge = world.slack.verify_url();
            world.settle().await;
            let last = world.slack.ledger().pop().unwrap().what;
            assert_eq!(last, SlackFact::UrlVerified { challenge, correct });
        }
    });
}
