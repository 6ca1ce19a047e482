//! The same seed does the same things at the same times, and over some seeds every fault happens.

use crate::{
    slack_app::{call, App},
    world::{run_hashed, Setup, World},
};
use serde_json::{json, Value};
use sim::{
    choice::Random,
    peers::{slack::SlackConfig, DRAWS, FAULTS},
    trace::TraceHash,
};
use std::{collections::BTreeSet, time::Duration};

struct Ran {
    hash: TraceHash,
    events: u64,
    decided: BTreeSet<&'static str>,
}

/// Ten messages, each answered in Slack and put to the model, at four times the rate of faults.
fn ran(seed: u64) -> Ran {
    let setup = Setup {
        chooser: Box::new(Random::scaled(seed, 4.0)),
        scheduler_seed: seed,
        slack: SlackConfig {
            app_mentions: true,
            ..Setup::default().slack
        },
        ..Setup::default()
    };
    let ((events, decided), hash) = run_hashed(setup, |world: World| async move {
        let _app = App::start(&[]).await;
        for number in 0..10 {
            let text = format!("<@U0000BOT> message {number}");
            let ts = world.slack.post("C123", "U123", &text, None);
            let reply = json!({"channel": "C123", "text": "reply", "thread_ts": ts});
            let posted = call("chat.postMessage", reply).await;
            let posted = posted.and_then(|reply| serde_json::from_slice::<Value>(&reply.body).ok());
            if let Some(posted) = posted.filter(|posted| posted["ok"] == true) {
                let update = json!({"channel": "C123", "ts": posted["ts"], "text": "better"});
                call("chat.update", update).await;
                call(
                    "conversations.replies",
                    json!({"channel": "C123", "ts": ts}),
                )
                .await;
            }
            if let Ok(mut session) = world.open().await {
                session.ask("Hello", json!({})).await;
                let minute = Duration::from_secs(60);
                let answered = madsim::time::timeout(minute, session.rest()).await;
                let (events, _) = answered.unwrap_or_default();
                if events
                    .last()
                    .is_some_and(|last| last["type"] == "response.completed")
                {
                    let id = &events[0]["response"]["id"];
                    let continued = json!({"previous_response_id": id});
                    session.ask("Go on", continued).await;
                    let _ = madsim::time::timeout(minute, session.rest()).await;
                }
            }
        }
        world.settle().await;
        let decisions = world.ports.choices.decisions();
        let decided = decisions
            .iter()
            .map(|decision| decision.site.name)
            .collect();
        (world.ports.trace.events(), decided)
    });
    Ran {
        hash,
        events,
        decided,
    }
}

#[test]
fn one_seed_has_one_trace() {
    for seed in 0..8 {
        let (first, second) = (ran(seed), ran(seed));
        assert!(first.events > 50, "{} events tell little", first.events);
        assert_eq!(first.hash, second.hash, "seed {seed}");
    }
    assert_ne!(ran(0).hash, ran(1).hash);
}

#[test]
fn every_fault_and_draw_happens_in_some_world() {
    let tables = [FAULTS, DRAWS].concat();
    let all: BTreeSet<_> = tables.concat().iter().map(|site| site.name).collect();
    assert_eq!(all.len(), tables.concat().len(), "two have one name");
    let mut missing = all;
    for seed in 0..100 {
        for name in ran(seed).decided {
            missing.remove(name);
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("never in 100 worlds: {missing:?}");
}
